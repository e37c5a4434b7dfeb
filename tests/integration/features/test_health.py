"""Readiness: a load balancer and an operator learn what is missing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from services.desk import set_up
from services.health import WORKER_SILENT_AFTER, ready
from services.store import tables
from services.store.engine import utcnow
from tests.integration.configured import settings
from tests.integration.office import Office


def beat(office: Office, ago: timedelta) -> None:
    at = utcnow() - ago
    with office.desk.store.begin() as session:
        session.merge(tables.Worker(id=f"worker-{ago}", host="here", pid=1, started_at=at, beat_at=at))


def test_relink_is_ready_while_any_worker_beats(office: Office) -> None:
    assert not ready(office.desk).worker
    beat(office, 2 * WORKER_SILENT_AFTER)
    silent = ready(office.desk)
    assert (silent.store, silent.worker) == (True, False)
    assert "No worker is running" in silent.detail
    beat(office, timedelta(0))
    assert ready(office.desk).worker


@pytest.mark.parametrize(
    ("database", "says"),
    [
        ("sqlite:///{folder}/empty.db", "lacks migrations"),
        ("sqlite:///{folder}", "does not answer"),
        ("postgresql://nobody@127.0.0.1:1/nothing", "does not answer"),
    ],
)
def test_a_store_that_cannot_be_used_is_said_so_and_nothing_is_raised(
    tmp_path: Path, database: str, says: str
) -> None:
    desk = set_up(settings(database.format(folder=tmp_path), "http://127.0.0.1:1"))
    found = ready(desk)
    desk.store.close()
    assert (found.store, found.worker) == (False, False)
    assert says in found.detail
