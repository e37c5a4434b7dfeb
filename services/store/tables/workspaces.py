"""Workspaces, the organisations they export to, and the grants between them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.store.states import Health
from services.store.tables.base import Base


class Workspace(Base):
    """A customer's container on the expense platform."""

    __tablename__ = "workspaces"

    id: Mapped[str] = mapped_column(primary_key=True)  #: the platform's policy id, 16 hex characters
    name: Mapped[str]
    search_text: Mapped[str] = mapped_column(index=True)  #: lower case: name, id, owner, organisation
    owner_email: Mapped[str]
    plan: Mapped[str]  #: Collect or Control
    country: Mapped[str]
    currency: Mapped[str]
    card_account: Mapped[str | None]  #: code of the bank account in Xero for company cards
    created_at: Mapped[datetime]


class Organisation(Base):
    """One Xero company file; `id` is Xero's tenantId."""

    __tablename__ = "organisations"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    short_code: Mapped[str | None]
    base_currency: Mapped[str | None]
    country: Mapped[str | None]
    period_lock_date: Mapped[date | None]
    end_of_year_lock_date: Mapped[date | None]
    imported_at: Mapped[datetime | None]


class Grant(Base):
    """The token family of one Xero user for our app; several connections may stand on it."""

    __tablename__ = "grants"
    __table_args__ = (Index(None, "last_used_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    xero_user_id: Mapped[str] = mapped_column(unique=True)
    email: Mapped[str | None]
    full_name: Mapped[str | None]
    tokens: Mapped[bytes]  #: encrypted JSON of access and refresh token
    scopes: Mapped[list[str]]
    expires_at: Mapped[datetime]  #: of the access token
    last_used_at: Mapped[datetime]  #: of the refresh token: 60 idle days end it
    version: Mapped[int]  #: grows with every rotation; compare-and-swap
    dead_since: Mapped[datetime | None]  #: Xero said invalid_grant
    lease_owner: Mapped[str | None]  #: who is refreshing now
    lease_until: Mapped[datetime | None]


class Connection(Base):
    """Workspace and organisation through a grant, with its health and the health's age."""

    __tablename__ = "connections"
    __table_args__ = (
        Index(None, "health", "workspace_id"),
        Index(None, "grant_id"),
        Index(None, "leaving_at"),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    organisation_id: Mapped[str | None] = mapped_column(ForeignKey("organisations.id"), unique=True)
    grant_id: Mapped[str | None] = mapped_column(ForeignKey("grants.id"))
    xero_connection_id: Mapped[str | None]  #: Xero's id of the connection, needed to give it back
    health: Mapped[Health]
    health_since: Mapped[datetime]
    verified_at: Mapped[datetime | None]  #: when Xero last answered about this connection
    code: Mapped[str | None]  #: XEROnn of the current trouble
    detail: Mapped[str | None]  #: what Xero answered, in words
    correlation_id: Mapped[str | None]  #: Xero's, of that answer
    connected_at: Mapped[datetime | None]
    last_synced_at: Mapped[datetime | None]  #: last sync that succeeded
    paused_at: Mapped[datetime | None]  #: a person stopped what happens by itself; only a person resumes
    paused_by: Mapped[str | None]
    paused_reason: Mapped[str | None]
    leaving_at: Mapped[datetime | None]  #: a disconnect was asked for; the worker gives the connection back
    leaving_by: Mapped[str | None]
    leaving_reason: Mapped[str | None]
    leaving_revokes: Mapped[bool] = mapped_column(default=False)  #: the login's whole access ends as well
    leaving_due_at: Mapped[datetime | None]  #: not before; later than now after Xero did not answer
    leaving_slice: Mapped[int] = mapped_column(
        default=0
    )  #: grows each time it is queued, over all disconnects
    leaving_told_at: Mapped[datetime | None]  #: Xero took it back, and the login's access is about to end
    leaving_trouble: Mapped[str | None]  #: why it is not done yet, in one sentence


class Allowance(Base):
    """What Xero's own headers last said may still be called for an organisation."""

    __tablename__ = "allowances"

    organisation_id: Mapped[str] = mapped_column(primary_key=True)
    minute_remaining: Mapped[int | None]
    day_remaining: Mapped[int | None]
    day_returns_at: Mapped[datetime | None]  #: told by Xero alone when the day's allowance is used up
    read_at: Mapped[datetime]


class ReferenceItem(Base):
    """One imported account, tax rate, tracking category, contact or currency of an organisation."""

    __tablename__ = "reference_items"

    organisation_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  #: account, tax rate, tracking, contact, currency
    key: Mapped[str] = mapped_column(
        primary_key=True
    )  #: account code, tax type, currency code, category or contact name
    data: Mapped[dict[str, Any]]
