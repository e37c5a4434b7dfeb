"""Times, amounts and counts read as a person would say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from dashboard.parts import words

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "just now"),
        (-30, "just now"),  # clocks of two machines differ
        (40, "40 seconds ago"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (3600, "1 hour ago"),
        (49 * 3600, "2 days ago"),
        (100 * 86_400, "14 Aug 2026"),  # nobody counts a hundred days
    ],
)
def test_ages(seconds: int, said: str) -> None:
    assert words.ago(NOW - timedelta(seconds=seconds), at=NOW) == said


@pytest.mark.parametrize(
    ("seconds", "due", "until"),
    [
        (-5, "in about 1 second", ""),
        (40, "in about 40 seconds", ", for about 40 seconds"),
        (75, "in about a minute", ", for about a minute"),
        (3600, "at about 10:30 UTC", ", until about 10:30 UTC"),
        (86_400 - 3600, "at about 08:30 UTC tomorrow", ", until about 08:30 UTC tomorrow"),
        (4 * 86_400, "at about 09:30 UTC on 26 Nov 2026", ", until about 09:30 UTC on 26 Nov 2026"),
    ],
)
def test_what_is_to_come(seconds: int, due: str, until: str) -> None:
    when = NOW + timedelta(seconds=seconds)

    assert words.due(when, at=NOW) == due
    assert words.until(when, at=NOW) == until


def test_the_exact_time_is_in_utc() -> None:
    assert words.exact(NOW) == "22 Nov 2026, 09:30:00 UTC"


@pytest.mark.parametrize(("number", "said"), [(0, "0 exports"), (1, "1 export"), (12345, "12,345 exports")])
def test_counts(number: int, said: str) -> None:
    assert words.plural(number, "export") == said


def test_sums_name_the_largest_currencies_first() -> None:
    amounts = {"GBP": Decimal(5), "USD": Decimal("1204.5"), "NZD": Decimal(7), "AUD": Decimal(1)}

    assert words.sums(amounts, most=2) == "USD 1,204.50 · NZD 7.00 · 2 more currencies"
    assert words.sums(amounts, most=3).endswith(" · 1 more currency")
    assert words.sums({}) == "nothing"


@pytest.mark.parametrize(
    "hostile", ["**bold**", "[x](http://evil)", ":red[x]", "$x$", "![](http://evil/x.png)", "<b>", "`x`"]
)
def test_nothing_in_plain_text_is_read_as_markdown(hostile: str) -> None:
    escaped = words.plain(hostile)

    for position, letter in enumerate(escaped):
        if letter in "*[]():$!<>`":
            assert escaped[position - 1] == "\\"


@pytest.mark.parametrize("address", ["https://evil.example", "HTTP://evil.example", "www.evil.example"])
def test_an_address_in_plain_text_becomes_no_link(address: str) -> None:
    assert "\u200b" in words.plain(address)
    assert words.plain("awwward https") == "awwward https"
