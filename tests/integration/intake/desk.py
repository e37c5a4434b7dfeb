"""A store with three workspaces, files to bring in, and a look at what became of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import select

from services.intake import files
from services.intake.files import Intake
from services.members import Member
from services.store import tables
from services.store.engine import Store, open_store, utcnow
from services.store.migrate import migrate
from services.store.states import ExportState, Health, IncidentState, Role

AGENT = Member("ada@relink.example", "Ada Agent", Role.AGENT)
HEALTHY, BROKEN, UNCONNECTED = "A0000000000000A1", "B0000000000000B1", "C0000000000000C1"
INCIDENT = "incident-of-broken"
EXPENSE = {
    "report_id": "R1",
    "workspace_id": HEALTHY,
    "report_title": "Client visit",
    "submitter_name": "Amelia Ward",
    "submitter_email": "amelia@example.com",
    "approved_at": "2026-09-30T14:05:00+02:00",
    "paid_by": "out of pocket",
    "date": "2026-09-24",
    "merchant": "Parkway Cabs",
    "amount": "18.40",
    "currency": "GBP",
    "category": "493",
    "tax_type": "INPUT2",
    "tag_category": "Region",
    "tag": "North",
}


def expense(**cells: str) -> dict[str, str]:
    """Return one row: the usual one, but for these cells."""
    return {**EXPENSE, **cells}


def card(**cells: str) -> dict[str, str]:
    """Return one row that was paid by company card."""
    return expense(**{"paid_by": "company card", **cells})


def csv_of(*rows: dict[str, str], separator: str = ",") -> bytes:
    """Return a file of these rows."""
    text = io.StringIO()
    writer = csv.DictWriter(text, files.COLUMNS, delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@dataclass(frozen=True, slots=True)
class Desk:
    """A store with three workspaces, and the hands to bring files in and look at what became of them."""

    store: Store

    def bring(self, data: bytes, member: Member = AGENT) -> Intake:
        with self.store.begin() as session:
            return files.import_reports(session, member, data)

    def bring_rows(self, *rows: dict[str, str]) -> Intake:
        return self.bring(csv_of(*rows))

    def exports(self) -> dict[str, tables.Export]:
        with self.store.read() as session:
            return {export.number: export for export in session.scalars(select(tables.Export))}

    def merchants(self, number: str) -> list[str]:
        line, export = tables.ReportLine, tables.Export
        with self.store.read() as session:
            found = select(line.merchant).join(export, export.id == line.export_id)
            return list(session.scalars(found.where(export.number == number).order_by(line.position)))

    def set(self, number: str, **values: object) -> None:
        """Put an export into a state as a worker would have."""
        with self.store.begin() as session:
            export = session.scalars(select(tables.Export).where(tables.Export.number == number)).one()
            for column, value in values.items():
                setattr(export, column, value)

    def fail(self, number: str, code: str) -> None:
        self.set(number, state=ExportState.FAILED, code=code, message="It failed.", failed_at=utcnow())

    def set_health(self, workspace_id: str, health: Health) -> None:
        with self.store.begin() as session:
            session.get_one(tables.Connection, workspace_id).health = health

    def audit(self) -> list[tables.AuditEntry]:
        with self.store.read() as session:
            return list(session.scalars(select(tables.AuditEntry).order_by(tables.AuditEntry.id)))


@contextmanager
def open_desk(database_url: str) -> Iterator[Desk]:
    """Open a new store with a healthy, a broken and an unconnected workspace."""
    store = open_store(database_url)
    migrate(store)
    with store.begin() as session:
        for workspace_id, health in (
            (HEALTHY, Health.HEALTHY),
            (BROKEN, Health.EXPIRED),
            (UNCONNECTED, Health.NOT_CONNECTED),
        ):
            session.add(_workspace(workspace_id))
            session.add(tables.Organisation(id=f"org-{workspace_id}", name="Harbour & Finch"))
            session.flush()
            connected = health is not Health.NOT_CONNECTED
            session.add(
                tables.Connection(
                    workspace_id=workspace_id,
                    organisation_id=f"org-{workspace_id}" if connected else None,
                    health=health,
                    health_since=utcnow(),
                )
            )
        session.add(
            tables.Incident(
                id=INCIDENT,
                workspace_id=BROKEN,
                state=IncidentState.OPEN,
                cause=Health.EXPIRED,
                code="XERO11",
                detail="invalid_grant",
                opened_at=utcnow(),
            )
        )
    yield Desk(store)
    store.close()


def _workspace(workspace_id: str) -> tables.Workspace:
    return tables.Workspace(
        id=workspace_id,
        name="Harbour & Finch",
        search_text="harbour & finch",
        owner_email="owner@example.com",
        plan="Control",
        country="GB",
        currency="GBP",
        created_at=utcnow(),
    )
