"""The people and papers of a storm: workspaces with failed exports, and retries of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, func, select, update

from services import members, planning, retries
from services.members import Member
from services.store import tables
from services.store.engine import utcnow
from services.store.migrate import migrate
from services.store.states import Role, RunState
from tests.bulk import failed_exports
from tests.house import House
from tests.integration.office import Office
from tests.integration.sandbox.driver import Driver
from tests.quick_worker import Quick

MOMENT = timedelta(seconds=2)  # that short a wait is not worth a word


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How big a storm is."""

    kills: int
    workers: int
    organisations: int
    bills_each: int
    card_payments_each: int
    retries: int  #: side by side, each of an equal part of every workspace
    pace: Quick  #: while processes are killed, so that the retries last for so long
    replaced: float = 0.0  #: share of the killed workers whose successor has a new name
    longest_life_seconds: float  #: a process is killed at a random moment so soon after it is up
    share_of_faults: float

    @property
    def exports(self) -> int:
        """How many documents must be in Xero at the end."""
        return self.organisations * (self.bills_each + self.card_payments_each)


@dataclass(frozen=True, slots=True)
class Town:
    """An office at a house, with retries that were asked for."""

    office: Office
    exports: Sequence[int]
    plans: Sequence[str]
    colleague: Member

    @classmethod
    def open(cls, tree: House, xero: Driver, size: Size) -> Town:
        """Let workspaces connect and sync, let their exports have failed, and start the retries."""
        office = Office.open(tree.database_url, xero, key=tree.secrets["RELINK_ENCRYPTION_KEYS"])
        migrate(office.desk.store)
        office.staff()
        shops = [office.shop() for _ in range(size.organisations)]
        ids = failed_exports(office, shops, bills=size.bills_each, card_payments=size.card_payments_each)
        xero.control("DELETE", "/calls")
        plans = [_plan(office, ids[part :: size.retries]) for part in range(size.retries)]
        town = cls(office, ids, plans, _colleague(office))
        for plan_id in plans:
            town.press_start(plan_id, office.agent)
        return town

    def press_start(self, plan_id: str, member: Member) -> None:
        """Start a retry; whoever presses later joins the run that there is."""
        with self.office.desk.store.begin() as session:
            retries.start(session, member, plan_id, "month end")

    def under_way(self) -> bool:
        """Say whether any of the retries has not come to its end."""
        open_runs = select(func.count()).where(tables.RetryRun.state != RunState.FINISHED)
        with self.office.desk.store.read() as session:
            return bool(session.scalar(open_runs))

    def parked(self) -> bool:
        """Say whether a part of a retry waits for a later moment."""
        with self.office.desk.store.read() as session:
            return bool(session.scalar(select(func.count()).where(*_parked())))

    def wake(self) -> None:
        """Let what is parked go on at once."""
        with self.office.desk.store.begin() as session:
            session.execute(update(tables.Lane).where(*_parked()).values(due_at=utcnow()))

    def close(self) -> None:
        """Close the store."""
        self.office.desk.store.close()


def _parked() -> tuple[ColumnElement[bool], ...]:
    return tables.Lane.state == RunState.QUEUED, tables.Lane.due_at > utcnow() + MOMENT


def _colleague(office: Office) -> Member:
    colleague = Member("bo@relink.example", "Bo Colleague", Role.AGENT)
    with office.desk.store.begin() as session:
        members.add(session, email=colleague.email, name=colleague.name, role=colleague.role)
    return colleague


def _plan(office: Office, ids: Sequence[int]) -> str:
    with office.desk.store.begin() as session:
        return planning.plan(session, office.agent, export_ids=ids)
