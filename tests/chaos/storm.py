"""A storm: processes are killed at random moments while retries run and Xero misbehaves."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx

from services.store import tables
from tests.chaos.books import Books
from tests.chaos.town import Size, Town
from tests.chaos.visitor import Visitor
from tests.chaos.weather import Weather
from tests.house import House, house
from tests.integration.sandbox.driver import drive
from tests.patience import until
from tests.quick_worker import MODULE

WEB_SHARE = 0.25  # of the kills: most happens in workers
#: A lane may have to wait out the six minutes of a key, and several faults in a row.
END_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Report:
    """What a storm did, and what does not add up after it."""

    figures: Sequence[str]
    complaints: Sequence[str]


@dataclass(slots=True)
class Storm:
    """The processes of a house, and who kills them."""

    tree: House
    town: Town
    size: Size
    random: Random
    kills: Counter[str] = field(default_factory=Counter)
    workers: list[str] = field(default_factory=list)  #: every name there has been
    complaints: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Start the workers and the web."""
        for number in range(1, self.size.workers + 1):
            self._start_worker(f"worker-{number}")
        self.tree.start_web()

    def _start_worker(self, name: str) -> None:
        self.workers.append(name)
        self.tree.start_worker(name, module=MODULE, **self.size.pace.environment)

    def rage(self) -> None:
        """Kill one process after the other, each started again at once, for as long as a retry runs."""
        while self.kills.total() < self.size.kills:
            victim = self._victim()
            self._let_live(victim, seconds=self.random.uniform(0, self.size.longest_life_seconds))
            if not self.town.under_way():
                return
            self._kill(victim)
            self._start_again(victim)

    def _kill(self, victim: str) -> None:
        if self.tree.processes[victim].poll() is not None:
            self.complaints.append(f"{victim} had ended by itself: {self.tree.log(victim)[-500:]}")
        self.tree.kill(victim)
        self.kills["web" if victim == "web" else "worker"] += 1

    def _let_live(self, name: str, *, seconds: float) -> None:
        until(lambda: self._is_up(name), why=lambda: self.tree.log(name))
        time.sleep(seconds)  # the random moment is the point

    def _victim(self) -> str:
        if self.random.random() < WEB_SHARE:
            return "web"
        return self.random.choice([name for name in self.tree.processes if name.startswith("worker")])

    def _is_up(self, name: str) -> bool:
        if name == "web":
            return _answers(f"{self.tree.url}/healthz")
        with self.town.office.desk.store.read() as session:
            row = session.get(tables.Worker, name)
        return row is not None and row.pid == self.tree.processes[name].pid

    def _start_again(self, victim: str) -> None:
        if victim == "web":
            self.tree.start_web(wait=False)
        elif self.random.random() < self.size.replaced:
            self._start_worker(f"worker-{len(self.workers) + 1}")
        else:
            self._start_worker(victim)

    def calm(self, *, hurry: bool) -> None:
        """Wait until every retry has come to its end; in a hurry nothing parked waits for its time."""
        until(lambda: self._is_over(hurry=hurry), why=self._logs, seconds=END_SECONDS)

    def _is_over(self, *, hurry: bool) -> bool:
        if hurry and self.town.parked():
            self.town.wake()
        return not self.town.under_way()

    def take_overs(self) -> int:
        """Count how often a worker took over from one that did not come back."""
        return sum(self.tree.log(name).count('"took over"') for name in dict.fromkeys(self.workers))

    def _logs(self) -> str:
        return "\n".join(self.tree.log(name)[-2000:] for name in dict.fromkeys(self.workers))


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.HTTPError:
        return False


def run(folder: Path, size: Size, *, seed: int, database_url: str = "", hurry: bool = False) -> Report:
    """Let a storm rage over retries of failed exports, and account for everything afterwards.

    With `hurry` what is parked when the last kill is done does not wait for its time.
    """
    with house(folder, database_url=database_url) as tree:
        tree.start_sandbox()
        with drive(tree.sandbox_url) as xero, closing(Town.open(tree, xero, size)) as town:
            xero.control("PUT", "/limits", **size.pace.limits)
            weather = Weather.break_out(xero, share=size.share_of_faults, seed=seed)
            storm = Storm(tree, town, size, Random(seed))
            visitor = Visitor(tree, town)
            began = time.monotonic()
            storm.start()
            with visitor.about():
                storm.rage()
                raged_seconds = time.monotonic() - began
                xero.control("PUT", "/limits", mode="off")
                storm.calm(hurry=hurry)
            seconds = time.monotonic() - began
            return _report(storm, visitor, weather, raged_seconds, seconds)


def _report(storm: Storm, visitor: Visitor, weather: Weather, raged_seconds: float, seconds: float) -> Report:
    xero, size = storm.town.office.xero, storm.size
    books = Books.open(storm.town)
    calls = xero.control("GET", "/calls")
    hits = weather.hits(xero)
    short = [f"only {storm.kills.total()} of {size.kills} kills fitted into the run"]
    return Report(
        figures=[
            f"{len(books.documents):,} documents of {size.exports:,} exports, "
            f"{len(books.duplicates):,} duplicates, {books.in_doubt:,} in doubt",
            f"{storm.kills.total()} kills ({_counted(storm.kills)}) in {raged_seconds:.0f} s, "
            f"as many restarts, {storm.take_overs()} take-overs",
            f"{calls['total']:,} calls, {hits.total():,} hit by a fault ({_counted(hits)})",
            f"answered: {_counted(Counter(calls['by_status']))} (0: not at all)",
            f"{sum(map(len, books.attempts.values())):,} attempts in {len(books.batches):,} batches, "
            f"{sum(books.sends.values()):,} sends with {len(books.sends):,} keys",
            _counted(visitor.met),
            f"{seconds:.0f} s from the start to the last document",
        ],
        complaints=[
            *books.complaints(size.exports),
            *storm.complaints,
            *visitor.complaints,
            *(short if storm.kills.total() < size.kills else []),
        ],
    )


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in sorted(counter.items()) if number)
