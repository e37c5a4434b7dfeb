"""The reconnect wizard: the article's steps, ticked by what was observed, wherever one looks from."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from services import retries
from services.article import RECONNECT_STEPS
from services.members import NotAllowed, UnknownWorkspace
from services.refusals import RefusalKind
from services.releasing import retry_plan
from services.steps import StepState
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportKind, ExportState, Health, ReconnectState
from services.wizard import Act, WizardView, wizard
from tests.integration.office import Office, Shop
from tests.integration.trips import leave, reconnect


def look(office: Office, shop: Shop) -> WizardView:
    """Return what the workspace's admin sees; looking twice shows the same."""
    with office.desk.store.read() as session:
        seen = wizard(session, office.admin, shop.workspace_id)
        assert wizard(session, office.admin, shop.workspace_id) == seen
        assert not session.new
        assert not session.dirty
    return seen


def done(view: WizardView) -> int:
    """Return how many of the twelve steps are behind; those after the current one are all to do."""
    states = [step.state for step in (*view.reconnect_steps, *view.retry_steps)]
    behind = {StepState.DONE, StepState.NOT_NEEDED}
    count = sum(state in behind for state in states)
    assert set(states[:count]) <= behind
    assert states.count(StepState.CURRENT) == (0 if count == len(states) else 1)
    assert count == len(states) or states[count] is StepState.CURRENT
    return count


def owed(view: WizardView) -> int:
    """Return how many exports still wait."""
    return view.workspace.stuck_count


def start_retry(office: Office, shop: Shop) -> str:
    with office.desk.store.begin() as session:
        plan_id = retry_plan(session, office.admin, shop.workspace_id)
    with office.desk.store.begin() as session:
        retries.start(session, office.admin, plan_id, "after the reconnect")
    return plan_id


def test_the_whole_story_step_by_step(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    assert (look(office, shop).act, done(look(office, shop))) == (Act.RETRY, 11)

    office.break_login(shop)
    view = look(office, shop)
    assert (view.act, done(view), owed(view)) == (Act.RECONNECT, 4, 2)
    assert "XERO11" in str(view.reconnect_steps[3].note)
    assert shop.user["email"] in str(view.reconnect_steps[5].note)

    trip = leave(office, shop)
    view = look(office, shop)
    assert (view.act, done(view), view.state) == (Act.AT_XERO, 5, ReconnectState.SENT_TO_XERO)

    trip.come_back(trip.consent())
    view = look(office, shop)
    assert (view.act, done(view), view.state) == (Act.WAIT, 10, ReconnectState.VERIFIED)
    assert str(view.reconnect_steps[6].note).startswith("Same organisation and same Xero login")

    office.work_off()
    view = look(office, shop)
    assert (view.act, done(view), owed(view)) == (Act.RETRY, 11, 2)

    start_retry(office, shop)
    view = look(office, shop)
    assert view.act is Act.WAIT
    assert view.plan is not None

    office.work_off()
    view = look(office, shop)
    assert (view.act, done(view), owed(view)) == (Act.DONE, 12, 0)
    assert view.outcome is not None
    assert (view.outcome.arrived_total, view.outcome.left_total) == (2, 0)
    assert set(office.states(ids)) == {ExportState.DELIVERED}

    with time_machine.travel(utcnow() + timedelta(hours=25)):
        view = look(office, shop)
    assert (view.act, done(view)) == (Act.NONE, 12)


def test_a_healthy_workspace_that_never_broke_has_nothing_to_repair(office: Office) -> None:
    view = look(office, office.shop())
    assert (view.act, view.refusal, view.reconnect_id) == (Act.NONE, None, None)


def test_a_workspace_that_healed_without_the_wizard_has_nothing_to_repair(office: Office) -> None:
    shop = office.shop()
    reconnect(office, shop)
    office.break_login(shop)
    office.repair(shop)
    assert office.incident(shop) is not None
    assert look(office, shop).act is Act.NONE


def test_before_the_first_sync_found_out_the_wizard_begins_with_sync_now(office: Office) -> None:
    shop = office.shop()
    office.change(tables.Connection, shop.workspace_id, health=Health.EXPIRED, code="XERO11")
    view = look(office, shop)
    assert (view.act, done(view)) == (Act.SYNC, 3)
    assert view.reconnect_steps[3].text.web == "Click Sync Now."


def test_a_refused_return_leads_back_to_reconnect_and_says_why(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    other = office.xero.user({shop.organisation_id: "Adviser"})
    reconnect(office, shop, user=other)
    view = look(office, shop)
    assert (view.act, done(view)) == (Act.RECONNECT, 4)
    assert view.refusal is not None
    assert view.refusal.kind == RefusalKind.OTHER_USER
    leave(office, shop)
    assert look(office, shop).refusal is None  # a new try forgets the old answer


def test_a_return_refused_before_any_sync_failed_leads_back_to_reconnect_too(office: Office) -> None:
    shop = office.shop()
    office.disown(shop)
    leave(office, shop).come_back(leave(office, shop).cancel())
    assert look(office, shop).act is Act.RECONNECT


def test_somebody_still_at_xero_does_not_hide_that_the_connection_healed_meanwhile(office: Office) -> None:
    first = office.shop()
    second = office.branch(first.user)
    office.break_login(first)
    office.sync(second)
    leave(office, second)
    assert look(office, second).act is Act.AT_XERO
    reconnect(office, first)
    office.work_off()
    assert look(office, second).act is not Act.AT_XERO


def test_xero_going_down_right_after_the_reconnect_asks_for_a_sync_not_for_another_login(
    office: Office,
) -> None:
    shop = office.shop()
    office.break_login(shop)
    reconnect(office, shop)
    office.xero.control("PUT", "/maintenance", mode="maintenance")
    office.work_off()
    view = look(office, shop)
    assert (view.act, done(view)) == (Act.SYNC_AGAIN, 10)
    office.xero.control("PUT", "/maintenance", mode="none")
    office.sync(shop)
    assert look(office, shop).act is Act.DONE


def test_a_connection_that_breaks_again_after_its_reconnect_asks_for_a_login_again(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    office.break_login(shop)
    reconnect(office, shop)
    office.work_off()
    office.break_login(shop)
    view = look(office, shop)
    assert (view.act, done(view)) == (Act.RECONNECT, 4)


def test_a_sync_error_of_another_kind_asks_for_a_sync_not_for_a_login(office: Office) -> None:
    shop = office.shop()
    office.fault(shop, "GET", "Accounts", status=200, body='{"Accounts":[]}')
    office.sync(shop)
    assert look(office, shop).act is Act.SYNC_AGAIN


def test_the_way_to_xero_is_ticked_only_where_somebody_went_it(office: Office) -> None:
    shop = office.shop()
    office.fault(shop, "GET", "Accounts", status=500)
    office.sync(shop)
    to_xero = [step.state for step in look(office, shop).reconnect_steps[4:]]
    assert to_xero == [StepState.NOT_NEEDED] * 3
    office.break_login(shop)
    reconnect(office, shop)
    office.work_off()
    assert {step.state for step in look(office, shop).reconnect_steps} == {StepState.DONE}


@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        (ExportKind.BILL, "accounting.invoices"),
        (ExportKind.BANK_TRANSACTION, "accounting.banktransactions"),
    ],
)
def test_a_permission_that_only_exports_need_asks_for_a_login_not_for_sync_after_sync(
    office: Office, kind: ExportKind, scope: str
) -> None:
    shop = office.shop()
    ids = office.exports(shop, 1, kind=kind)
    office.xero.control("POST", f"/users/{shop.user['id']}/scopes/remove", scope=scope)
    start_retry(office, shop)
    office.work_off()
    assert office.connection(shop).health is Health.MISSING_SCOPE
    assert look(office, shop).act is Act.SYNC
    office.sync(shop)
    assert office.connection(shop).health is Health.MISSING_SCOPE
    assert look(office, shop).act is Act.RECONNECT
    reconnect(office, shop)
    office.work_off()
    assert look(office, shop).act is Act.RETRY
    start_retry(office, shop)
    office.work_off()
    assert office.states(ids) == [ExportState.DELIVERED]


def test_a_workspace_never_connected_is_led_through_the_same_steps(office: Office) -> None:
    shop = office.shop()
    office.disown(shop)
    office.sync(shop)
    assert look(office, shop).act is Act.RECONNECT
    reconnect(office, shop)
    office.work_off()
    assert look(office, shop).act is Act.NONE
    assert str(look(office, shop).reconnect_steps[6].note).startswith("Connected to this organisation")


def test_a_reconnect_left_behind_by_an_earlier_incident_does_not_hide_the_new_one(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    leave(office, shop)
    earlier = office.incident(shop)
    assert earlier is not None
    office.change(tables.Incident, earlier.id, state="closed", closed_at=utcnow())
    office.sync(shop)
    trip = leave(office, shop)
    trip.come_back(trip.cancel())
    view = look(office, shop)
    assert view.refusal is not None
    assert view.refusal.kind == RefusalKind.CANCELLED


def test_an_agent_watches_and_sees_the_login_masked(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    with office.desk.store.read() as session:
        seen = wizard(session, office.agent, shop.workspace_id)
    assert not seen.may_act
    assert look(office, shop).may_act
    assert shop.user["email"] not in repr(seen)


def test_a_refusal_shows_whole_addresses_to_the_workspaces_own_admin_alone(office: Office) -> None:
    shop = office.shop()
    other = office.xero.user({shop.organisation_id: "Adviser"})
    reconnect(office, shop, user=other)
    assert other["email"] in repr(look(office, shop).refusal)
    for member in (office.agent, office.manager):
        with office.desk.store.read() as session:
            seen = wizard(session, member, shop.workspace_id)
        assert seen.refusal is not None
        assert "Ada Moss" in seen.refusal.text
        assert not [email for email in (other["email"], shop.user["email"]) if email in repr(seen)]


def test_a_foreign_admin_sees_nothing_and_a_manager_may_not_plan_a_retry(office: Office) -> None:
    shop = office.shop()
    office.admin_leaves(shop)
    with office.desk.store.begin() as session:
        with pytest.raises(UnknownWorkspace):
            wizard(session, office.admin, shop.workspace_id)
        with pytest.raises(UnknownWorkspace):
            retry_plan(session, office.admin, shop.workspace_id)
        with pytest.raises(NotAllowed):
            retry_plan(session, office.manager, shop.workspace_id)


def test_the_plan_of_the_last_step_holds_everything_that_waits_and_stays_with_the_reconnect(
    office: Office,
) -> None:
    shop = office.shop()
    office.exports(shop, 3)
    office.exports(shop, 1, state=ExportState.FAILED, code="XERO11")
    office.break_login(shop)
    reconnect(office, shop)
    office.work_off()
    with office.desk.store.begin() as session:
        plan_id = retry_plan(session, office.admin, shop.workspace_id)
    view = look(office, shop)
    assert view.plan is not None
    assert (view.plan.id, sum(line.count for line in view.plan.lines)) == (plan_id, 4)
    assert len(view.reconnect_steps) == len(RECONNECT_STEPS)
