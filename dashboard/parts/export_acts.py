"""What a person can do about one export: retry it, close it without sending, and take that back."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard import session
from dashboard.parts import exports, markup
from services import audit, closing, export_view, marking, planning
from services.export_view import ExportView
from services.members import Member, Permission
from services.store.states import RETRYABLE, ExportState

_REASON, _LINK = "closing-reason", "mark-link"


def buttons(member: Member, view: ExportView) -> None:
    """Show the acts that this export is open to, for a member who may."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if view.xero_link is not None:
            markup.show(markup.quiet_button_link("Open in Xero", view.xero_link), width="content")
        if view.state in RETRYABLE and view.checking is None and member.may(Permission.RETRY):
            _retry_button(view)
        if member.may(Permission.SET_ASIDE):
            _closing_buttons(view)


def _retry_button(view: ExportView) -> None:
    st.button(
        "Plan a retry of this export",
        key="plan",
        type="primary" if export_view.can_be_asked(view) else "secondary",
        on_click=_plan,
        args=(view.id,),
        help="Shows first whether it will be sent, and why not. Nothing is sent yet.",
    )


def _plan(export_id: int) -> None:
    exports.remember_plan(session.act(planning.plan, export_ids=(export_id,)))


def _closing_buttons(view: ExportView) -> None:
    if view.checking is not None:
        st.button("Stop checking", key="mark-stop", on_click=session.act, args=(marking.stop, view.id))
        return
    if view.state in marking.MARKABLE and st.button("Mark as already in Xero", key="mark"):
        _mark_dialog(view)
    left_in_doubt = view.state is ExportState.IN_DOUBT and not view.at_home
    if (view.state in marking.MARKABLE or left_in_doubt) and st.button("Set aside", key="aside"):
        _aside_dialog(view)
    if view.state is ExportState.SET_ASIDE and st.button("Take back", key="back"):
        _back_dialog(view, closing.take_back)
    if view.state is ExportState.DELIVERED and view.confirmed and st.button("Take back", key="back"):
        _back_dialog(view, marking.take_back)


@st.dialog("Mark as already in Xero")
def _mark_dialog(view: ExportView) -> None:
    st.write(
        f"Open the {view.kind} in Xero and paste its address here. Xero is asked whether it is there, with "
        "the same amount and currency; only then does the export count as delivered."
    )
    st.text_input(
        "Link to the document in Xero", key=_LINK, placeholder="https://go.xero.com/…", max_chars=2_000
    )
    _reason("For example: entered by hand on 12 March, while it was disconnected")
    if st.button("Check in Xero", type="primary", key="mark-now", on_click=_mark, args=(view.id,)):
        st.rerun()


def _mark(export_id: int) -> None:
    session.act(marking.ask, export_id, st.session_state.get(_LINK, ""), _given_reason())


@st.dialog("Set aside without sending")
def _aside_dialog(view: ExportView) -> None:
    st.write(
        "It will not be sent to Xero and no longer keeps the incident open. Your name and the reason stay in "
        "the history, and it can be taken back."
    )
    _reason("For example: the report was approved twice")
    _confirm("Set aside", "aside-now", closing.set_aside, view.id)


@st.dialog("Take back")
def _back_dialog(view: ExportView, act: Callable[..., None]) -> None:
    st.write(
        "The export is owed to Xero again, and its incident waits for it. What is in Xero stays as it is."
    )
    _reason("For example: that was another document")
    _confirm("Take back", "back-now", act, view.id)


def _confirm(label: str, key: str, act: Callable[..., None], export_id: int) -> None:
    if st.button(label, type="primary", key=key, on_click=_act, args=(act, export_id)):
        st.rerun()


def _act(act: Callable[..., None], export_id: int) -> None:
    session.act(act, export_id, _given_reason())


def _reason(example: str) -> None:
    st.text_area("Reason", key=_REASON, max_chars=audit.REASON_CHARACTERS, placeholder=example)


def _given_reason() -> str:
    return str(st.session_state.get(_REASON, ""))
