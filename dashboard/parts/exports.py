"""The table of exports to choose from, and what can be done with the chosen ones."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import navigation, session
from dashboard.parts import badges, words
from dashboard.parts.badges import GLYPHS
from services import audit, closing, planning
from services.exports import ExportFilter, ExportRow
from services.members import Member, Permission
from services.store.states import ExportState

_PLAN = "plan-to-open"
_REASON = "set-aside-reason"
_NAMED = 5  # refusals said one by one
_WITHOUT_MESSAGE = {
    ExportState.HELD: "Not tried: the connection is broken.",
    ExportState.IN_DOUBT: "Sent, but Xero's answer was lost. It is looked up before any new try.",
    ExportState.WAITING: "Not tried yet.",
    ExportState.SENDING: "On its way to Xero.",
}


def table(rows: Sequence[ExportRow], *, key: str, label: str, with_workspace: bool = True) -> list[int]:
    """Show exports and return the ids of those that are selected.

    The ids are part of the widget's key: Streamlit keeps a selection by position, and with other
    rows in their place it would mean other exports.
    """
    frame = pd.DataFrame([_cells(row, with_workspace=with_workspace) for row in rows])
    event = st.dataframe(
        frame,
        key=f"{key}-{hash(tuple(row.id for row in rows))}",
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        height="content" if len(rows) <= 12 else 460,
        alt=label,
        column_config={
            "Approved": st.column_config.DatetimeColumn(format="D MMM YYYY", timezone="UTC"),
            "Export": st.column_config.LinkColumn(pinned=True, display_text="#(.+)$"),
            "What is wrong": st.column_config.TextColumn(width="large"),
            "Amount": st.column_config.TextColumn(alignment="right"),
        },
    )
    return [rows[position].id for position in event.selection.rows if position < len(rows)]


def _cells(row: ExportRow, *, with_workspace: bool) -> dict[str, object]:
    workspace = {"Workspace": row.workspace_name} if with_workspace else {}
    arrived = row.state is ExportState.DELIVERED  # it keeps what went wrong before
    return {
        "Export": f"{navigation.EXPORT.link(id=str(row.id))}#{row.number}",
        **workspace,
        "State": _state(row),
        "Amount": words.money(row.amount, row.currency),
        "Code": "" if arrived else row.code or "",
        "What is wrong": "" if arrived else row.message or _WITHOUT_MESSAGE.get(row.state, ""),
        "Report": row.title,
        "Submitter": row.submitter_name,
        "Approved": row.approved_at,
        "Kind": str(row.kind),
    }


def _state(row: ExportRow) -> str:
    paid = f", paid in Xero {words.day(row.paid_at)}" if row.paid_at else ""
    return f"{GLYPHS[badges.tone_of(row.state)]} {row.state}{paid}"


def actions(
    member: Member,
    chosen: Sequence[int],
    everything: ExportFilter,
    total: int,
    *,
    key: str,
    urgent: bool,
) -> None:
    """Show what can be done with the selected exports, or with all that match on every page.

    `urgent` says whether the retry is the thing to do on this page.
    """
    open_plan()
    with st.container(horizontal=True, vertical_alignment="center"):
        if member.may(Permission.RETRY):
            some = len(chosen) > 0
            st.button(
                f"Plan a retry of {words.plural(len(chosen) if some else total, 'export')}",
                key=f"{key}-plan",
                type="primary" if urgent else "secondary",
                on_click=_plan,
                args=(tuple(chosen), everything),
                help="Shows first what will be sent, what is left out, and why. Nothing is sent yet.",
            )
        if member.may(Permission.SET_ASIDE) and chosen:
            st.button(
                f"Set {len(chosen):,} aside", key=f"{key}-aside", on_click=_ask_why, args=(tuple(chosen),)
            )
        st.caption(
            f"{len(chosen):,} selected" if chosen else "Select rows to act on some; otherwise all that match."
        )
    if asked := st.session_state.pop("set-aside-ids", None):
        _dialog(asked)


def _plan(chosen: tuple[int, ...], everything: ExportFilter) -> None:
    remember_plan(
        session.act(planning.plan, export_ids=chosen)
        if chosen
        else session.act(planning.plan, filter=everything)
    )


def plan_leftovers(plan_id: str) -> None:
    """Plan again what a run did not deliver; for the callback of a button."""
    remember_plan(session.act(planning.leftovers, plan_id))


def remember_plan(plan_id: str | None) -> None:
    """Have `open_plan` go to this plan, if there is one; for callbacks, which cannot switch pages."""
    st.session_state[_PLAN] = plan_id


def open_plan() -> None:
    """Go to the plan that the last press of a button made, if it made one."""
    if plan_id := st.session_state.pop(_PLAN, None):
        navigation.open_page(navigation.RETRY, plan=plan_id)


def _ask_why(ids: tuple[int, ...]) -> None:
    st.session_state["set-aside-ids"] = ids


@st.dialog("Set aside without sending")
def _dialog(ids: tuple[int, ...]) -> None:
    st.write(
        f"{words.plural(len(ids), 'export')} will not be sent to Xero and no longer keep the incident open. "
        "Your name and the reason stay in the history."
    )
    st.text_area(
        "Reason",
        key=_REASON,
        max_chars=audit.REASON_CHARACTERS,
        placeholder="For example: entered by hand in Xero on 12 March",
    )
    if st.button("Set aside", type="primary", key="set-aside-now", on_click=_set_aside, args=(ids,)):
        st.rerun()


def _set_aside(ids: tuple[int, ...]) -> None:
    closed = session.act(closing.set_all_aside, ids, st.session_state.get(_REASON, ""))
    if closed is not None and closed.refused:
        done = f"{words.plural(closed.done, 'export')} set aside. " if closed.done else ""
        session.remember_refusal(
            f"{done}{words.plural(len(closed.refused), 'other')} not: {_some(closed.refused)}"
        )


def _some(refused: Sequence[str]) -> str:
    more = f" And {len(refused) - _NAMED:,} more." if len(refused) > _NAMED else ""
    return " ".join(refused[:_NAMED]) + more
