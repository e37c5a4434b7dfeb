"""How far a sync is, by its stages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dashboard.parts import stepper
from services import syncs
from services.store.states import SyncState
from services.syncs import StageView, SyncView

NOW = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
RUN = [label for label in syncs.STAGES if label not in syncs.LEFT_OUT]


def sync(*stages: StageView) -> SyncView:
    return SyncView(
        id="sync",
        state=SyncState.RUNNING,
        requested_by="ada@relink.example",
        requested_at=NOW,
        due_at=NOW,
        started_at=NOW,
        finished_at=None,
        code=None,
        message=None,
        stages=stages,
    )


@pytest.mark.parametrize(("ended", "progress"), [(0, 0), (3, 0.25), (6, 0.5), (12, 1)])
def test_progress_counts_the_stages_that_run_and_not_the_one_left_out(ended: int, progress: float) -> None:
    stages = [StageView(label, NOW, NOW, None, None) for label in RUN[:ended]]
    assert stepper.progress_of(sync(*stages)) == progress


def test_the_stage_that_runs_is_no_progress_yet() -> None:
    assert stepper.progress_of(sync(StageView(RUN[0], NOW, None, None, None))) == 0
