"""Reconnect: the documented steps, ticked by what Relink itself observes, with one thing to do at a time."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from dashboard import navigation, session
from dashboard.parts import badges, changes, exports, markup, releasing, wizard
from services import wizard as wizards
from services.members import Permission
from services.wizard import Act

member = session.require(Permission.FOLLOW)
workspace_id = st.query_params.get("workspace", "")
exports.open_plan()
with session.reading() as store:
    stamp = wizards.stamp(store, member, workspace_id)
    view = wizards.wizard(store, member, workspace_id)

workspace, connection = view.workspace, view.workspace.connection
markup.show(navigation.workspace_link(member, workspace.id, workspace.name))
st.title("Reconnect Xero", anchor=False)
markup.show(
    badges.health_badge(connection.health, connection.code)
    + markup.dot()
    + badges.verified(connection.verified_at)
    + markup.dot()
    + Markup("{}").format(connection.organisation_name or "no organisation yet")
)
wizard.watch(member, view, stamp)

left, right = st.columns([8, 3], gap="large")
with right:
    on = wizard.wording()
    wizard.siblings(member, view)
with left:
    if view.refusal is not None:
        wizard.refusal(view.refusal)
    else:
        wizard.left_behind(view)
    changes.panel(member, view)
    if view.act is Act.NONE:
        wizard.nothing_to_repair(member, view)
    elif not view.may_act:
        wizard.for_somebody_else(view)
    if view.act is Act.DONE:
        releasing.done(member, view)

    st.subheader("Reconnect the Xero integration in the workspace", anchor=False)
    wizard.steps(member, view, view.reconnect_steps, label="How to reconnect", on=on)
    st.subheader("Retry the sync or export", anchor=False)
    wizard.steps(member, view, view.retry_steps, label="How to retry", on=on)
