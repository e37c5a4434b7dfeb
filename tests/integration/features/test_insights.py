"""Figures: what the charts show is what the raw rows say, counted another way."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pandas as pd
import pytest
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from services import connections, insights
from services.connections import Trouble
from services.store import tables
from services.store.engine import new_id, utcnow
from services.store.states import ExportState, Health, IncidentState
from tests.integration.office import Office, Shop

TODAY = date(2026, 3, 1)  # the day before is the last of a February
NOON = datetime.combine(TODAY, time(12), UTC)
DAYS = 10


def incident(office: Office, shop: Shop, cause: Health, opened: datetime, closed: datetime | None) -> None:
    with office.desk.store.begin() as session:
        session.add(
            tables.Incident(
                id=new_id(),
                workspace_id=shop.workspace_id,
                state=IncidentState.CLOSED if closed else IncidentState.OPEN,
                cause=cause.value,
                code="XERO11",
                detail="",
                opened_at=opened,
                closed_at=closed,
            )
        )
        insights.mark_stale(session, opened, closed)


def made_up_past(office: Office) -> None:
    """Ten days of incidents and exports, some right at midnight (UTC)."""
    dice, shop = random.Random(7), office.shop()
    for _ in range(30):
        opened = NOON - timedelta(hours=dice.randrange(24 * DAYS)) + timedelta(hours=12)
        cause = dice.choice([Health.EXPIRED, Health.DISCONNECTED])
        incident(office, shop, cause, opened, opened + timedelta(hours=dice.randrange(1, 50)))
    ids = office.exports(shop, 40, state=ExportState.FAILED, code="XERO11")
    with office.desk.store.begin() as session:
        for export_id in ids:
            export = session.get_one(tables.Export, export_id)
            export.failed_at = NOON - timedelta(hours=12 * dice.randrange(2 * DAYS))
            export.code = dice.choice(["XERO11", "XERO27"])
            if dice.random() < 0.5:
                export.state = ExportState.DELIVERED
                export.delivered_at = export.failed_at + timedelta(hours=dice.randrange(30))
            insights.mark_stale(session, export.failed_at, export.delivered_at)


def raw(
    office: Office, column: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]
) -> pd.Series:
    """Count the raw rows of each of the last days with pandas."""
    with office.desk.store.read() as session:
        moments = pd.to_datetime(pd.Series([m for m in session.scalars(select(column)) if m]), utc=True)
    days = pd.date_range(end=pd.Timestamp(TODAY), periods=DAYS, freq="D").date
    return moments.dt.date.value_counts().reindex(days, fill_value=0)


def recount(office: Office) -> int:
    with office.desk.store.begin() as session:
        return insights.recount_stale(session)


def test_every_day_figure_equals_the_raw_rows(office: Office) -> None:
    made_up_past(office)
    recount(office)
    with office.desk.store.read() as session:
        found = insights.incidents_by_day(session, days=DAYS, today=TODAY)
        sent = insights.exports_by_day(session, days=DAYS, today=TODAY)
    assert list(found["opened"]) == list(raw(office, tables.Incident.opened_at))
    assert list(found["resolved"]) == list(raw(office, tables.Incident.closed_at))
    assert list(sent["failed"]) == list(raw(office, tables.Export.failed_at))
    assert list(sent["delivered"]) == list(raw(office, tables.Export.delivered_at))
    assert list(found["day"]) == list(raw(office, tables.Incident.opened_at).index)
    assert found["opened"].sum() > 0
    assert sent["delivered"].sum() > 0


def test_causes_and_codes_are_counted_the_most_frequent_first(office: Office) -> None:
    made_up_past(office)
    recount(office)
    with office.desk.store.read() as session:
        causes = insights.incidents_by_cause(session, days=DAYS, today=TODAY)
        codes = insights.failures_by_code(session, days=DAYS, today=TODAY)
        raw_causes = pd.Series(list(session.scalars(select(tables.Incident.cause)))).value_counts()
        raw_codes = pd.Series(list(session.scalars(select(tables.Export.code)))).value_counts()
    assert dict(zip(causes["cause"], causes["opened"], strict=True)) == raw_causes.to_dict()
    assert dict(zip(codes["code"], codes["failed"], strict=True)) == raw_codes.to_dict()
    assert list(codes["failed"]) == sorted(codes["failed"], reverse=True)


def test_days_without_anything_are_there_with_zero(office: Office) -> None:
    with office.desk.store.read() as session:
        frame = insights.incidents_by_day(session, days=3, today=TODAY)
        empty = insights.incidents_by_cause(session, days=3, today=TODAY)
    assert frame.to_dict("list") == {
        "day": [TODAY - timedelta(days=2), TODAY - timedelta(days=1), TODAY],
        "opened": [0, 0, 0],
        "resolved": [0, 0, 0],
    }
    assert list(empty.columns) == ["cause", "opened"]
    assert empty.empty


def test_a_day_is_counted_again_when_something_of_it_changed_and_only_then(office: Office) -> None:
    shop = office.shop()
    recount(office)
    incident(office, shop, Health.EXPIRED, NOON, NOON)
    assert recount(office) == 1
    assert recount(office) == 0
    incident(office, shop, Health.EXPIRED, NOON - timedelta(days=1), NOON)
    assert recount(office) == 2
    with office.desk.store.read() as session:
        frame = insights.incidents_by_day(session, days=2, today=TODAY)
    assert (list(frame["opened"]), list(frame["resolved"])) == ([1, 1], [0, 2])


def test_an_incident_whose_cause_turns_out_otherwise_is_counted_under_the_new_one(office: Office) -> None:
    shop = office.shop()
    for health in (Health.EXPIRED, Health.DISCONNECTED):
        with office.desk.store.begin() as session:
            trouble = Trouble(health, "XERO11", "Broken.")
            connections.record_trouble(session, shop.workspace_id, trouble, now=utcnow())
        recount(office)
    with office.desk.store.read() as session:
        causes = insights.incidents_by_cause(session, days=2, today=utcnow().date())
    assert causes.to_dict("list") == {"cause": ["disconnected"], "opened": [1]}


def test_a_real_retry_shows_in_the_figures(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 3)
    (bad,) = office.exports(shop, 1)
    plan_id = office.plan(shop)
    with office.desk.store.begin() as session:
        line = session.scalars(select(tables.ReportLine).where(tables.ReportLine.export_id == bad)).one()
        line.account_code = "999"
    office.start(plan_id)
    office.work_off()
    recount(office)
    with office.desk.store.read() as session:
        frame = insights.exports_by_day(session, days=1, today=utcnow().date())
    assert (list(frame["failed"]), list(frame["delivered"])) == ([1], [3])


def test_the_headline_tells_what_is_open_stuck_and_how_long_repair_takes(office: Office) -> None:
    pounds, dollars = office.shop(), office.shop(currency="USD")
    office.exports(pounds, 2, amount=Decimal("10.10"))
    office.exports(dollars, 1, state=ExportState.HELD, amount=Decimal("0.05"))
    office.exports(dollars, 4, state=ExportState.DELIVERED)
    office.exports(dollars, 4, state=ExportState.SET_ASIDE)
    for hours in (2, 4, 9):
        incident(office, pounds, Health.EXPIRED, NOON - timedelta(days=2, minutes=hours), None)
        with office.desk.store.begin() as session:
            row = session.scalars(select(tables.Incident).where(tables.Incident.closed_at.is_(None))).one()
            row.state, row.closed_at = IncidentState.CLOSED, row.opened_at + timedelta(hours=hours)
            insights.mark_stale(session, row.closed_at)
    long_ago = NOON - timedelta(days=60)
    incident(office, pounds, Health.EXPIRED, long_ago, long_ago + timedelta(days=9))
    incident(office, dollars, Health.EXPIRED, NOON - timedelta(hours=1), None)
    recount(office)
    with office.desk.store.read() as session:
        found = insights.headline(session, now=NOON)
    assert (found.open_now, found.opened_7_days, found.closed_7_days) == (1, 4, 3)
    assert found.stuck_exports == 3
    assert found.stuck_amounts == {"GBP": Decimal("20.20"), "USD": Decimal("0.05")}
    assert found.median_repair_hours == pytest.approx(4.0)


def test_without_any_repair_there_is_no_median(office: Office) -> None:
    with office.desk.store.read() as session:
        assert insights.headline(session, now=NOON).median_repair_hours is None
