"""Times of day as the viewer's own clock shows them, with the name of the time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from dashboard.parts import words


def zone() -> tzinfo:
    """Return the time zone of the viewer's browser; UTC where it does not say."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def zone_name() -> str:
    """Return the name of the viewer's time zone: "Europe/London"."""
    return str(zone())


def today() -> date:
    """Return the viewer's day."""
    return words.now().astimezone(zone()).date()


def moment_of(day: date, at: time) -> datetime:
    """Return the moment that a day and a time of the viewer's clock mean."""
    return datetime.combine(day, at, zone())


def at(when: datetime) -> str:
    """Return a moment to plan by: "today at 14:05", "tomorrow at 09:00", "27 Nov 2026 at 09:00"."""
    local = when.astimezone(zone())
    days = {today(): "today", today() + timedelta(days=1): "tomorrow"}
    return f"{days.get(local.date(), f'{local:%-d %b %Y}')} at {local:%H:%M}"
