"""Times, amounts and counts in words, and the escape of text that somebody else wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|$:<>~])")
_ADDRESS = re.compile(r"(https?|ftp|www)(?=\\[:.])", re.IGNORECASE)
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
_AS_DATE_AFTER_SECONDS = 60 * 86_400


def now() -> datetime:
    """Return this moment, UTC-aware."""
    return datetime.now(UTC)


def exact(when: datetime) -> str:
    """Return a moment in full, in UTC: "22 Nov 2026, 09:03:12 UTC"."""
    return f"{when.astimezone(UTC):%-d %b %Y, %H:%M:%S} UTC"


def day(when: datetime) -> str:
    """Return the day of a moment, in UTC: "22 Nov 2026"."""
    return f"{when.astimezone(UTC):%-d %b %Y}"


def span(seconds: float) -> str:
    """Return a duration in its largest whole unit: "3 hours"; under a minute in seconds."""
    for unit_seconds, unit in _UNITS:
        if seconds >= unit_seconds:
            return plural(int(seconds // unit_seconds), unit)
    return plural(max(0, round(seconds)), "second")


def short_span(seconds: float) -> str:
    """Return how long an answer took: "0.4 seconds" under ten of them, else as `span` does."""
    return f"{max(0.0, seconds):.1f} seconds" if seconds < 10 else span(seconds)


def ago(when: datetime, *, at: datetime | None = None) -> str:
    """Return how long ago a moment was: "3 hours ago"; after two months, its day."""
    seconds = ((at or now()) - when).total_seconds()
    if seconds < 5:
        return "just now"
    return day(when) if seconds > _AS_DATE_AFTER_SECONDS else f"{span(seconds)} ago"


def due(when: datetime, *, at: datetime | None = None) -> str:
    """Return about when something will be: "in about 40 seconds", "at about 14:05 UTC tomorrow"."""
    seconds = (when - (at or now())).total_seconds()
    if seconds < 90:
        return f"in about {span(max(1, seconds))}" if seconds < 60 else "in about a minute"
    return f"at about {_clock(when, at or now())}"


def until(when: datetime, *, at: datetime | None = None) -> str:
    """Return until when something waits, with a comma before it; nothing where that is past."""
    seconds = (when - (at or now())).total_seconds()
    if seconds <= 0:
        return ""
    if seconds < 90:
        return f", for about {span(max(1, seconds)) if seconds < 60 else 'a minute'}"
    return f", until about {_clock(when, at or now())}"


def _clock(when: datetime, at: datetime) -> str:
    """Return the time of day, with the day where it is not today's."""
    then = when.astimezone(UTC)
    days = (then.date() - at.astimezone(UTC).date()).days
    day_ = {0: "", 1: " tomorrow"}.get(days, f" on {then:%-d %b %Y}")
    return f"{then:%H:%M} UTC{day_}"


def plural(number: int, noun: str) -> str:
    """Return a count with its noun: "1 export", "1,204 exports"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def money(amount: Decimal, currency: str) -> str:
    """Return an amount with its currency: "GBP 1,204.50"."""
    return f"{currency} {amount:,.2f}"


def sums(amounts: Mapping[str, Decimal], *, most: int = 3) -> str:
    """Return sums by currency, the largest first: "GBP 1,204.50 · USD 90.00 · 2 more currencies"."""
    largest = sorted(amounts.items(), key=lambda item: (-item[1], item[0]))
    parts = [money(amount, currency) for currency, amount in largest[:most]]
    if (more := len(largest) - most) > 0:
        parts.append(f"{more} more {'currency' if more == 1 else 'currencies'}")
    return " · ".join(parts) or "nothing"


def capital(text: str) -> str:
    """Return text as the beginning of a sentence; the rest keeps its case."""
    return text[:1].upper() + text[1:]


def plain(text: str) -> str:
    """Return text for a Markdown place such as a label, so that nothing in it is read as Markdown.

    Addresses would become links even when escaped: an invisible character keeps them apart.
    """
    escaped = _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
    return _ADDRESS.sub("\\1\u200b", escaped)
