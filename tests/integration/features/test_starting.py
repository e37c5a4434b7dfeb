"""Starting a run: later, of some workspaces, at a pace; once for each export; and of nothing that changed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from services import claiming, closing, results, retries, runs, waiting
from services.declined import Declined
from services.results import Result
from services.retries import Started
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, Health, RunState, Verdict
from tests.integration.features.ledger import assert_each_once
from tests.integration.office import Office

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def start(office: Office, plan_id: str, **choice: object) -> Started:
    with office.desk.store.begin() as session:
        return retries.start(session, office.agent, plan_id, "month end", **choice)  # type: ignore[arg-type]


def turn(office: Office, act: str, plan_id: str) -> None:
    with office.desk.store.begin() as session:
        getattr(runs, act)(session, office.agent, plan_id)


def number_of_runs(office: Office) -> int:
    with office.desk.store.read() as session:
        return len(session.scalars(select(tables.RetryRun.plan_id)).all())


# Later


def test_a_scheduled_run_sends_nothing_before_its_time_and_everything_then(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    plan_id = office.plan(shop)
    start(office, plan_id, starts_at=utcnow() + HOUR)
    assert office.run(plan_id).scheduled
    office.work_off()
    assert office.ledger(shop)["count"] == 0
    office.work_off(ahead=HOUR)
    assert_each_once(office, shop, ids)


def test_a_scheduled_run_can_be_started_now(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    plan_id = office.plan(shop)
    start(office, plan_id, starts_at=utcnow() + HOUR)
    turn(office, "start_now", plan_id)
    assert not office.run(plan_id).scheduled
    office.work_off()
    assert_each_once(office, shop, ids)


def test_a_cancelled_scheduled_run_is_over_at_once_and_sends_nothing(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    plan_id = office.plan(shop)
    start(office, plan_id, starts_at=utcnow() + HOUR)
    turn(office, "cancel", plan_id)
    assert {lane.state for lane in office.run(plan_id).lanes} == {RunState.CANCELLED}
    turn(office, "start_now", plan_id)
    office.work_off(ahead=2 * HOUR)
    assert office.states(ids) == [ExportState.WAITING] * 2


def test_a_scheduled_run_that_was_paused_still_keeps_its_time(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    plan_id = office.plan(shop)
    start(office, plan_id, starts_at=utcnow() + HOUR)
    turn(office, "pause", plan_id)
    assert {lane.state for lane in office.run(plan_id).lanes} == {RunState.PAUSED}
    turn(office, "resume", plan_id)
    office.work_off()
    assert office.ledger(shop)["count"] == 0


def test_when_its_time_comes_a_broken_connection_is_seen(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 1)
    plan_id = office.plan(shop)
    start(office, plan_id, starts_at=utcnow() + HOUR)
    office.change(tables.Connection, shop.workspace_id, health=Health.EXPIRED)
    office.work_off(ahead=HOUR)
    assert office.states(ids) == [ExportState.HELD]


@pytest.mark.parametrize("act", ["pause", "cancel"])
def test_a_lane_that_xero_parked_stops_at_once(office: Office, act: str) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    office.fault(shop, "PUT", "Invoices", status=503)
    plan_id = office.retry(shop)
    office.work_off()
    turn(office, act, plan_id)
    [lane] = office.run(plan_id).lanes
    assert lane.state is office.run(plan_id).state


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        (lambda: {"starts_at": utcnow() - MINUTE}, "That time has passed"),
        (lambda: {"starts_at": utcnow() + timedelta(days=31)}, "more than 30 days ahead"),
        (lambda: {"at_most_a_minute": 0}, "Choose from 1 to 10,000"),
        (lambda: {"at_most_a_minute": 10_001}, "A pace of 10,001 exports"),
        (lambda: {"workspace_ids": []}, "Tick at least one"),
        (lambda: {"workspace_ids": ["0000"]}, "Reload the page and choose again"),
    ],
)
def test_a_choice_that_makes_no_sense_is_declined_in_words(
    office: Office, choice: Callable[[], dict[str, object]], says: str
) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    plan_id = office.plan(shop)
    with pytest.raises(Declined, match=says):
        start(office, plan_id, **choice())
    assert number_of_runs(office) == 0


def test_a_plan_that_is_still_judged_does_not_start(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    plan_id = office.plan(shop)
    office.change(tables.RetryPlan, plan_id, judging_due_at=utcnow())
    with pytest.raises(Declined, match="still"):
        start(office, plan_id)


# Some workspaces, and a pace


def test_only_chosen_workspaces_are_sent_and_the_others_say_who_left_them_out(office: Office) -> None:
    one, other = office.shop(), office.shop()
    sent, kept = office.exports(one, 2), office.exports(other, 2)
    plan_id = office.plan(one, other)
    started = start(office, plan_id, workspace_ids=[one.workspace_id])
    office.work_off()
    assert_each_once(office, one, sent)
    assert office.states(kept) == [ExportState.WAITING] * 2
    verdict, reason = office.verdicts(plan_id)[kept[0]]
    assert (verdict, office.agent.email in reason) == (Verdict.LEFT_OUT, True)
    assert started.left_out == {reason: 2}


def test_no_more_than_chosen_goes_in_a_minute_and_no_workspace_takes_it_all(office: Office) -> None:
    large, small = office.shop(), office.shop()
    office.exports(large, 9)
    office.exports(small, 4)
    plan_id = office.plan(large, small)
    start(office, plan_id, at_most_a_minute=4)
    office.work_off()
    assert [office.ledger(shop)["count"] for shop in (large, small)] == [2, 2]
    assert {lane.waiting_for for lane in office.run(plan_id).lanes} == {
        "Waiting for the next minute: at most 4 a minute was chosen"
    }
    wake(office, plan_id, over=False)  # a worker that starts anew does not count anew
    assert office.ledger(large)["count"] + office.ledger(small)["count"] == 4


def test_every_minute_counts_anew_until_all_is_sent(office: Office) -> None:
    large, small = office.shop(), office.shop()
    ids, few = office.exports(large, 5), office.exports(small, 1)
    plan_id = office.plan(large, small)
    start(office, plan_id, at_most_a_minute=2)
    for sent in (2, 4, 6):  # the small one is done at first, and then the large one has it all
        wake(office, plan_id)
        assert office.run(plan_id).delivered == sent
    assert_each_once(office, large, ids)
    assert_each_once(office, small, few)


def wake(office: Office, plan_id: str, *, over: bool = True) -> None:
    """Let the lanes that wait for the next minute be due, and the minute be over."""
    with office.desk.store.begin() as session:
        if over:
            session.get_one(tables.RetryRun, plan_id).minute_began_at = utcnow() - MINUTE
        for lane in session.scalars(select(tables.Lane).where(tables.Lane.plan_id == plan_id)):
            lane.due_at = utcnow()
    office.work_off()


def test_with_more_workspaces_than_sends_all_have_their_turn(office: Office) -> None:
    shops = [office.shop() for _ in range(3)]
    for shop in shops:
        office.exports(shop, 1)
    plan_id = office.plan(*shops)
    start(office, plan_id, at_most_a_minute=1)
    for sent in (1, 2, 3):
        wake(office, plan_id)
        assert office.run(plan_id).delivered == sent


# One run for one export


def test_what_is_in_another_retry_is_not_sent_twice_and_leads_there(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    first = office.retry(shop)
    second = office.plan(shop)
    verdict, reason = office.verdicts(second)[ids[0]]
    assert (verdict, office.agent.email in reason) == (Verdict.UNDER_WAY, True)
    assert start(office, second) == Started(first, joined=True)
    assert number_of_runs(office) == 1


def test_what_is_not_in_the_other_retry_goes_by_itself(office: Office) -> None:
    shop = office.shop()
    there = office.exports(shop, 1)
    office.retry(shop)
    added = office.exports(shop, 1)
    second = office.plan(shop)
    start(office, second)
    office.work_off()
    assert_each_once(office, shop, there + added)
    assert office.results(second)[there[0]] == (None, None)


def test_two_plans_of_the_same_made_before_either_started_are_one_run(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    first, second = office.plan(shop), office.plan(shop)
    start(office, first)
    assert start(office, second) == Started(first, joined=True)
    office.work_off()
    assert_each_once(office, shop, ids)


def test_two_starts_at_the_same_instant_are_one_run(office: Office) -> None:
    one, other = office.shop(), office.shop()
    for shop in (one, other):
        office.exports(shop, 5)
    plans, ready = [office.plan(one, other), office.plan(other, one)], Barrier(2)

    def press(plan_id: str) -> Started:
        ready.wait()
        return start(office, plan_id)

    with ThreadPoolExecutor(2) as threads:
        started = list(threads.map(press, plans))
    assert len({done.plan_id for done in started}) == number_of_runs(office) == 1
    assert sorted(done.joined for done in started) == [False, True]


def test_relinks_own_turn_and_a_person_at_the_same_instant_are_one_run(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 5)
    plan_id, ready = office.plan(shop), Barrier(2)

    def by_itself() -> None:
        ready.wait()
        waiting.export_waiting(office.desk)

    def by_hand() -> None:
        ready.wait()
        start(office, plan_id)

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(by_itself), threads.submit(by_hand)]:
            done.result()
    assert number_of_runs(office) == 1
    office.work_off()
    assert_each_once(office, shop, ids)


def test_what_relink_sends_by_itself_in_a_paused_workspace_a_person_may_send(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 1)
    waiting.export_waiting(office.desk)
    office.change(tables.Connection, shop.workspace_id, paused_at=utcnow(), paused_by="ada")
    office.retry(shop)
    office.work_off()
    assert_each_once(office, shop, ids)


def test_a_retry_that_somebody_else_started_unseen_is_named_and_not_opened(office: Office) -> None:
    shop, foreign = office.shop(), office.shop()
    for place in (shop, foreign):
        office.exports(place, 1)
    office.admin_leaves(foreign)
    plan_id = office.plan(shop, member=office.admin)
    office.retry(shop, foreign)
    with office.desk.store.begin() as session, pytest.raises(Declined, match="It is in the retry that ada"):
        retries.start(session, office.admin, plan_id, "")


# Changed since it was planned


def change(office: Office, export_id: int, **values: object) -> None:
    office.change(tables.Export, export_id, **values)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"state": ExportState.DELIVERED}, "It was delivered after this plan"),
        ({"state": ExportState.SET_ASIDE, "set_aside_by": "ada"}, "It was set aside after"),
        ({"changed_at": utcnow() + DAY}, claiming.CHANGED),
        (
            {"state": ExportState.FAILED, "code": "XERO27", "failed_at": utcnow() + DAY},
            "It was tried and refused after",
        ),
    ],
)
def test_what_changed_since_the_plan_is_left_out_at_the_start_and_says_why(
    office: Office, values: dict[str, object], says: str
) -> None:
    shop = office.shop()
    changed, same = office.exports(shop, 2)
    plan_id = office.plan(shop)
    change(office, changed, **values)
    started = start(office, plan_id)
    verdict, reason = office.verdicts(plan_id)[changed]
    assert (verdict, reason.startswith(says)) == (Verdict.CHANGED, True)
    assert started.left_out == {reason: 1}
    office.work_off()
    assert_each_once(office, shop, [same])


def test_a_workspace_that_broke_since_the_plan_is_left_out_and_the_others_go(office: Office) -> None:
    shop, broken = office.shop(), office.shop()
    sent, held = office.exports(shop, 1), office.exports(broken, 1)
    plan_id = office.plan(shop, broken)
    office.change(tables.Connection, broken.workspace_id, health=Health.EXPIRED)
    start(office, plan_id)
    office.work_off()
    assert_each_once(office, shop, sent)
    assert office.verdicts(plan_id)[held[0]] == (
        Verdict.CHANGED,
        "The connection is expired. Reconnect first.",
    )


def test_where_all_changed_nothing_starts_and_the_sentence_says_why(office: Office) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    plan_id = office.plan(shop)
    with office.desk.store.begin() as session:
        closing.set_aside(session, office.agent, export_id, "Paid by hand.")
    with pytest.raises(Declined, match=r"left to be sent\. It was set aside after"):
        start(office, plan_id)
    assert number_of_runs(office) == 0


def test_a_report_imported_anew_while_the_run_goes_is_not_sent_as_something_else(office: Office) -> None:
    shop = office.shop()
    changed, same = office.exports(shop, 2)
    plan_id = office.retry(shop)
    change(office, changed, changed_at=utcnow())
    office.work_off()
    assert_each_once(office, shop, [same])
    assert office.verdicts(plan_id)[changed] == (Verdict.CHANGED, claiming.CHANGED)
    assert office.run(plan_id).state is RunState.FINISHED


def test_a_long_run_ends_and_has_its_results_where_a_report_was_imported_anew(office: Office) -> None:
    shop = office.shop()
    changed, same = office.exports(shop, 2)
    plan_id = office.retry(shop)
    office.change(tables.RetryRun, plan_id, started_at=utcnow() - DAY)  # so long that its end is told
    change(office, changed, changed_at=utcnow())
    office.work_off()
    run = office.run(plan_id)
    assert (run.state, run.done, run.total) == (RunState.FINISHED, 1, 1)
    with office.desk.store.read() as session:
        found = {line.result: line.count for line in results.lines(session, plan_id)}
        rows = {
            row.number: (row.result, row.reason) for row in results.file_rows(session, office.agent, plan_id)
        }
    assert found == {Result.DELIVERED: 1, Result.NOT_TRIED: 1}
    assert rows[office.export(changed).number] == (Result.NOT_TRIED, claiming.CHANGED)
    assert office.states([changed, same]) == [ExportState.WAITING, ExportState.DELIVERED]
