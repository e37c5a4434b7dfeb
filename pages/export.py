"""Export: why it is not in Xero, what it is, every attempt, and closing it without sending."""

from __future__ import annotations

import streamlit as st

from dashboard import navigation, session
from dashboard.parts import badges, export, exports, markup, panels, timeline, words
from services import audit, export_view
from services.members import Permission

member = session.require(Permission.SEE_WORKSPACES)
export_id = st.query_params.get("id", "")
exports.open_plan()
with session.reading() as store:
    view = export_view.get(store, member, export_id)
    history = audit.history(store, view.workspace_id, export_id=view.id)

markup.show(navigation.workspace_link(member, view.workspace_id, view.workspace_name))
st.title(words.plain(view.number), anchor=False)
markup.show(
    badges.state_badge(view.state)
    + markup.dot()
    + markup.strong(words.money(view.amount, view.currency))
    + markup.dot()
    + markup.muted(f"{view.kind} · {view.title}")
)
export.follow(member, view)
export.particulars(member, view)

st.header("Expenses", anchor=False)
export.lines(view)

st.header("Attempts", anchor=False)
if view.attempts:
    export.attempts(member, view)
else:
    panels.empty(
        "Relink has not sent it", "Each attempt to send it to Xero appears here, with Xero's answer."
    )

if history:
    st.header("Set aside, marked, taken back", anchor=False)
    timeline.timeline(history, ways=False)
