"""What Xero refuses about bills, element by element, and in which words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xero_python.accounting import Contact, Invoice, Invoices
from xero_python.exceptions import AccountingBadRequestException

from tests.integration.sandbox.driver import Connected, Driver
from tests.integration.sandbox.papers import bill, line, messages, send, spend

NO_ID = "00000000-0000-0000-0000-000000000000"


def refusals(sandbox: Driver, who: Connected, posted: dict[str, Any]) -> list[str]:
    """Put one bill and return why it was refused."""
    status, body = send(sandbox, who, "PUT", "/Invoices", {"Invoices": [posted]}, summarizeErrors="false")
    assert status == 200
    return messages(body["Invoices"][0])


@pytest.mark.parametrize(
    ("posted", "message"),
    [
        (
            bill(LineItems=[line(AccountCode="999")]),
            "Account code '999' is not a valid code for this document.",
        ),
        (
            bill(LineItems=[line(AccountCode="090")]),
            "Account code '090' is not a valid code for this document.",
        ),
        (
            bill(LineItems=[line(AccountCode="498")]),
            "Account code '498' has been archived, or has been deleted. "
            "Each line item must reference a valid account.",
        ),
        (bill(LineItems=[line(AccountCode=None)]), "Account must be valid."),
        (
            bill(LineItems=[line(TaxType="OUTPUT2")]),
            "The TaxType code 'OUTPUT2' cannot be used with account code '493'.",
        ),
        (
            bill(LineItems=[line(TaxType="GALACTIC")]),
            "The TaxType code 'GALACTIC' does not exist or cannot be used for this type of transaction.",
        ),
        (bill(LineItems=[]), "One or more line items must be specified"),
        (bill(LineItems=[line(Description="")]), "Description is required for each line item"),
        (
            bill(LineItems=[line(LineAmount=99)]),
            "The line total 99.00 does not match the expected line total 12.50",
        ),
        (bill(LineItems=[line(Quantity="one")]), "The Quantity field is not a valid number."),
        (bill(CurrencyCode="UAH"), "Organisation is not subscribed to currency UAH"),
        (bill(DueDate=None), "The document DueDate field must be specified."),
        (bill(Date="soon"), "The Date field is not a valid date."),
        (bill(Contact=None), "A Contact must be specified for this type of transaction"),
        (
            bill(Contact={"EmailAddress": "x@example.com"}),
            "The Contact must contain at least 1 of the following elements to identify the contact: "
            "Name, ContactID, ContactNumber",
        ),
        (
            bill(Contact={"ContactID": NO_ID}),
            "The Contact with the specified contact details could not be found",
        ),
        (
            bill(LineItems=[line(Tracking=[{"Name": "Region", "Option": "Moon"}])]),
            "The tracking option 'Moon' does not exist in the tracking category 'Region'.",
        ),
        (
            bill(LineItems=[line(Tracking=[{"Name": "Planet", "Option": "Moon"}])]),
            "The tracking category 'Planet' does not exist or is not active.",
        ),
        (bill(Status="PAID"), "Invoice not of valid status for creation"),
        (bill(Type="BILL"), "The Type 'BILL' is not valid"),
        (bill("E" * 256), "The InvoiceNumber field must not exceed 255 characters"),
        (bill("Größe"), "The InvoiceNumber field contains characters that are not allowed"),
        (
            bill(LineItems=[line(Description="Taxi\x0b")]),
            "'\x0b', hexadecimal value 0x0B, is an invalid character.",
        ),
        (
            bill(Contact={"Name": "Jo\ufffe"}),
            "'\ufffe', hexadecimal value 0xFFFE, is an invalid character.",
        ),
        (bill(Contact={"Name": "N" * 256}), "The Name field must not exceed 255 characters"),
        (
            bill(Contact={"Name": "  "}),
            "The Contact must contain at least 1 of the following elements to identify the contact: "
            "Name, ContactID, ContactNumber",
        ),
    ],
)
def test_a_bill_that_breaks_a_rule_is_refused_in_xeros_words(
    sandbox: Driver, posted: dict[str, Any], message: str
) -> None:
    assert refusals(sandbox, sandbox.connected(), posted) == [message]


@pytest.mark.parametrize(
    ("lock", "name"),
    [("period_lock_date", "period lock date"), ("end_of_year_lock_date", "end of year lock date")],
)
def test_a_bill_dated_up_to_the_lock_date_is_refused_and_the_day_after_is_not(
    sandbox: Driver, lock: str, name: str
) -> None:
    who = sandbox.connected()
    sandbox.control("PATCH", f"/organisations/{who.organisation['id']}", **{lock: "2026-09-30"})
    assert refusals(sandbox, who, bill(Date="2026-09-30")) == [
        f"The document date cannot be before the {name}, currently set at 30-Sep-2026"
    ]
    assert refusals(sandbox, who, bill(Date="2026-10-01")) == []


def test_tabs_line_breaks_and_any_letters_are_accepted(sandbox: Driver) -> None:
    posted = bill(LineItems=[line(Description="Café 🍰\tone\r\ntwo\x7f")])
    assert refusals(sandbox, sandbox.connected(), posted) == []


def test_a_tax_rate_that_was_deleted_is_refused(sandbox: Driver) -> None:
    who = sandbox.connected()
    path = f"/organisations/{who.organisation['id']}/tax-rates/INPUT2"
    sandbox.control("POST", path, status="DELETED")
    assert refusals(sandbox, who, bill()) == [
        "The TaxType code 'INPUT2' does not exist or cannot be used for this type of transaction."
    ]
    sandbox.control("POST", path, status="ACTIVE")
    assert refusals(sandbox, who, bill()) == []


def test_archived_tracking_is_refused(sandbox: Driver) -> None:
    who = sandbox.connected()
    books = f"/organisations/{who.organisation['id']}/tracking"
    sandbox.control("POST", f"{books}/Region", status="ARCHIVED", option="West")
    sandbox.control("POST", f"{books}/Department", status="ARCHIVED")
    posted = [
        bill(LineItems=[line(Tracking=[{"Name": name, "Option": option}])])
        for name, option in (("Region", "West"), ("Region", "North"), ("Department", "Sales"))
    ]
    assert [refusals(sandbox, who, each) for each in posted] == [
        ["The tracking option 'West' does not exist in the tracking category 'Region'."],
        [],
        ["The tracking category 'Department' does not exist or is not active."],
    ]


def test_a_bill_for_an_archived_contact_is_refused(sandbox: Driver) -> None:
    who = sandbox.connected()
    send(sandbox, who, "POST", "/Contacts", {"Name": "Parkway Cabs", "ContactStatus": "ARCHIVED"})
    assert refusals(sandbox, who, bill()) == [
        "The contact with the specified contact details has been archived. The contact must be "
        "un-archived before creating new invoices or credit notes."
    ]


def test_a_currency_is_accepted_once_the_organisation_has_enabled_it(sandbox: Driver) -> None:
    who = sandbox.connected()
    assert refusals(sandbox, who, bill(CurrencyCode="UAH"))
    sandbox.control("PATCH", f"/organisations/{who.organisation['id']}", currencies=["GBP", "UAH"])
    assert refusals(sandbox, who, bill(CurrencyCode="UAH")) == []


def test_the_smallest_plan_takes_five_approved_bills_a_month_and_any_number_of_drafts(
    sandbox: Driver,
) -> None:
    who = sandbox.connected(plan="STARTER")
    posted = [bill(f"EXP-{n}") for n in range(6)] + [bill("DRAFT", Status="DRAFT")]
    _, body = send(sandbox, who, "PUT", "/Invoices", {"Invoices": posted}, summarizeErrors="false")
    refused = [one["InvoiceNumber"] for one in body["Invoices"] if one["HasErrors"]]
    assert refused == ["EXP-5"]
    assert messages(body["Invoices"][5]) == [
        "The organisation's plan allows up to 5 approved bills per month"
    ]


def test_a_draft_needs_neither_account_nor_due_date(sandbox: Driver) -> None:
    draft = bill(Status="DRAFT", DueDate=None, LineItems=[line(AccountCode=None, TaxType=None)])
    assert refusals(sandbox, sandbox.connected(), draft) == []


def test_a_sales_invoice_number_must_be_unique(sandbox: Driver) -> None:
    who = sandbox.connected()
    sale = bill("INV-1", Type="ACCREC", LineItems=[line(AccountCode="200", TaxType="OUTPUT2")])
    assert refusals(sandbox, who, sale) == []
    assert refusals(sandbox, who, sale) == ["Invoice # must be unique."]


def test_tracking_is_accepted_by_name_and_by_id(sandbox: Driver) -> None:
    who = sandbox.connected()
    _, body = send(sandbox, who, "GET", "/TrackingCategories")
    department, region = body["TrackingCategories"]
    tracking = [
        {"Name": "Region", "Option": "eastside"},
        {
            "TrackingCategoryID": department["TrackingCategoryID"],
            "TrackingOptionID": department["Options"][0]["TrackingOptionID"],
        },
    ]
    _, body = send(sandbox, who, "PUT", "/Invoices", bill(LineItems=[line(Tracking=tracking)]))
    found = body["Invoices"][0]["LineItems"][0]["Tracking"]
    assert [choice["Option"] for choice in found] == ["Eastside", department["Options"][0]["Name"]]
    assert found[0]["TrackingCategoryID"] == region["TrackingCategoryID"]


def test_unsummarised_a_batch_answers_200_with_every_element_in_order(sandbox: Driver) -> None:
    who = sandbox.connected()
    posted = [bill("GOOD-1"), bill("BAD", LineItems=[line(AccountCode="999")]), bill("GOOD-2")]
    status, body = send(sandbox, who, "PUT", "/Invoices", {"Invoices": posted}, summarizeErrors="false")
    assert status == 200
    assert [one["InvoiceNumber"] for one in body["Invoices"]] == ["GOOD-1", "BAD", "GOOD-2"]
    assert [one["StatusAttributeString"] for one in body["Invoices"]] == ["OK", "ERROR", "OK"]
    assert [one["HasErrors"] for one in body["Invoices"]] == [False, True, False]
    assert body["Invoices"][1]["InvoiceID"] == NO_ID


def test_summarised_a_bad_element_makes_a_400_although_the_good_ones_were_created(sandbox: Driver) -> None:
    who = sandbox.connected()
    posted = [bill("GOOD"), bill("BAD", LineItems=[line(AccountCode="999")])]
    status, body = send(sandbox, who, "PUT", "/Invoices", {"Invoices": posted})
    assert (status, body["ErrorNumber"], body["Type"]) == (400, 10, "ValidationException")
    assert [element["InvoiceNumber"] for element in body["Elements"]] == ["BAD"]
    listed = sandbox.control("GET", f"/ledger?organisation={who.organisation['id']}")
    assert [document["number"] for document in listed["documents"]] == ["GOOD"]


def test_the_sdk_reports_the_first_message_of_a_refused_bill(sandbox: Driver) -> None:
    who = sandbox.connected()
    _, api = sandbox.sdk(who.token)
    posted = Invoices(invoices=[Invoice(type="ACCPAY", contact=Contact(name="Parkway Cabs"))])
    with pytest.raises(AccountingBadRequestException) as refused:
        api.create_invoices(who.organisation["id"], posted)
    assert refused.value.reason == "One or more line items must be specified"


def test_a_body_that_is_no_json_is_refused_as_a_whole(sandbox: Driver) -> None:
    who = sandbox.connected()
    answer = sandbox.http.put("/api.xro/2.0/Invoices", content=b"{oops", headers=who.headers)
    assert (answer.status_code, answer.json()["Type"]) == (400, "PostDataInvalidException")


@pytest.fixture(scope="module")
def company(sandbox_url: str) -> Iterator[tuple[Driver, Connected]]:
    with httpx.Client(base_url=sandbox_url) as http:
        sandbox = Driver(sandbox_url, http)
        yield sandbox, sandbox.connected()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)
WRONG_BILLS = st.fixed_dictionaries({}, optional=dict.fromkeys([*bill(), "InvoiceID", "Url"], ANYTHING))
WRONG_LINES = st.fixed_dictionaries({}, optional=dict.fromkeys([*line(), "Tracking", "LineItemID"], ANYTHING))
WRONG_PAYMENTS = st.fixed_dictionaries({}, optional=dict.fromkeys([*spend(), "BankTransactionID"], ANYTHING))
WRONG_CONTACTS = st.dictionaries(
    st.sampled_from(["ContactID", "Name", "ContactNumber", "ContactStatus", "EmailAddress"]), ANYTHING
)


@settings(max_examples=25, deadline=None)
@given(changes=WRONG_BILLS, wrong_line=WRONG_LINES, payment=WRONG_PAYMENTS, contact=WRONG_CONTACTS)
def test_nonsense_is_refused_and_never_an_error_of_the_server(
    company: tuple[Driver, Connected],
    changes: dict[str, Any],
    wrong_line: dict[str, Any],
    payment: dict[str, Any],
    contact: dict[str, Any],
) -> None:
    sandbox, who = company
    posted = {
        "Invoices": [bill() | changes, bill(LineItems=[line() | wrong_line])],
        "BankTransactions": [spend() | payment],
        "Contacts": [contact],
    }
    for name, elements in posted.items():
        answer = sandbox.http.post(f"/api.xro/2.0/{name}", json={name: elements}, headers=who.headers)
        assert answer.status_code in {200, 400}, answer.text
