"""Somebody who looks at the retry again and again, and presses start a second time, whatever is killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from threading import Event

import httpx
from sqlalchemy.exc import OperationalError
from websockets.exceptions import WebSocketException

from dashboard.navigation import RETRY
from tests.chaos.town import Town
from tests.house import House
from tests.integration.web.conftest import member_cookie
from tests.visits import visit

LOOK_SECONDS = 0.5
AWAY = (httpx.HTTPError, WebSocketException, OSError)  # of a web process that was killed


@dataclass(slots=True)
class Visitor:
    """A member at the pages, and what they met there."""

    tree: House
    town: Town
    met: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    @contextmanager
    def about(self) -> Iterator[None]:
        """Let the visitor come again and again meanwhile."""
        gone = Event()
        with ThreadPoolExecutor(1) as pool:
            visits = pool.submit(self._come_again, gone)
            try:
                yield
            finally:
                gone.set()
            visits.result()

    def _come_again(self, gone: Event) -> None:
        plans = cycle(self.town.plans)
        while not gone.wait(LOOK_SECONDS):
            plan_id = next(plans)
            self._press_start(plan_id)
            self._look_at(plan_id)

    def _press_start(self, plan_id: str) -> None:
        try:
            self.town.press_start(plan_id, self.town.colleague)
        except OperationalError:  # SQLite, when others wrote for ten seconds without a gap
            self.met["presses of start that found the store busy"] += 1
        else:
            self.met["second presses of start"] += 1

    def _look_at(self, plan_id: str) -> None:
        cookie = member_cookie(self.tree.url, self.town.colleague.email)
        try:
            shown = visit(self.tree.url, RETRY.path, f"plan={plan_id}", user_cookie=cookie)
        except AWAY:
            self.met["looks at a web that was away"] += 1
            return
        self.met["looks at a retry's page"] += 1
        if b"planned by" not in shown or b"could not be shown" in shown:
            self.complaints.append(f"a page of plan {plan_id} was not shown")
