"""Bills: created, found again, changed, and doubled without a word."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from xero_python.accounting import (
    Contact,
    CurrencyCode,
    HistoryRecord,
    HistoryRecords,
    Invoice,
    Invoices,
    LineAmountTypes,
    LineItem,
)

from tests.integration.sandbox.driver import Connected, Driver
from tests.integration.sandbox.papers import bill, create, line, send


def test_the_sdk_creates_a_bill_and_reads_it_back(sandbox: Driver) -> None:
    who = sandbox.connected()
    _, api = sandbox.sdk(who.token)
    tenant = who.organisation["id"]
    posted = Invoice(
        type="ACCPAY",
        contact=Contact(name="Parkway Cabs"),
        invoice_number="EXP-SDK",
        date=date(2026, 10, 1),
        due_date=date(2026, 10, 31),
        line_amount_types=LineAmountTypes.INCLUSIVE,
        currency_code=CurrencyCode.GBP,
        status="AUTHORISED",
        line_items=[LineItem(description="Taxi", quantity=2, unit_amount=30.25, account_code="493")],
    )
    [made] = api.create_invoices(
        tenant, Invoices(invoices=[posted]), summarize_errors=False, unitdp=4
    ).invoices
    [found] = api.get_invoice(tenant, made.invoice_id).invoices
    assert (found.invoice_number, found.total, found.amount_due) == ("EXP-SDK", 60.5, 60.5)
    assert (found.date, found.due_date) == (date(2026, 10, 1), date(2026, 10, 31))
    assert found.contact.name == "Parkway Cabs"
    assert found.line_items[0].tax_type == "ZERORATEDINPUT"


@pytest.mark.parametrize(
    ("amounts", "sub_total", "total_tax", "total"),
    [
        ("Exclusive", 100.0, 20.0, 120.0),
        ("Inclusive", 83.33, 16.67, 100.0),
        ("NoTax", 100.0, 0.0, 100.0),
    ],
)
def test_tax_is_added_or_taken_out_by_the_amount_type(
    sandbox: Driver, amounts: str, sub_total: float, total_tax: float, total: float
) -> None:
    who = sandbox.connected()
    lines = [line(UnitAmount=100, AccountCode="429")]
    [made] = create(sandbox, who, bill(LineAmountTypes=amounts, LineItems=lines))
    assert (made["SubTotal"], made["TotalTax"], made["Total"]) == (sub_total, total_tax, total)


def test_unit_amounts_have_four_decimals_only_on_request(sandbox: Driver) -> None:
    who = sandbox.connected()
    fine = bill(LineItems=[line(Quantity=1000, UnitAmount=0.1234)])
    totals = {}
    for decimals in ("2", "4"):
        _, body = send(sandbox, who, "PUT", "/Invoices", {"Invoices": [fine]}, unitdp=decimals)
        totals[decimals] = body["Invoices"][0]["Total"]
    assert totals == {"2": 120.0, "4": 123.4}


def test_putting_a_bill_number_twice_makes_two_bills_without_a_word(sandbox: Driver) -> None:
    who = sandbox.connected()
    first, second = create(sandbox, who, bill("EXP-9")) + create(sandbox, who, bill("EXP-9"))
    assert first["InvoiceID"] != second["InvoiceID"]
    listed = sandbox.control("GET", f"/ledger?organisation={who.organisation['id']}")
    assert listed["duplicates"] == {"EXP-9": 2}


def test_posting_a_bill_number_without_an_id_changes_that_bill(sandbox: Driver) -> None:
    who = sandbox.connected()
    [made] = create(sandbox, who, bill("EXP-9"))
    changed = bill("EXP-9", Contact={"Name": "Meridian Hotels"}, LineItems=[line(UnitAmount=80)])
    status, body = send(sandbox, who, "POST", "/Invoices", {"Invoices": [changed]})
    assert status == 200
    [after] = body["Invoices"]
    assert (after["InvoiceID"], after["Total"]) == (made["InvoiceID"], 80.0)
    assert after["Contact"]["Name"] == "Meridian Hotels"


def test_fifty_bills_go_in_with_one_call_in_order(sandbox: Driver) -> None:
    who = sandbox.connected()
    made = create(sandbox, who, *(bill(f"EXP-{n}") for n in range(50)))
    assert [one["InvoiceNumber"] for one in made] == [f"EXP-{n}" for n in range(50)]
    assert len({one["InvoiceID"] for one in made}) == 50


def test_the_reference_of_a_bill_is_ignored(sandbox: Driver) -> None:
    who = sandbox.connected()
    [made] = create(sandbox, who, bill(Reference="Trip to Leeds"))
    _, body = send(sandbox, who, "GET", f"/Invoices/{made['InvoiceID']}")
    assert "Reference" not in body["Invoices"][0]


def test_a_contact_named_for_the_first_time_is_created(sandbox: Driver) -> None:
    who = sandbox.connected()
    new = {"Name": "Zed Taxis"}
    first, second = create(sandbox, who, bill("A", Contact=new), bill("B", Contact=new))
    assert first["Contact"]["ContactID"] == second["Contact"]["ContactID"]
    _, body = send(sandbox, who, "GET", "/Contacts", where='Name=="Zed Taxis"')
    assert [contact["IsSupplier"] for contact in body["Contacts"]] == [True]


def test_bills_are_looked_up_by_number_in_batches(sandbox: Driver) -> None:
    who = sandbox.connected()
    create(sandbox, who, *(bill(f"EXP-{n}") for n in range(5)))
    _, api = sandbox.sdk(who.token)
    found = api.get_invoices(
        who.organisation["id"],
        invoice_numbers=["EXP-1", "EXP-3", "EXP-99"],
        where='Type=="ACCPAY"',
        page=1,
        page_size=1000,
        summary_only="true",
    )
    assert {one.invoice_number for one in found.invoices} == {"EXP-1", "EXP-3"}
    assert found.pagination.item_count == 2


def paid_since(sandbox: Driver, who: Connected, since: datetime) -> list[Invoice]:
    """List what became paid, as an app does that looks every night."""
    _, api = sandbox.sdk(who.token)
    found = api.get_invoices(
        who.organisation["id"],
        if_modified_since=since,
        where='Type=="ACCPAY"',
        statuses=["PAID"],
        created_by_my_app="true",
        summary_only="true",
        page=1,
        page_size=1000,
    )
    paid: list[Invoice] = found.invoices
    return paid


def test_a_bill_paid_in_xero_is_listed_as_paid_with_its_day(sandbox: Driver) -> None:
    who = sandbox.connected()
    first, _ = create(sandbox, who, bill("EXP-1"), bill("EXP-2"))
    sandbox.control("PATCH", f"/documents/{first['InvoiceID']}", status="PAID")
    now = datetime.fromisoformat(sandbox.control("GET", "/clock")["now"])
    [found] = paid_since(sandbox, who, now - timedelta(hours=1))
    assert (found.invoice_number, found.status) == ("EXP-1", "PAID")
    assert (found.amount_paid, found.amount_due) == (12.5, 0)
    assert found.fully_paid_on_date in {now.date(), now.date() - timedelta(days=1)}
    assert paid_since(sandbox, who, now + timedelta(hours=1)) == []


def test_a_bill_that_waits_for_its_payment_has_no_day_of_payment(sandbox: Driver) -> None:
    who = sandbox.connected()
    create(sandbox, who, bill())
    _, body = send(sandbox, who, "GET", "/Invoices")
    assert "FullyPaidOnDate" not in body["Invoices"][0]


def test_line_items_come_only_with_pages_that_are_no_summary(sandbox: Driver) -> None:
    who = sandbox.connected()
    create(sandbox, who, bill())
    queries: list[dict[str, str]] = [{}, {"page": "1"}, {"page": "1", "summaryOnly": "true"}]
    shown = []
    for query in queries:
        _, body = send(sandbox, who, "GET", "/Invoices", **query)
        shown.append("LineItems" in body["Invoices"][0])
    assert shown == [False, True, False]


def test_an_approved_bill_can_be_voided_and_then_never_changed(sandbox: Driver) -> None:
    who = sandbox.connected()
    [made] = create(sandbox, who, bill("EXP-V"))
    path = f"/Invoices/{made['InvoiceID']}"
    assert send(sandbox, who, "POST", path, {"Status": "VOIDED"})[1]["Invoices"][0]["Status"] == "VOIDED"
    for again in (path, "/Invoices"):
        status, body = send(sandbox, who, "POST", again, bill("EXP-V"))
        message = body["Elements"][0]["ValidationErrors"][0]["Message"]
        assert (status, message) == (400, "Invoice not of valid status for modification")


def test_a_draft_is_deleted_not_voided(sandbox: Driver) -> None:
    who = sandbox.connected()
    [made] = create(sandbox, who, bill(Status="DRAFT"))
    path = f"/Invoices/{made['InvoiceID']}"
    assert send(sandbox, who, "POST", path, {"Status": "VOIDED"})[0] == 400
    assert send(sandbox, who, "POST", path, {"Status": "DELETED"})[0] == 200


def test_a_file_put_on_a_bill_is_listed_replaced_and_read_back(sandbox: Driver) -> None:
    who = sandbox.connected()
    _, api = sandbox.sdk(who.token)
    tenant = who.organisation["id"]
    [made] = create(sandbox, who, bill())
    id_ = made["InvoiceID"]
    for content in (b"%PDF first", b"%PDF second"):
        api.create_invoice_attachment_by_file_name(tenant, id_, "Receipt [1].pdf", content)
    [listed] = api.get_invoice_attachments(tenant, id_).attachments
    assert (listed.file_name, listed.content_length) == ("Receipt [1].pdf", 11)
    url = f"/api.xro/2.0/Invoices/{id_}/Attachments/Receipt%20%5B1%5D.pdf"
    assert sandbox.http.get(url, headers=who.headers).content == b"%PDF second"
    assert send(sandbox, who, "GET", f"/Invoices/{id_}")[1]["Invoices"][0]["HasAttachments"] is True


def test_a_bill_takes_ten_files_of_ten_megabytes(sandbox: Driver) -> None:
    who = sandbox.connected()
    [made] = create(sandbox, who, bill())

    def put(name: str, content: bytes) -> int:
        url = f"/api.xro/2.0/Invoices/{made['InvoiceID']}/Attachments/{name}"
        return sandbox.http.put(url, content=content, headers=who.headers).status_code

    assert put("large.pdf", b"x" * (10 * 1024 * 1024 + 1)) == 400
    assert {put(f"{n}.pdf", b"x") for n in range(10)} == {200}
    assert put("eleventh.pdf", b"x") == 400


def test_a_note_is_kept_in_the_history(sandbox: Driver) -> None:
    who = sandbox.connected()
    _, api = sandbox.sdk(who.token)
    tenant = who.organisation["id"]
    [made] = create(sandbox, who, bill())
    note = HistoryRecords(history_records=[HistoryRecord(details="Exported from Relink")])
    api.create_invoice_history(tenant, made["InvoiceID"], note)
    [found] = api.get_invoice_history(tenant, made["InvoiceID"]).history_records
    assert (found.details, found.user) == ("Exported from Relink", "Relink")


def test_an_organisation_does_not_see_anothers_bill(sandbox: Driver) -> None:
    who, other = sandbox.connected(), sandbox.connected()
    [made] = create(sandbox, who, bill())
    answer = sandbox.http.get(f"/api.xro/2.0/Invoices/{made['InvoiceID']}", headers=other.headers)
    assert (answer.status_code, answer.text) == (404, "The resource you're looking for cannot be found")
