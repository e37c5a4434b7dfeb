"""How many calls a retry takes, and when it will be done: from what Xero last said may still be called."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from services import contacts, receipts
from services.store import tables
from services.store.states import GOES, ExportKind, Verdict
from services.xero.documents import MAX_BATCH, MAX_LOOKUP
from services.xero.pace import Limits

DAY_CALLS = 5_000  # an organisation's day, where Xero has not said (Xero OAuth 2.0 API limits)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
XERO = Limits()  # where Xero has not said otherwise
SECONDS_A_CALL = 1.0  # about what Xero takes for a batch, and the pace at which a minute's calls last


class Bound(StrEnum):
    """What decides when a retry is done."""

    ORGANISATION = "Xero's calls a minute for one organisation"
    DAY = "Xero's calls a day for one organisation"
    APP = "Xero's calls a minute for all of Relink"
    PACE = "the exports a minute that were chosen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is to be sent for one workspace, and so for one organisation."""

    workspace_id: str
    workspace_name: str
    organisation_id: str
    sent: Mapping[ExportKind, int] = field(default_factory=dict)  #: exports to send
    looked_up: Mapping[ExportKind, int] = field(default_factory=dict)  #: exports to ask Xero for
    with_receipts: int = 0  #: exports in Xero already, of which receipts are missing
    receipts: int = 0  #: each a call of its own
    unknown_contacts: int = 0  #: settled before a batch, with one call for all of it
    amounts: Mapping[str, Decimal] = field(default_factory=dict)  #: by currency

    @property
    def exports(self) -> int:
        """Return how many exports it is."""
        return sum(self.sent.values()) + sum(self.looked_up.values()) + self.with_receipts

    @property
    def calls(self) -> int:
        """Return the calls it takes: a batch holds documents of one kind only."""
        batches = sum(-(-number // MAX_BATCH) for number in self.sent.values())
        look_ups = sum(-(-number // MAX_LOOKUP) for number in self.looked_up.values())
        documents = batches + look_ups
        return documents + min(documents, self.unknown_contacts) + self.receipts


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What Xero last said may still be called for one organisation."""

    minute_remaining: int | None
    day_remaining: int | None
    read_at: datetime
    day_returns_at: datetime | None = None  #: told by Xero alone when the day's allowance is used up


@dataclass(frozen=True, slots=True, kw_only=True)
class AnotherDay:
    """A workspace whose organisation has fewer calls left in its day than the retry takes."""

    workspace_id: str
    workspace_name: str
    exports: int  #: about so many go only after the day's allowance has returned
    returns_at: datetime
    told: bool  #: Xero said when; else it is the latest possible moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The effort of a retry and when it will be done, at the earliest."""

    exports: int
    calls: int
    starts_at: datetime
    finishes_at: datetime
    bound: Bound | None  #: what decides it; None where nothing has to wait
    slowest: str | None  #: the name of the workspace that decides it, where one does
    by_workspace: Mapping[str, datetime]  #: when each would be done, were it alone
    another_day: tuple[AnotherDay, ...]
    guessed: bool  #: of some organisation Xero has not said lately what is left: its usual limits are taken

    @property
    def seconds(self) -> float:
        """Return how long it goes on, from its start."""
        return (self.finishes_at - self.starts_at).total_seconds()


@dataclass(frozen=True, slots=True)
class _Lane:
    """When one organisation's calls are done, and why then."""

    load: Load
    finishes_at: datetime
    bound: Bound | None
    another_day: AnotherDay | None
    guessed: bool


def estimate(
    loads: Sequence[Load],
    allowed: Mapping[str, Allowed],
    *,
    now: datetime,
    starts_at: datetime | None = None,
    at_most_a_minute: int | None = None,
    limits: Limits = XERO,
) -> Estimate:
    """Return when `loads` would be done, from what is `allowed` by organisation.

    Organisations go side by side, so the slowest decides, unless all of them together reach the app's
    limit or the chosen pace.
    """
    begin = max(now, starts_at or now)
    lanes = [_lane(load, allowed.get(load.organisation_id), begin, limits) for load in loads]
    calls, exports = sum(load.calls for load in loads), sum(load.exports for load in loads)
    slowest = max(lanes, key=lambda lane: lane.finishes_at, default=None)
    ends = [
        (slowest.finishes_at, slowest.bound, slowest.load.workspace_name) if slowest else (begin, None, None),
        (begin + _windows(calls, limits.app_minute, limits.window_seconds), Bound.APP, None),
        (begin + _windows(exports, at_most_a_minute or exports, MINUTE.total_seconds()), Bound.PACE, None),
    ]
    finishes_at, bound, name = max(ends, key=lambda end: end[0])
    return Estimate(
        exports=exports,
        calls=calls,
        starts_at=begin,
        finishes_at=finishes_at,
        bound=bound,
        slowest=name if bound else None,
        by_workspace={lane.load.workspace_id: lane.finishes_at for lane in lanes},
        another_day=tuple(lane.another_day for lane in lanes if lane.another_day),
        guessed=any(lane.guessed for lane in lanes),
    )


def _windows(number: int, a_window: int, window_seconds: float) -> timedelta:
    """Return how long it takes to begin with the last of so many, at so many a window."""
    return timedelta(seconds=max(0, -(-number // max(a_window, 1)) - 1) * window_seconds)


def _lane(load: Load, allowed: Allowed | None, begin: datetime, limits: Limits) -> _Lane:
    left, returns_at, told = _day(allowed, begin)
    calls_left = DAY_CALLS if left is None else left
    first = _minute(allowed, begin, limits)
    if load.calls <= calls_left:
        end = begin + _span(load.calls, first, limits)
        bound = Bound.ORGANISATION if load.calls > first else None
        return _Lane(load, end, bound, None, guessed=left is None)
    days, rest = divmod(load.calls - calls_left - 1, DAY_CALLS)
    end = returns_at + days * DAY + _span(rest + 1, limits.minute, limits)
    later = AnotherDay(
        workspace_id=load.workspace_id,
        workspace_name=load.workspace_name,
        exports=load.exports - load.exports * calls_left // load.calls,
        returns_at=returns_at,
        told=told,
    )
    return _Lane(load, end, Bound.DAY, later, guessed=left is None)


def _day(allowed: Allowed | None, begin: datetime) -> tuple[int | None, datetime, bool]:
    """Return what is left of the day, or None where nobody knows; when it returns; whether Xero told so."""
    if allowed is None:
        return None, begin + DAY, False
    if allowed.day_returns_at is not None:
        if allowed.day_returns_at > begin:
            return allowed.day_remaining or 0, allowed.day_returns_at, True
        return None, allowed.day_returns_at + DAY, False
    if allowed.day_remaining is None or allowed.read_at + DAY <= begin:
        return None, begin + DAY, False
    return allowed.day_remaining, allowed.read_at + DAY, False


def _minute(allowed: Allowed | None, begin: datetime, limits: Limits) -> int:
    """Return how many calls may be made at once."""
    window = timedelta(seconds=limits.window_seconds)
    if allowed is None or allowed.minute_remaining is None or allowed.read_at + window <= begin:
        return limits.minute
    return allowed.minute_remaining


def _span(calls: int, first: int, limits: Limits) -> timedelta:
    """Return how long calls take of which `first` may be made at once, and the others window by window."""
    if calls <= first:
        return timedelta(seconds=calls * SECONDS_A_CALL)
    windows, rest = divmod(calls - first - 1, limits.minute)
    return timedelta(seconds=(windows + 1) * limits.window_seconds + (rest + 1) * SECONDS_A_CALL)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a plan has to do, and what Xero last said of how fast that may go."""

    loads: tuple[Load, ...]  #: the largest first
    allowed: Mapping[str, Allowed]  #: by organisation

    def estimate(
        self,
        *,
        now: datetime,
        workspace_ids: Collection[str] | None = None,
        starts_at: datetime | None = None,
        at_most_a_minute: int | None = None,
    ) -> Estimate:
        """Return when it would be done, or only some workspaces of it, at a time and pace of choice."""
        wanted = [load for load in self.loads if workspace_ids is None or load.workspace_id in workspace_ids]
        return estimate(
            wanted,
            self.allowed,
            now=now,
            starts_at=starts_at,
            at_most_a_minute=at_most_a_minute,
        )


# Read from the store


def read(session: Session, plan_id: str) -> Outlook:
    """Return what a plan has to do, and how fast that may go."""
    return Outlook(tuple(loads(session, plan_id)), allowances(session, plan_id))


def loads(session: Session, plan_id: str) -> list[Load]:
    """Return what a plan has to do in each workspace, the largest first."""
    files = receipts.number_by_workspace(session, plan_id)
    unknown = contacts.names_unknown(session, plan_id)
    of_lanes: dict[tuple[str, str, str], list[_Part]] = {}
    for workspace_id, name, organisation_id, *part in session.execute(_parts(plan_id)).all():
        of_lanes.setdefault((workspace_id, name, organisation_id), []).append(_Part(*part))
    found = [
        Load(
            workspace_id=workspace_id,
            workspace_name=name,
            organisation_id=organisation_id,
            sent=_by_kind(parts, Verdict.WILL_SEND),
            looked_up=_by_kind(parts, Verdict.LOOK_UP),
            with_receipts=sum(_by_kind(parts, Verdict.RECEIPTS).values()),
            receipts=files.get(workspace_id, 0),
            unknown_contacts=unknown.get(workspace_id, 0),
            amounts=_by_currency(parts),
        )
        for (workspace_id, name, organisation_id), parts in of_lanes.items()
    ]
    return sorted(found, key=lambda load: (-load.exports, load.workspace_name))


@dataclass(frozen=True, slots=True)
class _Part:
    """How many exports of one workspace have all of this in common."""

    verdict: Verdict
    kind: ExportKind
    currency: str
    number: int
    amount: Decimal


def _parts(plan_id: str) -> Select[*tuple[Any, ...]]:
    workspace, export, item = tables.Workspace, tables.Export, tables.PlanItem
    group = (workspace.id, workspace.name, export.organisation_id, item.verdict, export.kind, export.currency)
    return (
        select(*group, func.count(), func.sum(export.amount))
        .select_from(item)
        .join(export, export.id == item.export_id)
        .join(workspace, workspace.id == item.workspace_id)
        .where(item.plan_id == plan_id, item.verdict.in_(GOES))
        .group_by(*group)
    )


def _by_kind(parts: Sequence[_Part], verdict: Verdict) -> dict[ExportKind, int]:
    found: dict[ExportKind, int] = {}
    for part in parts:
        if part.verdict is verdict:
            found[part.kind] = found.get(part.kind, 0) + part.number
    return found


def _by_currency(parts: Sequence[_Part]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for part in parts:
        found[part.currency] = found.get(part.currency, Decimal(0)) + part.amount
    return found


def allowances(session: Session, plan_id: str) -> dict[str, Allowed]:
    """Return what Xero last said may still be called, by organisation; where it never did, none is there."""
    # What goes, goes to the organisation its workspace is connected to: no look at the exports.
    organisations = (
        select(tables.Connection.organisation_id)
        .join(tables.PlanItem, tables.PlanItem.workspace_id == tables.Connection.workspace_id)
        .where(tables.PlanItem.plan_id == plan_id, tables.PlanItem.verdict.in_(GOES))
    )
    rows = session.scalars(
        select(tables.Allowance).where(tables.Allowance.organisation_id.in_(organisations))
    )
    return {
        row.organisation_id: Allowed(
            minute_remaining=row.minute_remaining,
            day_remaining=row.day_remaining,
            read_at=row.read_at,
            day_returns_at=row.day_returns_at,
        )
        for row in rows
    }
