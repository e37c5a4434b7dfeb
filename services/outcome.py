"""What a reconnect achieved: what arrived in Xero, what needs a person, and both as text for a ticket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from services import catalogue, exports, members, reconnects
from services.exports import ExportFilter, ExportRow
from services.incidents import IncidentView
from services.members import Member
from services.store import tables
from services.store.states import GOES, UNDELIVERED, ExportState
from services.workspaces import WorkspaceView

LISTED_AT_MOST = 50  # on the page and in the text; the totals count everything


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of a repair."""

    arrived: tuple[ExportRow, ...]  #: oldest report first, with links into Xero
    arrived_total: int
    arrived_amounts: Mapping[str, Decimal]  #: by currency
    left: tuple[ExportRow, ...]
    left_total: int
    needs: Mapping[int, str]  #: what each of `left` needs, by the export's id
    summary: str  #: plain text to paste into a ticket


def outcome(
    session: Session,
    member: Member,
    workspace: WorkspaceView,
    incident: IncidentView,
    reconnect: tables.Reconnect | None,
) -> Outcome:
    """Return what arrived in Xero since the workspace's repair, and what did not."""
    arrived = exports.search(
        session,
        member,
        ExportFilter(
            workspace_id=workspace.id,
            states=(ExportState.DELIVERED,),
            delivered_since=incident.reconnected_at or incident.opened_at,
            page_size=LISTED_AT_MOST,
        ),
    )
    owed = ExportFilter(
        workspace_id=workspace.id, states=tuple(sorted(UNDELIVERED)), page_size=LISTED_AT_MOST
    )
    left = exports.search(session, member, owed)
    needs = _needs(session, reconnect, left.rows)
    lines = [
        *_about(session, member, workspace, incident, reconnect),
        *_arrived(arrived.rows, arrived.total, arrived.amounts),
        *_left(left.rows, left.total, needs),
    ]
    return Outcome(
        arrived=arrived.rows,
        arrived_total=arrived.total,
        arrived_amounts=arrived.amounts,
        left=left.rows,
        left_total=left.total,
        needs=needs,
        summary="\n".join(lines),
    )


def _needs(
    session: Session, reconnect: tables.Reconnect | None, rows: tuple[ExportRow, ...]
) -> dict[int, str]:
    """Say of each export what it needs: what kept it out of the repair's retry, else why it failed."""
    item = tables.PlanItem
    kept_out = select(item.export_id, item.reason).where(
        item.plan_id == (reconnect.plan_id if reconnect else None),
        item.export_id.in_([row.id for row in rows]),
        item.verdict.not_in(GOES),
    )
    reasons: dict[int, str] = dict(session.execute(kept_out).all())
    return {row.id: reasons.get(row.id) or _why(row) for row in rows}


def _why(row: ExportRow) -> str:
    if row.code:
        return f"{row.code}: {catalogue.get(row.code).fix}"
    return {
        ExportState.IN_DOUBT: "Xero's answer was lost. It is looked up before any new try.",
        ExportState.SENDING: "On its way to Xero.",
        ExportState.HELD: "Not tried: the connection was broken. Retry it.",
    }.get(row.state, "Approved, not tried yet.")


def _about(
    session: Session,
    member: Member,
    workspace: WorkspaceView,
    incident: IncidentView,
    reconnect: tables.Reconnect | None,
) -> list[str]:
    organisation = workspace.connection.organisation_name or "no organisation"
    lines = [
        f"Workspace {workspace.name} ({workspace.id}), Xero organisation {organisation}",
        f"{incident.code} ({catalogue.get(incident.code).title}) since {_moment(incident.opened_at)}",
    ]
    if reconnect is not None and reconnects.is_verified(reconnect):
        who = members.named(session, reconnect.changed_by or reconnect.started_by, to=member)
        lines.append(f"Reconnected by {who} at {_moment(reconnect.changed_at)}: same organisation, verified")
    if workspace.connection.last_synced_at is not None:
        lines.append(f"Last full sync succeeded at {_moment(workspace.connection.last_synced_at)}")
    return lines


def _arrived(rows: tuple[ExportRow, ...], total: int, amounts: Mapping[str, Decimal]) -> Iterable[str]:
    worth = ", ".join(f"{currency} {amount:,.2f}" for currency, amount in sorted(amounts.items()))
    yield f"Arrived in Xero: {total:,}" + (f", worth {worth}" if worth else "")
    if rows:
        more = f" and {total - len(rows):,} more" if total > len(rows) else ""
        yield ", ".join(row.number for row in rows) + more


def _left(rows: tuple[ExportRow, ...], total: int, needs: Mapping[int, str]) -> Iterable[str]:
    yield f"Still needs a person: {total:,}"
    yield from (f"- {row.number}: {needs[row.id]}" for row in rows)
    if total > len(rows):
        yield f"- and {total - len(rows):,} more"


def _moment(when: datetime) -> str:
    return f"{when.astimezone(UTC):%-d %b %Y, %H:%M} UTC"
