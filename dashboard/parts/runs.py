"""A retry run while it goes: how far it is, what waits for what, and the buttons that stop it."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from dashboard import navigation, session
from dashboard.parts import badges, markup, panels, tables, words
from services import plans as plan_service
from services import runs as run_service
from services.members import Member
from services.plans import PlanView
from services.runs import LaneView, RunView
from services.store.states import RunState


def follow(member: Member, plan: PlanView) -> None:
    """Show the run of a plan, and keep it up to date for as long as it moves."""
    live = plan.run is not None and plan.run.live

    @st.fragment(run_every=1.0 if live else None)
    def moving() -> None:
        session.recheck(member)
        with session.reading() as store:
            run = plan_service.view(store, member, plan.id).run
        if run is None or live != run.live:
            st.rerun()
        session.show_refusal()
        progress(run, member)
        _controls(run)

    moving()


def _controls(run: RunView) -> None:
    with st.container(horizontal=True):
        if run.live:
            st.button("Pause", key="pause", on_click=session.act, args=(run_service.pause, run.plan_id))
        if run.state is RunState.PAUSED:
            st.button(
                "Go on",
                key="resume",
                type="primary",
                on_click=session.act,
                args=(run_service.resume, run.plan_id),
            )
        if run.live or run.state is RunState.PAUSED:
            st.button(
                "Cancel what is left",
                key="cancel",
                on_click=session.act,
                args=(run_service.cancel, run.plan_id),
                help="What is on its way to Xero is finished first; the rest is not sent.",
            )


def progress(run: RunView, member: Member | None = None) -> None:
    """Show how far a run is, and each workspace's part of it, with a way there for a member who has one."""
    share = run.done / run.total if run.total else 1.0
    st.progress(share, text=f"{run.done:,} of {words.plural(run.total, 'export')}")
    panels.figures(
        ("Delivered", f"{run.delivered:,}", "in Xero"),
        ("Refused by Xero", f"{run.failed:,}", "with a code and a fix"),
        ("In doubt", f"{run.in_doubt:,}", "looked up before any new try"),
        ("Held", f"{run.held:,}", "connection broken, not tried"),
    )
    if run.receipts_missing:
        st.caption(f"{words.plural(run.receipts_missing, 'receipt')} not attached to documents in Xero.")
    lanes(run, member)


def lanes(run: RunView, member: Member | None = None) -> None:
    """Show the part of a run that each workspace has, with a way there for a member who has one."""
    tables.table(
        "Workspaces of this run",
        [tables.Column("Workspace"), tables.Column("State"), tables.Column("Done", figures=True)],
        [_lane(lane, member) for lane in run.lanes],
    )


def _lane(lane: LaneView, member: Member | None) -> list[str | Markup]:
    state = badges.state_badge(lane.state)
    name = lane.workspace_name
    return [
        navigation.workspace_link(member, lane.workspace_id, name) if member else name,
        state + markup.second(lane.waiting_for) if lane.waiting_for else state,
        f"{lane.done:,} of {lane.total:,}",
    ]
