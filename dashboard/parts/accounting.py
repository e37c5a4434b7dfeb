"""The Accounting panel of a workspace: its connection to Xero, Sync Now and Reconnect."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from dashboard import navigation, session
from dashboard.parts import markup, stepper, words
from services import syncs
from services.members import Member, Permission
from services.store.engine import utcnow
from services.store.states import NEEDS_RECONNECT, Health, SyncState
from services.syncs import SyncView
from services.workspaces import WorkspaceView

STALLED = (
    "This sync has been under way for more than 20 minutes. It goes on by itself as soon as a worker is "
    "free; if it stays like this, tell whoever runs Relink."
)


def panel(member: Member, workspace: WorkspaceView, sync: SyncView | None) -> None:
    """Show the connection with the acts that the article names."""
    connection = workspace.connection
    with st.container(border=True):
        st.subheader("Accounting", anchor=False)
        synced = markup.moment(connection.last_synced_at, prefix="Last synced", never="Never synced")
        organisation = markup.strong(connection.organisation_name or "Not connected to an organisation")
        markup.show(Markup("Xero: {}").format(organisation) + markup.second(synced))
        running = sync is not None and sync.running
        with st.container(horizontal=True):
            if member.may(Permission.SYNC):
                st.button(
                    "Syncing" if running else "Sync Now",
                    key="sync-now",
                    disabled=running,
                    on_click=session.act,
                    args=(syncs.request, workspace.id),
                )
            if (
                member.may(Permission.RECONNECT)
                and _can_reconnect(workspace)
                and st.button("Reconnect", key="reconnect", type="primary")
            ):
                navigation.open_page(navigation.RECONNECT, workspace=workspace.id)
        if sync is not None:
            _sync_outcome(sync)


def _can_reconnect(workspace: WorkspaceView) -> bool:
    return workspace.connection.health in NEEDS_RECONNECT | {Health.NOT_CONNECTED, Health.AT_RISK}


def _sync_outcome(sync: SyncView) -> None:
    if sync.running:
        st.progress(stepper.progress_of(sync), text=stepper.doing(sync))
        stepper.stages(sync)
        if sync.stalled(utcnow()):
            st.warning(STALLED)
    else:
        if sync.state is SyncState.FAILED:
            st.error(words.plain(sync.message or "The last sync failed."))
        with st.expander("Stages of the last sync"):
            stepper.stages(sync)


def particulars(workspace: WorkspaceView) -> None:
    """Show who and what the workspace is."""
    connection = workspace.connection
    login = connection.login_name or connection.login_email or "none"
    if connection.login_name and connection.login_email:
        login = f"{connection.login_name} ({connection.login_email})"
    markup.show(
        markup.facts(
            [
                ("Workspace ID", workspace.id),
                ("Owner", workspace.owner_email),
                ("Plan", f"{workspace.plan}, {workspace.country}, {workspace.currency}"),
                ("Xero login", login),
                ("Connected", markup.moment(connection.connected_at)),
                ("Admins", ", ".join(workspace.admins) or "none known"),
            ]
        )
    )
