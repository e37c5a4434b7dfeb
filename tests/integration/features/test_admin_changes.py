"""A change of the Xero admin: asked for by the customer, decided by support, used once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine

from services import admin_changes, audit, syncs
from services.admin_changes import UnknownChange
from services.declined import Declined
from services.members import Member, NotAllowed, UnknownWorkspace
from services.refusals import RefusalKind
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ChangeState, Health, ReconnectState, Role
from tests.integration.office import Office, Shop
from tests.integration.trips import leave, reconnect
from tests.patience import until

WHY, REASON = "Ada left on 30 September", "Called the owner back, ticket 4411"


def ask(office: Office, shop: Shop, member: Member | None = None) -> str:
    with office.desk.store.begin() as session:
        return admin_changes.ask(session, member or office.admin, shop.workspace_id, WHY)


def decide(office: Office, change_id: str, *, approve: bool = True, member: Member | None = None) -> None:
    with office.desk.store.begin() as session:
        admin_changes.decide(session, member or office.agent, change_id, approve=approve, reason=REASON)


def approve(office: Office, shop: Shop) -> str:
    change_id = ask(office, shop)
    decide(office, change_id)
    return change_id


def stored(office: Office, change_id: str) -> tables.AdminChange:
    with office.desk.store.read() as session:
        return session.get_one(tables.AdminChange, change_id)


def other_admin(office: Office, shop: Shop) -> dict[str, object]:
    return office.xero.user({shop.organisation_id: "Adviser"}, given_name="Otto", family_name="Other")


def test_an_approved_change_lets_another_user_of_the_same_organisation_in_once(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    before = office.grant(shop)
    change_id = approve(office, shop)
    assert reconnect(office, shop, user=other_admin(office, shop)).state is ReconnectState.VERIFIED
    office.work_off()
    after = office.grant(shop)
    assert office.connection(shop).health is Health.HEALTHY
    assert (after.id != before.id, after.full_name) == (True, "Otto Other")
    change = stored(office, change_id)
    assert change.state is ChangeState.USED
    assert str(change.used_by).startswith("Otto Other")
    third = office.xero.user({shop.organisation_id: "Adviser"})
    assert reconnect(office, shop, user=third).refusal == RefusalKind.OTHER_USER


def test_the_login_that_was_replaced_is_forgotten_and_its_connection_given_back(office: Office) -> None:
    shop = office.shop()
    before = office.grant(shop)
    approve(office, shop)
    office.xero.control("DELETE", "/calls")
    reconnect(office, shop, user=other_admin(office, shop))
    with office.desk.store.read() as session:
        assert session.get(tables.Grant, before.id) is None
    assert [path for path in office.all_calls()["by_path"] if path.startswith("DELETE /connections")]
    assert not [path for path in office.all_calls()["by_path"] if "revocation" in path]


def test_the_login_that_was_replaced_stays_where_other_workspaces_stand_on_it(office: Office) -> None:
    shop = office.shop()
    sibling = office.branch(shop.user)
    before = office.grant(shop)
    approve(office, shop)
    reconnect(office, shop, user=other_admin(office, shop))
    assert office.connection(sibling).grant_id == before.id
    office.work_off()
    office.sync(sibling)
    assert office.connection(sibling).health is Health.HEALTHY


def test_a_change_never_lets_another_organisation_in(office: Office) -> None:
    shop = office.shop()
    change_id = approve(office, shop)
    elsewhere = office.xero.organisation()
    user = office.xero.user({shop.organisation_id: "Adviser", elsewhere["id"]: "Adviser"})
    refused = reconnect(office, shop, user=user, organisation=elsewhere)
    assert refused.refusal == RefusalKind.OTHER_ORGANISATION
    assert stored(office, change_id).state is ChangeState.APPROVED


@pytest.mark.parametrize("answer", [None, False], ids=["not answered", "declined"])
def test_without_an_approval_another_user_is_refused(office: Office, answer: bool | None) -> None:
    shop = office.shop()
    change_id = ask(office, shop)
    if answer is not None:
        decide(office, change_id, approve=answer)
    assert reconnect(office, shop, user=other_admin(office, shop)).refusal == RefusalKind.OTHER_USER


def test_the_login_used_before_is_accepted_meanwhile_and_ends_the_change(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    change_id = approve(office, shop)
    assert reconnect(office, shop).state is ReconnectState.VERIFIED
    assert stored(office, change_id).state is ChangeState.EXPIRED
    assert reconnect(office, shop, user=other_admin(office, shop)).refusal == RefusalKind.OTHER_USER


def test_an_approval_that_nobody_uses_ends_after_a_week(office: Office) -> None:
    shop = office.shop()
    change_id = approve(office, shop)
    with time_machine.travel(utcnow() + timedelta(days=7, minutes=1)):
        with office.desk.store.read() as session:
            seen = admin_changes.latest(session, office.admin, shop.workspace_id)
        assert seen is not None
        assert (seen.state, seen.open) == (ChangeState.EXPIRED, False)
        assert admin_changes.expire(office.desk) == 1
        assert admin_changes.expire(office.desk) == 0
    assert stored(office, change_id).state is ChangeState.EXPIRED
    assert reconnect(office, shop, user=other_admin(office, shop)).refusal == RefusalKind.OTHER_USER


def test_asking_twice_is_one_change_and_both_words_and_answers_are_in_the_history(office: Office) -> None:
    shop = office.shop()
    assert ask(office, shop) == ask(office, shop)
    decide(office, ask(office, shop))
    with office.desk.store.read() as session:
        told = [(e.action, e.actor, e.reason) for e in audit.history(session, shop.workspace_id)]
    assert ("change of Xero admin asked for", office.admin.email, WHY) in told
    assert ("change of Xero admin approved", office.agent.email, REASON) in told


def test_a_change_is_answered_once(office: Office) -> None:
    change_id = approve(office, office.shop())
    with pytest.raises(Declined, match="approved already"):
        decide(office, change_id, approve=False)


def test_nobody_decides_on_their_own_change(office: Office) -> None:
    shop = office.shop()
    change_id = ask(office, shop)
    office.change(tables.AdminChange, change_id, asked_by=office.agent.email)
    with pytest.raises(Declined, match="yourself"):
        decide(office, change_id)


def test_a_change_that_was_taken_back_is_over(office: Office) -> None:
    shop = office.shop()
    change_id = approve(office, shop)
    with office.desk.store.begin() as session:
        admin_changes.withdraw(session, office.admin, shop.workspace_id)
    assert stored(office, change_id).state is ChangeState.EXPIRED
    with office.desk.store.read() as session:
        assert not admin_changes.is_approved(session, shop.workspace_id)


@pytest.mark.parametrize("reason", ["", "   ", "\n"])
def test_asking_and_deciding_both_need_a_reason(office: Office, reason: str) -> None:
    shop = office.shop()
    change_id = ask(office, shop)
    with office.desk.store.begin() as session:
        with pytest.raises(Declined, match="Say why"):
            admin_changes.ask(session, office.admin, shop.workspace_id, reason)
        with pytest.raises(Declined, match="how you know"):
            admin_changes.decide(session, office.agent, change_id, approve=True, reason=reason)


def test_only_the_customer_asks_and_only_support_decides(office: Office) -> None:
    shop = office.shop()
    change_id = ask(office, shop)
    for member in (office.agent, office.manager):
        with pytest.raises(NotAllowed):
            ask(office, shop, member)
    for member in (
        office.admin,
        office.manager,
        Member("g@shop.example", "G", Role.GUEST, shop.workspace_id),
    ):
        with pytest.raises(NotAllowed):
            decide(office, change_id, member=member)
    office.admin_leaves(shop)
    with pytest.raises(UnknownWorkspace):
        ask(office, shop)
    with pytest.raises(UnknownChange):
        decide(office, "no-such-change")


def test_support_sees_what_waits_for_an_answer_and_others_do_not(office: Office) -> None:
    shop = office.shop()
    change_id = ask(office, shop)
    with office.desk.store.read() as session:
        assert [change.id for change in admin_changes.waiting(session, office.agent)] == [change_id]
        assert admin_changes.waiting(session, office.admin) == []
    decide(office, change_id)
    with office.desk.store.read() as session:
        assert admin_changes.waiting(session, office.agent) == []


def test_leaving_for_xero_under_an_approval_still_names_the_login_used_before(office: Office) -> None:
    shop = office.shop()
    approve(office, shop)
    assert leave(office, shop).query["login_hint"] == shop.user["email"]


def test_a_sync_of_the_login_that_was_replaced_says_nothing_about_the_new_one(office: Office) -> None:
    shop = office.shop()
    approve(office, shop)
    trip = leave(office, shop)
    answer = trip.consent(other_admin(office, shop))
    with office.desk.store.begin() as session:
        syncs.enqueue(session, shop.workspace_id, requested_by=office.admin.email)
    office.xero.control("POST", "/faults", method="GET", path="/connections", delay_seconds=1.0)
    with ThreadPoolExecutor(1) as worker:
        done = worker.submit(office.work_off)
        until_running(office, shop)
        trip.come_back(answer)
        done.result()
    office.work_off()
    assert office.connection(shop).health is Health.HEALTHY
    assert office.incident(shop) is None


def until_running(office: Office, shop: Shop) -> None:
    """Wait until the sync is at Xero."""
    until(lambda: any(stage.label == syncs.CHECKING for stage in office.last_sync(shop).stages))
