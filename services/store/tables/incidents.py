"""Incidents, the record of who did what, and the day figures that charts read."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.store.states import IncidentState
from services.store.tables.base import Base


class Incident(Base):
    """The time in which one workspace's connection was broken, up to the last delivered export."""

    __tablename__ = "incidents"
    __table_args__ = (
        Index(
            "uq_incidents_one_open",
            "workspace_id",
            unique=True,
            sqlite_where=text("state != 'closed'"),
            postgresql_where=text("state != 'closed'"),
        ),
        Index(None, "workspace_id", "opened_at"),
        Index(None, "state", "opened_at"),
        Index(None, "opened_at"),
        Index(None, "closed_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    state: Mapped[IncidentState]
    cause: Mapped[str]  #: the Health that broke it, in its word
    code: Mapped[str]  #: XEROnn
    detail: Mapped[str]  #: what Xero answered
    correlation_id: Mapped[str | None]
    opened_at: Mapped[datetime]  #: first failure
    reconnected_at: Mapped[datetime | None]  #: verified sync after the repair
    closed_at: Mapped[datetime | None]


class AuditEntry(Base):
    """Who did what to which workspace, when and why; append-only."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index(None, "workspace_id", "at"),
        Index(None, "incident_id", "at"),
        Index(None, "action", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    actor: Mapped[str]  #: a member's e-mail address, or Relink
    action: Mapped[str]
    workspace_id: Mapped[str | None] = mapped_column(ForeignKey("workspaces.id"))
    incident_id: Mapped[str | None] = mapped_column(ForeignKey("incidents.id"))
    summary: Mapped[str]  #: one sentence for a person
    reason: Mapped[str | None]
    data: Mapped[dict[str, Any]]


class DailyFigure(Base):
    """One figure of one day (UTC), counted from the raw rows; charts read nothing else."""

    __tablename__ = "daily_figures"

    day: Mapped[date] = mapped_column(primary_key=True)
    figure: Mapped[str] = mapped_column(primary_key=True)
    cause: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]


class StaleDay(Base):
    """A day whose figures must be counted again; appended with the change, taken by the worker."""

    __tablename__ = "stale_days"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    day: Mapped[date]


class Notice(Base):
    """One banner for everybody, e.g. that Xero refuses our own app; never a hundred expired workspaces."""

    __tablename__ = "notices"

    key: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]
    since: Mapped[datetime]
