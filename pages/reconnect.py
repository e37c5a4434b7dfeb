"""Reconnect: the documented steps, ticked by what Relink itself observes, with one thing to do at a time."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from dashboard import navigation, session
from dashboard.parts import badges, exports, markup, wizard
from services.members import Permission
from services.wizard import Act
from services.wizard import wizard as look_at

member = session.require(Permission.FOLLOW)
workspace_id = st.query_params.get("workspace", "")
exports.open_plan()
with session.reading() as store:
    view = look_at(store, member, workspace_id)

workspace, connection = view.workspace, view.workspace.connection
with st.container(width=760):
    markup.show(markup.link(workspace.name, navigation.WORKSPACE.link(id=workspace.id)))
    st.title("Reconnect Xero", anchor=False)
    markup.show(
        badges.health_badge(connection.health, connection.code)
        + markup.dot()
        + badges.verified(connection.verified_at)
        + markup.dot()
        + Markup("{}").format(connection.organisation_name or "no organisation yet")
    )
    if view.refusal is not None:
        wizard.refusal(view.refusal)
    if view.act is Act.NONE:
        wizard.nothing_to_repair(view)
    elif not view.may_act:
        wizard.for_somebody_else(view)

    st.subheader("Reconnect the Xero integration in the workspace", anchor=False)
    wizard.steps(member, view, view.reconnect_steps, label="Reconnect the Xero integration in the workspace")
    st.subheader("Retry the sync or export", anchor=False)
    wizard.steps(member, view, view.retry_steps, label="Retry the sync or export")
    if view.act is Act.DONE:
        wizard.done(view)
