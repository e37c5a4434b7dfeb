"""The durable workflows: thin, since the features they call can be run again from the start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog
from dbos import DBOS, ScheduleInput

from services import (
    admin_changes,
    disconnects,
    grants,
    judging,
    mark_work,
    messages,
    reconnects,
    run_work,
    sync_work,
    upkeep,
    waiting,
)
from services.desk import open_desk
from services.due import Kind
from services.links import course

log = structlog.get_logger()


@DBOS.workflow(name=Kind.SYNC)
def sync(sync_id: str, slice_: int) -> None:
    """Carry out a sync."""
    with _faults_logged(sync=sync_id):
        sync_work.run(open_desk(), sync_id, slice_)


@DBOS.workflow(name=Kind.LANE)
def lane(plan_id: str, workspace_id: str, slice_: int) -> None:
    """Work on one slice of a lane."""
    with _faults_logged(plan=plan_id, workspace=workspace_id):
        run_work.work_lane(open_desk(), plan_id, workspace_id, slice_)


@DBOS.workflow(name=Kind.PLAN)
def plan(plan_id: str, slice_: int) -> None:
    """Judge what is left of a long plan."""
    with _faults_logged(plan=plan_id):
        judging.run(open_desk(), plan_id, slice_)


@DBOS.workflow(name=Kind.MESSAGE)
def message(message_id: str, try_: int) -> None:
    """Send a message."""
    with _faults_logged(message=message_id):
        messages.send(open_desk(), message_id, try_)


@DBOS.workflow(name=Kind.DISCONNECT)
def disconnect(workspace_id: str, slice_: int) -> None:
    """Give a connection back to Xero."""
    with _faults_logged(workspace=workspace_id):
        disconnects.run(open_desk(), workspace_id, slice_)


@DBOS.workflow(name=Kind.MARK)
def mark(mark_id: str, slice_: int) -> None:
    """Look up in Xero what a person says is there."""
    with _faults_logged(mark=mark_id):
        mark_work.check(open_desk(), mark_id, slice_)


@contextmanager
def _faults_logged(**about: str) -> Iterator[None]:
    """Log a fault of our own; the workflow ends with it, and `dispatch` queues the work again."""
    try:
        yield
    except Exception:
        log.exception("work failed", **about)
        raise


UPKEEP = (
    upkeep.queue_syncs,
    waiting.export_waiting,
    upkeep.verify_grants,
    upkeep.refresh_idle,
    upkeep.break_dead,
    course.chase,
    course.expire,
    upkeep.mark_at_risk,  # after the refresh: at risk is only what that did not help
    reconnects.abandon_left_behind,
    grants.forget_left_over,
    admin_changes.expire,
)


@DBOS.workflow(name="upkeep")
def upkeep_turn(scheduled_at: datetime, context: Any) -> None:
    """Do what is due by the clock; what fails is due again at the next turn."""
    desk = open_desk()
    for turn in UPKEEP:
        try:
            log.info("upkeep", turn=turn.__name__, done=turn(desk))
        except Exception:
            log.exception("upkeep failed", turn=turn.__name__)


SCHEDULES: list[ScheduleInput] = [
    {"schedule_name": "upkeep", "workflow_fn": upkeep_turn, "schedule": "0 */5 * * * *", "context": None}
]
