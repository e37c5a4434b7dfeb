"""What a retry would do with an export, and why, judged before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from services import catalogue, documents, objections, pausing, receipts, reference, under_way
from services.catalogue import Category, RetryClass
from services.documents import Draft
from services.look_ups import AMBIGUOUS_CODES
from services.receipts import Owed
from services.reference import Imported
from services.store import tables
from services.store.states import CAN_EXPORT, NEEDS_RECONNECT, ExportState, Health, Verdict

NOT_CONNECTED = (
    "The workspace is not connected to Xero. Connect it to the same organisation as before: the export can "
    "go to no other."
)
OTHER_ORGANISATION = "It belongs to the organisation the workspace was connected to before."
CHUNK = 500  # exports judged at once: bounded memory, and SQL parameter lists stay short

LOCK_CODE = "XERO33"

#: Codes that our own check of the imported data can see mended. XERO93 is the platform's alone: Xero takes
#: an account that is not shown in expense claims.
_CHECKED_CODES = frozenset({"XERO27", "XERO33", "XERO52", "XERO78", "XERO87", "XERO93", "XERO95"})


@dataclass(frozen=True, slots=True)
class Judged:
    """One export with its verdict."""

    export_id: int
    workspace_id: str
    verdict: Verdict
    reason: str  #: begins with the code where there is one
    code: str | None = None  #: XEROnn: what stands in the way, found by our own check or left by the last try


@dataclass(frozen=True, slots=True)
class _Side:
    """The workspace's side of a verdict."""

    connection: tables.Connection
    imported: Imported | None


def judge(session: Session, export_ids: Sequence[int]) -> Iterator[Judged]:
    """Judge exports in the order given; ids that are unknown are left out. No call is spent."""
    sides: dict[str, _Side] = {}
    for start in range(0, len(export_ids), CHUNK):
        chunk = export_ids[start : start + CHUNK]
        found = {e.id: e for e in session.scalars(select(tables.Export).where(tables.Export.id.in_(chunk)))}
        exports = [found[export_id] for export_id in chunk if export_id in found]
        owed, held = receipts.owed(session, chunk), under_way.reasons(session, chunk)
        for draft in documents.drafts(session, exports):
            side, id_ = _side(session, draft.export.workspace_id, sides), draft.export.id
            verdict, reason = _judge(draft, side, owed.get(id_), held.get(id_))
            code = _code(reason)
            yield Judged(draft.export.id, draft.export.workspace_id, verdict, reason, code)


def _code(reason: str) -> str | None:
    code, colon, _ = reason.partition(": ")
    return code if colon and code in catalogue.CODES else None


def _side(session: Session, workspace_id: str, sides: dict[str, _Side]) -> _Side:
    if workspace_id not in sides:
        connection = session.get_one(tables.Connection, workspace_id)
        organisation_id = connection.organisation_id
        imported = reference.imported(session, organisation_id) if organisation_id else None
        sides[workspace_id] = _Side(connection, imported)
    return sides[workspace_id]


def _judge(draft: Draft, side: _Side, owed: Owed | None, held: str | None) -> tuple[Verdict, str]:
    export = draft.export
    return (
        _without_receipts(export, side.connection, owed, held)
        or _closed(export)
        or _not_connected(export, side.connection)
        or ((Verdict.UNDER_WAY, held) if held else None)
        or _doubtful(draft, side)
        or _to_fix(draft, side)
        or (Verdict.WILL_SEND, "Nothing stands in the way.")
    )


def _without_receipts(
    export: tables.Export, connection: tables.Connection, owed: Owed | None, held: str | None
) -> tuple[Verdict, str] | None:
    """Judge a document that is in Xero while receipts of it are not."""
    if export.state is not ExportState.DELIVERED or owed is None:
        return None
    if not owed.to_attach:
        return Verdict.FIX_FIRST, f"{receipts.TOO_LARGE}: {owed.advice}"
    if held is not None:
        return Verdict.UNDER_WAY, held
    reason = " ".join(filter(None, [owed.plan, owed.advice]))
    return _not_connected(export, connection) or (Verdict.RECEIPTS, reason)


def _closed(export: tables.Export) -> tuple[Verdict, str] | None:
    if export.state is ExportState.DELIVERED:
        return Verdict.ALREADY_IN_XERO, f"It was delivered and is {'paid ' if export.paid_at else ''}in Xero."
    if export.state is ExportState.SET_ASIDE:
        return Verdict.NEVER, f"Set aside by {export.set_aside_by}: {export.set_aside_reason}"
    if export.code and catalogue.get(export.code).retry is RetryClass.NEVER:
        return Verdict.NEVER, f"{export.code}: {catalogue.get(export.code).fix}"
    return None


def _not_connected(export: tables.Export, connection: tables.Connection) -> tuple[Verdict, str] | None:
    if (why := blocked(connection)) is not None:
        return Verdict.DISCONNECTED, why
    if export.organisation_id != connection.organisation_id:
        return Verdict.NEVER, OTHER_ORGANISATION
    return None


def blocked(connection: tables.Connection) -> str | None:
    """Say why nothing can be sent through a connection, or return None where it can."""
    if connection.leaving_at is not None:
        return pausing.LEAVING
    return None if connection.health in CAN_EXPORT else _what_first(connection)


def _what_first(connection: tables.Connection) -> str:
    if connection.health in NEEDS_RECONNECT:
        return f"The connection is {connection.health}. Reconnect first."
    if connection.code and connection.health is Health.SYNC_ERROR:
        return f"The last sync failed with {connection.code}: {catalogue.get(connection.code).fix}"
    if connection.health is Health.NOT_CONNECTED:
        return NOT_CONNECTED
    return f"The connection is {connection.health}. Connect the workspace to Xero first."


def _doubtful(draft: Draft, side: _Side) -> tuple[Verdict, str] | None:
    export = draft.export
    unanswered = export.state in {ExportState.IN_DOUBT, ExportState.SENDING}
    if not unanswered and not (export.state is ExportState.FAILED and export.code in AMBIGUOUS_CODES):
        return None
    reason = "It may have arrived: Xero is asked before anything is sent."
    objection = objections.objection(draft, side.imported) if side.imported else None
    if objection is not None:
        reason += f" If it did not, this comes first: {objection.code}: {objection.message}"
    return Verdict.LOOK_UP, reason


def _to_fix(draft: Draft, side: _Side) -> tuple[Verdict, str] | None:
    if side.imported is None:
        return None
    objection = objections.objection(draft, side.imported)
    if objection is not None:
        verdict = Verdict.LOCKED if objection.code == LOCK_CODE else Verdict.FIX_FIRST
        return verdict, f"{objection.code}: {objection.message}"
    if draft.export.code in _seen_mended(draft, side.imported):
        return None
    return _to_fix_unseen(draft.export, side.connection)


def _seen_mended(draft: Draft, imported: Imported) -> frozenset[str]:
    """Return the codes that no longer hold where our check of the export found nothing."""
    currencies = {"XERO68"} if imported.currencies else set()
    receipts = {"XERO08"} if draft.receipts else set()
    return _CHECKED_CODES | currencies | receipts


def _to_fix_unseen(export: tables.Export, connection: tables.Connection) -> tuple[Verdict, str] | None:
    """Judge a failure whose cause our check cannot see: a mended report is imported anew, and
    a change in Xero is followed by a sync."""
    if export.state is not ExportState.FAILED or export.code is None:
        return None
    code = catalogue.get(export.code)
    if code.retry is not RetryClass.FIX_FIRST:
        return None
    synced = connection.last_synced_at and export.failed_at and connection.last_synced_at > export.failed_at
    if synced and code.category is not Category.DATA:
        return None
    return Verdict.FIX_FIRST, f"{code.code}: {code.fix}"
