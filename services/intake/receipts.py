"""Receipts from files: the name says which report, and where needed which expense, a file belongs to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import ceil
from pathlib import PurePath

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from services import audit, members
from services.members import Member, Permission, own_workspaces
from services.receipts import TOO_LARGE, counted
from services.store import tables
from services.store.engine import LOCK
from services.store.states import ExportState, ReceiptState
from services.xero.documents import MAX_ATTACHMENT_BYTES, MAX_FILES

#: What a receipt may be, by the end of its name.
CONTENT_TYPES = {
    "pdf": "application/pdf",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "bmp": "image/bmp",
}

LONGEST_NAME = 100
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufffd]')
_EXPENSE = re.compile(r"[-_ .]l0*([0-9]{1,4})(?![0-9a-z])", re.IGNORECASE)
_SEPARATOR = re.compile(r"[^A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class Upload:
    """One file that somebody brings; its content is read only once it is wanted."""

    name: str
    size_bytes: int
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """One file that was not taken in."""

    name: str
    reason: str  #: what is wrong and what to do next


@dataclass(frozen=True, slots=True)
class ReceiptIntake:
    """What became of the files."""

    accepted: int  #: new, or another file under a known name
    unchanged: int  #: known already, just like this
    refused: tuple[RefusedFile, ...]


class _Refused(Exception):
    """A file is not taken in; the text is a sentence for the screen."""


def take_in(session: Session, member: Member, uploads: Sequence[Upload]) -> ReceiptIntake:
    """Keep each file as a receipt of the export that its name names, or refuse it with the reason.

    A name begins with the report's number: R004211.pdf, R004211-2.jpg; an expense of a report that
    becomes several documents in Xero is named by its place: R004211-L3.jpg. The same file again
    changes nothing, another one under the same name replaces it. Raises `NotAllowed`.
    """
    members.require_role(member, Permission.IMPORT_REPORTS)
    taken: list[tables.Export] = []
    refused: list[RefusedFile] = []
    for upload in sorted(uploads, key=lambda one: one.name):  # everybody locks in much the same order
        try:
            taken += _take(session, member, upload)
        except _Refused as refusal:
            refused.append(RefusedFile(upload.name, str(refusal)))
    _record(session, member, taken)
    return ReceiptIntake(len(taken), len(uploads) - len(taken) - len(refused), tuple(refused))


def _take(session: Session, member: Member, upload: Upload) -> list[tables.Export]:
    """Keep one file; return its export, or nothing where the file is there already. Raises `_Refused`."""
    name, content_type = _named(upload.name)
    _check_size(upload.size_bytes)
    export = _export(session, member, PurePath(name).stem)
    known = _known(session, export)
    content = upload.read()
    digest = sha256(content).hexdigest()
    before = known.get(name)
    if before is not None and before.sha256 == digest:
        return []
    if before is None and len(known) >= MAX_FILES:
        raise _Refused(
            f"{export.number} has {MAX_FILES} receipts already, the most that Xero takes for one document. "
            "Put several into one PDF, or name this file like the one it replaces."
        )
    receipt = before or tables.Receipt(export_id=export.id, file_name=name)
    _fill(session, receipt, content_type, content, digest)
    return [export]


# What the name says


def _named(given: str) -> tuple[str, str]:
    """Return a name as it is kept and the content type it stands for. Raises `_Refused`."""
    name = unicodedata.normalize("NFC", given).strip()
    if not name or len(name) > LONGEST_NAME or _FORBIDDEN.search(name) or not name.isprintable():
        raise _Refused(
            f"Xero does not take this name. Use up to {LONGEST_NAME} letters, digits, spaces, hyphens and "
            "points, and begin with the report's number."
        )
    content_type = CONTENT_TYPES.get(PurePath(name).suffix[1:].lower())
    if content_type is None:
        kinds = ", ".join(kind.upper() for kind in CONTENT_TYPES)
        raise _Refused(f"A receipt is a file of one of these kinds: {kinds}. Save it as one of them.")
    return name, content_type


def _check_size(size_bytes: int) -> None:
    if size_bytes == 0:
        raise _Refused("The file is empty. Look at the original, and bring it in again.")
    if size_bytes > MAX_ATTACHMENT_BYTES:
        tenths = ceil(size_bytes * 10 / 1024**2)  # never less than it is: 10.0 would not be too much
        raise _Refused(
            f"{TOO_LARGE}: it has {tenths / 10:,.1f} MB, and Xero takes files of up to 10 MB. Scan "
            "it at a lower resolution or split it, and bring it in again."
        )


def _export(session: Session, member: Member, stem: str) -> tables.Export:
    """Return the export, locked, whose receipt a file of this name is. Raises `_Refused`."""
    report_id = _report_id(session, member, stem)
    export_ids = _export_ids(session, report_id)
    position = _EXPENSE.match(stem[len(report_id) :])
    if len(set(export_ids.values())) == 1:
        export_id = next(iter(export_ids.values()))
    elif position is None:
        raise _Refused(
            f"Report {report_id} becomes several documents in Xero. Say which expense it is by its place in "
            f"the report, like {report_id}-L{min(export_ids, default=1)}."
        )
    elif int(position[1]) not in export_ids:
        places = ", ".join(f"L{place}" for place in sorted(export_ids))
        raise _Refused(f"Report {report_id} has no expense L{int(position[1])}. It has {places}.")
    else:
        export_id = export_ids[int(position[1])]
    export = session.get_one(tables.Export, export_id, with_for_update=LOCK, populate_existing=True)
    if export.state is ExportState.SET_ASIDE:
        raise _Refused(f"{export.number} was set aside, so nothing of it goes to Xero.")
    return export


def _report_id(session: Session, member: Member, stem: str) -> str:
    """Return the longest number of a report that the name begins with; others end at a separator."""
    found = session.scalars(
        select(tables.Report.id)
        .join(tables.Workspace, tables.Workspace.id == tables.Report.workspace_id)
        .where(tables.Report.id.in_([*_beginnings(stem)]), *own_workspaces(member))
        .order_by(func.length(tables.Report.id).desc())
    ).first()
    if found is None:
        raise _Refused(
            "Its name begins with the number of no report here. Name it like R004211.pdf, and import the "
            "report before its receipts."
        )
    return found


def _beginnings(stem: str) -> Iterator[str]:
    yield stem
    for separator in _SEPARATOR.finditer(stem):
        yield stem[: separator.start()]


def _export_ids(session: Session, report_id: str) -> dict[int, int]:
    """Return the export of each expense of a report, by the expense's place."""
    rows = session.execute(
        select(tables.ReportLine.position, tables.ReportLine.export_id).where(
            tables.ReportLine.report_id == report_id
        )
    )
    return dict(rows.all())


# What is kept


def _known(session: Session, export: tables.Export) -> dict[str, tables.Receipt]:
    found = session.scalars(select(tables.Receipt).where(tables.Receipt.export_id == export.id))
    return {receipt.file_name: receipt for receipt in found}


def _fill(session: Session, receipt: tables.Receipt, content_type: str, content: bytes, digest: str) -> None:
    """Store a file as one that waits for its turn; what was said of another one is forgotten."""
    receipt.content_type, receipt.size_bytes, receipt.sha256 = content_type, len(content), digest
    receipt.state, receipt.unanswered = ReceiptState.WAITING, 0
    receipt.code = receipt.message = receipt.correlation_id = None
    receipt.tried_at = receipt.attached_at = None
    session.add(receipt)
    session.flush()
    # Past the session's own memory of rows, so that it holds one content at a time.
    session.execute(delete(tables.ReceiptFile).where(tables.ReceiptFile.receipt_id == receipt.id))
    session.execute(insert(tables.ReceiptFile).values(receipt_id=receipt.id, content=content))


def _record(session: Session, member: Member, taken: Sequence[tables.Export]) -> None:
    for workspace_id in {export.workspace_id: None for export in taken}:
        here = [export.number for export in taken if export.workspace_id == workspace_id]
        audit.record(
            session,
            "receipts imported",
            f"{counted(len(here))} came in from files.",
            actor=member.email,
            workspace_id=workspace_id,
            exports=sorted(set(here)),
        )
