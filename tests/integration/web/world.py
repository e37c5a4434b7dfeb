"""A small world for pages: who there is, what is broken, and what waits for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from services import audit, insights, members, syncs
from services.finding import search_text
from services.store import tables
from services.store.engine import Store, utcnow
from services.store.states import (
    ExportKind,
    ExportState,
    Health,
    IncidentState,
    ReceiptState,
    Role,
    SyncState,
)

AGENT, ADMIN, MANAGER = "ada@relink.example", "amira@harbour.example", "max@relink.example"
BROKEN, HEALTHY, FOREIGN = "A0000000000000B1", "A0000000000000A1", "A0000000000000F1"
HOSTILE = "<img src=x onerror=alert(1)> **bold** [x](http://evil.example)"


def fill(store: Store) -> None:
    """Put three members, three workspaces and their exports into an empty store."""
    with store.begin() as session:
        members.add(session, email=AGENT, name="Ada Agent", role=Role.AGENT)
        members.add(session, email=ADMIN, name="Amira Admin", role=Role.ADMIN)
        members.add(session, email=MANAGER, name="Max Manager", role=Role.MANAGER)
        add_workspace(session, BROKEN, "Harbour & Finch", Health.EXPIRED, admin=ADMIN)
        add_workspace(session, HEALTHY, "Northwind Roasters", Health.HEALTHY, admin=ADMIN)
        add_workspace(session, FOREIGN, HOSTILE, Health.DISCONNECTED)
        incident_id = break_connection(session, BROKEN)
        for number in range(1, 4):
            add_export(session, BROKEN, number, incident_id=incident_id)
        add_export(session, HEALTHY, 10, state=ExportState.DELIVERED)
        insights.recount(session, utcnow().date())


def add_workspace(
    session: Session, workspace_id: str, name: str, health: Health, *, admin: str | None = None
) -> None:
    """Add a workspace with its organisation, login and connection."""
    now = utcnow()
    organisation, owner = f"org-{workspace_id}", f"owner-{workspace_id.lower()}@example.com"
    session.add_all(
        [
            tables.Workspace(
                id=workspace_id,
                name=name,
                search_text=search_text(
                    workspace_id=workspace_id, name=name, owner_email=owner, organisation_name=f"{name} Pty"
                ),
                owner_email=owner,
                plan="Control",
                country="GB",
                currency="GBP",
                created_at=now - timedelta(days=500),
            ),
            tables.Organisation(id=organisation, name=f"{name} Pty", short_code="!abc", base_currency="GBP"),
            _grant(workspace_id, now),
        ]
    )
    session.flush()
    broken = health is not Health.HEALTHY
    session.add(
        tables.Connection(
            workspace_id=workspace_id,
            organisation_id=organisation,
            grant_id=f"grant-{workspace_id}",
            health=health,
            health_since=now - timedelta(hours=5),
            verified_at=now - timedelta(minutes=4),
            code="XERO11" if broken else None,
            detail="invalid_grant" if broken else None,
            connected_at=now - timedelta(days=400),
            last_synced_at=now - timedelta(hours=6),
        )
    )
    account = {"code": "493", "name": "Travel", "status": "ACTIVE", "type": "EXPENSE", "class_": "EXPENSE"}
    rate = {"name": "No tax", "status": "ACTIVE", "applies_to": ["EXPENSE"], "effective_rate": "0"}
    for kind, key, data in (
        ("account", "493", {**account, "tax_type": "NONE"}),
        ("tax rate", "NONE", {**rate, "tax_type": "NONE"}),
    ):
        session.add(tables.ReferenceItem(organisation_id=organisation, kind=kind, key=key, data=data))
    if admin:
        session.add(tables.WorkspaceAdmin(workspace_id=workspace_id, email=admin))
    session.flush()


def _grant(workspace_id: str, now: datetime) -> tables.Grant:
    return tables.Grant(
        id=f"grant-{workspace_id}",
        xero_user_id=f"user-{workspace_id}",
        email="amira@harbour.example",
        full_name="Amira Admin",
        tokens=b"sealed",
        scopes=[],
        expires_at=now,
        last_used_at=now,
        version=1,
    )


def break_connection(session: Session, workspace_id: str) -> str:
    """Open an incident for a workspace and return its id."""
    opened_at = utcnow() - timedelta(hours=5)
    session.add(
        tables.Incident(
            id=f"incident-{workspace_id}",
            workspace_id=workspace_id,
            state=IncidentState.OPEN,
            cause=Health.EXPIRED.value,
            code="XERO11",
            detail="Xero answered 400 invalid_grant.",
            opened_at=opened_at,
        )
    )
    session.flush()
    audit.record(
        session, "incident opened", "XERO11: Connection expired.", workspace_id=workspace_id, at=opened_at
    )
    return f"incident-{workspace_id}"


def add_sync(
    store: Store, workspace_id: str, state: SyncState, *, until: str = "", refused: str = ""
) -> None:
    """Add a sync with its stages, a second after the other, to the one it is at; one may be refused."""
    begun = utcnow() - timedelta(seconds=20)
    done = state is not SyncState.RUNNING
    with store.begin() as session:
        session.add(
            tables.Sync(
                id="sync",
                workspace_id=workspace_id,
                requested_by=AGENT,
                requested_at=begun,
                state=state,
                slice=0,
                due_at=begun,
                started_at=begun,
                finished_at=utcnow() if done else None,
            )
        )
        session.flush()
        for position, label in enumerate(syncs.STAGES):
            if label in syncs.LEFT_OUT:
                continue
            at = begun + timedelta(seconds=position)
            session.add(
                tables.SyncStage(
                    sync_id="sync",
                    position=position,
                    label=label,
                    started_at=at,
                    ended_at=None if label == until else at,
                    count=28 if label == syncs.ACCOUNTS else None,
                    left_out="Xero has no such record." if label == refused else None,
                )
            )
            if label == until:
                break


def add_export(
    session: Session,
    workspace_id: str,
    number: int,
    *,
    state: ExportState = ExportState.FAILED,
    code: str = "XERO11",
    title: str = "Trade fair in Leeds",
    incident_id: str | None = None,
    approved_at: datetime | None = None,
) -> int:
    """Add an approved report with one bill to export, and return the export's id."""
    approved_at = approved_at or utcnow() - timedelta(days=2, minutes=-number)
    report_id, failed = f"R{number:06}", state is ExportState.FAILED
    session.add(
        tables.Report(
            id=report_id,
            workspace_id=workspace_id,
            title=title,
            submitter_name="Sam Submitter",
            submitter_email="sam@harbour.example",
            currency="GBP",
            approved_at=approved_at,
        )
    )
    session.flush()
    export = tables.Export(
        number=f"EXP-{number:06}",
        report_id=report_id,
        workspace_id=workspace_id,
        organisation_id=f"org-{workspace_id}",
        kind=ExportKind.BILL,
        amount=Decimal("1204.50") + number,
        currency="GBP",
        approved_at=approved_at,
        state=state,
        code=code if failed else None,
        message="The connection to Xero has expired." if failed else None,
        failed_at=utcnow() - timedelta(hours=4) if failed else None,
        delivered_at=utcnow() if state is ExportState.DELIVERED else None,
        xero_id="11111111-2222" if state is ExportState.DELIVERED else None,
        incident_id=incident_id,
    )
    session.add(export)
    session.flush()
    session.add(
        tables.ReportLine(
            report_id=report_id,
            position=1,
            export_id=export.id,
            spent_on=approved_at.date(),
            merchant="Parkway Cabs",
            amount=export.amount,
            account_code="493",
        )
    )
    session.flush()
    return export.id


def add_receipt(session: Session, export_id: int) -> None:
    """Add a receipt that waits to be attached."""
    session.add(
        tables.Receipt(
            export_id=export_id,
            file_name="taxi.pdf",
            content_type="application/pdf",
            size_bytes=1,
            sha256="",
            state=ReceiptState.WAITING,
        )
    )
    session.flush()
