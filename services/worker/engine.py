"""The durable engine: who works on what, and that it is taken up again after a crash.

Our own tables are the truth about syncs and runs; the engine is told what is due by `dispatch` alone,
under the row's own id, so telling it twice is harmless. A row stays due until it is done, and one that
the engine gave up on is queued again, so nothing is forgotten.
"""

from __future__ import annotations

import logging
import sqlite3
from datetime import timedelta
from pathlib import Path

from dbos import DBOS, DBOSConfig
from dbos import DBOSPortableJSONSerializer as JsonSerializer

from services.due import Due, Kind
from services.settings import Settings
from services.store.engine import utcnow

QUEUE = "lanes"
VERSION = "1"  # pinned: by default every change of a workflow's source strands what is under way
LANES_AT_ONCE = 32
POLLING_SECONDS = 0.25
ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
KEPT_FOR = timedelta(days=7)
FORGET_AT_MOST = 5_000  # an hour
#: Low first: somebody waits for those.
PRIORITIES = {
    Kind.SYNC: 1,
    Kind.PLAN: 1,
    Kind.DISCONNECT: 1,
    Kind.MESSAGE: 1,
    Kind.MARK: 1,
    Kind.LANE: 10,
}


def configure(settings: Settings) -> None:
    """Set the engine up on its own tables, with this process's identity."""
    logging.getLogger("dbos").setLevel(logging.ERROR)
    url = settings.engine_url
    if url.startswith("sqlite"):
        _write_ahead(url.removeprefix("sqlite:///"))
    config: DBOSConfig = {
        "name": "relink",
        "system_database_url": url,
        "application_version": VERSION,
        "executor_id": settings.worker_id,
        "log_level": "ERROR",
        "max_executor_threads": LANES_AT_ONCE + 8,
        "scheduler_polling_interval_sec": 5.0,
        "serializer": JsonSerializer(),
        "enable_otlp": False,
    }
    DBOS(config=config)


def _write_ahead(path: str) -> None:
    # Sticks to the file, so that readers and the one writer do not wait for each other.
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


def launch() -> None:
    """Start working: first on what was under way when this worker last stopped."""
    DBOS.launch()
    DBOS.register_queue(
        QUEUE,
        worker_concurrency=LANES_AT_ONCE,
        partition_concurrency=1,
        polling_interval_sec=POLLING_SECONDS,
        on_conflict="always_update",
    )


def dispatch(due: Due) -> None:
    """Hand one piece of work to the engine; an id it knows already is left alone."""
    DBOS.enqueue_workflow_with_options(
        {
            "workflow_name": due.kind,
            "queue_name": QUEUE,
            "workflow_id": due.id,
            "queue_partition_key": due.partition,
            "priority": PRIORITIES[due.kind],
            "app_version": VERSION,
        },
        *due.arguments,
    )


def ended(ids: list[str]) -> list[str]:
    """Return those of these ids that the engine is done with, in whatever way."""
    if not ids:
        return []
    found = DBOS.list_workflows(workflow_ids=ids, status=ENDED, load_input=False, load_output=False)
    return [status.workflow_id for status in found]


def take_over(workers: list[str]) -> None:
    """Queue again what dead workers had in hand, in the same queue with the same limits."""
    found = DBOS.list_workflows(
        executor_id=workers, status="PENDING", queue_name=QUEUE, load_input=False, load_output=False
    )
    if found:
        DBOS.resume_workflows([status.workflow_id for status in found], queue_name=QUEUE)


def forget_old_work() -> None:
    """Delete what ended long ago: our own tables say what became of it."""
    before = (utcnow() - KEPT_FOR).isoformat()
    found = DBOS.list_workflows(
        status=ENDED, completed_before=before, limit=FORGET_AT_MOST, load_input=False, load_output=False
    )
    if found:
        DBOS.delete_workflows([status.workflow_id for status in found])


def stop() -> None:
    """Stop taking up work."""
    DBOS.destroy(workflow_completion_timeout_sec=5)
