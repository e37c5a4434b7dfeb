"""Lists of steps: the wizard's documented steps, and the stages of a sync."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from dashboard.parts import markup, words
from services import syncs
from services.store.states import SyncState
from services.syncs import StageView, SyncView

MARKS = {"done": "✓", "failed": "■", "left": "–", "skipped": "–"}
SPOKEN = {
    "done": "done",
    "current": "now",
    "failed": "failed",
    "todo": "still to come",
    "left": "left out",
    "skipped": "not needed",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a list of steps."""

    text: str
    state: str  #: one of done, current, failed, todo, left, skipped
    note: str | Markup | None = None


def steps(label: str, items: Iterable[Item], *, first: int = 1) -> None:
    """Show numbered steps with their state."""
    lines = markup.join(_line(number, item) for number, item in enumerate(items, first))
    markup.show(Markup('<ol class="rl-steps" start="{}" aria-label="{}">{}</ol>').format(first, label, lines))


def _line(number: int, item: Item) -> Markup:
    note = Markup('<span class="rl-note">{}</span>').format(item.note) if item.note else markup.EMPTY
    current = Markup(' aria-current="step"') if item.state == "current" else markup.EMPTY
    return Markup(
        '<li class="rl-step-{}"{}><span class="rl-mark" aria-hidden="true">{}</span>'
        '<span class="rl-step-text">{}<span class="rl-unseen">, {}</span></span>{}</li>'
    ).format(item.state, current, MARKS.get(item.state, number), item.text, SPOKEN[item.state], note)


def stages(sync: SyncView) -> None:
    """Show the stages of a sync: those that ended, the one that runs, those to come and those left out."""
    seen = {stage.label: stage for stage in sync.stages}
    steps("Stages of the sync", [_stage(sync, label, seen.get(label)) for label in syncs.STAGES])


def _stage(sync: SyncView, label: str, stage: StageView | None) -> Item:
    left_out = syncs.LEFT_OUT.get(label) or (stage and stage.left_out)
    if left_out:
        return Item(label, "left", left_out)
    if stage is None:
        return Item(label, "todo")
    if stage.ended_at is None:
        return Item(label, "failed" if sync.state is SyncState.FAILED else "current")
    seconds = (stage.ended_at - stage.started_at).total_seconds()
    counted = f"{stage.count:,} · " if stage.count is not None else ""
    return Item(label, "done", f"{counted}{words.span(seconds) if seconds >= 1 else 'under a second'}")


def progress_of(sync: SyncView) -> float:
    """Return how much of a sync is done, from 0 to 1, by its stages."""
    ended: Sequence[StageView] = [stage for stage in sync.stages if stage.ended_at]
    return min(1.0, len(ended) / (len(syncs.STAGES) - len(syncs.LEFT_OUT)))


def doing(sync: SyncView) -> str:
    """Say what a sync under way does at this moment."""
    seconds = sync.parked_seconds(words.now())
    if seconds > 0:
        return f"Waiting for Xero's limit: it goes on by itself in {words.span(seconds)}"
    return "Syncing" if sync.stages else "Waiting for a worker"
