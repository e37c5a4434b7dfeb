"""The durable workflows: thin, since the features they call can be run again from the start."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from dbos import DBOS, ScheduleInput

from services import runs, sync_work, upkeep
from services.desk import open_desk
from services.due import Kind

TRY_AGAIN_SECONDS = 30.0  # after a fault of our own, e.g. a locked database

log = structlog.get_logger()


@DBOS.workflow(name=Kind.SYNC)
def sync(sync_id: str, slice_: int) -> None:
    """Carry out a sync."""
    desk = open_desk()
    _carefully(
        lambda: sync_work.run(desk, sync_id, slice_),
        lambda: sync_work.queue_again(desk, sync_id, seconds=TRY_AGAIN_SECONDS),
        sync=sync_id,
    )


@DBOS.workflow(name=Kind.LANE)
def lane(plan_id: str, workspace_id: str, slice_: int) -> None:
    """Work on one slice of a lane."""
    desk = open_desk()
    _carefully(
        lambda: runs.work_lane(desk, plan_id, workspace_id, slice_),
        lambda: runs.queue_again(
            desk, plan_id, workspace_id, seconds=TRY_AGAIN_SECONDS, why="Relink is trying again"
        ),
        plan=plan_id,
        workspace=workspace_id,
    )


def _carefully(work: Callable[[], None], try_again: Callable[[], None], **about: str) -> None:
    """Do the work; after a fault of our own log it and queue the work again, so that it never strands."""
    try:
        work()
    except Exception:
        log.exception("work failed, queued again", **about)
        try_again()


@DBOS.workflow(name="upkeep")
def upkeep_turn(scheduled_at: datetime, context: Any) -> None:
    """Do what is due by the clock; what fails is due again at the next turn."""
    desk = open_desk()
    for turn in (upkeep.queue_syncs, upkeep.verify_grants, upkeep.refresh_idle):
        try:
            log.info("upkeep", turn=turn.__name__, done=turn(desk))
        except Exception:
            log.exception("upkeep failed", turn=turn.__name__)


SCHEDULES: list[ScheduleInput] = [
    {"schedule_name": "upkeep", "workflow_fn": upkeep_turn, "schedule": "0 */5 * * * *", "context": None}
]
