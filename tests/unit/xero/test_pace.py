"""Limits are known, not hit."""

from __future__ import annotations

import pickle
import threading
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.xero.pace import Allowance, AppPace, Limits, MustWait, OrganisationPace
from tests.unit.xero.fixed_windows import Clock, FixedWindows, Traffic

SECONDS = st.one_of(st.just(0.0), st.floats(0.001, 0.3), st.floats(0.3, 20.0))
CALLS = st.lists(st.tuples(SECONDS, SECONDS), min_size=70, max_size=200)
QUICK_CALLS = st.lists(st.tuples(st.floats(0, 0.05), st.floats(0, 0.05)), min_size=130, max_size=200)
XERO = Limits()
# Windows that begin with our first call are the hardest: that call counts as long as one can.
FIRST_CALL = None
OFFSETS = st.one_of(st.just(FIRST_CALL), st.floats(0, 60, exclude_max=True))


def traffic_with(offset: float | None, calls: list[tuple[float, float]]) -> Traffic:
    clock = Clock()
    return Traffic(clock, FixedWindows(clock.now + calls[0][0] if offset is FIRST_CALL else offset))


def lane(
    clock: Clock,
    *,
    limits: Limits = XERO,
    max_wait_seconds: float = 0,
    last_known: Allowance | None = None,
    app: AppPace | None = None,
) -> OrganisationPace:
    return OrganisationPace(
        limits,
        app or AppPace(limits, clock=clock.read),
        clock=clock.read,
        sleep=clock.sleep,
        max_wait_seconds=max_wait_seconds,
        last_known=last_known,
        wall_clock=clock.wall,
    )


def headers(**remaining: int) -> dict[str, str]:
    names = {
        "minute": "X-MinLimit-Remaining",
        "day": "X-DayLimit-Remaining",
        "app": "X-AppMinLimit-Remaining",
    }
    return {names[name]: str(calls) for name, calls in remaining.items()}


def call(pace: OrganisationPace, times: int = 1, **remaining: int) -> None:
    for _ in range(times):
        pace.before_call()
        pace.after_call(200, headers(**remaining))


def refuse(pace: OrganisationPace, limit: str, retry_after: int | None) -> None:
    given = {} if retry_after is None else {"Retry-After": str(retry_after)}
    pace.before_call()
    pace.after_call(429, {"X-Rate-Limit-Problem": limit, **given})


def wait_of(pace: OrganisationPace) -> MustWait:
    with pytest.raises(MustWait) as caught:
        pace.before_call()
    return caught.value


@given(offset=OFFSETS, calls=st.one_of(CALLS, QUICK_CALLS))
@settings(max_examples=60, deadline=None)
def test_no_429_is_drawn_wherever_the_windows_begin(
    offset: float | None, calls: list[tuple[float, float]]
) -> None:
    traffic = traffic_with(offset, calls)
    traffic.run(lane(traffic.clock), calls)
    assert traffic.refused == 0
    assert traffic.most_at_once <= 5


@given(offset=OFFSETS, before=st.integers(1, 130), pause=st.floats(0, 90), calls=QUICK_CALLS)
@settings(max_examples=60, deadline=None)
def test_a_restart_draws_no_429_either(
    offset: float | None, before: int, pause: float, calls: list[tuple[float, float]]
) -> None:
    traffic = traffic_with(offset, calls)
    old = lane(traffic.clock)
    traffic.run(old, calls[:before])
    traffic.clock.now += pause
    traffic.run(lane(traffic.clock, last_known=old.allowance()), calls)
    assert traffic.refused == 0


@given(offset=OFFSETS, others=st.integers(1, 59), calls=QUICK_CALLS)
@settings(max_examples=60, deadline=None)
def test_calls_that_nobody_told_us_of_are_seen_in_the_first_answer(
    offset: float | None, others: int, calls: list[tuple[float, float]]
) -> None:
    traffic = traffic_with(offset, calls)
    traffic.server.counted_at.extend([traffic.clock.now] * others)
    traffic.run(lane(traffic.clock), calls)
    assert traffic.refused == 0


def test_sixty_calls_go_at_once_and_the_next_when_the_first_has_left_the_window() -> None:
    clock = Clock()
    pace = lane(clock, max_wait_seconds=61)
    call(pace, 60)
    assert clock.slept == []
    call(pace)
    assert 60 <= sum(clock.slept) < 60.2


def test_a_wait_that_is_too_long_is_refused_and_nothing_is_counted() -> None:
    clock = Clock()
    pace = lane(clock, max_wait_seconds=10)
    call(pace, 60)
    wait = wait_of(pace)
    assert wait.limit == "minute"
    assert 60 <= wait.seconds < 60.2
    clock.now += wait.seconds
    call(pace, 60)


def test_whether_there_is_room_is_asked_without_counting_a_call() -> None:
    pace = lane(Clock(), max_wait_seconds=10)
    pace.require_room()
    call(pace, 60)
    with pytest.raises(MustWait):
        pace.require_room()


def test_the_fifth_call_is_the_last_that_may_be_under_way() -> None:
    pace = lane(Clock())
    call(pace)
    for _ in range(5):
        pace.before_call()
    assert wait_of(pace).limit == "concurrent"
    pace.after_call(200, {})
    pace.before_call()


def test_a_call_without_a_slot_is_told_the_limit_that_counts() -> None:
    clock = Clock()
    pace = lane(clock)
    call(pace, minute=5)
    for _ in range(5):
        pace.before_call()
    wait = wait_of(pace)
    assert wait.limit == "minute"
    assert 60 <= wait.seconds < 60.2


def test_until_the_first_answer_calls_go_one_at_a_time() -> None:
    pace = lane(Clock())
    pace.before_call()
    assert wait_of(pace).limit == "concurrent"
    pace.after_call(None, {})
    pace.before_call()
    assert wait_of(pace).limit == "concurrent"
    pace.after_call(200, {})
    for _ in range(5):
        pace.before_call()


def test_a_thread_that_waits_for_its_turn_gets_it() -> None:
    clock = Clock()
    pace = lane(clock, max_wait_seconds=30)
    pace.before_call()
    waiting = threading.Thread(target=pace.before_call)
    waiting.start()
    pace.after_call(200, {})
    waiting.join(timeout=30)
    assert not waiting.is_alive()


@pytest.mark.parametrize(
    ("limit", "retry_after", "least", "most"),
    [
        ("minute", 22, 22, 23.1),
        ("minute", None, 60, 60.1),
        ("day", 7200, 7200, 7201.1),
        ("day", None, 3600, 3600.1),
        ("concurrent", None, 1, 2),
        ("concurrent", 3, 3, 4.1),
        ("appminute", 12, 12, 13.1),
        ("appminute", None, 60, 60.1),
    ],
)
def test_a_429_is_obeyed(limit: str, retry_after: int | None, least: float, most: float) -> None:
    clock = Clock()
    pace = lane(clock)
    refuse(pace, limit, retry_after)
    wait = wait_of(pace)
    assert wait.limit == limit
    assert least <= wait.seconds <= most
    clock.now += wait.seconds
    call(pace)


def test_an_exhausted_app_holds_all_lanes() -> None:
    clock = Clock()
    app = AppPace(Limits(), clock=clock.read)
    first, second = lane(clock, app=app), lane(clock, app=app)
    refuse(first, "appminute", 30)
    assert wait_of(second).limit == "appminute"


def test_an_exhausted_organisation_holds_no_other() -> None:
    clock = Clock()
    app = AppPace(Limits(), clock=clock.read)
    first, second = lane(clock, app=app), lane(clock, app=app)
    refuse(first, "minute", 30)
    call(second)


def test_lanes_together_stay_within_the_app_s_limit() -> None:
    clock = Clock()
    limits = Limits(app_minute=10)
    app = AppPace(limits, clock=clock.read)
    lanes = [lane(clock, limits=limits, app=app) for _ in range(5)]
    for pace in lanes:
        call(pace, 2)
    assert {wait_of(pace).limit for pace in lanes} == {"appminute"}


def test_calls_of_the_app_s_other_processes_count() -> None:
    clock = Clock()
    pace = lane(clock)
    call(pace, app=0)
    assert wait_of(pace).limit == "appminute"


def test_tenantless_calls_cost_the_organisation_nothing() -> None:
    clock = Clock()
    app = AppPace(Limits(minute=1), clock=clock.read)
    for _ in range(3):
        app.before_call()
        app.after_call(200, headers(app=9_000))
    call(lane(clock, limits=Limits(minute=1), app=app))


def test_a_used_up_day_is_asked_about_by_one_call_an_hour() -> None:
    clock = Clock()
    pace = lane(clock)
    call(pace, day=1)
    call(pace, day=0)
    assert wait_of(pace).limit == "day"
    clock.now += 3600
    pace.before_call()
    assert wait_of(pace).limit == "day"
    pace.after_call(200, headers(day=5_000))
    call(pace, day=4_999)


def test_when_the_day_returns_is_told_to_the_next_process_which_spends_no_call_before() -> None:
    clock = Clock()
    pace = lane(clock)
    refuse(pace, "day", 7200)
    told = pace.allowance()
    assert told.day_returns_at == clock.wall() + timedelta(seconds=7201)
    clock.now += 7000
    later = lane(clock, last_known=told)
    wait = wait_of(later)
    assert (wait.limit, round(wait.seconds)) == ("day", 201)
    assert later.allowance().day_returns_at == told.day_returns_at
    clock.now += 201
    call(later, day=5_000)
    assert later.allowance().day_returns_at is None


def test_a_wall_clock_set_back_makes_no_wait_for_the_day_longer_than_a_day() -> None:
    clock = Clock()
    known = Allowance(read_at=clock.wall(), day_returns_at=clock.wall() + timedelta(days=30))
    assert wait_of(lane(clock, last_known=known)).seconds <= 86_400


def test_calls_under_way_are_taken_off_what_xero_says_is_left_of_the_day() -> None:
    pace = lane(Clock())
    call(pace)
    for _ in range(3):
        pace.before_call()
    pace.after_call(200, headers(day=3))
    pace.before_call()
    assert wait_of(pace).limit == "day"


def test_a_larger_limit_is_used_for_as_long_as_xero_grants_it() -> None:
    pace = lane(Clock())
    call(pace, 100, minute=900)
    call(pace, minute=59)
    assert wait_of(pace).limit == "minute"


def test_the_allowance_says_what_was_left_when_the_last_call_ended() -> None:
    clock = Clock()
    pace = lane(clock)
    assert pace.allowance() == Allowance()
    call(pace, minute=40, day=900, app=9_500)
    read_at = clock.wall()
    clock.now += 5
    assert pace.allowance() == Allowance(40, 900, 9_500, read_at)


def test_nothing_left_before_a_restart_means_a_full_window_from_when_that_was_read() -> None:
    clock = Clock()
    last = Allowance(minute_remaining=0, day_remaining=700, read_at=clock.wall() - timedelta(seconds=20))
    wait = wait_of(lane(clock, last_known=last))
    assert wait.limit == "minute"
    assert 40 <= wait.seconds < 40.2


def test_an_old_allowance_holds_nobody() -> None:
    clock = Clock()
    last = Allowance(minute_remaining=0, day_remaining=0, read_at=clock.wall() - timedelta(days=2))
    call(lane(clock, last_known=last))


def test_a_wall_clock_set_back_makes_no_wait_longer_than_a_window() -> None:
    clock = Clock()
    last = Allowance(minute_remaining=0, read_at=clock.wall() + timedelta(days=1))
    assert wait_of(lane(clock, last_known=last)).seconds < 60.2


def test_a_wait_can_be_stored_and_read_by_a_person() -> None:
    again = pickle.loads(pickle.dumps(MustWait(21.7, "minute")))  # noqa: S301 - our own bytes
    assert (again.seconds, again.limit) == (21.7, "minute")
    assert str(again) == "Xero's minute limit allows the next call in 22 s"
