"""Figures for managers, out of day rollups; a chart never reads raw rows.

The rollups are counted again for a day whenever something of that day changed: the change appends
the day to `stale_days` in its own transaction, and the worker takes it from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, delete, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from services import audit
from services.store import tables
from services.store.states import UNDELIVERED, IncidentState

OPENED = "incidents opened"
RESOLVED = "incidents resolved"
FAILED = "exports failed"
DELIVERED = "exports delivered"
PREVENTED = "expiries prevented"  #: one a workspace whose idle login was kept alive


@dataclass(frozen=True, slots=True)
class Headline:
    """The figures at the top of the incidents page."""

    open_now: int
    opened_7_days: int
    closed_7_days: int
    stuck_exports: int
    stuck_amounts: Mapping[str, Decimal]  #: by currency
    median_repair_hours: float | None  #: from opened to closed, of those closed in the last 30 days
    prevented_30_days: int  #: expiries prevented, one a workspace


def mark_stale(session: Session, *moments: datetime | None) -> None:
    """Note that the figures of these moments' days (UTC) must be counted again."""
    for day in {moment.astimezone(UTC).date() for moment in moments if moment is not None}:
        session.add(tables.StaleDay(day=day))


def recount_stale(session: Session) -> int:
    """Count every stale day again; return how many days that were."""
    stale = session.execute(select(tables.StaleDay.id, tables.StaleDay.day)).all()
    if stale:
        session.execute(delete(tables.StaleDay).where(tables.StaleDay.id.in_([row.id for row in stale])))
    days = {row.day for row in stale}
    for day in days:
        recount(session, day)
    return len(days)


def recount(session: Session, day: date) -> None:
    """Count one day (UTC) from the raw rows, replacing what was counted before."""
    session.execute(delete(tables.DailyFigure).where(tables.DailyFigure.day == day))
    incident, export = tables.Incident, tables.Export
    for figure, moment, cause in (
        (OPENED, incident.opened_at, incident.cause),
        (RESOLVED, incident.closed_at, incident.cause),
        (FAILED, export.failed_at, export.code),
        (DELIVERED, export.delivered_at, export.kind),
    ):
        _count_day(session, day, figure, moment, cause)
    kept_alive = tables.AuditEntry.action == audit.KEPT_ALIVE
    _count_day(session, day, PREVENTED, tables.AuditEntry.at, literal(""), kept_alive)


def _count_day(
    session: Session,
    day: date,
    figure: str,
    moment: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    cause: InstrumentedAttribute[Any] | ColumnElement[str],
    *which: ColumnElement[bool],
) -> None:
    begin = datetime.combine(day, time.min, UTC)
    of_day = (moment >= begin, moment < begin + timedelta(days=1), *which)
    rows = session.execute(select(cause, func.count()).where(*of_day).group_by(cause))
    session.add_all(
        tables.DailyFigure(day=day, figure=figure, cause=word or "", count=number) for word, number in rows
    )


def headline(session: Session, *, now: datetime) -> Headline:
    """Return the figures of this moment and of the last week."""
    week = _by_day(session, (OPENED, RESOLVED), days=7, today=now.date())
    amounts = session.execute(
        select(tables.Export.currency, func.count(), func.sum(tables.Export.amount))
        .where(tables.Export.state.in_(UNDELIVERED))
        .group_by(tables.Export.currency)
    ).all()
    return Headline(
        open_now=_open_now(session),
        opened_7_days=int(week[OPENED].sum()),
        closed_7_days=int(week[RESOLVED].sum()),
        stuck_exports=sum(number for _, number, _ in amounts),
        stuck_amounts={currency: amount for currency, _, amount in amounts},
        median_repair_hours=_median_repair_hours(session, since=now - timedelta(days=30)),
        prevented_30_days=int(_by_day(session, (PREVENTED,), days=30, today=now.date())[PREVENTED].sum()),
    )


def _open_now(session: Session) -> int:
    still_open = tables.Incident.state != IncidentState.CLOSED
    return session.scalar(select(func.count()).select_from(tables.Incident).where(still_open)) or 0


def _median_repair_hours(session: Session, *, since: datetime) -> float | None:
    rows = session.execute(
        select(tables.Incident.opened_at, tables.Incident.closed_at).where(tables.Incident.closed_at >= since)
    ).all()
    hours = pd.Series(
        [(closed - opened).total_seconds() / 3600 for opened, closed in rows if closed], dtype=float
    )
    return None if hours.empty else float(hours.median())


def incidents_by_day(session: Session, *, days: int, today: date) -> pd.DataFrame:
    """Return columns day, opened, resolved: one row a day (UTC), days without incidents included."""
    frame = _by_day(session, (OPENED, RESOLVED), days=days, today=today)
    return frame.rename(columns={OPENED: "opened", RESOLVED: "resolved"})


def exports_by_day(session: Session, *, days: int, today: date) -> pd.DataFrame:
    """Return columns day, failed, delivered: one row a day (UTC), days without exports included."""
    frame = _by_day(session, (FAILED, DELIVERED), days=days, today=today)
    return frame.rename(columns={FAILED: "failed", DELIVERED: "delivered"})


def incidents_by_cause(session: Session, *, days: int, today: date) -> pd.DataFrame:
    """Return columns cause, opened: the most frequent cause first."""
    return _by_cause(session, OPENED, ("cause", "opened"), days=days, today=today)


def failures_by_code(session: Session, *, days: int, today: date) -> pd.DataFrame:
    """Return columns code, failed: exports by the code of their last failure, the most frequent first."""
    return _by_cause(session, FAILED, ("code", "failed"), days=days, today=today)


def _by_day(session: Session, figures: Iterable[str], *, days: int, today: date) -> pd.DataFrame:
    every_day = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
    rows = session.execute(
        select(tables.DailyFigure.day, tables.DailyFigure.figure, func.sum(tables.DailyFigure.count))
        .where(tables.DailyFigure.day >= every_day[0], tables.DailyFigure.figure.in_(figures))
        .group_by(tables.DailyFigure.day, tables.DailyFigure.figure)
    )
    counts = {(day, figure): int(number) for day, figure, number in rows}
    columns = {figure: [counts.get((day, figure), 0) for day in every_day] for figure in figures}
    return pd.DataFrame({"day": every_day, **columns})


def _by_cause(
    session: Session, figure: str, columns: tuple[str, str], *, days: int, today: date
) -> pd.DataFrame:
    total = func.sum(tables.DailyFigure.count)
    rows = session.execute(
        select(tables.DailyFigure.cause, total)
        .where(tables.DailyFigure.figure == figure, tables.DailyFigure.day > today - timedelta(days=days))
        .group_by(tables.DailyFigure.cause)
        .order_by(total.desc(), tables.DailyFigure.cause)
    )
    return pd.DataFrame([(cause, int(number)) for cause, number in rows], columns=list(columns))
