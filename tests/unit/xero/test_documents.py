"""Batches are created once, every element's fate is known, and doubtful ones can be found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from services.xero.documents import (
    MAX_ATTACHMENT_BYTES,
    Bill,
    DocumentKind,
    Found,
    PaidBill,
    Result,
    add_note,
    attach_file,
    create_bank_transactions,
    create_bills,
    find_bank_transactions,
    find_bills,
    read_paid_bills,
)
from services.xero.errors import Fault, XeroError
from tests.unit.xero.scripted import ORGANISATION, Script
from tests.unit.xero.test_drafts import BILL, SPENT

NO_ID = "00000000-0000-0000-0000-000000000000"


def bills(*numbers: str) -> list[Bill]:
    return [replace(BILL, number=number) for number in numbers]


def created(number: str, **changes: Any) -> dict[str, Any]:
    return {"InvoiceNumber": number, "InvoiceID": f"id-of-{number}", "HasErrors": False} | changes


def refused(number: str | None, *messages: str) -> dict[str, Any]:
    errors = [{"Message": message} for message in messages]
    element = {"InvoiceID": NO_ID, "HasErrors": True, "StatusAttributeString": "ERROR"}
    return element | {"ValidationErrors": errors} | ({"InvoiceNumber": number} if number else {})


def listed(number: str, **changes: Any) -> dict[str, Any]:
    return {
        "Type": "ACCPAY",
        "InvoiceNumber": number,
        "InvoiceID": f"id-of-{number}",
        "Status": "DRAFT",
        "Total": 12.5,
        "Contact": {"Name": "Ada Moss"},
        "CurrencyCode": "GBP",
    } | changes


def failure(call: Callable[[], object]) -> XeroError:
    with pytest.raises(XeroError) as caught:
        call()
    return caught.value


def send(xero: Script, *numbers: str) -> tuple[Result, ...]:
    with xero.api() as api:
        return create_bills(api, ORGANISATION, bills(*numbers), idempotency_key="key-1").results


def test_a_batch_is_one_call_that_creates_only(xero: Script) -> None:
    xero.reply({"Invoices": [created("A"), created("B")]})
    send(xero, "A", "B")
    [asked] = xero.asked
    assert (asked.method, asked.path) == ("PUT", "/api.xro/2.0/Invoices")
    assert asked.query == {"summarizeErrors": "false", "unitdp": "4"}
    assert asked.headers["idempotency-key"] == "key-1"
    assert [each["InvoiceNumber"] for each in asked.json["Invoices"]] == ["A", "B"]


def test_one_bad_bill_harms_no_other(xero: Script) -> None:
    warned = created("C", Warnings=[{"Message": "Account code '476' has been removed"}])
    xero.reply({"Invoices": [created("A"), refused("B", "Bad code", "Bad tax"), warned]})
    assert send(xero, "A", "B", "C") == (
        Result(number="A", xero_id="id-of-A", errors=(), warnings=()),
        Result(number="B", xero_id=None, errors=("Bad code", "Bad tax"), warnings=()),
        Result(number="C", xero_id="id-of-C", errors=(), warnings=("Account code '476' has been removed",)),
    )


def test_an_element_with_an_id_and_errors_keeps_both(xero: Script) -> None:
    xero.reply({"Invoices": [created("A", ValidationErrors=[{"Message": "Bad code"}])]})
    [result] = send(xero, "A")
    assert (result.xero_id, result.errors) == ("id-of-A", ("Bad code",))


def test_a_batch_s_answer_carries_what_xeros_support_asks_for(xero: Script) -> None:
    xero.reply({"Invoices": [created("A")]}, Xero_Correlation_Id="c-1")
    with xero.api() as api:
        answer = create_bills(api, ORGANISATION, bills("A"), idempotency_key="key-1")
    assert (answer.status, answer.correlation_id) == (200, "c-1")


def test_a_refusal_that_echoes_no_number_or_no_reason_is_a_refusal(xero: Script) -> None:
    xero.reply({"Invoices": [refused(None, "Bad code"), refused("B")]})
    first, second = send(xero, "A", "B")
    assert (first.number, first.errors) == ("A", ("Bad code",))
    assert (second.number, second.errors) == ("B", ("Xero refused it without saying why.",))


@pytest.mark.parametrize(
    "answer",
    [
        {"Invoices": [created("A")]},
        {"Invoices": [created("A"), created("B"), created("C")]},
        {"Invoices": [created("B"), created("A")]},
        {"Invoices": [created("A"), created("B", InvoiceID=NO_ID)]},
        {"Invoices": [created("A"), created("B", InvoiceID=None)]},
        {"Invoices": [created("A"), created("B", InvoiceID=7)]},
        {"Invoices": {"A": created("A"), "B": created("B")}},
        {"Invoices": [created("A"), {"InvoiceID": "1"}]},
        {"Invoices": [created("A"), {"InvoiceNumber": "B"}]},
        {"Invoices": [created("A"), refused("C", "Bad code")]},
        {"Invoices": [created("A"), None]},
        {"Invoices": None},
        {},
        None,
    ],
)
def test_an_answer_that_does_not_fit_the_batch_leaves_it_in_doubt(xero: Script, answer: Any) -> None:
    xero.reply(answer)
    error = failure(lambda: send(xero, "A", "B"))
    assert (error.fault, error.may_have_been_done) == (Fault.MALFORMED, True)


@pytest.mark.parametrize(
    "numbers", [[], ["A", "A"], [str(number) for number in range(51)]], ids=["none", "twice", "51"]
)
def test_a_batch_that_could_go_wrong_is_never_sent(xero: Script, numbers: list[str]) -> None:
    with pytest.raises(ValueError, match="batch"):
        send(xero, *numbers)
    assert xero.asked == []


def test_bank_transactions_are_created_by_reference(xero: Script) -> None:
    reply = {"Reference": SPENT.reference, "BankTransactionID": "bank-1", "StatusAttributeString": "OK"}
    xero.reply({"BankTransactions": [reply]})
    with xero.api() as api:
        [found] = create_bank_transactions(api, ORGANISATION, [SPENT], idempotency_key="key-1").results
    assert found == Result(number=SPENT.reference, xero_id="bank-1", errors=(), warnings=())
    assert (xero.asked[0].method, xero.asked[0].path) == ("PUT", "/api.xro/2.0/BankTransactions")


def test_bills_are_found_by_number_duplicates_and_dead_ones_included(xero: Script) -> None:
    sale = listed("A", Type="ACCREC")
    xero.reply({"Invoices": [listed("A"), listed("A", InvoiceID="second", Status="VOIDED"), sale]})
    with xero.api() as api:
        found = find_bills(api, ORGANISATION, ["A", "B", "A"])
    assert [(each.xero_id, each.status) for each in found] == [("id-of-A", "DRAFT"), ("second", "VOIDED")]
    assert found[0] == Found(
        number="A",
        xero_id="id-of-A",
        status="DRAFT",
        total=Decimal("12.5"),
        contact_name="Ada Moss",
        currency="GBP",
    )
    [asked] = xero.asked
    assert (asked.query["InvoiceNumbers"], asked.query["where"]) == ("A,B", 'Type=="ACCPAY"')


def test_many_numbers_are_looked_up_forty_at_a_time(xero: Script) -> None:
    numbers = [f"EXP-{number}" for number in range(81)]
    for _ in range(3):
        xero.reply({"Invoices": []})
    with xero.api() as api:
        find_bills(api, ORGANISATION, numbers)
    asked = [each.query["InvoiceNumbers"].split(",") for each in xero.asked]
    assert [len(part) for part in asked] == [40, 40, 1]
    assert [number for part in asked for number in part] == numbers


def test_nothing_to_look_up_costs_no_call(xero: Script) -> None:
    with xero.api() as api:
        assert find_bills(api, ORGANISATION, []) == []
    assert xero.asked == []


def test_bank_transactions_are_found_by_reference(xero: Script) -> None:
    row = listed("", Type="SPEND", Reference="R-1", BankTransactionID="bank-1")
    del row["Contact"]
    xero.reply({"BankTransactions": [row]})
    with xero.api() as api:
        [found] = find_bank_transactions(api, ORGANISATION, ["R-1", "R-2"])
    assert (found.number, found.xero_id, found.contact_name) == ("R-1", "bank-1", "")
    assert xero.asked[0].query["where"] == 'Reference=="R-1" OR Reference=="R-2"'


@pytest.mark.parametrize("number", ["a,b", 'x" OR Type=="SPEND'])
def test_a_number_that_would_change_the_question_is_refused(xero: Script, number: str) -> None:
    find = find_bills if "," in number else find_bank_transactions
    with xero.api() as api, pytest.raises(ValueError, match="looked up"):
        find(api, ORGANISATION, [number])
    assert xero.asked == []


def test_a_failed_look_up_leaves_nothing_in_doubt(xero: Script) -> None:
    xero.reply({"Invoices": [{"Type": "ACCPAY"}]})
    with xero.api() as api:
        error = failure(lambda: find_bills(api, ORGANISATION, ["A"]))
    assert (error.fault, error.may_have_been_done) == (Fault.MALFORMED, False)


def paid_bills(xero: Script, since: datetime | None = None) -> list[PaidBill]:
    with xero.api() as api:
        return list(read_paid_bills(api, ORGANISATION, since=since))


def test_paid_bills_of_our_own_are_listed_a_thousand_a_call(xero: Script) -> None:
    paid = listed("A", Status="PAID", FullyPaidOnDate="/Date(1552262400000+0000)/")
    xero.reply({"Invoices": [paid], "pagination": {"pageCount": 1}})
    assert paid_bills(xero) == [PaidBill(xero_id="id-of-A", paid_on=date(2019, 3, 11))]
    [asked] = xero.asked
    assert asked.query == {
        "where": 'Type=="ACCPAY"',
        "Statuses": "PAID",
        "createdByMyApp": "true",
        "summaryOnly": "true",
        "page": "1",
        "pageSize": "1000",
    }
    assert "if-modified-since" not in asked.headers


def test_paid_bills_are_asked_for_since_a_moment_in_utc_to_the_second(xero: Script) -> None:
    xero.reply({"Invoices": []})
    east = timezone(timedelta(hours=2))
    assert paid_bills(xero, datetime(2026, 11, 24, 6, 30, 15, 999, east)) == []
    assert xero.asked[0].headers["if-modified-since"] == "2026-11-24T04:30:15"


def test_every_page_of_paid_bills_is_asked_for_since_the_same_moment(xero: Script) -> None:
    for number in ("A", "B"):
        xero.reply({"Invoices": [listed(number, Status="PAID")], "pagination": {"pageCount": 2}})
    found = paid_bills(xero, datetime(2026, 11, 24, tzinfo=UTC))
    assert found == [PaidBill(xero_id=f"id-of-{each}", paid_on=None) for each in ("A", "B")]
    assert {asked.headers["if-modified-since"] for asked in xero.asked} == {"2026-11-24T00:00:00"}


def test_a_paid_bill_without_an_id_is_malformed_and_nothing_is_in_doubt(xero: Script) -> None:
    xero.reply({"Invoices": [{"Status": "PAID"}]})
    error = failure(lambda: paid_bills(xero))
    assert (error.fault, error.may_have_been_done) == (Fault.MALFORMED, False)


def test_a_receipt_is_attached_under_its_own_name(xero: Script) -> None:
    xero.reply({"Attachments": [{"AttachmentID": "file-1"}]})
    with xero.api() as api:
        attached = attach_file(
            api,
            ORGANISATION,
            DocumentKind.BILL,
            "bill-1",
            file_name="taxi [1]/süd?.pdf",
            content=b"%PDF-1.7",
            content_type="application/pdf",
        )
    [asked] = xero.asked
    assert attached.attachment_id == "file-1"
    assert asked.path == "/api.xro/2.0/Invoices/bill-1/Attachments/taxi%20%5B1%5D%2Fs%C3%BCd%3F.pdf"
    assert (asked.headers["content-type"], asked.body) == ("application/pdf", b"%PDF-1.7")


def test_a_receipt_that_xero_would_refuse_costs_no_call(xero: Script) -> None:
    content = bytes(MAX_ATTACHMENT_BYTES + 1)
    with xero.api() as api:
        error = failure(
            lambda: attach_file(
                api,
                ORGANISATION,
                DocumentKind.BILL,
                "bill-1",
                file_name="scan.pdf",
                content=content,
                content_type="application/pdf",
            )
        )
    assert (error.fault, "scan.pdf" in error.detail, xero.asked) == (Fault.INVALID, True, [])


def test_a_note_is_added_to_the_history(xero: Script) -> None:
    xero.reply({"HistoryRecords": []})
    with xero.api() as api:
        add_note(
            api,
            ORGANISATION,
            DocumentKind.BANK_TRANSACTION,
            "bank-1",
            "Exported again by Relink",
            idempotency_key="key-1",
        )
    [asked] = xero.asked
    assert (asked.method, asked.path) == ("PUT", "/api.xro/2.0/BankTransactions/bank-1/History")
    assert asked.json == {"HistoryRecords": [{"Details": "Exported again by Relink"}]}
    assert asked.headers["idempotency-key"] == "key-1"
