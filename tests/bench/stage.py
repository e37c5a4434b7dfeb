"""A house with a worker, workspaces whose exports have failed, and hands to retry them and to watch."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from services import planning, retries
from services.narrowing import ExportFilter
from services.store import tables
from services.store.migrate import migrate
from services.store.states import ExportState, RunState
from tests.bulk import failed_exports
from tests.house import House, house
from tests.integration.office import Office, Shop
from tests.integration.sandbox.driver import Driver, drive
from tests.patience import until

LONGEST_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a figure is measured."""

    tree: House
    office: Office

    @property
    def xero(self) -> Driver:
        return self.office.xero

    def failed(self, *, organisations: int, each: int) -> Sequence[Shop]:
        """Open so many workspaces with so many failed bills each."""
        shops = [self.office.shop() for _ in range(organisations)]
        failed_exports(self.office, shops, bills=each)
        self.xero.control("DELETE", "/calls")
        return shops

    def plan_everything(self) -> str:
        """Plan a retry of all that failed."""
        with self.office.desk.store.begin() as session:
            return planning.plan(session, self.office.agent, filter=ExportFilter())

    def plan(self, export_ids: Sequence[int]) -> str:
        """Plan a retry of these exports."""
        with self.office.desk.store.begin() as session:
            return planning.plan(session, self.office.agent, export_ids=export_ids)

    def until_judged(self, plan_id: str) -> None:
        """Wait until every export of a plan has its verdict."""
        due_at = select(tables.RetryPlan.judging_due_at).where(tables.RetryPlan.id == plan_id)

        def judged() -> bool:
            with self.office.desk.store.read() as session:
                return session.scalar(due_at) is None

        until(judged, why=self.log, seconds=LONGEST_SECONDS)

    def start(self, plan_id: str) -> None:
        """Start a plan's run."""
        with self.office.desk.store.begin() as session:
            retries.start(session, self.office.agent, plan_id, "month end")

    def until_finished(self, plan_id: str) -> None:
        """Wait until a run has come to its end."""
        state = select(tables.RetryRun.state).where(tables.RetryRun.plan_id == plan_id)

        def finished() -> bool:
            with self.office.desk.store.read() as session:
                return session.scalar(state) is RunState.FINISHED

        until(finished, why=self.log, seconds=LONGEST_SECONDS)

    def require_delivered(self, plan_id: str, expected: int) -> None:
        """Fail unless a run delivered as many exports as expected, each of them once."""
        delivered = select(func.count()).where(
            tables.PlanItem.plan_id == plan_id, tables.PlanItem.result == ExportState.DELIVERED
        )
        with self.office.desk.store.read() as session:
            found = session.scalar(delivered)
        duplicates = self.xero.control("GET", "/ledger")["duplicates"]
        if found != expected or duplicates:
            raise AssertionError(f"{found} of {expected:,} delivered, {len(duplicates)} duplicates")

    def log(self) -> str:
        """Return the end of what the worker said."""
        return self.tree.log("worker")[-2000:]


@contextmanager
def stage(*, limits: str = "off") -> Iterator[Stage]:
    """Open a house with a sandbox on a store of its own."""
    with tempfile.TemporaryDirectory() as folder, house(Path(folder)) as tree:
        tree.start_sandbox(limits=limits)
        with drive(tree.sandbox_url) as xero:
            office = Office.open(tree.database_url, xero, key=tree.secrets["RELINK_ENCRYPTION_KEYS"])
            migrate(office.desk.store)
            office.staff()
            yield Stage(tree, office)
            office.desk.store.close()


@dataclass(slots=True)
class Watch:
    """A stopwatch, read in seconds."""

    began: float

    @classmethod
    def start(cls) -> Watch:
        return cls(time.monotonic())

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began
