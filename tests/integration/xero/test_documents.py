"""Bills, bank transactions, receipts and notes arrive in the organisation's ledger."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from services.xero.documents import (
    DocumentKind,
    Found,
    TrackingChoice,
    add_note,
    attach_file,
    create_bank_transactions,
    create_bills,
    find_bank_transactions,
    find_bills,
    idempotency_key,
)
from services.xero.errors import Fault, XeroError
from services.xero.reference import (
    read_accounts,
    read_contacts,
    read_organisation,
    read_tax_rates,
    read_tracking_categories,
)
from tests.integration.xero.desk import BILL, SPENT, TAXI, Desk, bills


def test_fifty_bills_arrive_in_one_call(desk: Desk) -> None:
    results = create_bills(desk.api, desk.id, bills(50), idempotency_key="fifty").results
    assert [result.errors for result in results] == [()] * 50
    assert {each["id"] for each in desk.ledger()["documents"]} == {result.xero_id for result in results}
    assert desk.calls()["total"] == 1


def test_money_arrives_to_the_penny(desk: Desk) -> None:
    [result] = create_bills(desk.api, desk.id, [BILL], idempotency_key="penny").results
    assert find_bills(desk.api, desk.id, [BILL.number]) == [
        Found(
            number=BILL.number,
            xero_id=result.xero_id or "",
            status="AUTHORISED",
            total=Decimal("12.80"),
            contact_name="Ada Moss",
            currency="GBP",
        )
    ]


def test_one_bad_bill_stops_no_other(desk: Desk) -> None:
    good, bad, last = bills(3)
    bad = replace(bad, lines=(replace(TAXI, account_code="999"),))
    results = create_bills(desk.api, desk.id, [good, bad, last], idempotency_key="bad-one").results
    assert [bool(result.xero_id) for result in results] == [True, False, True]
    assert "999" in results[1].errors[0]
    assert desk.ledger()["count"] == 2


def test_a_bill_whose_answer_was_lost_is_found_not_sent_again(desk: Desk) -> None:
    desk.fault("/Invoices", method="PUT", reset="after")
    with pytest.raises(XeroError) as caught:
        create_bills(desk.api, desk.id, [BILL], idempotency_key="lost")
    assert caught.value.may_have_been_done
    [found] = find_bills(desk.api, desk.id, [BILL.number])
    assert [found.xero_id] == [each["id"] for each in desk.ledger()["documents"]]


def test_a_bill_that_never_arrived_is_not_found(desk: Desk) -> None:
    desk.fault("/Invoices", method="PUT", reset="before")
    with pytest.raises(XeroError) as caught:
        create_bills(desk.api, desk.id, [BILL], idempotency_key="lost")
    assert caught.value.may_have_been_done
    assert find_bills(desk.api, desk.id, [BILL.number]) == []


def test_the_same_key_within_six_minutes_makes_no_second_bill(desk: Desk) -> None:
    key = idempotency_key(desk.id, [BILL])
    first = create_bills(desk.api, desk.id, [BILL], idempotency_key=key)
    assert create_bills(desk.api, desk.id, [BILL], idempotency_key=key).results == first.results
    assert desk.ledger()["count"] == 1


def test_an_expired_token_in_the_middle_makes_no_second_bill(desk: Desk) -> None:
    desk.sandbox.control("POST", "/clock", advance_seconds=31 * 60)
    [result] = create_bills(
        desk.api, desk.id, [BILL], idempotency_key=idempotency_key(desk.id, [BILL])
    ).results
    assert [each["id"] for each in desk.ledger()["documents"]] == [result.xero_id]


def test_a_bill_that_exists_twice_is_found_twice(desk: Desk) -> None:
    for attempt in ("1", "2"):
        create_bills(
            desk.api, desk.id, [BILL], idempotency_key=idempotency_key(desk.id, [BILL], attempt=attempt)
        )
    assert len(find_bills(desk.api, desk.id, [BILL.number, "EXP-UNKNOWN"])) == 2


def test_a_hundred_numbers_are_found_in_three_calls(desk: Desk) -> None:
    for part in (bills(50, "A"), bills(50, "B")):
        create_bills(desk.api, desk.id, part, idempotency_key=idempotency_key(desk.id, part))
    numbers = [bill.number for bill in bills(50, "A") + bills(50, "B")]
    assert sorted(each.number for each in find_bills(desk.api, desk.id, numbers)) == sorted(numbers)
    assert desk.calls()["total"] == 2 + 3


def test_bank_transactions_arrive_and_are_found(desk: Desk) -> None:
    other = replace(SPENT, reference="CARD-2")
    results = create_bank_transactions(desk.api, desk.id, [SPENT, other], idempotency_key="cards").results
    found = find_bank_transactions(desk.api, desk.id, ["CARD-1", "CARD-2", "CARD-3"])
    assert {each.number: each.xero_id for each in found} == {each.number: each.xero_id for each in results}
    assert {each.total for each in found} == {Decimal("12.5")}


def test_a_bank_account_that_does_not_exist_is_refused_with_a_reason(desk: Desk) -> None:
    wrong = replace(SPENT, bank_account_code="493")
    [result] = create_bank_transactions(desk.api, desk.id, [wrong], idempotency_key="no-bank").results
    assert (result.xero_id, bool(result.errors)) == (None, True)


def test_receipts_and_notes_reach_the_document(desk: Desk) -> None:
    [bill] = create_bills(desk.api, desk.id, [BILL], idempotency_key="with-receipt").results
    bill_id = bill.xero_id or ""
    for _ in range(2):
        attach_file(
            desk.api,
            desk.id,
            DocumentKind.BILL,
            bill_id,
            file_name="taxi [1].pdf",
            content=b"%PDF-1.7",
            content_type="application/pdf",
        )
    add_note(desk.api, desk.id, DocumentKind.BILL, bill_id, "Sent by Relink", idempotency_key="note")
    assert desk.ledger()["documents"][0]["attachments"] == ["taxi [1].pdf"]


def test_a_receipt_for_a_document_that_is_not_there_is_refused(desk: Desk) -> None:
    with pytest.raises(XeroError) as caught:
        attach_file(
            desk.api,
            desk.id,
            DocumentKind.BILL,
            desk.id,
            file_name="taxi.pdf",
            content=b"%PDF",
            content_type="application/pdf",
        )
    assert caught.value.fault is Fault.NOT_FOUND


def test_what_is_read_from_the_organisation_can_be_written_back(desk: Desk) -> None:
    desk.sandbox.control("PATCH", f"/organisations/{desk.id}", period_lock_date="2026-01-31")
    details = read_organisation(desk.api, desk.id)
    assert (details.name, str(details.period_lock_date)) == (desk.organisation["name"], "2026-01-31")
    account = next(each for each in read_accounts(desk.api, desk.id) if each.code == "493")
    rate = next(each for each in read_tax_rates(desk.api, desk.id) if each.tax_type == account.tax_type)
    assert account.class_ in rate.applies_to
    category = read_tracking_categories(desk.api, desk.id)[0]
    contact = next(each for each in read_contacts(desk.api, desk.id) if each.status == "ACTIVE")
    choice = TrackingChoice(category_id=category.id, option_id=category.options[0].id)
    line = replace(TAXI, account_code=account.code or "", tax_type=rate.tax_type, tracking=(choice,))
    bill = replace(BILL, contact_id=contact.id, currency=details.base_currency, lines=(line,))
    [result] = create_bills(desk.api, desk.id, [bill], idempotency_key="round-trip").results
    assert result.errors == ()
    assert [each.contact_name for each in find_bills(desk.api, desk.id, [bill.number])] == [contact.name]
