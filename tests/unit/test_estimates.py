"""Estimates: the calls that a retry takes, and the honest moment at which it is done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.estimates import DAY_CALLS, Allowed, Bound, Estimate, Load, estimate
from services.store.states import ExportKind

BILL, CARD = ExportKind.BILL, ExportKind.BANK_TRANSACTION
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def load(calls: int = 1, *, name: str = "Harbour") -> Load:
    """Return bills for so many full batches."""
    return Load(workspace_id=name, workspace_name=name, organisation_id=name, sent={BILL: 50 * calls})


def allowed(
    day: int | None = 4_000,
    minute: int | None = 60,
    *,
    age: timedelta = timedelta(seconds=10),
    returns: timedelta | None = None,
) -> Allowed:
    """Return what Xero said a while ago; `returns` is when the day's allowance does, from now."""
    returns_at = None if returns is None else NOW + returns
    return Allowed(minute_remaining=minute, day_remaining=day, read_at=NOW - age, day_returns_at=returns_at)


def one(calls: int, said: Allowed | None, *, starts_at: datetime | None = None) -> Estimate:
    known = {} if said is None else {"Harbour": said}
    return estimate([load(calls)], known, now=NOW, starts_at=starts_at)


@pytest.mark.parametrize(
    ("made", "calls"),
    [
        ({"sent": {BILL: 50}}, 1),  # a full batch
        ({"sent": {BILL: 51}}, 2),  # one more than a batch
        ({"sent": {BILL: 1, CARD: 1}}, 2),  # a batch holds one kind
        ({"looked_up": {BILL: 40}}, 1),  # so many numbers fit into a look-up
        ({"looked_up": {BILL: 41}}, 2),
        ({"sent": {BILL: 50}, "receipts": 7}, 8),  # each receipt takes its own
        ({"sent": {BILL: 120}, "unknown_contacts": 2}, 5),  # two of the three batches settle one first
        ({"sent": {BILL: 50}, "unknown_contacts": 30}, 2),  # one call settles all of a batch
        ({"with_receipts": 3, "receipts": 5}, 5),  # in Xero already: only its receipts
        ({}, 0),
    ],
)
def test_calls_are_batches_of_one_kind_look_ups_and_what_goes_by_itself(made: dict, calls: int) -> None:  # type: ignore[type-arg]
    assert Load(workspace_id="w", workspace_name="W", organisation_id="o", **made).calls == calls


@pytest.mark.parametrize(
    ("calls", "minute", "age", "seconds"),
    [
        (1, 60, 10, 1),  # at once
        (60, 60, 10, 60),  # all that one minute holds
        (61, 60, 10, 61),  # the last waits for the next minute
        (10, 4, 10, 66),  # six wait for the next minute
        (10, 0, 10, 70),  # the minute is used up by others
        (10, 0, 61, 10),  # what was used up a minute ago is not any more
        (120, 60, 10, 120),
        (121, 60, 10, 121),
    ],
)
def test_an_organisation_takes_its_calls_minute_by_minute(
    calls: int, minute: int, age: int, seconds: int
) -> None:
    found = one(calls, allowed(minute=minute, age=timedelta(seconds=age)))
    assert found.seconds == seconds
    assert found.bound is (Bound.ORGANISATION if seconds > calls or calls > 60 else None)


@pytest.mark.parametrize(
    ("calls", "said", "finishes", "exports", "returns", "told"),
    [
        # Xero said when the day's allowance returns
        (10, allowed(0, returns=5 * HOUR), 5 * HOUR + timedelta(seconds=10), 500, 5 * HOUR, True),
        # what is left of the day goes today, the rest after it
        (10, allowed(4, age=HOUR), 23 * HOUR + timedelta(seconds=6), 300, 23 * HOUR, False),
        # a whole further day does not suffice either
        (
            4 + DAY_CALLS + 1,
            allowed(4, age=HOUR),
            47 * HOUR + timedelta(seconds=1),
            250_050,
            23 * HOUR,
            False,
        ),
        # nobody knows what is left, and it is more than any day has
        (DAY_CALLS + 1, None, 24 * HOUR + timedelta(seconds=1), 50, 24 * HOUR, False),
    ],
)
def test_what_a_day_cannot_take_waits_for_another_and_says_so(
    calls: int, said: Allowed | None, finishes: timedelta, exports: int, returns: timedelta, told: bool
) -> None:
    found = one(calls, said)
    assert (found.bound, found.finishes_at - NOW) == (Bound.DAY, finishes)
    [waits] = found.another_day
    assert (waits.exports, waits.returns_at - NOW, waits.told) == (exports, returns, told)


@pytest.mark.parametrize(
    ("said", "guessed"),
    [
        (None, True),  # never called
        (allowed(None), True),  # Xero has not said
        (allowed(0, age=25 * HOUR), True),  # that day is over
        (allowed(0, returns=-HOUR), True),  # it has returned: nobody knows to how many
        (allowed(100), False),
    ],
)
def test_where_xero_has_not_said_what_is_left_its_usual_limits_are_taken_and_named(
    said: Allowed | None, guessed: bool
) -> None:
    found = one(2, said)
    assert (found.guessed, found.seconds, found.another_day) == (guessed, 2, ())


def test_a_later_start_counts_from_then_with_the_allowance_of_then() -> None:
    later = NOW + 6 * HOUR
    found = one(10, allowed(0, returns=5 * HOUR), starts_at=later)
    assert (found.starts_at, found.finishes_at) == (later, later + timedelta(seconds=10))
    assert one(1, None, starts_at=NOW - HOUR).starts_at == NOW


def test_the_slowest_organisation_decides_and_each_has_its_own_moment() -> None:
    found = estimate(
        [load(1, name="Small"), load(70, name="Large")],
        {"Small": allowed(), "Large": allowed()},
        now=NOW,
    )
    assert (found.exports, found.calls, found.slowest, found.seconds) == (71 * 50, 71, "Large", 70)
    assert {name: (at - NOW).seconds for name, at in found.by_workspace.items()} == {"Small": 1, "Large": 70}


def test_the_chosen_pace_and_the_limit_of_the_app_decide_where_they_are_slower() -> None:
    paced = estimate([load(2)], {"Harbour": allowed()}, now=NOW, at_most_a_minute=10)
    assert (paced.bound, paced.seconds, paced.slowest) == (Bound.PACE, 9 * 60, None)
    many = [load(50, name=f"W{number}") for number in range(400)]
    assert estimate(many, {}, now=NOW).bound is Bound.APP


def test_nothing_to_do_is_done_at_once() -> None:
    found = estimate([], {}, now=NOW)
    assert (found.calls, found.seconds, found.bound) == (0, 0, None)
