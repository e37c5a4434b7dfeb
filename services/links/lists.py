"""Lists of reconnect links, and of the broken workspaces that nobody has a link for yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.orm import Session

from services import members, messages, pausing
from services.links import recipients
from services.links.link import good_until, is_revocable
from services.members import Member, Permission, own_workspaces
from services.paging import PAGE_SIZE, page_count, page_of
from services.store import tables
from services.store.engine import utcnow
from services.store.states import LINK_LIVE, NEEDS_RECONNECT, Health, LinkState

_Columns = TypeVarTuple("_Columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkQuery:
    """Which links to list: in any of these states, of one workspace."""

    states: tuple[LinkState, ...] = ()
    workspace_id: str | None = None
    page: int = 1
    page_size: int = PAGE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """One link as a person sees it."""

    id: str
    workspace_id: str
    workspace_name: str
    address: str  #: as far as the member may see it
    state: LinkState
    live: bool  #: it still lets somebody in, and can be taken back
    channel: str
    trouble: str | None  #: why the message that carries it was given up
    sent_by: str
    sent_at: datetime
    expires_at: datetime
    good_until: datetime  #: a verified one ends before it expires
    chased_at: datetime | None
    opened_at: datetime | None
    authorised_at: datetime | None
    verified_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    ended_reason: str | None


@dataclass(frozen=True, slots=True)
class LinkPage:
    """One page of links, with the counts that the state filter shows."""

    rows: tuple[LinkView, ...]
    total: int
    pages: int
    counts: Mapping[LinkState, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsentQuery:
    """Which broken workspaces to list."""

    health: tuple[Health, ...] = ()
    page: int = 1
    page_size: int = PAGE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsentRow:
    """One broken workspace that no live link leads to."""

    workspace_id: str
    workspace_name: str
    health: Health
    health_since: datetime
    code: str | None
    recipient: str  #: the default one


@dataclass(frozen=True, slots=True)
class UnsentPage:
    """One page of them, with the counts that the health filter shows."""

    rows: tuple[UnsentRow, ...]
    total: int
    pages: int
    counts: Mapping[Health, int]


def search(session: Session, member: Member, query: LinkQuery) -> LinkPage:
    """Return one page of links, newest first. Raises `NotAllowed`."""
    members.require_role(member, Permission.SEND_LINKS)
    matching = [*own_workspaces(member)]
    if query.workspace_id is not None:
        matching.append(tables.ReconnectLink.workspace_id == query.workspace_id)
    counted = (
        select(tables.ReconnectLink.state, func.count())
        .join(tables.Workspace, tables.Workspace.id == tables.ReconnectLink.workspace_id)
        .where(*matching)
        .group_by(tables.ReconnectLink.state)
    )
    counts = dict(session.execute(counted).all())
    total = sum(number for state, number in counts.items() if not query.states or state in query.states)
    listed = _listed().where(*matching)
    if query.states:
        listed = listed.where(tables.ReconnectLink.state.in_(query.states))
    rows = session.execute(page_of(listed, page=query.page, page_size=query.page_size)).all()
    return LinkPage(tuple(_views(session, member, rows)), total, page_count(total, query.page_size), counts)


def for_workspace(session: Session, member: Member, workspace_id: str, *, limit: int = 10) -> list[LinkView]:
    """Return the newest links of a workspace. Raises `NotAllowed` and `UnknownWorkspace`."""
    members.require(session, member, Permission.SEND_LINKS, workspace_id)
    mine = _listed().where(tables.ReconnectLink.workspace_id == workspace_id)
    return _views(session, member, session.execute(mine.limit(limit)).all())


def _listed() -> Select[tables.ReconnectLink, str]:
    return (
        select(tables.ReconnectLink, tables.Workspace.name)
        .join(tables.Workspace, tables.Workspace.id == tables.ReconnectLink.workspace_id)
        .order_by(tables.ReconnectLink.sent_at.desc(), tables.ReconnectLink.id.desc())
    )


def _views(
    session: Session, member: Member, rows: Sequence[Row[tables.ReconnectLink, str]]
) -> list[LinkView]:
    went_to = defaultdict(set)
    for link, _ in rows:
        went_to[link.workspace_id].add(link.email)
    shown, now = recipients.shown(session, member, went_to), utcnow()
    troubles = messages.troubles(session, [link.message_id for link, _ in rows if link.message_id])
    return [
        _view(link, name, shown[link.workspace_id, link.email], now, troubles.get(link.message_id or ""))
        for link, name in rows
    ]


def _view(
    link: tables.ReconnectLink, name: str, address: str, now: datetime, trouble: str | None
) -> LinkView:
    return LinkView(
        id=link.id,
        workspace_id=link.workspace_id,
        workspace_name=name,
        address=address,
        state=link.state,
        live=is_revocable(link, now),
        channel=link.channel,
        trouble=trouble,
        sent_by=link.sent_by,
        sent_at=link.sent_at,
        expires_at=link.expires_at,
        good_until=good_until(link),
        chased_at=link.chased_at,
        opened_at=link.opened_at,
        authorised_at=link.authorised_at,
        verified_at=link.verified_at,
        ended_at=link.ended_at,
        ended_by=link.ended_by,
        ended_reason=link.ended_reason,
    )


def unsent(session: Session, member: Member, query: UnsentQuery) -> UnsentPage:
    """Return one page of the broken workspaces without a live link, the longest broken first.

    Left out are those that nobody should be asked about: never connected or disconnected on purpose,
    about to be disconnected, or paused. Their own pages still send a link where one may go out.
    Raises `NotAllowed`.
    """
    members.require_role(member, Permission.SEND_LINKS)
    by_health = session.execute(
        select(tables.Connection.health, func.count())
        .join(tables.Workspace, tables.Workspace.id == tables.Connection.workspace_id)
        .where(*_without_link(member, ()))
        .group_by(tables.Connection.health)
    )
    counts = dict(by_health.all())
    total = sum(number for health, number in counts.items() if health in _wanted(query.health))
    listed = _unsent(select(tables.Workspace, tables.Connection), member, query.health)
    rows = session.execute(page_of(listed, page=query.page, page_size=query.page_size)).all()
    to = recipients.defaults(session, [workspace for workspace, _ in rows])
    return UnsentPage(
        rows=tuple(_unsent_row(workspace, connection, to[workspace.id]) for workspace, connection in rows),
        total=total,
        pages=page_count(total, query.page_size),
        counts=counts,
    )


def unsent_ids(session: Session, member: Member, health: tuple[Health, ...], *, limit: int) -> list[str]:
    """Return the first of the workspaces that `unsent` lists on all its pages. Raises `NotAllowed`."""
    members.require_role(member, Permission.SEND_LINKS)
    return list(session.scalars(_unsent(select(tables.Workspace.id), member, health).limit(limit)))


def _unsent(columns: Select[*_Columns], member: Member, health: tuple[Health, ...]) -> Select[*_Columns]:
    return (
        columns.join(tables.Connection, tables.Connection.workspace_id == tables.Workspace.id)
        .where(*_without_link(member, health))
        .order_by(tables.Connection.health_since, tables.Workspace.id)
    )


def _without_link(member: Member, health: tuple[Health, ...]) -> list[ColumnElement[bool]]:
    live = (
        select(tables.ReconnectLink.id)
        .where(
            tables.ReconnectLink.workspace_id == tables.Workspace.id,
            tables.ReconnectLink.state.in_(LINK_LIVE),
        )
        .exists()
    )
    broken = tables.Connection.health.in_(sorted(_wanted(health)))
    return [*own_workspaces(member), broken, pausing.by_itself(), ~live]


def _wanted(health: tuple[Health, ...]) -> frozenset[Health]:
    """Return the healths to list: of those that broke, the chosen ones or all."""
    return NEEDS_RECONNECT.intersection(health) if health else NEEDS_RECONNECT


def _unsent_row(workspace: tables.Workspace, connection: tables.Connection, recipient: str) -> UnsentRow:
    return UnsentRow(
        workspace_id=workspace.id,
        workspace_name=workspace.name,
        health=connection.health,
        health_since=connection.health_since,
        code=connection.code,
        recipient=recipient,
    )
