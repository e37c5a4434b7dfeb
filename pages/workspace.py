"""Workspace: its connection and health, the incident, what waits for Xero, and its history."""

from __future__ import annotations

import streamlit as st

from dashboard import navigation, session
from dashboard.parts import (
    accounting,
    badges,
    choosing,
    exports,
    incident,
    links,
    markup,
    panels,
    proof,
    repair,
    standing,
    timeline,
    words,
)
from services import audit, members, syncs, workspaces
from services import exports as export_service
from services.exports import ExportFilter
from services.members import Permission
from services.store.states import CAN_EXPORT, UNDELIVERED, IncidentState

member = session.require(Permission.SEE_WORKSPACES)
workspace_id = st.query_params.get("id", "")
waiting = ExportFilter(workspace_id=workspace_id, states=tuple(sorted(UNDELIVERED)), page_size=200)
with session.reading() as store:
    workspace = workspaces.get(store, member, workspace_id)
    found = export_service.search(store, member, waiting)
    history = audit.history(store, workspace_id, limit=30)

connection = workspace.connection
markup.show(markup.link("Workspaces", navigation.WORKSPACES.link()))
st.title(words.plain(workspace.name), anchor=False)
markup.show(
    badges.health_badge(connection.health, connection.code)
    + markup.dot()
    + badges.verified(connection.verified_at)
    + markup.dot()
    + badges.expires(connection.health, connection.login_expires_at, after=markup.dot())
    + markup.strong(badges.who_acts(connection.health, connection.code))
)
standing.banners(member, workspace)

left, right = st.columns([3, 2], gap="large")
with left:
    syncing = workspace.sync is not None and workspace.sync.running

    @st.fragment(run_every=1.0 if syncing else None)
    def accounting_panel() -> None:
        """Show the connection; while a sync runs, follow it."""
        session.recheck(member)
        with session.reading() as store:
            members.require(store, member, Permission.SEE_WORKSPACES, workspace_id)
            sync = syncs.latest(store, workspace_id)
        if syncing != (sync is not None and sync.running):
            st.rerun()
        session.show_refusal()
        accounting.panel(member, workspace, sync)

    accounting_panel()
    links.panel(member, workspace)
with right:
    if workspace.incident is not None and workspace.incident.state is not IncidentState.CLOSED:
        incident.panel(workspace.incident)
        repair.panel(member, workspace_id)
    elif connection.health in CAN_EXPORT:
        panels.panel(
            "No open incident", "Syncs and exports of this workspace can run.", tone=badges.Tone.GOOD
        )
    accounting.particulars(workspace)
    standing.controls(member, workspace)

st.header("Waiting for Xero", anchor=False)
if found.rows:
    st.write(f"{words.plural(found.total, 'export')}, {words.plain(words.sums(found.amounts))}")
    above = st.container()
    choice = choosing.Choice("waiting", waiting, apart=workspace_id)
    exports.table(found.rows, choice, label="Exports waiting for Xero", with_workspace=False)
    with above:
        exports.actions(member, choice, found, urgent=connection.health in CAN_EXPORT)
    if found.total > len(found.rows) and member.may(Permission.RETRY):
        markup.show(
            markup.link(
                f"All {found.total:,}, page by page", navigation.FAILED_EXPORTS.link(workspace=workspace_id)
            )
        )
else:
    panels.empty("Nothing waits", "Every approved report of this workspace has arrived in Xero.")

if workspace.incident is not None:
    proof.section(member, workspace.incident)

st.header("History", anchor=False)
if history:
    timeline.timeline(history)
else:
    panels.empty("Nothing has happened yet", "Syncs, reconnects, retries and who asked for them appear here.")
