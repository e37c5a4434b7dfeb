"""The books of an organisation: chart of accounts, contacts and documents."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    TypeDecorator,
    UniqueConstraint,
    literal_column,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.sandbox.models import new_id
from services.sandbox.store import Base


class Money(TypeDecorator[Decimal]):
    """An exact amount, kept in hundredths: SQLite has no decimal numbers."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else round(value * 100)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value) / 100


class Kind(StrEnum):
    """What a document is, as the ledger names it."""

    INVOICE = "invoice"
    BANK_TRANSACTION = "bank_transaction"


class Account(Base):
    """One account of an organisation's chart."""

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("organisation_id", "code"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    code: Mapped[str]
    name: Mapped[str]
    #: Xero's AccountType: BANK, EXPENSE, OVERHEADS, DIRECTCOSTS, REVENUE, CURRENT, CURRLIAB, EQUITY.
    type: Mapped[str]
    #: ASSET, LIABILITY, EQUITY, REVENUE or EXPENSE.
    account_class: Mapped[str]
    tax_type: Mapped[str]
    status: Mapped[str] = mapped_column(default="ACTIVE")
    #: DEBTORS, CREDITORS, GST and the like; documents cannot be coded to these.
    system_account: Mapped[str | None]
    show_in_expense_claims: Mapped[bool] = mapped_column(default=False)
    updated_at: Mapped[datetime]


class TaxRate(Base):
    """One tax rate of an organisation."""

    __tablename__ = "tax_rates"
    __table_args__ = (UniqueConstraint("organisation_id", "tax_type"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    tax_type: Mapped[str]
    name: Mapped[str]
    #: Percent: 20 is 20 %.
    rate: Mapped[Decimal] = mapped_column(Money)
    status: Mapped[str] = mapped_column(default="ACTIVE")
    can_apply_to_expenses: Mapped[bool]
    can_apply_to_revenue: Mapped[bool]


class TrackingCategory(Base):
    """One tracking category with its options."""

    __tablename__ = "tracking_categories"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str]
    status: Mapped[str] = mapped_column(default="ACTIVE")
    #: As Xero shows them: `{"TrackingOptionID", "Name", "Status"}`.
    options: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


class Contact(Base):
    """A supplier, customer or employee."""

    __tablename__ = "contacts"
    __table_args__ = (Index("contacts_by_name", "organisation_id", "name_key"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    name: Mapped[str]
    #: The name in lower case: names are unique among active contacts whatever their case.
    name_key: Mapped[str]
    number: Mapped[str | None]
    email: Mapped[str] = mapped_column(default="")
    first_name: Mapped[str] = mapped_column(default="")
    last_name: Mapped[str] = mapped_column(default="")
    #: ACTIVE or ARCHIVED.
    status: Mapped[str] = mapped_column(default="ACTIVE")
    is_supplier: Mapped[bool] = mapped_column(default=False)
    is_customer: Mapped[bool] = mapped_column(default=False)
    updated_at: Mapped[datetime]


class Document(Base):
    """An invoice (bill or sales invoice) or a bank transaction."""

    __tablename__ = "documents"
    __table_args__ = (
        Index("documents_in_order", "organisation_id", "kind", "created_at"),
        Index("documents_by_number", "organisation_id", "kind", "number"),
        Index("documents_by_reference", "organisation_id", "kind", "reference"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[str]
    #: ACCPAY, ACCREC, SPEND or RECEIVE.
    type: Mapped[str]
    #: InvoiceNumber; bank transactions have none.
    number: Mapped[str] = mapped_column(default="")
    reference: Mapped[str] = mapped_column(default="")
    contact_id: Mapped[str | None] = mapped_column(ForeignKey("contacts.id"))
    contact: Mapped[Contact | None] = relationship(lazy="joined")
    bank_account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"))
    bank_account: Mapped[Account | None] = relationship(lazy="joined")
    date: Mapped[dt.date]
    due_date: Mapped[dt.date | None]
    status: Mapped[str]
    currency: Mapped[str]
    #: Exclusive, Inclusive or NoTax.
    line_amount_types: Mapped[str] = mapped_column(default="Exclusive")
    sub_total: Mapped[Decimal] = mapped_column(Money)
    total_tax: Mapped[Decimal] = mapped_column(Money)
    total: Mapped[Decimal] = mapped_column(Money)
    #: As Xero shows them.
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    url: Mapped[str] = mapped_column(default="")
    has_attachments: Mapped[bool] = mapped_column(default=False)
    #: The app that wrote it, `None` for a document keyed in Xero itself.
    client_id: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


#: Oldest first; documents of one call keep its order, which SQLite's rowid remembers.
OLDEST_FIRST: tuple[ColumnElement[Any], ...] = (
    Document.created_at.asc(),
    literal_column("documents.rowid"),
)


class Attachment(Base):
    """A file on a document; the same name again replaces it."""

    __tablename__ = "attachments"
    __table_args__ = (UniqueConstraint("document_id", "file_name"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), index=True)
    file_name: Mapped[str]
    mime_type: Mapped[str]
    content: Mapped[bytes] = mapped_column(deferred=True)
    length_bytes: Mapped[int]


class HistoryRecord(Base):
    """One line of a document's history."""

    __tablename__ = "history_records"

    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), index=True)
    details: Mapped[str]
    #: Created, Updated, Note and the like.
    changes: Mapped[str]
    user: Mapped[str]
    at: Mapped[datetime]
