"""Xero's limits as Xero counts them, on a clock that tests move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.xero.pace import MustWait, OrganisationPace

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Clock:
    """Time that passes only when somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def wall(self) -> datetime:
        return EPOCH + timedelta(seconds=self.now)


@dataclass
class FixedWindows:
    """Counts calls in fixed windows of 60 s that begin at an offset nobody outside knows."""

    offset: float
    limit: int = 60
    counted_at: list[float] = field(default_factory=list)

    def remaining(self, at: float) -> int:
        """What the header of the call counted at `at` says; below zero means that the call drew a 429."""
        window = (at - self.offset) // 60
        return self.limit - sum(
            1 for each in self.counted_at if each <= at and (each - self.offset) // 60 == window
        )


@dataclass(order=True)
class Call:
    """A call under way: Xero counts it some time before its answer arrives."""

    answered_at: float
    counted_at: float


@dataclass
class Traffic:
    """Makes calls as early as the pace allows, several at once, and records what Xero thinks of it."""

    clock: Clock
    server: FixedWindows
    refused: int = 0
    most_at_once: int = 0
    under_way: list[Call] = field(default_factory=list)

    def run(self, pace: OrganisationPace, calls: Sequence[tuple[float, float]]) -> None:
        """Make one call for each pair of seconds: on the way there, on the way back."""
        for there, back in calls:
            self._wait_for_turn(pace)
            counted_at = self.clock.now + there
            self.server.counted_at.append(counted_at)
            self.under_way.append(Call(counted_at + back, counted_at))
            self.most_at_once = max(self.most_at_once, len(self.under_way))
        while self.under_way:
            self._next_answer(pace)

    def _wait_for_turn(self, pace: OrganisationPace) -> None:
        while True:
            try:
                return pace.before_call()
            except MustWait as wait:
                until = self.clock.now + max(wait.seconds, 0.001)
                busy = wait.limit == "concurrent"
            if self.under_way and (busy or min(self.under_way).answered_at <= until):
                self._next_answer(pace)
            else:
                self.clock.now = until

    def _next_answer(self, pace: OrganisationPace) -> None:
        call = min(self.under_way)
        self.under_way.remove(call)
        self.clock.now = max(self.clock.now, call.answered_at)
        remaining = self.server.remaining(call.counted_at)
        if remaining < 0:
            self.refused += 1
            pace.after_call(429, {"X-Rate-Limit-Problem": "minute", "Retry-After": "60"})
        else:
            pace.after_call(200, {"X-MinLimit-Remaining": str(remaining)})
