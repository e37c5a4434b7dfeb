"""Work in progress: syncs, reconnects, retry plans and runs, and the workers that do it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.store.states import ExportState, ReconnectState, RunState, SyncState, Verdict
from services.store.tables.base import Base


class Sync(Base):
    """One run of Sync Now."""

    __tablename__ = "syncs"
    __table_args__ = (Index(None, "workspace_id", "requested_at"), Index(None, "state", "due_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    state: Mapped[SyncState]
    slice: Mapped[int]  #: grows each time the sync is queued again
    due_at: Mapped[datetime]  #: not before; later than now when a limit parks it
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    code: Mapped[str | None]
    message: Mapped[str | None]
    faults: Mapped[int] = mapped_column(default=0)  #: how often Relink itself failed at it


class SyncStage(Base):
    """One stage of a sync, in the platform's words."""

    __tablename__ = "sync_stages"

    sync_id: Mapped[str] = mapped_column(ForeignKey("syncs.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    count: Mapped[int | None]
    left_out: Mapped[str | None]  #: why it did no work; then it has no count


class Reconnect(Base):
    """One run of the guided wizard for a workspace."""

    __tablename__ = "reconnects"
    __table_args__ = (Index(None, "workspace_id", "started_at"), Index(None, "state", "changed_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    incident_id: Mapped[str | None] = mapped_column(ForeignKey("incidents.id"))
    state: Mapped[ReconnectState]
    started_by: Mapped[str]
    started_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str | None]  #: who took the last step
    refusal: Mapped[str | None]  #: which refusal, a word
    detail: Mapped[dict[str, Any]]  #: both sides of a refusal, by name
    sync_id: Mapped[str | None] = mapped_column(ForeignKey("syncs.id"))
    plan_id: Mapped[str | None] = mapped_column(ForeignKey("retry_plans.id"))


class Consent(Base):
    """One way to Xero and back: the OAuth2 state, good once, for one browser and one member."""

    __tablename__ = "consents"
    __table_args__ = (Index(None, "reconnect_id"),)

    state_hash: Mapped[str] = mapped_column(primary_key=True)
    reconnect_id: Mapped[str] = mapped_column(ForeignKey("reconnects.id"))
    member_email: Mapped[str]
    browser_hash: Mapped[str]
    code_verifier: Mapped[bytes]  #: encrypted
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    taken_over_by: Mapped[str | None]  #: who went on in this member's place; the way back is closed


class RetryPlan(Base):
    """A frozen set of exports with a verdict each."""

    __tablename__ = "retry_plans"
    __table_args__ = (Index(None, "judging_due_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    scope: Mapped[str]  #: what was asked for, in words
    judging_due_at: Mapped[datetime | None]  #: None once every export of it has its verdict
    slice: Mapped[int] = mapped_column(default=0)  #: grows each time the judging is queued again


class PlanItem(Base):
    """One export of a plan: its verdict, and after the run its result."""

    __tablename__ = "plan_items"
    __table_args__ = (
        Index(None, "plan_id", "verdict", "workspace_id", "export_id"),
        Index(None, "export_id"),
    )

    plan_id: Mapped[str] = mapped_column(ForeignKey("retry_plans.id"), primary_key=True)
    export_id: Mapped[int] = mapped_column(ForeignKey("exports.id"), primary_key=True)
    workspace_id: Mapped[str]
    verdict: Mapped[Verdict]
    reason: Mapped[str]
    result: Mapped[ExportState | None]  #: set when the run is done with it
    result_text: Mapped[str | None]


class RetryRun(Base):
    """The durable execution of a plan; a plan has at most one."""

    __tablename__ = "retry_runs"
    __table_args__ = (Index(None, "started_at"),)

    plan_id: Mapped[str] = mapped_column(ForeignKey("retry_plans.id"), primary_key=True)
    started_by: Mapped[str]
    reason: Mapped[str]
    state: Mapped[RunState]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    starts_at: Mapped[datetime | None]  #: not before; None for at once
    at_most_a_minute: Mapped[int | None]  #: exports sent, in all workspaces together; None for no such limit
    minute_began_at: Mapped[datetime | None]  #: of the minute whose sends are counted
    sent_this_minute: Mapped[int] = mapped_column(default=0)
    told_at: Mapped[datetime | None]  #: who started it was told of its end


class Lane(Base):
    """The part of a run that belongs to one workspace; cut into slices so that a sync need not wait."""

    __tablename__ = "lanes"
    __table_args__ = (Index(None, "state", "due_at"),)

    plan_id: Mapped[str] = mapped_column(ForeignKey("retry_runs.plan_id"), primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    organisation_id: Mapped[str]
    state: Mapped[RunState]
    slice: Mapped[int]  #: grows each time the lane is queued again
    due_at: Mapped[datetime]  #: not before; later than now when a limit parks it
    waiting_for: Mapped[str | None]  #: why it is parked, in words
    sent_this_minute: Mapped[int] = mapped_column(default=0)  #: its share of the run's minute


class Worker(Base):
    """A worker process and when it last said that it lives."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)  #: its name, kept over restarts
    host: Mapped[str]
    pid: Mapped[int]
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
