"""What the wizard says beside its steps: what is needed, who heals along, what came of it, and what moved."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from services import admin_changes, reconnects, releasing
from services.needs import NeedState
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, Health, ReconnectState, Verdict
from services.wizard import Act, WizardView, stamp, wizard
from tests.integration.office import Office, Shop
from tests.integration.trips import leave, reconnect


def look(office: Office, shop: Shop) -> WizardView:
    with office.desk.store.read() as session:
        return wizard(session, office.admin, shop.workspace_id)


def stamp_of(office: Office, shop: Shop) -> str:
    with office.desk.store.read() as session:
        return stamp(session, office.admin, shop.workspace_id)


# Needs


def test_the_organisation_and_the_login_are_named_before_leaving(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    needs = {need.title: need for need in look(office, shop).needs}
    assert shop.organisation["name"] in needs["Organisation"].text
    assert shop.user["email"] in needs["Xero login"].text
    assert needs["Relink's Xero app"].state is NeedState.CHECKED
    assert needs["Second factor"].state is NeedState.ASK


def test_an_agent_reads_the_same_with_the_address_masked(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    with office.desk.store.read() as session:
        needs = wizard(session, office.agent, shop.workspace_id).needs
    assert shop.user["email"] not in repr(needs)
    assert "Ada Moss" in repr(needs)


def test_an_approved_change_and_our_own_app_in_trouble_are_said_too(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    with office.desk.store.begin() as session:
        change_id = admin_changes.ask(session, office.admin, shop.workspace_id, "Ada left")
    with office.desk.store.begin() as session:
        admin_changes.decide(session, office.agent, change_id, approve=True, reason="Called back")
    trip = leave(office, shop)
    answer = trip.consent()
    with office.xero_refuses_our_app():
        trip.come_back(answer)
    needs = {need.title: need for need in look(office, shop).needs}
    assert "accepted once" in needs["Xero login"].text
    assert needs["Relink's Xero app"].state is NeedState.WARNING


# Siblings


def test_the_workspaces_that_heal_along_are_listed_with_their_own_state(office: Office) -> None:
    first = office.shop()
    second = office.branch(first.user)
    office.break_login(first)
    office.sync(second)
    assert [sibling.health for sibling in look(office, first).siblings.seen] == [Health.EXPIRED]
    reconnect(office, first)
    assert [sibling.syncing for sibling in look(office, first).siblings.seen] == [True]
    office.work_off()
    [healed] = look(office, first).siblings.seen
    assert (healed.workspace_id, healed.health) == (second.workspace_id, Health.HEALTHY)


def test_a_sibling_that_nobody_had_found_broken_is_proved_as_well(office: Office) -> None:
    first = office.shop()
    second = office.branch(first.user)
    before = office.last_sync(second).id
    office.break_login(first)
    assert office.connection(second).health is Health.HEALTHY  # nobody asked yet
    reconnect(office, first)
    assert office.last_sync(second).id != before


def test_a_sibling_that_a_person_paused_is_left_alone(office: Office) -> None:
    first = office.shop()
    second = office.branch(first.user)
    office.break_login(first)
    office.sync(second)
    before = office.last_sync(second).id
    office.change(tables.Connection, second.workspace_id, paused_at=utcnow(), paused_by="ada@relink.example")
    reconnect(office, first)
    office.work_off()
    assert office.last_sync(second).id == before
    assert [sibling.paused for sibling in look(office, first).siblings.seen] == [True]


def test_an_open_wizard_shows_a_sibling_that_heals_later(office: Office) -> None:
    first = office.shop()
    second = office.branch(first.user)
    office.change(tables.Connection, second.workspace_id, health=Health.EXPIRED)
    before = stamp_of(office, first)
    office.sync(second)
    assert stamp_of(office, first) != before


def test_siblings_of_other_customers_are_counted_and_not_named(office: Office) -> None:
    first = office.shop()
    foreign = office.branch(first.user)
    office.admin_leaves(foreign)
    found = look(office, first).siblings
    assert (found.seen, found.unseen) == ((), 1)
    with office.desk.store.read() as session:
        for_agent = wizard(session, office.agent, first.workspace_id).siblings
    assert [sibling.workspace_id for sibling in for_agent.seen] == [foreign.workspace_id]


# The end


def finished(office: Office) -> tuple[Shop, list[int], int]:
    """Return a repaired workspace, the exports that arrived, and one that needs a person."""
    shop = office.shop()
    arrived = office.exports(shop, 2)
    [stays] = office.exports(shop, 1, account="no-such-account")
    office.break_login(shop)
    reconnect(office, shop)
    office.work_off()
    with office.desk.store.begin() as session:
        plan_id = releasing.retry_plan(session, office.admin, shop.workspace_id)
        releasing.release(session, office.admin, shop.workspace_id, plan_id)
    office.work_off()
    return shop, arrived, stays


def test_the_end_links_what_arrived_and_says_what_the_rest_needs(office: Office) -> None:
    shop, arrived, stays = finished(office)
    found = look(office, shop).outcome
    assert found is not None
    assert [row.id for row in found.arrived] == arrived
    assert all(str(row.xero_link).startswith("https://go.xero.com/") for row in found.arrived)
    assert [row.id for row in found.left] == [stays]
    assert found.needs[stays].startswith("XERO27: ")  # why it was not sent now, not why it failed before
    assert look(office, shop).act is Act.RETRY  # not done while one needs a person


def test_the_summary_for_the_ticket_says_what_when_and_how_much(office: Office) -> None:
    shop, _, stays = finished(office)
    found = look(office, shop).outcome
    assert found is not None
    for part in (
        shop.organisation["name"],
        shop.workspace_id,
        "XERO11 (Connection expired) since",
        f"Reconnected by {office.admin.email}",
        "Arrived in Xero: 2, worth GBP 25.00",
        "Still needs a person: 1",
        office.export(stays).number,
    ):
        assert part in found.summary
    assert shop.user["email"] not in found.summary


# Release


def test_only_what_was_left_ticked_is_sent(office: Office) -> None:
    shop = office.shop()
    first, second = office.exports(shop, 2)
    office.break_login(shop)
    reconnect(office, shop)
    office.work_off()
    with office.desk.store.begin() as session:
        plan_id = releasing.retry_plan(session, office.admin, shop.workspace_id)
    foreign = office.exports(office.shop(), 1)
    with office.desk.store.begin() as session:
        ids = [second, *foreign]
        releasing.release(session, office.admin, shop.workspace_id, plan_id, ids)
    with office.desk.store.begin() as session:  # a second press
        releasing.release(session, office.admin, shop.workspace_id, plan_id, [first])
    office.work_off()
    assert office.states([first, second]) == [ExportState.HELD, ExportState.DELIVERED]
    assert office.states(foreign) == [ExportState.WAITING]


# What moved


def test_the_stamp_changes_with_every_step_that_anybody_takes_and_only_then(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    seen = [stamp_of(office, shop)]

    def moved() -> bool:
        seen.append(stamp_of(office, shop))
        return len(set(seen)) == len(seen) and stamp_of(office, shop) == seen[-1]

    office.break_login(shop)
    assert moved()
    trip = leave(office, shop)
    assert moved()
    trip.come_back(trip.cancel())
    assert moved()
    with office.desk.store.begin() as session:
        admin_changes.ask(session, office.admin, shop.workspace_id, "Ada left")
    assert moved()
    assert reconnect(office, shop).state is ReconnectState.VERIFIED
    assert moved()
    office.work_off()
    assert moved()
    with office.desk.store.begin() as session:
        plan_id = releasing.retry_plan(session, office.admin, shop.workspace_id)
    with office.desk.store.begin() as session:
        releasing.release(session, office.admin, shop.workspace_id, plan_id)
    assert moved()


def test_two_windows_at_the_retry_step_in_the_same_instant_make_one_plan(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 2)
    office.break_login(shop)
    reconnect(office, shop)
    office.work_off()
    ready = Barrier(2)

    def come(_window: int) -> None:
        ready.wait()
        with office.desk.store.begin() as session:
            releasing.plan_once(session, office.admin, shop.workspace_id)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(come, range(2)))
    with office.desk.store.read() as session:
        assert session.query(tables.RetryPlan).count() == 1


def test_a_release_of_what_is_in_another_retry_follows_that_one(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 2)
    office.break_login(shop)
    reconnect(office, shop)
    office.work_off()
    with office.desk.store.begin() as session:
        shown = releasing.retry_plan(session, office.admin, shop.workspace_id)
    running = office.retry(shop)
    with office.desk.store.begin() as session:
        releasing.release(session, office.admin, shop.workspace_id, shown)
        followed = reconnects.latest(session, shop.workspace_id)
        assert followed is not None
        assert followed.plan_id == running


def test_a_release_of_what_is_in_a_retry_of_other_workspaces_too_leaves_the_wizard_to_its_admin(
    office: Office,
) -> None:
    shop, other = office.shop(), office.shop()
    for each in (shop, other):
        office.exports(each, 1)
    office.admin_leaves(other)
    office.break_login(shop)
    reconnect(office, shop)
    office.work_off()
    with office.desk.store.begin() as session:
        shown = releasing.retry_plan(session, office.admin, shop.workspace_id)
    office.retry(shop, other)
    with office.desk.store.begin() as session:
        releasing.release(session, office.agent, shop.workspace_id, shown)
    with office.desk.store.read() as session:
        plan = wizard(session, office.admin, shop.workspace_id).plan
    assert plan is not None
    assert (plan.id, plan.run, [line.verdict for line in plan.lines]) == (shown, None, [Verdict.UNDER_WAY])
