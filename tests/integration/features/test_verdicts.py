"""Plans: which exports a retry would act on, and why not the others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from services import catalogue, planning, plans, results, retries, runs, verdicts
from services.declined import Declined
from services.exports import ExportFilter
from services.members import NotAllowed
from services.store import tables
from services.store.engine import utcnow
from services.store.states import CAN_EXPORT, ExportKind, ExportState, Health, ReceiptState, Verdict
from tests.integration.office import LONG_AGO, Office, Shop

MEGABYTE = 1024 * 1024
SEND, LOOK, FIX, NEVER = Verdict.WILL_SEND, Verdict.LOOK_UP, Verdict.FIX_FIRST, Verdict.NEVER

#: Code: the verdict on an export that failed with it after the last sync, and after a later sync.
CODES = {
    "XERO01": (LOOK, LOOK),  # it may have arrived
    "XERO08": (FIX, FIX),  # only the report itself can be mended, and is imported anew
    "XERO11": (SEND, SEND),  # the connection works again
    "XERO12": (SEND, SEND),
    "XERO14": (FIX, FIX),
    "XERO27": (SEND, SEND),  # what was imported fits now
    "XERO31": (LOOK, LOOK),  # it was paid in Xero, so it is there
    "XERO33": (SEND, SEND),
    "XERO44": (NEVER, NEVER),
    "XERO45": (SEND, SEND),
    "XERO46": (LOOK, LOOK),
    "XERO52": (SEND, SEND),
    "XERO56": (SEND, SEND),  # waiting was enough
    "XERO68": (SEND, SEND),  # the imported currencies have it
    "XERO73": (FIX, SEND),
    "XERO76": (NEVER, NEVER),
    "XERO78": (SEND, SEND),
    "XERO83": (FIX, FIX),
    "XERO84": (SEND, SEND),
    "XERO87": (SEND, SEND),
    "XERO93": (SEND, SEND),
    "XERO95": (SEND, SEND),
    "XERO99": (SEND, SEND),
}


def verdict(office: Office, export_id: int) -> tuple[Verdict, str]:
    with office.desk.store.begin() as session:
        plan_id = planning.plan(session, office.agent, export_ids=[export_id])
    return office.verdicts(plan_id)[export_id]


def test_each_code_has_its_verdict_before_and_after_a_sync(office: Office) -> None:
    assert CODES.keys() == catalogue.CODES.keys()
    shop = office.shop()
    by_code = {
        code: office.exports(shop, 1, state=ExportState.FAILED, code=code, spent_on=utcnow())[0]
        for code in CODES
    }
    for wanted in (0, 1):
        found = office.verdicts(office.plan(shop))
        assert {code: found[i][0] for code, i in by_code.items()} == {c: v[wanted] for c, v in CODES.items()}
        for code, export_id in by_code.items():
            if found[export_id][0] in (FIX, NEVER):
                assert found[export_id][1] == f"{code}: {catalogue.get(code).fix}"
        office.sync(shop)


def test_each_state_has_its_verdict(office: Office) -> None:
    shop = office.shop()
    expected = {
        ExportState.WAITING: SEND,
        ExportState.HELD: SEND,
        ExportState.FAILED: SEND,
        ExportState.SENDING: LOOK,
        ExportState.IN_DOUBT: LOOK,
        ExportState.DELIVERED: Verdict.ALREADY_IN_XERO,
        ExportState.SET_ASIDE: NEVER,
    }
    ids = {state: office.exports(shop, 1, state=state)[0] for state in ExportState}
    found = office.verdicts(office.plan(shop))
    assert {state: found[export_id][0] for state, export_id in ids.items()} == expected


def test_only_a_connection_that_can_export_gets_anything_sent(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    reconnect = Verdict.DISCONNECTED, "Reconnect first."
    expected = dict.fromkeys(CAN_EXPORT, (SEND, "Nothing stands in the way.")) | {
        Health.EXPIRED: reconnect,
        Health.DISCONNECTED: reconnect,
        Health.WRONG_ROLE: reconnect,
        Health.MISSING_SCOPE: reconnect,
        Health.NEEDS_ORGANISATION: reconnect,
        Health.NOT_CONNECTED: (Verdict.DISCONNECTED, "the export can go to no other."),
        Health.SYNC_ERROR: (Verdict.DISCONNECTED, "then sync. You need not reconnect."),
    }
    for health in Health:
        with office.desk.store.begin() as session:
            connection = session.get_one(tables.Connection, shop.workspace_id)
            connection.health, connection.code = health, "XERO73"
        found, reason = verdict(office, export_id)
        assert (health, found) == (health, expected[health][0])
        assert reason.endswith(expected[health][1])


def test_an_export_of_another_organisation_is_never_sent(office: Office) -> None:
    shop, other = office.shop(), office.shop()
    (export_id,) = office.exports(shop, 1)
    with office.desk.store.begin() as session:
        session.get_one(tables.Export, export_id).organisation_id = other.organisation_id
    found, reason = verdict(office, export_id)
    assert found is NEVER
    assert "connected to before" in reason


def _line(**values: str | None) -> Callable[[Office, Shop], None]:
    def change(office: Office, _shop: Shop) -> None:
        with office.desk.store.begin() as session:
            session.execute(update(tables.ReportLine).values(**values))

    return change


def _no_card_account(office: Office, shop: Shop) -> None:
    with office.desk.store.begin() as session:
        session.get_one(tables.Workspace, shop.workspace_id).card_account = None
        session.execute(update(tables.Export).values(kind=ExportKind.BANK_TRANSACTION))


def _receipt(office: Office, export_id: int, size_bytes: int) -> int:
    with office.desk.store.begin() as session:
        receipt = tables.Receipt(
            export_id=export_id,
            file_name="taxi.pdf",
            content_type="application/pdf",
            size_bytes=size_bytes,
            sha256="",
            state=ReceiptState.WAITING,
        )
        session.add(receipt)
        session.flush()
        return receipt.id


def _large_receipt(office: Office, _shop: Shop) -> None:
    with office.desk.store.read() as session:
        (export_id,) = session.scalars(select(tables.Export.id))
    _receipt(office, export_id, 11 * MEGABYTE)


@pytest.mark.parametrize(
    ("code", "break_it", "says"),
    [
        ("XERO27", _line(account_code="999"), "Category 999 of Parkway Cabs"),
        ("XERO52", _line(account_code=""), "No category: Parkway Cabs"),
        ("XERO95", _line(tax_type="OUTPUT2"), "OUTPUT2 cannot be used with account 493"),
        ("XERO78", _line(tracking_category="Region", tracking_option="Atlantis"), "Atlantis (Region)"),
        ("XERO83", _line(merchant="Taxi\x0b"), "U+000B"),
        ("XERO01", _line(merchant=""), "no merchant"),
        ("XERO87", _no_card_account, "none is chosen"),
        ("XERO08", _large_receipt, "taxi.pdf"),
    ],
)
def test_what_xero_would_refuse_is_said_before_and_costs_no_call(
    office: Office, code: str, break_it: Callable[[Office, Shop], None], says: str
) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    break_it(office, shop)
    office.xero.control("DELETE", "/calls")
    found, reason = verdict(office, export_id)
    assert found is FIX
    assert reason.startswith(f"{code}: ")
    assert says in reason
    assert office.calls(shop)["total"] == 0


def test_a_locked_period_has_a_verdict_of_its_own_with_both_dates(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1, spent_on=datetime(2026, 3, 3, tzinfo=UTC))
    path = f"/organisations/{shop.organisation_id}"
    office.xero.control("PATCH", path, period_lock_date="2026-03-31", end_of_year_lock_date="2025-12-31")
    office.sync(shop)
    found, reason = verdict(office, export_id)
    assert found is Verdict.LOCKED
    assert reason.startswith("XERO33: The report is dated 3 Mar 2026, ")
    assert "locked up to 31 Mar 2026 (period lock date)" in reason


@pytest.mark.parametrize(("state", "code"), [(ExportState.IN_DOUBT, None), (ExportState.FAILED, "XERO01")])
def test_what_may_have_arrived_is_looked_up_and_what_comes_first_otherwise_is_said(
    office: Office, state: ExportState, code: str | None
) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1, state=state, code=code, account="999")
    found, reason = verdict(office, export_id)
    assert found is LOOK
    assert reason.startswith("It may have arrived: Xero is asked")
    assert "this comes first: XERO27: Category 999 of Parkway Cabs" in reason


def test_what_stands_in_the_way_is_told_by_its_code(office: Office) -> None:
    shop = office.shop()
    ids = [
        *office.exports(shop, 1),
        *office.exports(shop, 1, account="999"),
        *office.exports(shop, 1, state=ExportState.FAILED, code="XERO14"),
        *office.exports(shop, 1, state=ExportState.FAILED, code="XERO44"),
    ]
    office.change(tables.Export, ids[0], message="XERO27: of an earlier try")
    with office.desk.store.read() as session:
        judged = list(verdicts.judge(session, ids))
    assert [each.code for each in judged] == [None, "XERO27", "XERO14", "XERO44"]


@pytest.mark.parametrize("synced", [False, True])
def test_a_receipt_that_was_too_large_no_longer_stands_in_the_way_once_it_is_small(
    office: Office, synced: bool
) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1, state=ExportState.FAILED, code="XERO08", spent_on=utcnow())
    receipt_id = _receipt(office, export_id, 11 * MEGABYTE)
    assert verdict(office, export_id)[0] is FIX
    office.change(tables.Receipt, receipt_id, size_bytes=MEGABYTE)
    if synced:
        office.sync(shop)
    assert verdict(office, export_id)[0] is SEND


def test_a_plan_counts_verdicts_and_money_by_currency(office: Office) -> None:
    pounds, dollars = office.shop(), office.shop(country="US", currency="USD")
    office.exports(pounds, 2, amount=Decimal("10.10"))
    office.exports(dollars, 1, amount=Decimal("0.0001"))
    office.exports(dollars, 1, state=ExportState.DELIVERED)
    with office.desk.store.begin() as session:
        session.execute(update(tables.ReportLine).values(tax_type=None))
        plan_id = planning.plan(session, office.agent, filter=ExportFilter())
        view = plans.view(session, office.agent, plan_id)
    lines = {line.verdict: (line.count, dict(line.amounts)) for line in view.lines}
    assert lines == {
        SEND: (3, {"GBP": Decimal("20.20"), "USD": Decimal("0.0001")}),
        Verdict.ALREADY_IN_XERO: (1, {"USD": Decimal("12.50")}),
    }
    assert (view.total, view.goes, view.estimate.calls) == (4, 3, 2)
    assert view.scope == "All 4 that match: everything"


def test_a_filter_takes_in_every_page_and_nothing_else(office: Office) -> None:
    shop = office.shop()
    wanted = office.exports(shop, 60, state=ExportState.FAILED, code="XERO11")
    office.exports(shop, 3, state=ExportState.FAILED, code="XERO27")
    chosen = ExportFilter(codes=("XERO11",), states=(ExportState.FAILED,), page=2, page_size=10)
    with office.desk.store.begin() as session:
        plan_id = planning.plan(session, office.agent, filter=chosen)
        view = plans.view(session, office.agent, plan_id)
        rows, total = plans.items(session, office.agent, plan_id, page=2, page_size=50)
    assert view.scope == "All 60 that match: failed; XERO11"
    assert sorted(office.verdicts(plan_id)) == wanted
    assert (len(rows), total) == (10, 60)


def test_a_plan_lists_the_oldest_report_first_and_narrows_to_a_verdict(office: Office) -> None:
    shop = office.shop()
    (new,) = office.exports(shop, 1)
    (old,) = office.exports(shop, 1, spent_on=utcnow() - 2 * LONG_AGO)
    (bad,) = office.exports(shop, 1, account="999", spent_on=utcnow() - 3 * LONG_AGO)
    plan_id = office.plan(shop)
    with office.desk.store.read() as session:
        every, _ = plans.items(session, office.agent, plan_id)
        going, total = plans.items(session, office.agent, plan_id, verdicts=[SEND])
    assert [row.export_id for row in every] == [bad, old, new]
    assert ([row.export_id for row in going], total) == ([old, new], 2)


def test_an_admin_plans_for_their_own_workspaces_only(office: Office) -> None:
    own, foreign = office.shop(), office.shop()
    mine, theirs = office.exports(own, 1), office.exports(foreign, 1)
    with office.desk.store.begin() as session:
        session.delete(session.get_one(tables.WorkspaceAdmin, (foreign.workspace_id, office.admin.email)))
    with office.desk.store.begin() as session:
        by_id = planning.plan(session, office.admin, export_ids=mine + theirs)
        by_filter = planning.plan(session, office.admin, filter=ExportFilter())
        foreign_plan = planning.plan(session, office.agent, export_ids=theirs)
    assert list(office.verdicts(by_id)) == list(office.verdicts(by_filter)) == mine
    with office.desk.store.begin() as session:
        for act in (plans.view, plans.items, planning.leftovers, results.file_rows):
            with pytest.raises(runs.UnknownPlan):
                act(session, office.admin, foreign_plan)
        with pytest.raises(runs.UnknownPlan):
            retries.start(session, office.admin, foreign_plan, "")


def test_an_empty_set_is_refused_with_a_sentence(office: Office) -> None:
    with office.desk.store.begin() as session:
        for ids in ([], [12345]):
            with pytest.raises(Declined, match="Nothing is selected"):
                planning.plan(session, office.agent, export_ids=ids)
        with pytest.raises(Declined, match="Nothing is selected"):
            planning.plan(session, office.agent, filter=ExportFilter(text="nothing of that name"))


def test_a_plan_of_which_nothing_can_be_sent_does_not_start(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 1, account="999")
    plan_id = office.plan(shop)
    with pytest.raises(Declined, match="Nothing of this plan can be sent"):
        office.start(plan_id)
    with office.desk.store.read() as session:
        assert session.scalars(select(tables.RetryRun)).all() == []


def test_a_manager_may_neither_plan_nor_start(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    plan_id = office.plan(shop)
    with office.desk.store.begin() as session:
        with pytest.raises(NotAllowed):
            planning.plan(session, office.manager, filter=ExportFilter())
        with pytest.raises(NotAllowed):
            retries.start(session, office.manager, plan_id, "")
