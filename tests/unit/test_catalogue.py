"""The error catalogue: what it says about each code."""

from __future__ import annotations

import re

import pytest

from services import catalogue
from services.catalogue import CODES, Actor, Category, Code, Kind, RetryClass

DOCUMENTED = "01 08 11 12 14 27 31 33 44 45 46 52 56 68 73 76 78 83 84 87 93 95 99"
every_code = pytest.mark.parametrize("code", CODES.values(), ids=CODES)


def test_every_documented_code_is_there_and_no_other() -> None:
    assert list(CODES) == [f"XERO{number}" for number in DOCUMENTED.split()]


def test_xero11_is_worded_as_the_help_article_has_it() -> None:
    assert catalogue.get("XERO11").message == (
        "The connection to Xero has expired. Please follow prompts in the workspace to reconnect."
    )


@every_code
def test_the_words_on_screen_are_short_whole_sentences(code: Code) -> None:
    assert len(code.title.split()) <= 4
    assert len(code.title) <= 25
    for sentences, at_most in ((code.meaning, 1), (code.cause, 1), (code.fix, 2)):
        assert sentences[0].isupper()
        assert sentences.endswith(".")
        assert len(re.findall(r"\.(?: |$)", sentences)) <= at_most
        assert "!" not in sentences


def test_no_two_codes_share_a_title() -> None:
    assert len({code.title for code in CODES.values()}) == len(CODES)


@pytest.mark.parametrize(
    ("retry", "numbers"),
    [
        (RetryClass.RECONNECT, "11 12 45"),  # the same export works as soon as the connection does
        (RetryClass.LATER, "01 46 56 84 99"),  # nothing in the report is wrong
        (RetryClass.NEVER, "44 76"),  # voided in Xero: the document can never change again
        (RetryClass.FIX_FIRST, "08 14 27 31 33 52 68 73 78 83 87 93 95"),  # would fail the same way
    ],
)
def test_a_retry_is_advised_only_where_it_can_work(retry: RetryClass, numbers: str) -> None:
    found = [code.code for code in CODES.values() if code.retry is retry]
    assert found == [f"XERO{number}" for number in numbers.split()]


def test_only_shared_causes_are_workspace_wide() -> None:
    found = [code.code.removeprefix("XERO") for code in CODES.values() if code.workspace_wide]
    assert found == ["01", "11", "12", "45", "46", "56", "73", "84", "87", "99"]


def test_only_syncs_fail_with_sync_codes() -> None:
    assert [c.code for c in CODES.values() if c.kind is Kind.SYNC] == ["XERO12", "XERO73", "XERO84"]
    assert [c.code for c in CODES.values() if c.kind is Kind.BOTH] == ["XERO01", "XERO11", "XERO45", "XERO46"]


def test_nobody_is_sent_to_work_on_a_busy_xero() -> None:
    assert [code.code for code in CODES.values() if code.actor is Actor.NOBODY] == ["XERO46"]
    assert catalogue.get("XERO46").category is Category.TRANSIENT


@pytest.mark.parametrize("number", ["XERO45", "XERO11"])
def test_an_expired_connection_is_repaired_by_the_xero_admin(number: str) -> None:
    code = catalogue.get(number)
    assert (code.actor, code.category) == (Actor.XERO_ADMIN, Category.CONNECTION)


@pytest.mark.parametrize("code", ["XERO42", "xero11", "", "11"])
def test_asking_for_a_code_that_is_not_there_says_so(code: str) -> None:
    with pytest.raises(catalogue.UnknownCode, match=re.escape(f"no code {code!r}")):
        catalogue.get(code)
