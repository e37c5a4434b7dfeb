"""Every table of Relink, by the word of design: one class a word."""

from services.store.tables.base import Base
from services.store.tables.exports import Attempt, Export, Receipt, ReceiptFile, Report, ReportLine, XeroMark
from services.store.tables.incidents import AuditEntry, DailyFigure, Incident, Notice, StaleDay
from services.store.tables.links import AdminChange, Message, ReconnectLink
from services.store.tables.people import Member, WorkspaceAdmin
from services.store.tables.runs import (
    Consent,
    Lane,
    PlanItem,
    Reconnect,
    RetryPlan,
    RetryRun,
    Sync,
    SyncStage,
    Worker,
)
from services.store.tables.workspaces import (
    Allowance,
    Connection,
    Grant,
    Organisation,
    ReferenceItem,
    Workspace,
)

__all__ = [
    "AdminChange",
    "Allowance",
    "Attempt",
    "AuditEntry",
    "Base",
    "Connection",
    "Consent",
    "DailyFigure",
    "Export",
    "Grant",
    "Incident",
    "Lane",
    "Member",
    "Message",
    "Notice",
    "Organisation",
    "PlanItem",
    "Receipt",
    "ReceiptFile",
    "Reconnect",
    "ReconnectLink",
    "ReferenceItem",
    "Report",
    "ReportLine",
    "RetryPlan",
    "RetryRun",
    "StaleDay",
    "Sync",
    "SyncStage",
    "Worker",
    "Workspace",
    "WorkspaceAdmin",
    "XeroMark",
]
