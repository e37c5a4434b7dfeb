"""Keeps calls within Xero's limits before Xero has to say so."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.xero import headers as head
from services.xero.window import Window

# Only a 429 tells when the day's allowance returns; so one call an hour asks.
_DAY_RECHECK_SECONDS = 3600.0
_DAY_SECONDS = 86_400.0
# Retry-After comes in whole seconds and may have been rounded down.
_ROUNDING_SECONDS = 1.0
_SHORTEST_SLEEP_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Limits:
    """Xero's limits: calls a window and at once for one organisation, calls a window for the whole app."""

    minute: int = 60
    window_seconds: float = 60.0
    concurrent: int = 5
    app_minute: int = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """Calls left at the moment `read_at`; None where Xero has not said yet."""

    minute_remaining: int | None = None
    day_remaining: int | None = None
    app_minute_remaining: int | None = None
    read_at: datetime | None = None
    day_returns_at: datetime | None = None  #: where Xero refused a call for want of it, and said when


@dataclass(frozen=True, slots=True)
class Hold:
    """Which limit allows no call now, and for how long."""

    seconds: float
    limit: str


class MustWait(Exception):
    """The next call would have to wait longer than allowed; `limit` is named as in `XeroError`."""

    def __init__(self, seconds: float, limit: str) -> None:
        super().__init__(seconds, limit)
        self.seconds = seconds
        self.limit = limit

    def __str__(self) -> str:
        return f"Xero's {self.limit} limit allows the next call in {self.seconds:.0f} s"


class AppPace:
    """The whole app's calls a minute; one for all lanes of a process, safe to share between threads.

    Other processes of the app show up in Xero's header only, so between processes this is a good estimate.
    """

    def __init__(
        self,
        limits: Limits = Limits(),
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        max_wait_seconds: float = 60.0,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._max_wait_seconds = max_wait_seconds
        self._lock = threading.Lock()
        self._window = Window(limits.app_minute, limits.window_seconds)
        self._closed_until = clock()

    def before_call(self) -> None:
        """Wait for a tenantless call's turn; raise `MustWait` when that would take too long."""
        _wait_for_turn(self.start, self._clock, self._sleep, self._max_wait_seconds)

    def start(self) -> Hold | None:
        """Count a call as under way, or say why it has to wait."""
        with self._lock:
            now = self._clock()
            seconds = max(self._closed_until - now, self._window.wait_seconds(now))
            if seconds > 0:
                return Hold(seconds, "appminute")
            self._window.start()
            return None

    def after_call(self, status: int | None, headers: Mapping[str, str]) -> None:
        """Take in the end of a call; `status` is None when no answer came."""
        with self._lock:
            now = self._clock()
            self._window.finish(now)
            if status == 429 and head.exhausted_limit(headers) == "appminute":
                self._closed_until = now + _retry_seconds(headers, self._limits.window_seconds)
            else:
                self._window.observe(head.whole_number(headers, head.APP_MINUTE_REMAINING), now)

    def remaining(self) -> int:
        with self._lock:
            return max(0, self._window.remaining(self._clock()))


class OrganisationPace:
    """All calls to one organisation: exact as long as no other process calls it at the same time.

    `last_known` is the allowance an earlier process left behind. Until the first answer arrives, calls go
    one at a time, since only an answer shows what others have used up.
    """

    def __init__(
        self,
        limits: Limits,
        app: AppPace,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        max_wait_seconds: float,
        last_known: Allowance | None = None,
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.app = app
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._max_wait_seconds = max_wait_seconds
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._slots = threading.Semaphore(1)
        self._answered = False
        self._window = Window(limits.minute, limits.window_seconds)
        self._closed_until: dict[str, float] = {}
        self._day_remaining: int | None = None
        self._day_read_at = clock()
        self._day_returns_at: datetime | None = None
        self._allowance = last_known or Allowance()
        self._restore(self._allowance)

    def before_call(self) -> None:
        """Wait for the next call's turn; raise `MustWait` when that would take longer than allowed."""
        if not self._slots.acquire(timeout=self._max_wait_seconds):
            # The calls that hold the slots may themselves be waiting for another limit.
            hold = self._peek() or Hold(1.0, "concurrent")
            raise MustWait(hold.seconds, hold.limit)
        try:
            _wait_for_turn(self._start, self._clock, self._sleep, self._max_wait_seconds)
        except BaseException:
            self._slots.release()
            raise

    def require_room(self) -> None:
        """Raise `MustWait` where a call now would have to wait longer than allowed; none is counted."""
        hold = self._peek()
        if hold is not None and hold.seconds > self._max_wait_seconds:
            raise MustWait(hold.seconds, hold.limit)

    def after_call(self, status: int | None, headers: Mapping[str, str]) -> None:
        """Take in the end of a call; `status` is None when no answer came."""
        self.app.after_call(status, headers)
        with self._lock:
            now = self._clock()
            self._window.finish(now)
            if status == 429:
                self._close(headers, now)
            else:
                self._read(headers, now)
            self._allowance = self._allowance_at(now)
        self._free_slot(answered=status is not None)

    def allowance(self) -> Allowance:
        """What was left when the last call ended; store it, and give it to the next process's pace."""
        with self._lock:
            return self._allowance

    def _peek(self) -> Hold | None:
        with self._lock:
            return self._hold(self._clock())

    def _start(self) -> Hold | None:
        with self._lock:
            hold = self._hold(self._clock()) or self.app.start()
            if hold is None:
                self._window.start()
                if self._day_remaining is not None:
                    self._day_remaining -= 1
            return hold

    def _hold(self, now: float) -> Hold | None:
        waits = {limit: until - now for limit, until in self._closed_until.items()}
        waits["minute"] = max(waits.get("minute", 0.0), self._window.wait_seconds(now))
        waits["day"] = max(waits.get("day", 0.0), self._day_wait_seconds(now))
        limit = max(waits, key=waits.__getitem__)
        return Hold(waits[limit], limit) if waits[limit] > 0 else None

    def _day_wait_seconds(self, now: float) -> float:
        if self._day_remaining is None or self._day_remaining > 0:
            return 0.0
        wait = self._day_read_at + _DAY_RECHECK_SECONDS - now
        if wait <= 0:
            self._day_remaining, self._day_read_at = 1, now
        return wait

    def _close(self, headers: Mapping[str, str], now: float) -> None:
        limit = head.exhausted_limit(headers) or "minute"
        usual = {"day": _DAY_RECHECK_SECONDS, "concurrent": random.uniform(1, 2)}  # noqa: S311 - jitter
        seconds = _retry_seconds(headers, usual.get(limit, self._limits.window_seconds))
        self._closed_until[limit] = now + seconds
        if limit == "day":
            self._day_remaining = None
            self._day_returns_at = self._wall_clock() + timedelta(seconds=seconds)

    def _read(self, headers: Mapping[str, str], now: float) -> None:
        self._window.observe(head.whole_number(headers, head.MINUTE_REMAINING), now)
        day = head.whole_number(headers, head.DAY_REMAINING)
        if day is not None:
            self._day_remaining = day - self._window.under_way
            self._day_returns_at = None
            self._day_read_at = now

    def _allowance_at(self, now: float) -> Allowance:
        return Allowance(
            minute_remaining=max(0, self._window.remaining(now)),
            day_remaining=None if self._day_remaining is None else max(0, self._day_remaining),
            app_minute_remaining=self.app.remaining(),
            read_at=self._wall_clock(),
            day_returns_at=self._day_returns_at,
        )

    def _restore(self, last: Allowance) -> None:
        if last.read_at is None:
            return
        age_seconds = max(0.0, (self._wall_clock() - last.read_at).total_seconds())
        self._day_read_at = self._clock() - age_seconds
        self._day_remaining = last.day_remaining
        self._window.observe(last.minute_remaining, self._day_read_at)
        if last.day_returns_at is not None:
            wait_seconds = (last.day_returns_at - self._wall_clock()).total_seconds()
            # No longer than a day, whatever happened to the wall clock meanwhile.
            self._closed_until["day"] = self._clock() + min(wait_seconds, _DAY_SECONDS)

    def _free_slot(self, *, answered: bool) -> None:
        with self._lock:
            first, self._answered = answered and not self._answered, self._answered or answered
        self._slots.release(self._limits.concurrent if first else 1)


def _retry_seconds(headers: Mapping[str, str], usual_seconds: float) -> float:
    seconds = head.retry_after_seconds(headers)
    return usual_seconds if seconds is None else seconds + _ROUNDING_SECONDS


def _wait_for_turn(
    start: Callable[[], Hold | None],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    max_wait_seconds: float,
) -> None:
    deadline = clock() + max_wait_seconds
    while hold := start():
        if clock() + hold.seconds > deadline:
            raise MustWait(hold.seconds, hold.limit)
        sleep(max(hold.seconds, _SHORTEST_SLEEP_SECONDS))
