"""A lane: the part of a retry run that belongs to one workspace, while a worker works on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.desk import Desk
from services.reference import Imported
from services.store.engine import utcnow
from services.xero.api import Api


@dataclass(frozen=True, slots=True)
class LaneWork:
    """One lane at work, with the client for its organisation."""

    desk: Desk
    api: Api
    plan_id: str
    workspace_id: str
    organisation_id: str
    known: Imported  #: what was imported from the organisation
    by_itself: bool  #: nobody asked for this run: it stops while the workspace is paused


class Parked(Exception):
    """Nothing more can be sent for now; the lane goes on after `seconds`, and `why` is shown meanwhile."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(why)
        self.seconds, self.why = seconds, why


class Held(Exception):
    """The connection is broken: what is left of the lane is held, and `why` is said of it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def until(limit: str | None, seconds: float) -> str:
    """Say when a lane goes on that waits for the day's limit; the other limits are over soon."""
    if limit != "day":
        return ""
    return f" Goes on at {utcnow() + timedelta(seconds=seconds):%H:%M UTC on %d %b}."
