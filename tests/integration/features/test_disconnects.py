"""Disconnect: said beforehand, one organisation given back, whatever happens to Xero or the worker."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from services import (
    disconnects,
)
from services.declined import Declined
from services.due import Kind, due
from services.members import NotAllowed
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, Health
from tests.integration import crash
from tests.integration.features.leaving import (
    DELETE,
    KILLED,
    LATER,
    REVOKE,
    WHY,
    ask,
    connect_again,
    disconnect,
    is_forgotten,
    listed_at_xero,
    losses,
    number_of,
    told,
)
from tests.integration.office import Office

# Beforehand


def test_what_is_lost_is_said_beforehand(office: Office) -> None:
    shop, foreign = office.shop(), office.shop()
    sibling = office.branch(shop.user)
    office.exports(shop, 2, amount=Decimal("10.10"), state=ExportState.FAILED, code="XERO11")
    office.exports(shop, 3, state=ExportState.DELIVERED)
    [elsewhere] = office.exports(shop, 1)
    office.change(tables.Export, elsewhere, organisation_id=foreign.organisation_id)
    found = losses(office, shop)
    assert found.organisation_name == shop.organisation["name"]
    assert set(found.imported) >= {"account", "tax rate"}
    assert sum(found.imported.values()) > 10
    assert (found.waiting_count, found.waiting_amounts) == (2, {"GBP": Decimal("20.20")})
    assert (found.last_of_login, found.siblings, found.broken) == (False, 1, False)
    disconnect(office, sibling)
    assert (losses(office, shop).last_of_login, losses(office, shop).siblings) == (True, 0)
    office.break_login(shop)
    assert losses(office, shop).broken


def test_an_agent_may_not_disconnect(office: Office) -> None:
    shop = office.shop()
    with office.desk.store.begin() as session, pytest.raises(NotAllowed):
        disconnects.ask(session, office.agent, shop.workspace_id, reason=WHY)


def test_what_cannot_be_disconnected_is_declined_with_a_sentence(office: Office) -> None:
    shop = office.shop()
    office.branch(shop.user)
    never, retrying = office.shop(), office.shop()
    office.disown(never)
    office.exports(retrying, 1)
    office.retry(retrying)
    with pytest.raises(Declined, match="Say why"):
        ask(office, shop, reason=" ")
    with pytest.raises(Declined, match="not connected to Xero"):
        ask(office, never)
    with pytest.raises(Declined, match="A retry of this workspace is under way"):
        ask(office, retrying)
    with pytest.raises(Declined, match="1 other workspace uses the same Xero login"):
        ask(office, shop, revoke=True)
    ask(office, shop)
    with pytest.raises(Declined, match="has asked for that already"):
        ask(office, shop)


# Done


def test_one_connection_is_deleted_by_its_id_and_its_siblings_keep_working(office: Office) -> None:
    shop = office.shop()
    sibling, other = office.branch(shop.user), office.shop()
    grant_id = office.grant(shop).id
    calls = disconnect(office, shop)
    assert calls == {DELETE: 1}
    assert is_forgotten(office, shop)
    assert listed_at_xero(office, sibling) == [sibling.organisation_id]
    assert office.connection(sibling).grant_id == grant_id
    for kept in (sibling, other):
        office.sync(kept)
        assert office.connection(kept).health is Health.HEALTHY
    entry = told(office, shop)
    assert (entry.action, entry.actor, entry.reason) == ("disconnected", office.admin.email, WHY)


def test_all_that_was_imported_and_a_login_without_any_workspace_go(office: Office) -> None:
    shop, other = office.shop(), office.shop()
    disconnect(office, shop)
    with office.desk.store.read() as session:
        left = set(session.scalars(select(tables.ReferenceItem.organisation_id)))
        allowances = set(session.scalars(select(tables.Allowance.organisation_id)))
        organisation = session.get_one(tables.Organisation, shop.organisation_id)
    assert left == allowances == {other.organisation_id}
    assert organisation.imported_at is None
    assert number_of(office, tables.Grant) == 1


def test_a_login_keeps_its_access_unless_a_person_asked_to_end_it(office: Office) -> None:
    first, second = office.shop(), office.shop()
    assert REVOKE not in disconnect(office, first)
    assert disconnect(office, second, revoke=True) == {DELETE: 1, REVOKE: 1}
    assert is_forgotten(office, second)
    assert number_of(office, tables.Grant) == 0


def test_a_login_that_another_workspace_came_to_stand_on_meanwhile_keeps_its_access(office: Office) -> None:
    shop, late = office.shop(), office.shop()
    grant_id = office.grant(shop).id
    ask(office, shop, revoke=True)
    office.change(tables.Connection, late.workspace_id, grant_id=grant_id)
    office.xero.control("DELETE", "/calls")
    office.work_off()
    assert office.all_calls()["by_path"] == {DELETE: 1}
    assert is_forgotten(office, shop)
    assert office.grant(late).id == grant_id


def test_a_connection_that_is_gone_at_xero_counts_as_given_back(office: Office) -> None:
    shop = office.shop()
    office.disconnect(shop)
    disconnect(office, shop)
    assert is_forgotten(office, shop)
    assert told(office, shop).data["told"]


@pytest.mark.parametrize("known", [None, "b7c0f0de-0000-4000-8000-00000000000a"])
def test_a_connection_that_xero_knows_under_another_id_is_given_back_too(
    office: Office, known: str | None
) -> None:
    shop = office.shop()
    sibling = office.branch(shop.user)
    office.change(tables.Connection, shop.workspace_id, xero_connection_id=known)
    disconnect(office, shop)
    assert listed_at_xero(office, sibling) == [sibling.organisation_id]


def test_a_login_that_has_ended_is_forgotten_here_and_it_is_said_that_xero_does_not_know(
    office: Office,
) -> None:
    shop = office.shop()
    sibling = office.branch(shop.user)
    office.break_login(shop)
    calls = disconnect(office, shop)
    assert DELETE not in calls
    assert is_forgotten(office, shop)
    assert office.connection(shop).detail == disconnects.NOT_TOLD
    assert "Settings > Connected apps" in told(office, shop).summary
    assert office.connection(sibling).grant_id is not None


@pytest.mark.parametrize(
    "trouble",
    [{"status": 503}, {"status": 500}, {"reset": "before"}, {"reset": "after"}, {"status": 429}],
    ids=str,
)
def test_what_xero_does_not_answer_is_tried_again_later_by_itself(
    office: Office, trouble: dict[str, Any]
) -> None:
    shop = office.shop()
    office.xero.control("POST", "/faults", method="DELETE", path="/connections/", **trouble)
    disconnect(office, shop)
    row = office.connection(shop)
    assert row.leaving_at is not None
    assert row.leaving_trouble
    assert row.leaving_due_at is not None
    assert row.leaving_due_at > utcnow()
    office.work_off(ahead=LATER)
    assert is_forgotten(office, shop)


def test_our_own_misconfigured_app_is_one_banner_and_the_disconnect_waits(office: Office) -> None:
    shop = office.shop()
    office.change(tables.Grant, office.grant(shop).id, expires_at=utcnow())
    with office.xero_refuses_our_app():
        disconnect(office, shop)
    assert number_of(office, tables.Notice) == 1
    assert office.connection(shop).leaving_at is not None
    office.work_off(ahead=LATER)
    assert is_forgotten(office, shop)


# Killed


@pytest.mark.parametrize("revoke", [False, True])
@pytest.mark.parametrize("commit", [1, 2])
def test_a_worker_killed_at_any_commit_leaves_a_disconnect_that_is_made_good(
    office: Office, commit: int, revoke: bool
) -> None:
    shop = office.shop()
    ask(office, shop, revoke=revoke)
    worker = crash.start(office.desk.settings, dies_at_commit=commit)
    worker.join()
    assert worker.exitcode == KILLED
    assert not is_forgotten(office, shop)
    office.work_off(ahead=LATER)
    assert is_forgotten(office, shop)
    assert told(office, shop).data == {"told": True, "revoked": revoke}
    assert number_of(office, tables.Grant) == 0


def test_a_worker_killed_while_its_call_is_on_the_way_does_no_harm(office: Office) -> None:
    shop = office.shop()
    sibling = office.branch(shop.user)
    ask(office, shop)
    office.xero.control("POST", "/faults", method="DELETE", path="/connections/", delay_seconds=1.5)
    worker = crash.start(office.desk.settings)
    while office.xero.control("GET", "/faults"):
        assert worker.is_alive()
    worker.kill()
    worker.join()
    office.work_off(ahead=LATER)
    assert is_forgotten(office, shop)
    assert office.connection(sibling).health is Health.HEALTHY


def test_it_is_told_to_the_engine_under_a_new_id_each_time_and_in_its_organisations_lane(
    office: Office,
) -> None:
    shop = office.shop()
    ids = set()
    for _ in range(2):
        ask(office, shop)
        with office.desk.store.read() as session:
            [work] = due(session, now=utcnow())
        assert (work.kind, work.partition) == (Kind.DISCONNECT, shop.organisation_id)
        disconnects.queue_stranded_again(office.desk, *work.arguments)  # type: ignore[arg-type]
        with office.desk.store.read() as session:
            [again] = due(session, now=utcnow() + LATER)
        ids |= {work.id, again.id}
        office.work_off(ahead=LATER)
        connect_again(office, shop)
    assert len(ids) == 4
