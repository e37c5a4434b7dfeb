"""The filter of exports: each part narrows, they narrow together, and nobody sees what is not theirs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from services import exports, narrowing, planning
from services.exports import ExportFilter
from services.members import Member
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportKind, ExportState
from tests.integration.office import Office, Shop


@pytest.fixture
def two(office: Office) -> tuple[Shop, Shop]:
    """Two workspaces, the second of which broke twice, for two causes."""
    one, other = office.shop(), office.shop()
    with office.desk.store.begin() as session:
        for number, cause in enumerate(("expired", "disconnected")):
            session.add(
                tables.Incident(
                    id=f"incident-{number}",
                    workspace_id=other.workspace_id,
                    state="open" if number else "closed",
                    cause=cause,
                    code="XERO11",
                    detail="",
                    opened_at=utcnow(),
                )
            )
    return one, other


def arrange(office: Office, one: Shop, other: Shop) -> dict[str, int]:
    """Put one export of each kind into the workspaces, and return their ids by what is special about them."""
    day = utcnow() - timedelta(days=3)
    failed = ExportState.FAILED
    made = {
        "plain": office.exports(one, 1, state=failed, code="XERO11", spent_on=day)[0],
        "card": office.exports(one, 1, kind=ExportKind.BANK_TRANSACTION, spent_on=day)[0],
        "dear": office.exports(one, 1, amount=Decimal("900"), spent_on=day)[0],
        "cheap": office.exports(one, 1, amount=Decimal("0.01"), spent_on=day)[0],
        "old": office.exports(one, 1, spent_on=utcnow() - timedelta(days=40))[0],
        "new": office.exports(one, 1, state=failed, code="XERO27", spent_on=utcnow())[0],
        "expired": office.exports(other, 1, spent_on=day)[0],
        "disconnected": office.exports(other, 1, spent_on=day)[0],
    }
    office.change(tables.Export, made["expired"], incident_id="incident-0")
    office.change(tables.Export, made["disconnected"], incident_id="incident-1")
    # Approved long ago, but it failed today: its age counts from the failure.
    office.change(tables.Export, made["new"], approved_at=utcnow() - timedelta(days=90))
    return made


def found(office: Office, filter: ExportFilter, member: Member | None = None) -> set[int]:
    """Return what a filter finds: the page, its counts and a plan agree."""
    who = member or office.agent
    with office.desk.store.begin() as session:
        page = exports.search(session, who, filter)
        ids = {row.id for row in page.rows}
        assert page.total == len(ids)
        if ids:
            plan_id = planning.plan(session, who, filter=filter)
            planned = select(tables.PlanItem.export_id).where(tables.PlanItem.plan_id == plan_id)
            assert set(session.scalars(planned)) == ids
    return ids


IN_OTHER = {"expired", "disconnected"}
OF_THREE_DAYS = {"plain", "card", "dear", "cheap", *IN_OTHER}

#: What is asked for, and what is found of it.
NARROWED: list[tuple[dict[str, object], set[str]]] = [
    ({"workspace_id": "other"}, IN_OTHER),
    ({"organisation_id": "other"}, IN_OTHER),
    ({"incident_id": "incident-0"}, {"expired"}),
    ({"cause": "disconnected"}, {"disconnected"}),
    ({"kind": ExportKind.BANK_TRANSACTION}, {"card"}),
    ({"report_id": "of dear"}, {"dear"}),
    ({"amount_from": Decimal("900")}, {"dear"}),
    ({"amount_to": Decimal("0.01")}, {"cheap"}),
    ({"amount_from": Decimal("0.02"), "amount_to": Decimal("12.50"), "at_most_days": 1}, {"new"}),
    ({"at_least_days": 30}, {"old"}),
    ({"at_most_days": 1}, {"new"}),
    ({"at_least_days": 2, "at_most_days": 30}, OF_THREE_DAYS),
    ({"codes": ("XERO27",)}, {"new"}),
    ({"states": (ExportState.FAILED,), "at_least_days": 2}, {"plain"}),
    ({"workspace_id": "other", "cause": "expired", "states": (ExportState.WAITING,)}, {"expired"}),
    ({"workspace_id": "one", "incident_id": "incident-0"}, set()),
    ({"text": "visit", "workspace_id": "other", "incident_id": "incident-1"}, {"disconnected"}),
]


def test_each_part_narrows_and_all_parts_narrow_together(office: Office, two: tuple[Shop, Shop]) -> None:
    one, other = two
    made = arrange(office, one, other)
    real: dict[tuple[str, object], object] = {
        ("workspace_id", "one"): one.workspace_id,
        ("workspace_id", "other"): other.workspace_id,
        ("organisation_id", "other"): other.organisation_id,
        ("report_id", "of dear"): office.export(made["dear"]).report_id,
    }
    assert found(office, ExportFilter()) == set(made.values())
    for asked, expected in NARROWED:
        filled = {name: real.get((name, value), value) for name, value in asked.items()}
        narrowed = ExportFilter(**filled)  # type: ignore[arg-type]
        assert found(office, narrowed) == {made[name] for name in expected}, asked


def test_no_part_of_a_filter_shows_what_is_somebody_elses(office: Office, two: tuple[Shop, Shop]) -> None:
    one, other = two
    made = arrange(office, one, other)
    office.admin_leaves(other)
    foreign = [
        ExportFilter(workspace_id=other.workspace_id),
        ExportFilter(organisation_id=other.organisation_id),
        ExportFilter(incident_id="incident-0"),
        ExportFilter(cause="expired"),
        ExportFilter(report_id=office.export(made["expired"]).report_id),
    ]
    for filter in foreign:
        assert found(office, filter)
        assert found(office, filter, office.admin) == set()
        with office.desk.store.read() as session:
            names = narrowing.names(session, office.admin, filter)
        assert names == narrowing.Names(None, None, None)


def test_a_filter_is_said_in_words_with_names_for_ids(office: Office, two: tuple[Shop, Shop]) -> None:
    one, other = two
    arrange(office, one, other)
    wanted = ExportFilter(
        workspace_id=other.workspace_id,
        organisation_id=other.organisation_id,
        incident_id="incident-0",
        cause="expired",
        kind=ExportKind.BILL,
        amount_from=Decimal("1"),
        at_least_days=2,
    )
    name = other.organisation["name"]
    with office.desk.store.begin() as session:
        plan_id = planning.plan(session, office.agent, filter=wanted)
        scope = session.get_one(tables.RetryPlan, plan_id).scope
    assert scope == (
        f"All 1 that match: workspace Workspace of {name}; organisation {name}; "
        f"incident XERO11 of Workspace of {name} since {utcnow():%-d %b %Y}; connection expired; bill; "
        "from 1.00; failed at least 2 days ago"
    )


def test_what_is_delivered_is_counted_only_where_it_is_asked_for(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 2, state=ExportState.DELIVERED)
    office.exports(shop, 1)
    with office.desk.store.read() as session:
        owed = exports.search(session, office.agent, ExportFilter(states=(ExportState.WAITING,)))
        both = exports.search(session, office.agent, ExportFilter(states=(ExportState.DELIVERED,)))
    assert owed.states == {ExportState.WAITING: 1}
    assert both.states == {ExportState.WAITING: 1, ExportState.DELIVERED: 2}
