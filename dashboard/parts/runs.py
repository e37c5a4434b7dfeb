"""A retry run while it goes: how far it is, what waits for what, and the buttons that stop it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from markupsafe import Markup

from dashboard import navigation, session
from dashboard.parts import badges, filters, markup, panels, tables, words
from services import plans as plan_service
from services import runs as run_service
from services.members import Member
from services.paging import page_count
from services.plans import PlanView
from services.progress import Counts
from services.runs import ENDED, LANES_A_PAGE, LaneView, RunView, Wait
from services.store.states import RunState

_CANCEL = "run-to-cancel"
_LANES_PAGE = "workspaces"
WAITS_SHOWN = 3

#: Everybody who watches asks the store once in so many seconds; a count of more exports takes longer.
REFRESH_SECONDS, SLOWER_REFRESH_SECONDS, MANY = 1.0, 5.0, 20_000


def follow(member: Member, plan: PlanView) -> None:
    """Show the run of a plan, and keep it up to date for as long as something may come of it."""
    run = plan.run
    if run is None:
        return
    session.show_refusal()
    # Not in the part that is drawn anew all the time: under the pointer, a button must stay where it is.
    controls(run)
    watched = (run.state, run.ended)

    @st.fragment(run_every=_refresh_seconds(run))
    def moving() -> None:
        session.recheck(member)
        with session.reading() as store:
            plan_service.own_plan(store, member, plan.id)
            now = run_service.run_view(store, plan.id, page=filters.current_page(_LANES_PAGE))
        if now is None or (now.state, now.ended) != watched:
            st.rerun()
        progress(now, member)

    moving()


def _refresh_seconds(run: RunView) -> float | None:
    if run.ended:
        return None
    return SLOWER_REFRESH_SECONDS if run.total > MANY or run.state is RunState.PAUSED else REFRESH_SECONDS


def controls(run: RunView) -> None:
    """Show the buttons that pause a run, go on with it and cancel it."""
    if run.state in ENDED:
        return
    paused = run.state is RunState.PAUSED
    act = run_service.resume if paused else run_service.pause
    with st.container(horizontal=True):
        st.button(
            "Go on" if paused else "Pause",
            key="resume" if paused else "pause",
            type="primary" if paused else "secondary",
            on_click=session.act,
            args=(act, run.plan_id),
        )
        st.button("Cancel what is left", key="cancel", on_click=_ask, args=(run.plan_id,))
    if st.session_state.get(_CANCEL) == run.plan_id:
        _sure(run)


def _ask(plan_id: str) -> None:
    st.session_state[_CANCEL] = plan_id


def _answered() -> None:
    st.session_state.pop(_CANCEL, None)


# What was asked is remembered until it is answered: the page may be drawn anew meanwhile.
@st.dialog("Cancel what is left?", on_dismiss=_answered)
def _sure(run: RunView) -> None:
    st.write(what_stays(run.counts.left))
    with st.container(horizontal=True):
        if st.button("Cancel the rest", key="cancel-now", type="primary"):
            _answered()
            session.act(run_service.cancel, run.plan_id)
            st.rerun()
        if st.button("Keep it going", key="cancel-not"):
            _answered()
            st.rerun()


def what_stays(left: int) -> str:
    """Say what cancelling a run means for the exports that it has not sent."""
    stay = "is not sent yet and stays as it is" if left == 1 else "are not sent yet and stay as they are"
    return (
        f"{words.plural(left, 'export')} {stay}. What is on its way to Xero at this moment is finished "
        "first. A cancelled retry does not go on; what is left can be retried again."
    )


def progress(run: RunView, member: Member | None = None) -> None:
    """Show how far a run is, and each workspace's part of it, with a way there for a member who has one."""
    share = run.done / run.total if run.total else 1.0
    st.progress(share, text=f"{run.done:,} of {words.plural(run.total, 'export')}")
    # One piece, there from the beginning: what is below it must not move when it says something else.
    markup.show(Markup('<div class="rl-run-now">{}</div>').format(markup.join(_now(run))))
    panels.figures(
        ("Delivered", f"{run.delivered:,}", "in Xero"),
        ("Refused", f"{run.failed:,}", "with a code and a fix"),
        ("In doubt", f"{run.in_doubt:,}", "looked up before any new try"),
        ("Held", f"{run.held:,}", "not tried; the list says why"),
    )
    if run.receipts_missing:
        st.caption(_receipts(run))
    _lanes(run, member)


def _receipts(run: RunView) -> str:
    number = words.plural(run.receipts_missing, "receipt")
    if run.ended:
        return f"{number} not attached to documents in Xero."
    return f"{number} of documents in Xero still to attach."


def _now(run: RunView) -> list[Markup]:
    return [markup.paragraph(headline(run)), *(markup.paragraph(markup.muted(line)) for line in waiting(run))]


def headline(run: RunView) -> str:
    """Say in a sentence what a run does at this moment, how fast, and when it will be done."""
    if run.state is RunState.PAUSED:
        before = "What is on its way to Xero is finished first. " if run.at_work else ""
        return f"Paused by a person. {before}Nothing more is sent until somebody presses Go on."
    if run.state is RunState.CANCELLED:
        return "Cancelled." if run.ended else "Cancelled. What is on its way to Xero is finished first."
    if run.state is RunState.FINISHED:
        return "Ended: every export has its result."
    if run.starts_at is not None and run.starts_at > words.now():
        return f"Starts {words.due(run.starts_at)}. Nothing is sent before."
    if run.done == run.total and run.receipts_missing:
        return "Every export has its result; their receipts are being attached."
    speed = f"About {words.plural(round(run.a_minute), 'export')} a minute" if run.a_minute >= 1 else ""
    end = f"done {words.due(run.finishes_at)}" if run.finishes_at else ""
    found = ", ".join(part for part in (speed, end) if part)
    return (
        f"{words.capital(found)}."
        if found
        else "At work; the first answers from Xero tell how long it takes."
    )


def waiting(run: RunView) -> list[str]:
    """Say what a run's workspaces wait for, and until when; the most common first."""
    if run.state is RunState.PAUSED:
        return []
    lines = [_wait(wait) for wait in run.waits[:WAITS_SHOWN]]
    more = len(run.waits) - len(lines)
    return [*lines, f"{words.plural(more, 'other reason')} to wait, in the list below."] if more else lines


def _wait(wait: Wait) -> str:
    return f"{words.plural(wait.workspaces, 'workspace')}: {_why(wait.why)}{words.until(wait.until)}."


def _why(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".") if text[:7] == "Waiting" else text.rstrip(".")


def _lanes(run: RunView, member: Member | None) -> None:
    tables.table(
        "Workspaces of this retry",
        [
            tables.Column("Workspace"),
            tables.Column("State"),
            tables.Column("Done", figures=True),
            tables.Column("What became of them"),
            tables.Column("Waits for"),
        ],
        [_lane(lane, run, member) for lane in run.lanes],
    )
    if run.lanes_total > LANES_A_PAGE:
        filters.pages(page_count(run.lanes_total, LANES_A_PAGE), key=_LANES_PAGE)
        panels.shown_of(len(run.lanes), run.lanes_total, "workspace")


def _lane(lane: LaneView, run: RunView, member: Member | None) -> Sequence[str | Markup]:
    name = lane.workspace_name
    return [
        navigation.workspace_link(member, lane.workspace_id, name) if member else name,
        badges.state_badge(lane.state),
        f"{lane.done:,} of {lane.total:,}",
        _became(lane.counts),
        markup.muted(_waits_for(lane, run)),
    ]


def _became(counts: Counts) -> str | Markup:
    parts = [
        f"{number:,} {word}"
        for number, word in (
            (counts.delivered, "delivered"),
            (counts.failed, "refused"),
            (counts.in_doubt, "in doubt"),
            (counts.held, "held"),
            (counts.set_aside, "set aside"),
        )
        if number
    ]
    return " · ".join(parts) or markup.muted("nothing yet")


def _waits_for(lane: LaneView, run: RunView) -> str:
    if lane.state is RunState.PAUSED:
        return "somebody to press Go on"
    if lane.waiting_for is not None:
        why = lane.waiting_for.removeprefix("Waiting for ").rstrip(".")
        return f"{why}{words.until(lane.due_at)}"
    if lane.state is RunState.QUEUED and run.live:
        later = lane.due_at > words.now()
        return f"Its start, {words.due(lane.due_at)}" if later else "Its turn, behind other work"
    return "nothing"
