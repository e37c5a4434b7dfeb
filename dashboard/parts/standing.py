"""What a person stopped: a paused workspace, one that is being disconnected, and the two acts themselves."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from markupsafe import Markup

from dashboard import session
from dashboard.parts import markup, panels, words
from dashboard.parts.badges import Tone
from services import audit, disconnects, pausing
from services.disconnects import Losses
from services.members import Member, Permission
from services.store.states import Health
from services.workspaces import LeavingView, PauseView, WorkspaceView

_PAUSE_REASON, _LEAVE_REASON, _REVOKE = "pause-reason", "disconnect-reason", "disconnect-revokes"
_NAMES = {
    "account": "account",
    "tax rate": "tax rate",
    "tracking": "tracking list",
    "contact": "contact",
}


def banners(member: Member, workspace: WorkspaceView) -> None:
    """Say above everything else that somebody paused or disconnects the workspace."""
    connection = workspace.connection
    if connection.leaving is not None:
        _leaving(connection.leaving)
    if connection.pause is not None:
        _paused(member, workspace, connection.pause)
    if connection.health is Health.NOT_CONNECTED and connection.detail == disconnects.NOT_TOLD:
        panels.panel("Xero still lists Relink", disconnects.NOT_TOLD, tone=Tone.WARNING)


def _paused(member: Member, workspace: WorkspaceView, pause: PauseView) -> None:
    panels.panel(
        f"Paused by {pause.by}",
        Markup("{} · {}").format(markup.moment(pause.at), markup.strong(pause.reason)),
        "Relink does nothing here by itself: no nightly sync, no export of what is approved, no second try. "
        "Sync Now, Reconnect and a retry work as ever, and do not end the pause.",
        tone=Tone.WARNING,
    )
    if member.may(Permission.PAUSE):
        st.button("Resume", key="resume", on_click=session.act, args=(pausing.resume, workspace.id))


def _leaving(leaving: LeavingView) -> None:
    next_try = (
        Markup("The last try did not succeed: {} Relink tries again by itself after {}.").format(
            leaving.trouble, words.exact(leaving.due_at)
        )
        if leaving.trouble
        else "Relink is about to give the connection back. Nothing new starts meanwhile."
    )
    panels.panel(
        f"Being disconnected from Xero, as {leaving.by} asked",
        Markup("{} · {}").format(markup.moment(leaving.at), markup.strong(leaving.reason)),
        next_try,
        tone=Tone.BUSY,
    )


def controls(member: Member, workspace: WorkspaceView) -> None:
    """Show the quiet buttons of the two acts, to those who may."""
    connection = workspace.connection
    may_pause = member.may(Permission.PAUSE) and connection.pause is None
    may_leave = member.may(Permission.DISCONNECT) and connection.has_login and connection.leaving is None
    with st.container(horizontal=True):
        if may_pause and st.button("Pause", key="pause", type="tertiary"):
            _pause_dialog(workspace)
        if may_leave and st.button("Disconnect from Xero", key="disconnect", type="tertiary"):
            _disconnect_dialog(member, workspace)


@st.dialog("Pause this workspace")
def _pause_dialog(workspace: WorkspaceView) -> None:
    st.write(
        "Relink stops what it does here by itself: the nightly sync, the export of approved reports, and new "
        "tries after Xero did not answer. A login that only paused workspaces use may expire after 60 days."
    )
    _reason(_PAUSE_REASON, "For example: the customer moves to a new Xero file next week")
    if st.button("Pause", type="primary", key="pause-now", on_click=_pause, args=(workspace.id,)):
        st.rerun()


def _reason(key: str, example: str) -> None:
    st.text_area("Reason", key=key, max_chars=audit.REASON_CHARACTERS, placeholder=example)


def _pause(workspace_id: str) -> None:
    session.act(pausing.pause, workspace_id, st.session_state.get(_PAUSE_REASON, ""))


@st.dialog("Disconnect from Xero")
def _disconnect_dialog(member: Member, workspace: WorkspaceView) -> None:
    with session.reading() as store:
        lost = disconnects.losses(store, member, workspace.id)
    if lost.broken:
        st.warning(
            "Reconnect instead: that mends the connection and keeps everything. Disconnecting loses the "
            "configuration."
        )
    markup.show(_bullets(lost))
    _reason(_LEAVE_REASON, "For example: the customer closes the workspace")
    if lost.last_of_login:
        st.checkbox("Also end this login's whole access to Relink's app", key=_REVOKE)
    if st.button("Disconnect", type="primary", key="disconnect-now", on_click=_ask, args=(workspace.id,)):
        st.rerun()


def _ask(workspace_id: str) -> None:
    state = st.session_state
    session.act(
        disconnects.ask,
        workspace_id,
        reason=state.get(_LEAVE_REASON, ""),
        revoke=bool(state.get(_REVOKE, False)),
    )


def _bullets(lost: Losses) -> Markup:
    name = lost.organisation_name or "the organisation"
    lines = [
        _imported(lost.imported, name),
        "The nightly sync and the export of approved reports end.",
        _waiting(lost, name),
        _login(lost),
    ]
    items = markup.join(Markup("<li>{}</li>").format(line) for line in lines)
    return Markup("<ul>{}</ul>").format(items)


def _imported(found: Mapping[str, int], name: str) -> str:
    parts = [words.plural(found[kind], word) for kind, word in _NAMES.items() if found.get(kind)]
    if not parts:
        return f"Nothing was imported from {name} yet."
    return f"Removed here: what was imported from {name} ({', '.join(parts)})."


def _waiting(lost: Losses, name: str) -> str:
    if not lost.waiting_count:
        return "No export waits for Xero."
    count = words.plural(lost.waiting_count, "export")
    return (
        f"{count} worth {words.sums(lost.waiting_amounts)} then wait, and can be sent only to {name}, "
        "after it is connected again."
    )


def _login(lost: Losses) -> str:
    if lost.last_of_login:
        return "It is the last workspace of its Xero login: Relink forgets the login as well."
    others = words.plural(lost.siblings, "other workspace")
    return f"{others} of the same Xero login keep{'s' if lost.siblings == 1 else ''} working."
