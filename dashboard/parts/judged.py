"""A plan while the worker judges it, and what it says about each workspace."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from dashboard import navigation, session
from dashboard.parts import markup, panels, tables, words
from services import plans as plan_service
from services.members import Member, Permission
from services.plans import PlanView
from services.store.states import Verdict
from services.workspace_lines import WorkspaceLine

UNFOLDED = 12  # workspaces; a longer table is opened by those who want it


def follow(member: Member, plan: PlanView) -> None:
    """Show how far the judging of a plan is until it is done; then the page is drawn anew."""

    @st.fragment(run_every=1.0)
    def moving() -> None:
        session.recheck(member)
        with session.reading() as store:
            now = plan_service.progress(store, member, plan.id)
        if not now.judging:
            st.rerun()
        st.progress(now.judged / now.total, text=f"{now.judged:,} of {now.total:,} looked at")
        st.caption("It can be started once every export has its verdict. You may leave this page meanwhile.")

    moving()


def workspaces(member: Member, plan: PlanView) -> None:
    """Show what a plan says about each workspace, the one with the most exports first."""
    if len(plan.largest) <= UNFOLDED:
        _table(member, plan)
        return
    with st.expander(f"What it says about {words.plural(plan.workspaces_total, 'workspace')}"):
        _table(member, plan)
        panels.shown_of(len(plan.largest), plan.workspaces_total, "workspace")


def _table(member: Member, plan: PlanView) -> None:
    tables.table(
        "Workspaces of this plan",
        [
            tables.Column("Workspace"),
            tables.Column("Goes", figures=True),
            tables.Column("Blocked", figures=True),
            tables.Column("Why blocked"),
            tables.Column("Nothing to do", figures=True, wide_only=True),
        ],
        [_cells(member, line) for line in plan.largest],
    )


def _cells(member: Member, line: WorkspaceLine) -> list[str | Markup]:
    return [
        navigation.workspace_link(member, line.id, line.name),
        _worth(line.goes, words.sums(line.amounts)),
        _worth(line.blocked, words.sums(line.blocked_amounts)),
        _why(member, line),
        f"{line.other:,}" if line.other else markup.muted("0"),
    ]


def _worth(number: int, amount: str) -> Markup:
    return markup.two_lines(f"{number:,}", amount) if number else markup.muted("0")


def _why(member: Member, line: WorkspaceLine) -> Markup:
    """Say what blocks, each with its number; what a reconnect mends carries the way there."""
    reasons = [
        Markup("{:,} {}").format(number, str(verdict).removeprefix("blocked: "))
        for verdict, number in line.reasons.items()
    ]
    if Verdict.DISCONNECTED in line.reasons:
        reasons.append(_way_to_reconnect(member, line.id))
    return markup.join(reasons, markup.dot()) or markup.muted("nothing")


def _way_to_reconnect(member: Member, workspace_id: str) -> Markup:
    if member.may(Permission.RECONNECT):
        return markup.link("Reconnect", navigation.RECONNECT.link(workspace=workspace_id))
    return markup.link("See its connection", navigation.WORKSPACE.link(id=workspace_id))
