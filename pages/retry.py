"""Retry: what will be sent and what is left out and why; then its progress; then its results."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from dashboard import navigation, session
from dashboard.parts import exports, markup, plans, results, runs, words
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

if plan.run is None:
    plans.ask_to_start(plan)
    st.header("Exports", anchor=False)
    plans.items(member, plan)
elif plan.run.ended:
    results.ended(member, plan, plan.run)
else:
    runs.follow(member, plan)
    results.so_far(member, plan)
