"""What Xero says beside the body: limits, waiting times and the id its support asks for."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

MINUTE_REMAINING = "X-MinLimit-Remaining"
DAY_REMAINING = "X-DayLimit-Remaining"
APP_MINUTE_REMAINING = "X-AppMinLimit-Remaining"

# Documented as minute, day, concurrent, appminute; other spellings have been seen.
_LIMITS = {"daily": "day", "app": "appminute"}


def whole_number(headers: Mapping[str, str], name: str) -> int | None:
    """The header's value when it is a whole number of zero or more."""
    value = httpx.Headers(headers).get(name, "").strip()
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    seconds = whole_number(headers, "Retry-After")
    return None if seconds is None else float(seconds)


def exhausted_limit(headers: Mapping[str, str]) -> str | None:
    """The limit that a 429 names: minute, day, concurrent or appminute."""
    name = httpx.Headers(headers).get("X-Rate-Limit-Problem", "").strip().lower().replace("-", "")
    return _LIMITS.get(name, name) or None


def correlation_id(headers: Mapping[str, str]) -> str | None:
    return httpx.Headers(headers).get("Xero-Correlation-Id", "") or None
