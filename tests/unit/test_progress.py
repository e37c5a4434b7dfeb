"""How far a run is and when it will be done, from its rate and what is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.progress import Counts, finishes_at

NOW = datetime(2026, 11, 24, 14, 5, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("left", "a_minute", "resumes_at", "expected", "why"),
    [
        (0, 0.0, None, NOW, "nothing is left"),
        (120, 60.0, None, NOW + timedelta(minutes=2), "what is left, at the rate of the last minutes"),
        (120, 60.0, TOMORROW, TOMORROW, "a lane that is parked until tomorrow is not done before"),
        (120, 60.0, NOW + timedelta(minutes=1), NOW + timedelta(minutes=2), "a short wait is in the rate"),
        (120, 0.0, TOMORROW, TOMORROW, "all of it is parked"),
        (120, 0.0, None, None, "nothing tells yet"),
    ],
)
def test_a_finish_time_is_not_before_the_longest_wait(
    left: int, a_minute: float, resumes_at: datetime | None, expected: datetime | None, why: str
) -> None:
    assert finishes_at(left=left, a_minute=a_minute, resumes_at=resumes_at, now=NOW) == expected, why


def test_what_has_a_result_is_done_and_the_rest_is_left() -> None:
    counts = Counts(total=20, delivered=5, failed=4, in_doubt=3, held=2, set_aside=1)
    assert (counts.done, counts.left) == (15, 5)
