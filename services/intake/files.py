"""Reports from a file: approved expenses, one a row, become exports; a report never comes in half."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from services import members
from services.intake import known, taking
from services.intake.changes import Change, compare
from services.intake.expenses import COLUMNS
from services.intake.known import Known
from services.intake.reading import MAX_ROWS, BadFile, Row, read
from services.intake.reports import Refused, Report, check
from services.members import Member, Permission
from services.tabular import safe_cell

__all__ = [
    "COLUMNS",
    "EXAMPLE_CSV",
    "MAX_ROWS",
    "BadFile",
    "Intake",
    "Rejected",
    "import_reports",
    "rejected_csv",
]

EXAMPLE_CSV = """\
report_id,workspace_id,report_title,submitter_name,submitter_email,approved_at,paid_by,date,merchant,amount,\
currency,category,tax_type,tag_category,tag
R100001,DEADBEEF12345678,Client visit,Amelia Ward,amelia@example.com,2026-09-30T14:05:00Z,out of pocket,\
2026-09-24,Parkway Cabs,18.40,GBP,493,INPUT2,Region,North
R100001,DEADBEEF12345678,Client visit,Amelia Ward,amelia@example.com,2026-09-30T14:05:00Z,out of pocket,\
2026-09-25,Station Hotel,142.00,GBP,494,,,
R100002,DEADBEEF12345678,Team software,Ben Okafor,ben@example.com,2026-10-01,company card,\
2026-09-28,Fern Cloud,1250.00,GBP,463,INPUT2,,
"""


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row that was not taken in."""

    row: int  #: its first line in the file, from 1
    column: str  #: where the fault is; several are separated by commas
    reason: str  #: what is wrong, why it matters and what to do next
    raw: Mapping[str, str]  #: the row as it is in the file, by column


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of a file."""

    accepted: int  #: reports that are new or changed
    unchanged: int  #: reports that were known already, just like this
    rejected: tuple[Rejected, ...]  #: rows, in the order of the file


def import_reports(session: Session, member: Member, data: bytes) -> Intake:
    """Take in a file of reports: each one as a whole, or not at all with the reason for each of its rows.

    `data` is CSV in UTF-8, separated by commas, semicolons or tabs, with `COLUMNS` in any order. A
    report that is stored just so stays untouched; one that differs replaces what has not gone to
    Xero yet. A time without a zone is UTC. Raises `NotAllowed`, and `BadFile` with nothing taken in.
    """
    if not member.may(Permission.IMPORT_REPORTS):
        raise members.NotAllowed(
            f"Your role, {member.role}, may not {Permission.IMPORT_REPORTS}. Ask an owner of Relink."
        )
    reports, unsound = _reports(read(data))
    stored = known.load(session, member, reports)
    changes, unwelcome = _changes(session, stored, reports)
    taking.take(session, member, stored, changes)
    return Intake(
        accepted=len(changes),
        unchanged=len(reports) - len(changes) - len(unwelcome),
        rejected=_rejected([*unsound, *unwelcome]),
    )


def _reports(rows: Sequence[Row]) -> tuple[list[Report], list[Refused]]:
    by_report: dict[str, list[Row]] = {}
    for row in rows:
        by_report.setdefault(row.cells["report_id"].strip(), []).append(row)
    reports: list[Report] = []
    refused: list[Refused] = []
    for together in by_report.values():
        try:
            reports.append(check(together))
        except Refused as refusal:
            refused.append(refusal)
    return reports, refused


def _changes(
    session: Session, stored: Known, reports: Sequence[Report]
) -> tuple[list[Change], list[Refused]]:
    changes: list[Change] = []
    refused: list[Refused] = []
    for report in reports:
        try:
            change = compare(session, stored, report)
        except Refused as refusal:
            refused.append(refusal)
        else:
            changes += [change] if change else []
    return changes, refused


def _rejected(refused: Sequence[Refused]) -> tuple[Rejected, ...]:
    rows = [row for refusal in refused for row in _rejected_rows(refusal)]
    return tuple(sorted(rows, key=lambda one: one.row))


def _rejected_rows(refusal: Refused) -> Iterator[Rejected]:
    at_fault = min(refusal.faults)
    left_out = (
        "report_id",
        f"Left out because of row {at_fault:,}: a report never goes to Xero in half. Mend that row and "
        "import all rows of the report again.",
    )
    for row in refusal.rows:
        column, reason = refusal.faults.get(row.number, left_out)
        yield Rejected(row.number, column, reason, row.cells)


def rejected_csv(intake: Intake) -> str:
    """Return the rejected rows as CSV, safe in a spreadsheet, the reason last; mended, it comes in again."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*COLUMNS, "reason"])
    for one in intake.rejected:
        writer.writerow([*(safe_cell(one.raw[column]) for column in COLUMNS), safe_cell(one.reason)])
    return text.getvalue()
