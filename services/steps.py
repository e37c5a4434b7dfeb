"""The steps of the article as they stand: done, current or still to come, with what Relink observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from services.admin_changes import ChangeView
from services.article import RECONNECT_STEPS, Wording
from services.store import tables
from services.store.states import WORKING, ReconnectState, SyncState
from services.workspaces import WorkspaceView

BEFORE_XERO = 4  # steps up to and with the first Sync Now


class StepState(StrEnum):
    """Where a step stands."""

    DONE = "done"
    CURRENT = "current"
    TODO = "to do"
    NOT_NEEDED = "not needed"  #: the repair goes on without it


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the article."""

    number: int
    text: Wording
    state: StepState
    note: str | None  #: what Relink observed


def steps(texts: Sequence[Wording], done: int, notes: dict[int, str]) -> tuple[Step, ...]:
    """Return numbered steps of which so many are done; a negative number means that none is current yet."""
    return tuple(
        Step(number, text, _step_state(number, done), notes.get(number))
        for number, text in enumerate(texts, start=1)
    )


def _step_state(number: int, done: int) -> StepState:
    if number <= done:
        return StepState.DONE
    return StepState.CURRENT if number == done + 1 and done >= 0 else StepState.TODO


def reconnect_steps(done: int, notes: dict[int, str], *, went: bool) -> tuple[Step, ...]:
    """Return the seven steps; the way to Xero is not ticked unless somebody `went` it."""
    told = steps(RECONNECT_STEPS, done, notes)
    if done < len(told) or went:
        return told
    to_xero = (replace(step, state=StepState.NOT_NEEDED) for step in told[BEFORE_XERO:])
    return (*told[:BEFORE_XERO], *to_xero)


def reconnect_notes(
    workspace: WorkspaceView, reconnect: tables.Reconnect | None, change: ChangeView | None
) -> dict[int, str]:
    """Return what Relink observed of the seven steps, by the step's number."""
    connection = workspace.connection
    notes = {2: workspace.name, 3: f"Xero: {connection.organisation_name or 'no organisation yet'}"}
    if workspace.sync is not None and workspace.sync.message:
        notes[4] = workspace.sync.message
    if connection.login_email:
        notes[6] = f"Set up by {connection.login_name or 'a Xero user'} ({connection.login_email})"
    if reconnect is not None and reconnect.state is ReconnectState.VERIFIED:
        notes[7] = _verified_note(reconnect, change)
    return notes


def _verified_note(reconnect: tables.Reconnect, change: ChangeView | None) -> str:
    if reconnect.detail.get("first"):
        return "Connected to this organisation from now on: verified."
    if change is not None and change.used_at is not None and change.used_at >= reconnect.started_at:
        return f"Same organisation, and as approved another Xero login, {change.used_by}: verified."
    return "Same organisation and same Xero login as before: verified."


def retry_notes(workspace: WorkspaceView) -> dict[int, str]:
    """Return what Relink observed of the five steps, by the step's number."""
    sync = workspace.sync
    notes = {}
    works = workspace.connection.health in WORKING
    if works and sync is not None and sync.state is SyncState.SUCCEEDED:
        notes[4] = "Sync finished: Xero answers again."
    if workspace.stuck_count:
        one = workspace.stuck_count == 1
        notes[5] = "1 export waits." if one else f"{workspace.stuck_count:,} exports wait."
    return notes
