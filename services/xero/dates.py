"""Xero's three ways to write a date or a moment."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")


def moment(text: str) -> datetime:
    """A UTC moment from `/Date(1552262400000+0000)/` or ISO 8601, which Xero writes without its zone."""
    found = _MILLISECONDS.fullmatch(text)
    if found:
        return _EPOCH + timedelta(milliseconds=int(found[1]))
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def day(text: str | None) -> date | None:
    """A calendar day, which Xero writes as midnight UTC."""
    return moment(text).date() if text else None
