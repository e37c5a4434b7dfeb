"""The error catalogue: which code it finds in a text."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services import catalogue
from services.catalogue import CODES, Code

EMAIL = """\
From: Concierge
To: Jo Field
Subject: Fwd: 2 reports could not be exported

Hi Jo,

On Tuesday we tried to send these to Xero 3 times:

> Report "Berlin trip"  EUR 1,204.50
> XERO95 Export Error: The TaxType [INPUT2] cannot be used with
> account [493]. Please select a new category and attempt to export again.

Please update the lock date if needed.
"""


@pytest.mark.parametrize(
    ("text", "expected", "reason"),
    [
        ("XERO11 Sync Error: The connection to Xero has expired.", "XERO11", "as the platform shows it"),
        ("XERO11 Export Error", "XERO11", "the export form, cut short"),
        ("xero11", "XERO11", "typed into a search box"),
        ("xero 11", "XERO11", "typed with a blank"),
        ("I get a Xero 45 sync error since Monday", "XERO45", "written from memory"),
        ("XERO-87", "XERO87", "with a hyphen"),
        ("ExpensiError XRO011 The connection has expired", "XERO11", "older platform"),
        ("ExpensiError XRO014: Billable Expenses Require a Customer", "XERO14", "older platform, colon"),
        ("XRO95", "XERO95", "older prefix without the zero"),
        ("https://help.example/XERO76-Export-Error", "XERO76", "the address of a help page"),
        ("XERO\u200b11", "XERO11", "copied with a zero-width space"),
        ("failedXERO31Export", "XERO31", "table cells run together by the clipboard"),
        ("XERO50 or maybe XERO52", "XERO52", "a known code beats an unknown one"),
        ("XERO27 Export Error: not of valid status for modification", "XERO27", "a code beats the wording"),
        (EMAIL, "XERO95", "a whole e-mail with the code inside"),
    ],
)
def test_a_code_is_found_however_it_is_written(text: str, expected: str, reason: str) -> None:
    found = catalogue.recognise(text)
    assert found.code is catalogue.get(expected), reason
    assert found.named == expected


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_a_documented_message_is_known_without_its_code(code: Code) -> None:
    assert catalogue.recognise(code.message).code is code


@pytest.mark.parametrize(
    ("text", "expected", "reason"),
    [
        (
            "has expired… The connection to Xero has expired. Please follow prompts in the workspace to "
            "reconnect, then try exporting again.",
            "XERO11",
            "the export form of the message",
        ),
        (
            "Unable to sync Xero data due to an invalid authentication token. Please disconnect",
            "XERO45",
            "the older wording",
        ),
        ("Can’t connect to Xero due to an authentication error.", "XERO11", "shown without a reason"),
        (
            "Export failed due to a connection issue. Head over to accounting settings to reconnect.",
            "XERO11",
            "shown in the report's history",
        ),
        ("TokenExpired: token expired at 04/29/2020 09:22:02", "XERO11", "Xero, 401"),
        ('{"error":"invalid_grant"}', "XERO11", "Xero, refused refresh"),
        ("AuthenticationUnsuccessful", "XERO11", "Xero, 403: organisation disconnected"),
        ("THE ORGANISATION IS OFFLINE", "XERO46", "Xero, 503; letters' case does not matter"),
        ("The Xero API is currently offline for maintenance", "XERO46", "Xero, 503"),
        (
            'failed to export this report ("Expense: a: Organisation is not subscribed to currency UAH\n")',
            "XERO68",
            "raw text of Xero with its line break",
        ),
        ("Voided bills can’t be updated", "XERO76", "curly apostrophe"),
    ],
)
def test_a_message_without_a_code_is_known_by_its_wording(text: str, expected: str, reason: str) -> None:
    found = catalogue.recognise(text)
    assert found.code is catalogue.get(expected), reason
    assert found.named is None


@pytest.mark.parametrize(
    ("text", "named", "summary", "reason"),
    [
        ("XERO42 Export Error: hm", "XERO42", "XERO42 is not a known code", "newer than the catalogue"),
        ("XRO042", "XERO42", "XERO42 is not a known code", "unknown in the older spelling"),
        ("", None, "No known code in this text", "nothing pasted"),
        ("XERO111", None, "No known code in this text", "three digits are no code"),
        (
            "It was paid in Xero 12 days ago",
            None,
            "No known code in this text",
            "a number after the word Xero",
        ),
        ("Exported in Xero 2026", None, "No known code in this text", "a year after the word Xero"),
        (
            "Two-factor authentication is on",
            None,
            "No known code in this text",
            "not an authentication error",
        ),
    ],
)
def test_a_text_without_a_known_code_is_not_guessed_at(
    text: str, named: str | None, summary: str, reason: str
) -> None:
    found = catalogue.recognise(text)
    assert (found.code, found.named, found.summary) == (None, named, summary), reason


def test_the_text_is_kept_on_one_line_without_invisible_characters() -> None:
    found = catalogue.recognise("  XERO68\r\n Export\u00a0Error:\x00 currency\u200b UAH\\n \n")
    assert found.text == "XERO68 Export Error: currency UAH"
    assert found.summary == "XERO68: Currency not enabled"


def _details(found: catalogue.Recognised) -> dict[str, str]:
    pairs = {name: getattr(found, name) for name in ("account", "tax_type", "currency", "merchant")}
    return {name: value for name, value in pairs.items() if value}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Account code '999' is not a valid code for this document.", {"account": "999"}),
        ("Account code ‘Travel – EU’ has been archived", {"account": "Travel – EU"}),
        (
            "The TaxType code 'INPUT2' cannot be used with account code '493'.",
            {"tax_type": "INPUT2", "account": "493"},
        ),
        (
            "XERO95 Export Error: The TaxType [GSTONIMPORTS] cannot be used with account [493 Travel].",
            {"tax_type": "GSTONIMPORTS", "account": "493 Travel"},
        ),
        ("The TaxType INPUT2 cannot be used with account 493.", {"tax_type": "INPUT2", "account": "493"}),
        ("Organisation is not subscribed to currency 'EUR'.", {"currency": "EUR"}),
        (
            "Expense: Café Roma: Organisation is not subscribed to currency UAH",
            {"merchant": "Café Roma", "currency": "UAH"},
        ),
        ("XERO78 Export Error: Expense Café Roma has an invalid category or tag.", {"merchant": "Café Roma"}),
        ("Expense [Café Roma] has an invalid category.", {"merchant": "Café Roma"}),
        ("The account has been archived; the currency is wrong.", {}),
    ],
)
def test_the_values_that_have_to_be_mended_are_named(text: str, expected: dict[str, str]) -> None:
    assert _details(catalogue.recognise(text)) == expected


PAID = "This document cannot be edited as it has a payment or credit note allocated to it."
CLOSED = "Invoice not of valid status for modification"
LOCKED = "The document date cannot be before the end of year lock date, currently set at 31 Mar 2026"


@pytest.mark.parametrize(
    ("messages", "expected", "reason"),
    [
        (["Account code '999' is not a valid code for this document."], "XERO27", "account unknown in Xero"),
        (
            [
                "Account code '429' has been archived, or has been deleted. "
                "Each line item must reference a valid account."
            ],
            "XERO27",
            "account archived",
        ),
        (["Account code must be specified"], "XERO52", "a line without a category"),
        (["Account must be valid."], "XERO52", "the same, in Xero's other words"),
        (["The TaxType code 'X1' does not exist"], "XERO95", "tax rate unknown in Xero"),
        (["The plan allows up to 20 approved bills per month"], "XERO99", "plan limit"),
        (["The TaxType code 'OUTPUT' cannot be used with account code '493'."], "XERO95", "tax and account"),
        (["Organisation is not subscribed to currency UAH\n"], "XERO68", "currency not enabled"),
        ([LOCKED], "XERO33", "year-end lock date"),
        (["The document date cannot be before the period lock date"], "XERO33", "the other lock date"),
        ([CLOSED], "XERO76", "a bill that Xero has closed"),
        ([CLOSED, PAID], "XERO31", "closed because it is paid, which can be undone"),
        ([f"{CLOSED}. {PAID}"], "XERO31", "the same in one message"),
        ([LOCKED, CLOSED], "XERO76", "mending the date would not reopen the bill"),
        (["Tracking option 'North' has been archived"], "XERO78", "tracking option inactive"),
        (["The TrackingCategory 'Region' is not valid"], "XERO78", "tracking category unknown"),
        (["'\x0b', hexadecimal value 0x0B, is an invalid character."], "XERO83", "unreadable character"),
        (["The InvoiceNumber field contains characters that are not allowed"], "XERO83", "odd letters"),
        (["The attachment is larger than the maximum of 10 MB"], "XERO08", "a receipt too large"),
        (["scan.pdf is larger than the 10 MB that Xero takes."], "XERO08", "the same, seen without a call"),
        (["Something else", "Organisation is not subscribed to currency UAH"], "XERO68", "second message"),
        (
            ["Account code 'lock date' is not a valid code for this document."],
            "XERO27",
            "a name says nothing",
        ),
        (["The tracking option 'O'Brien's lock date' does not exist"], "XERO78", "with quotes inside"),
        ([f"The tracking option '{'T' * 100}' does not exist"], "XERO78", "however long"),
    ],
)
def test_xeros_refusal_of_a_bill_becomes_our_code(messages: list[str], expected: str, reason: str) -> None:
    assert catalogue.from_validation(messages).code is catalogue.get(expected), reason


@pytest.mark.parametrize(
    ("message", "as_bill", "as_bank_transaction", "reason"),
    [
        ("Account could not be found", "XERO27", "XERO87", "the account of spend money is the bank account"),
        ("Account must be valid.", "XERO52", "XERO52", "a line's account"),
        ("A Bank Account must be specified for this type", "XERO87", "XERO87", "no bank account"),
        (
            "The Bank Account with the specified Code or AccountID could not be found",
            "XERO87",
            "XERO87",
            "a bank account that is gone",
        ),
        (
            "This bank transaction cannot be edited as it has been deleted",
            "XERO76",
            "XERO76",
            "removed in Xero, like a voided bill",
        ),
        ("Account code '999' is not a valid code for this document.", "XERO27", "XERO27", "a line's account"),
    ],
)
def test_a_refused_bank_transaction_points_at_its_bank_account(
    message: str, as_bill: str, as_bank_transaction: str, reason: str
) -> None:
    assert catalogue.from_validation([message]).code is catalogue.get(as_bill), reason
    found = catalogue.from_validation([message], bank_transaction=True)
    assert found.code is catalogue.get(as_bank_transaction), reason


def test_a_missing_bank_account_does_not_come_before_what_comes_before_its_code() -> None:
    found = catalogue.from_validation([LOCKED, "Account could not be found"], bank_transaction=True)
    assert found.code is catalogue.get("XERO33")


def test_every_code_has_its_rank_and_the_one_for_what_no_code_fits_is_the_last() -> None:
    assert sorted(catalogue.rank(code) for code in CODES) == list(range(len(CODES)))
    assert catalogue.rank("XERO01") == len(CODES) - 1
    assert catalogue.rank("XERO44") < catalogue.rank("XERO95") < catalogue.rank("XERO33")


@pytest.mark.parametrize(
    ("messages", "text", "reason"),
    [
        ([], "", "Xero gave no message"),
        (
            ["The contact with the specified contact details has been archived.", "It must be un-archived."],
            "The contact with the specified contact details has been archived. It must be un-archived.",
            "no code exists for an archived contact",
        ),
        (["Merchant XERO11 Ltd is too long"], "Merchant XERO11 Ltd is too long", "a name is not a code"),
    ],
)
def test_a_refusal_without_a_code_of_ours_keeps_xeros_words(
    messages: list[str], text: str, reason: str
) -> None:
    found = catalogue.from_validation(messages)
    assert (found.code, found.text) == (None, text), reason


@given(st.text())
@example("\ud800")
@example("Expense: " * 2000)
def test_any_text_at_all_can_be_pasted(text: str) -> None:
    shown = catalogue.recognise(text).text
    assert shown.encode().decode() == shown
    assert catalogue.recognise(shown).text == shown
    catalogue.from_validation([text], bank_transaction=True)


letters = st.text().filter(lambda text: "RO" not in text.upper())


@given(before=letters, after=letters, code=st.sampled_from(sorted(CODES)), older=st.booleans())
def test_the_code_is_found_wherever_it_stands(before: str, after: str, code: str, older: bool) -> None:
    written = code.replace("XERO", "XRO0") if older else code
    assert catalogue.recognise(f"{before} {written} {after}").code is catalogue.get(code)
