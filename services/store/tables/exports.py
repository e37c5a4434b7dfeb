"""Reports, their delivery into Xero, and every attempt at it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.store.states import AttemptState, ExportKind, ExportState, MarkState, ReceiptState
from services.store.tables.base import Base


class Report(Base):
    """An approved expense report."""

    __tablename__ = "reports"
    __table_args__ = (Index(None, "workspace_id", "approved_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)  #: the platform's report number, e.g. R004211
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    title: Mapped[str]
    submitter_name: Mapped[str]
    submitter_email: Mapped[str]
    currency: Mapped[str]
    approved_at: Mapped[datetime]


class ReportLine(Base):
    """One expense of a report."""

    __tablename__ = "report_lines"

    report_id: Mapped[str] = mapped_column(ForeignKey("reports.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)  #: from 1
    export_id: Mapped[int] = mapped_column(ForeignKey("exports.id"), index=True)
    spent_on: Mapped[date]
    merchant: Mapped[str]
    amount: Mapped[Decimal]
    account_code: Mapped[str]  #: the category: an account of the organisation
    tax_type: Mapped[str | None]
    tracking_category: Mapped[str | None]
    tracking_option: Mapped[str | None]


class Export(Base):
    """The delivery of one document into Xero: a bill a report, or a bank transaction a card expense."""

    __tablename__ = "exports"
    __table_args__ = (
        Index(None, "workspace_id", "state", "approved_at"),
        Index(None, "state", "approved_at"),
        Index(None, "state", "code", "currency", "amount"),  # counts and sums, without a look at the rows
        Index(None, "incident_id", "state"),
        Index(None, "failed_at"),
        Index(None, "delivered_at"),
        Index(None, "batch"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(unique=True)  #: stable, from the report; the bill's number in Xero
    report_id: Mapped[str] = mapped_column(ForeignKey("reports.id"), index=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))  #: the only one it may go to
    kind: Mapped[ExportKind]
    amount: Mapped[Decimal]
    currency: Mapped[str]
    approved_at: Mapped[datetime]  #: of the report: oldest goes first
    state: Mapped[ExportState]
    code: Mapped[str | None]  #: XEROnn of the last failure
    message: Mapped[str | None]
    failed_at: Mapped[datetime | None]  #: of the last failure
    delivered_at: Mapped[datetime | None]
    xero_id: Mapped[str | None]
    paid_at: Mapped[datetime | None]  #: its bill, in Xero; where Xero gives no day, when a sync first saw it
    incident_id: Mapped[str | None] = mapped_column(ForeignKey("incidents.id"))
    batch: Mapped[str | None]  #: the batch it was last sent in
    set_aside_by: Mapped[str | None]
    set_aside_reason: Mapped[str | None]
    changed_at: Mapped[datetime | None]  #: when its report was last imported with other content


class Receipt(Base):
    """A file that belongs to an export and is attached to its document in Xero."""

    __tablename__ = "receipts"
    __table_args__ = (UniqueConstraint("export_id", "file_name"), Index(None, "state"))

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    export_id: Mapped[int] = mapped_column(ForeignKey("exports.id"))
    file_name: Mapped[str]  #: its name in Xero, where the same name again replaces the file
    content_type: Mapped[str]
    size_bytes: Mapped[int]
    sha256: Mapped[str]  #: of its bytes: tells whether a file that comes in again is another one
    state: Mapped[ReceiptState]
    code: Mapped[str | None]  #: XEROnn of the last failure
    message: Mapped[str | None]
    tried_at: Mapped[datetime | None]
    unanswered: Mapped[int] = mapped_column(default=0)  #: tries in a row that Xero left open
    attached_at: Mapped[datetime | None]
    correlation_id: Mapped[str | None]  #: Xero's, of the last try


class ReceiptFile(Base):
    """The bytes of a receipt, apart from what is known of it: lists never read them."""

    __tablename__ = "receipt_files"

    receipt_id: Mapped[int] = mapped_column(ForeignKey("receipts.id"), primary_key=True)
    content: Mapped[bytes]


class XeroMark(Base):
    """A person's word that an export is in Xero already, and what Xero says to it."""

    __tablename__ = "xero_marks"
    __table_args__ = (Index(None, "state", "due_at"), Index(None, "export_id", "asked_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    export_id: Mapped[int] = mapped_column(ForeignKey("exports.id"))
    xero_id: Mapped[str]  #: of the document in Xero, taken from the link that was given
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    reason: Mapped[str]
    state: Mapped[MarkState]
    detail: Mapped[str | None]  #: what Xero said, in a sentence
    due_at: Mapped[datetime]
    slice: Mapped[int]  #: grows each time the look-up is queued again
    state_before: Mapped[ExportState | None]  #: of the export, to go back to when it is taken back


class Attempt(Base):
    """One try to send an Export, written before the call."""

    __tablename__ = "attempts"
    __table_args__ = (Index(None, "export_id", "sent_at"), Index(None, "batch"))

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    export_id: Mapped[int] = mapped_column(ForeignKey("exports.id"))
    batch: Mapped[str]  #: one call; its idempotency key is made from it
    position: Mapped[int]  #: in the batch, from 0
    sent_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    state: Mapped[AttemptState]
    status: Mapped[int | None]  #: HTTP status
    correlation_id: Mapped[str | None]
    message: Mapped[str | None]
