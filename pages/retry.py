"""Retry: what will be sent and what is left out and why; then its progress; then its results."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from dashboard import navigation, session
from dashboard.parts import exports, judged, markup, plans, runs, starts, words
from services import plans as plan_service
from services.members import Permission

member = session.require(Permission.RETRY)
plan_id = st.query_params.get("plan", "")
exports.open_plan()
with session.reading() as store:
    plan = plan_service.view(store, member, plan_id)

markup.show(markup.link("Failed exports", navigation.FAILED_EXPORTS.link()))
st.title(words.plain(plans.title(plan)), anchor=False)
markup.show(
    markup.muted(Markup("{} · planned by {} ").format(plan.scope, plan.made_by)) + markup.moment(plan.made_at)
)

if plan.judging:
    judged.follow(member, plan)
    plans.verdicts(plan)
elif plan.run is None:
    plans.verdicts(plan)
    starts.ask(plan)
else:
    starts.scheduled(plan.run)
    starts.left_out(plan)
    runs.follow(member, plan)

if plan.run is not None and not plan.run.live:
    with st.container(horizontal=True):
        if plan.total > plan.run.delivered or plan.run.receipts_missing:
            st.button(
                "Retry the leftovers",
                key="leftovers",
                on_click=exports.plan_leftovers,
                args=(plan.id,),
            )
        st.download_button(
            "Download the results (CSV)",
            plans.results(plan.id),  # made when pressed, not on every run
            f"retry-{plan.id[:8]}.csv",
            "text/csv",
        )

if plan.run is None and not plan.judging:
    st.header("Workspaces", anchor=False)
    judged.workspaces(member, plan)
st.header("Exports", anchor=False)
plans.items(member, plan)
