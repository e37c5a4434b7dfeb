"""The start of a retry: one button, and folded under it when, how fast and which workspaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import pandas as pd
import streamlit as st

from dashboard import navigation, session
from dashboard.parts import clock, exports, markup, panels, words
from dashboard.parts.badges import Tone
from services import audit, retries
from services import runs as run_service
from services.estimates import AnotherDay, Bound, Estimate, Load
from services.plans import PlanView
from services.runs import RunView
from services.store.states import Verdict

CHOSEN_ONE_BY_ONE = 200  # workspaces; a longer plan is narrowed on Failed exports
NOW, LATER = "Now", "At a time"
_BOUNDS = {
    Bound.APP: "Xero's limit for all that Relink calls decides how long it takes.",
    Bound.PACE: "The pace you chose decides how long it takes.",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen for the start."""

    starts_at: datetime | None = None
    workspace_ids: tuple[str, ...] | None = None
    at_most_a_minute: int | None = None


def ask(plan: PlanView) -> None:
    """Let somebody start a plan; what was chosen for it shows in the estimate at once."""
    if plan.carried_by is not None or not plan.goes:
        _nothing_to_start(plan)
        return
    said = st.container()
    reason = st.text_input(
        "Reason",
        key="reason",
        max_chars=audit.REASON_CHARACTERS,
        placeholder="For example: reconnected, ticket 4411",
    )
    pressed = st.container()
    choice = _options(plan)
    estimate = _estimate(plan, choice)
    with said:
        st.write(words.plain(effort(estimate)))
        _other_runs(plan)
    pressed.button(
        f"Retry {words.plural(estimate.exports, 'export')}",
        type="primary",
        key="start",
        disabled=not estimate.exports,
        on_click=_start,
        args=(plan.id, reason, choice),
    )


def _estimate(plan: PlanView, choice: Choice) -> Estimate:
    return plan.outlook.estimate(
        now=words.now(),
        workspace_ids=choice.workspace_ids,
        starts_at=choice.starts_at,
        at_most_a_minute=choice.at_most_a_minute,
    )


def _start(plan_id: str, reason: str, choice: Choice) -> None:
    started = session.act(
        retries.start,
        plan_id,
        reason,
        starts_at=choice.starts_at,
        workspace_ids=choice.workspace_ids,
        at_most_a_minute=choice.at_most_a_minute,
    )
    if started is not None and started.plan_id != plan_id:
        exports.remember_plan(started.plan_id)


def _nothing_to_start(plan: PlanView) -> None:
    if plan.carried_by is None:
        st.write("Nothing in this plan can be sent now. The verdicts say what to do first.")
        _other_runs(plan)
        return
    panels.panel("These exports are in a retry already", plan.carried_by.why, tone=Tone.BUSY)
    address = navigation.RETRY.link(plan=plan.carried_by.plan_id)
    markup.show(markup.button_link("Follow that retry", address))


def _other_runs(plan: PlanView) -> None:
    for run in plan.others:
        link = markup.link("Follow it", navigation.RETRY.link(plan=run.plan_id))
        said = f"{words.plural(run.exports, 'export')} of this plan: {run.why} "
        markup.show(markup.paragraph(markup.muted(said) + link))


# When, how fast, and which workspaces


def _options(plan: PlanView) -> Choice:
    with st.expander("When and how fast"):
        when, pace = st.columns(2)
        with when:
            starts_at = _time()
        with pace:
            at_most = _pace()
        return Choice(starts_at, _workspaces(plan.outlook.loads, plan, starts_at), at_most)


def _time() -> datetime | None:
    if st.radio("Start", [NOW, LATER], key="when", horizontal=True) == NOW:
        return None
    today = clock.today()
    soon = (words.now() + timedelta(hours=1)).astimezone(clock.zone())
    day = st.date_input(
        "Day",
        value=soon.date(),
        min_value=today,
        max_value=today + retries.AT_MOST_AHEAD,
        key="day",
        format="DD/MM/YYYY",
    )
    at = st.time_input(
        f"Time ({clock.zone_name()})", value=time(soon.hour), key="time", step=timedelta(minutes=15)
    )
    st.caption("Until then nothing is sent. Then every connection and every export is checked once more.")
    return clock.moment_of(day, at)


def _pace() -> int | None:
    return st.number_input(
        "At most so many exports a minute",
        min_value=retries.PACES[0],
        max_value=retries.PACES[-1],
        value=None,
        key="pace",
        placeholder="As fast as Xero allows",
        help="In all workspaces together. Smaller numbers leave more of Xero's calls to others.",
    )


def _workspaces(loads: Sequence[Load], plan: PlanView, starts_at: datetime | None) -> tuple[str, ...] | None:
    """Let somebody leave workspaces out; None for all of the plan."""
    if not 1 < len(loads) <= CHOSEN_ONE_BY_ONE:
        if len(loads) > CHOSEN_ONE_BY_ONE:
            st.caption(f"{len(loads):,} workspaces. To leave some out, narrow the list on Failed exports.")
        return None
    done = plan.outlook.estimate(now=words.now(), starts_at=starts_at).by_workspace
    edited = st.data_editor(
        pd.DataFrame([_cells(load, done[load.workspace_id]) for load in loads]),
        key=f"workspaces-{plan.id}",
        hide_index=True,
        height="content" if len(loads) <= 8 else 320,
        disabled=["Workspace", "Exports", "Amount", "Done"],
        alt="Workspaces of this retry; those without a tick are left out",
        column_config={
            "Send": st.column_config.CheckboxColumn(width=60),
            "Exports": st.column_config.NumberColumn(format="localized"),
            "Amount": st.column_config.TextColumn(alignment="right"),
        },
    )
    kept = [load.workspace_id for load, sent in zip(loads, edited["Send"], strict=True) if sent]
    return None if len(kept) == len(loads) else tuple(kept)


def _cells(load: Load, done: datetime) -> dict[str, object]:
    return {
        "Send": True,
        "Workspace": load.workspace_name,
        "Exports": load.exports,
        "Amount": words.sums(load.amounts),
        "Done": clock.at(done),
    }


# What it takes


def effort(estimate: Estimate) -> str:
    """Say how much work a retry is, when it will be done, and what decides that."""
    if not estimate.exports:
        return "No workspace is chosen."
    number, calls = words.plural(estimate.exports, "export"), words.plural(estimate.calls, "call")
    said = [
        f"{number} in about {calls} to Xero.",
        f"Done {clock.at(estimate.finishes_at)} at the earliest, "
        f"{words.span(max(1.0, estimate.seconds))} after the start.",
    ]
    if estimate.bound is Bound.ORGANISATION and estimate.slowest is not None:
        said.append(f"{estimate.slowest} takes longest: Xero allows only so many calls a minute for each.")
    elif estimate.bound in _BOUNDS:
        said.append(_BOUNDS[estimate.bound])
    if estimate.another_day:
        said.append(_another_day(estimate.another_day))
    if estimate.guessed:
        said.append("What is left of Xero's limits is not known for all of them: its usual limits are taken.")
    return " ".join(said)


def _another_day(waiting: Sequence[AnotherDay]) -> str:
    exports = words.plural(sum(one.exports for one in waiting), "export")
    first = min(waiting, key=lambda one: one.returns_at)
    names = ", ".join(one.workspace_name for one in waiting[:3])
    more = f" and {len(waiting) - 3:,} more" if len(waiting) > 3 else ""
    when = clock.at(first.returns_at) if first.told else f"at the latest {clock.at(first.returns_at)}"
    return (
        f"About {exports} of {names}{more} must wait longer: Xero's calls of the day do not "
        f"suffice, and return {when}."
    )


# After the start


def scheduled(run: RunView) -> None:
    """Show that a run waits for its time, with the button that starts it before."""
    if not run.scheduled or run.starts_at is None:
        return

    @st.fragment(run_every=5.0)
    def waiting() -> None:
        if run.starts_at is not None and run.starts_at <= words.now():
            st.rerun()

    panels.panel(
        f"Starts {clock.at(run.starts_at)} ({clock.zone_name()})",
        "Nothing is sent before. Then every connection and every export is checked once more.",
        tone=Tone.BUSY,
    )
    st.button(
        "Start now",
        type="primary",
        key="start-now",
        on_click=session.act,
        args=(run_service.start_now, run.plan_id),
    )
    waiting()


def left_out(plan: PlanView) -> None:
    """Say what the start of a run left out of its plan, and why."""
    outside = {Verdict.CHANGED, Verdict.UNDER_WAY, Verdict.LEFT_OUT}
    lines = [line for line in plan.lines if line.verdict in outside]
    if lines:
        number = sum(line.count for line in lines)
        panels.panel(
            f"{words.plural(number, 'export')} of the plan {'is' if number == 1 else 'are'} not in this run",
            *(f"{line.count:,} {line.verdict}. {line.reason or ''}" for line in lines),
            tone=Tone.WARNING,
        )
        _other_runs(plan)
