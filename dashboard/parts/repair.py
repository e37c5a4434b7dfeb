"""Where the repair of a workspace stands, live, for those who watch and assist."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import navigation, session
from dashboard.parts import changes, markup, panels
from dashboard.parts import wizard as wizard_parts
from dashboard.parts.badges import Tone
from services import wizard as wizards
from services.members import Member
from services.steps import Step, StepState
from services.wizard import Act, Attempt, WizardView


def panel(member: Member, workspace_id: str) -> None:
    """Show the step at which the reconnect stands and who took the last one; nothing where none is needed."""
    with session.reading() as store:
        stamp = wizards.stamp(store, member, workspace_id)
        view = wizards.wizard(store, member, workspace_id)
    wizard_parts.watch(member, view, stamp)
    if view.act in (Act.NONE, Act.DONE):
        return
    step, number = _current(view)
    panels.panel(
        f"Reconnect: step {number} of {len(view.reconnect_steps) + len(view.retry_steps)}",
        Markup("{} {}").format(step.text.web, markup.muted(step.note or "")) if step else "",
        _last_step(view.attempt) if view.attempt else "Nobody has begun yet.",
        Markup("Last answer: {}").format(view.refusal.title) if view.refusal else "",
        markup.link("Follow it live", navigation.RECONNECT.link(workspace=workspace_id)),
        tone=Tone.WARNING if view.refusal else Tone.BUSY,
    )
    changes.panel(member, view)


def _current(view: WizardView) -> tuple[Step | None, int]:
    every = (*view.reconnect_steps, *view.retry_steps)
    current = [(step, at) for at, step in enumerate(every, 1) if step.state is StepState.CURRENT]
    return current[0] if current else (None, len(every))


def _last_step(attempt: Attempt) -> Markup:
    unfinished = ", and did not come back from Xero" if attempt.left_behind and attempt.went else ""
    return Markup("Last step by {} {}{}.").format(attempt.by, markup.moment(attempt.at), unfinished)
