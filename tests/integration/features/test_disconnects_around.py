"""Disconnect: nothing new starts meanwhile, and afterwards what is owed stays its own organisation's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services import (
    admin_changes,
    closing,
    pausing,
    reconnects,
    retries,
    syncs,
    upkeep,
    verdicts,
    waiting,
)
from services.declined import Declined
from services.links import course
from services.links.door import Answer
from services.links.link import Ended
from services.store import tables
from services.store.engine import utcnow
from services.store.states import (
    ChangeState,
    ExportState,
    Health,
    IncidentState,
    ReconnectState,
    SyncState,
    Verdict,
)
from tests.integration.features.leaving import (
    WHY,
    ask,
    connect_again,
    disconnect,
    is_forgotten,
)
from tests.integration.features.ledger import assert_each_once
from tests.integration.invited import broken, come_in, copied, guest, links_of, look
from tests.integration.office import Office

# Meanwhile


def test_while_it_leaves_nothing_new_starts(office: Office) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    early = office.plan(shop)
    with office.desk.store.begin() as session:
        queued = syncs.request(session, office.agent, shop.workspace_id)
    ask(office, shop)
    day_ago = utcnow() - timedelta(hours=25)
    office.change(tables.Connection, shop.workspace_id, verified_at=day_ago, last_synced_at=day_ago)
    with office.desk.store.begin() as session, pytest.raises(Declined, match="being disconnected"):
        syncs.request(session, office.agent, shop.workspace_id)
    with office.desk.store.begin() as session, pytest.raises(Declined, match="being disconnected"):
        retries.start(session, office.agent, early, "month end")
    found, reason = office.verdicts(office.plan(shop))[export_id]
    assert (found, reason) == (Verdict.DISCONNECTED, pausing.LEAVING)
    turns: list[Callable[[Any], int]] = [upkeep.queue_syncs, upkeep.verify_grants, waiting.export_waiting]
    assert [turn(office.desk) for turn in turns] == [0, 0, 0]
    office.work_off()
    last = office.last_sync(shop)
    assert (last.id, last.state) == (queued, SyncState.FAILED)
    assert "being disconnected" in (last.message or "")
    assert office.states([export_id]) == [ExportState.WAITING]


def test_a_verification_at_that_moment_takes_the_disconnect_for_no_break(office: Office) -> None:
    shop = office.shop()
    sibling = office.branch(shop.user)
    grant_id = office.grant(shop).id
    ask(office, shop)
    office.disconnect(shop)  # Xero took it back, and we do not know yet
    upkeep.verify(office.desk, grant_id)
    office.work_off()
    upkeep.verify(office.desk, grant_id)
    assert (office.incident(shop), office.incident(sibling)) == (None, None)
    assert is_forgotten(office, shop)


# Afterwards


def test_no_link_change_or_reconnect_of_before_leads_into_it_any_more(office: Office) -> None:
    shop, other = office.shop(), office.shop()
    broken(office, shop, other)
    secret, kept = copied(office, shop), copied(office, other)
    inside = come_in(office, secret, office.admin.email).guest
    with office.desk.store.begin() as session:
        admin_changes.ask(session, office.admin, shop.workspace_id, "The login is gone.")
        reconnect_id = reconnects.start(session, office.admin, shop.workspace_id)
        other_id = reconnects.start(session, office.admin, other.workspace_id)
    disconnect(office, shop)
    assert guest(office, inside) is None
    ended, lives = look(office, secret), look(office, kept)
    assert (ended.answer, ended.reason) == (Answer.REVOKED, Ended.DISCONNECTED)
    assert lives.answer is Answer.ASK
    with office.desk.store.read() as session:
        change = admin_changes.latest(session, office.admin, shop.workspace_id)
        assert change is not None
        assert change.state is ChangeState.EXPIRED
        assert session.get_one(tables.Reconnect, reconnect_id).state is ReconnectState.ABANDONED
        assert session.get_one(tables.Reconnect, other_id).state is ReconnectState.STARTED


def test_whoever_can_still_read_how_a_repair_went_is_out_after_a_disconnect(office: Office) -> None:
    shop = office.shop()
    broken(office, shop)
    inside = come_in(office, copied(office, shop), office.admin.email).guest
    with office.desk.store.begin() as session:
        course.mark_authorised(session, shop.workspace_id, office.admin.email, utcnow())
        course.mark_verified(session, shop.workspace_id, utcnow())
    disconnect(office, shop)
    assert guest(office, inside) is None
    assert [link.ended_reason for link in links_of(office, shop)] == [Ended.DISCONNECTED]


def test_what_waits_stays_with_its_organisation_and_goes_when_that_is_connected_again(office: Office) -> None:
    shop = office.shop()
    approved = office.exports(shop, 1)
    failed = office.exports(shop, 1, state=ExportState.FAILED, code="XERO11")
    disconnect(office, shop)
    assert waiting.export_waiting(office.desk) == 0
    assert set(office.verdicts(office.plan(shop)).values()) == {
        (Verdict.DISCONNECTED, verdicts.NOT_CONNECTED)
    }
    connect_again(office, shop)
    office.sync(shop)
    assert waiting.export_waiting(office.desk) == 1
    office.retry(shop)
    office.work_off()
    assert_each_once(office, shop, [*approved, *failed])


def test_what_waits_never_goes_to_another_organisation(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    disconnect(office, shop)
    other = office.xero.organisation()
    office.xero.control("PUT", f"/users/{shop.user['id']}/roles", organisation=other["id"], role="Adviser")
    connect_again(office, shop, other)
    office.sync(shop)
    assert office.connection(shop).health is Health.HEALTHY
    assert waiting.export_waiting(office.desk) == 0
    assert {verdict for verdict, _ in office.verdicts(office.plan(shop)).values()} == {Verdict.NEVER}
    assert office.states(ids) == [ExportState.WAITING] * 2


def test_an_incident_stays_open_as_long_as_exports_are_owed(office: Office) -> None:
    owing, owing_nothing = office.shop(), office.shop()
    [export_id] = office.exports(owing, 1)
    for shop in (owing, owing_nothing):
        office.break_login(shop)
        disconnect(office, shop)
    still, closed = office.incident(owing), office.incident(owing_nothing)
    assert still is not None
    assert closed is not None
    assert still.state is not IncidentState.CLOSED
    assert closed.state is IncidentState.CLOSED
    with office.desk.store.begin() as session:
        closing.set_aside(session, office.admin, export_id, "By hand.")
    still = office.incident(owing)
    assert still is not None
    assert still.state is IncidentState.CLOSED


def test_a_pause_outlives_a_disconnect(office: Office) -> None:
    shop = office.shop()
    with office.desk.store.begin() as session:
        pausing.pause(session, office.agent, shop.workspace_id, WHY)
    disconnect(office, shop)
    assert is_forgotten(office, shop)
    assert office.connection(shop).paused_at is not None
