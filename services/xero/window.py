"""Counts calls so that no window of Xero's can ever hold too many of them.

Xero counts in fixed windows whose start nobody outside knows (Xero OAuth 2.0 API limits). It counts
a call at some moment between our sending it and our receiving its answer. So a call that is sent at
least one window after the answer to the 60th call before it cannot share a window with all of those
60, wherever the windows begin.
"""

from __future__ import annotations

from collections import deque

# Two clocks drift apart while a window runs: an operating system corrects its own by up to 1 in 2,000.
_CLOCK_DRIFT = 1.001


class Window:
    """The calls that may still count at Xero: those under way and those answered within one window.

    Times are seconds of one monotonic clock. Not thread-safe: its owner holds a lock.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self.under_way = 0
        self._usual_limit = self._limit = limit
        self._seconds = seconds * _CLOCK_DRIFT
        self._answered: deque[tuple[float, int]] = deque()
        self._answered_calls = 0

    def remaining(self, now: float) -> int:
        """Calls that may be sent at once; below zero when others have used what we counted as ours."""
        while self._answered and self._answered[0][0] <= now - self._seconds:
            self._answered_calls -= self._answered.popleft()[1]
        return self._limit - self.under_way - self._answered_calls

    def wait_seconds(self, now: float) -> float:
        """How long until one more call may be sent; 0 means now."""
        missing = 1 - self.remaining(now)
        if missing <= 0:
            return 0.0
        for answered_at, calls in self._answered:
            missing -= calls
            if missing <= 0:
                return answered_at + self._seconds - now
        return self._seconds  # waits for calls under way, each of which counts for a window after its answer

    def start(self) -> None:
        self.under_way += 1

    def finish(self, now: float) -> None:
        self.under_way -= 1
        self._count(now, 1)

    def observe(self, remaining: int | None, at: float) -> None:
        """Take in what Xero said was left at a time.

        Calls that are not ours count as if answered then. Where Xero leaves more than the usual limit, it
        grants more, for as long as it says so.
        """
        if remaining is None:
            return
        self._limit = max(self._usual_limit, remaining)
        foreign = self.remaining(at) - remaining
        if foreign > 0:
            self._count(at, foreign)

    def _count(self, at: float, calls: int) -> None:
        self._answered.append((at, calls))
        self._answered_calls += calls
