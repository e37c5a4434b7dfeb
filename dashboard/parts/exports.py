"""The table of exports to choose from, and what can be done with the chosen ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import pandas as pd
import streamlit as st

from dashboard import navigation, session
from dashboard.parts import badges, filters, words
from dashboard.parts.badges import GLYPHS
from dashboard.parts.choosing import Choice
from services import audit, closing, planning
from services.exports import ExportPage, ExportRow
from services.members import Member, Permission
from services.store.states import ExportState

Kind = Literal["primary", "secondary", "tertiary"]

HOW_TO_TICK = "Tick rows to act on some; ticks stay when you turn the page or change the filter."

_PLAN = "plan-to-open"
_REASON = "set-aside-reason"
_NAMED = 5  # refusals said one by one
_WITHOUT_MESSAGE = {
    ExportState.HELD: "Not tried: the connection is broken.",
    ExportState.IN_DOUBT: "Sent, but Xero's answer was lost. It is looked up before any new try.",
    ExportState.WAITING: "Not tried yet.",
    ExportState.SENDING: "On its way to Xero.",
}


def table(rows: Sequence[ExportRow], choice: Choice, *, label: str, with_workspace: bool = True) -> None:
    """Show exports to tick; what is ticked is in the choice."""
    shown = tuple(row.id for row in rows)
    key = choice.widget(shown)

    def ticked() -> None:
        # Before the page is drawn: a tick just before the page is turned must not be lost.
        choice.take(shown, st.session_state[key].selection.rows)

    event = st.dataframe(
        pd.DataFrame([_cells(row, with_workspace=with_workspace) for row in rows]),
        key=key,
        hide_index=True,
        on_select=ticked,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": choice.positions(shown)}},
        height="content" if len(rows) <= 12 else 460,
        alt=label,
        column_config={
            "Approved": st.column_config.DatetimeColumn(format="D MMM YYYY", timezone="UTC"),
            "Export": st.column_config.LinkColumn(pinned=True, display_text="#(.+)$"),
            "What is wrong": st.column_config.TextColumn(width="large"),
            "Amount": st.column_config.TextColumn(alignment="right"),
        },
    )
    choice.take(shown, event.selection.rows)


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


def actions(member: Member, choice: Choice, found: ExportPage, *, urgent: bool) -> None:
    """Show what can be done with the ticked exports, or with all that match on every page.

    `urgent` says whether the retry is the thing to do on this page.
    """
    open_plan()
    if not (member.may(Permission.RETRY) or member.may(Permission.SET_ASIDE)):
        return
    some = len(choice.ids)
    with st.container(horizontal=True, vertical_alignment="center"):
        if member.may(Permission.RETRY):
            first: Kind = "primary" if urgent else "secondary"
            if some:
                _plan_button(
                    choice, f"Plan a retry of {words.plural(some, 'export')}", all_=False, kind=first
                )
            _plan_button(choice, _all(found.total), all_=True, kind="tertiary" if some else first)
        if member.may(Permission.SET_ASIDE) and some:
            st.button(f"Set {some:,} aside", key=f"{choice.key}-aside", on_click=_ask_why, args=(choice.ids,))
    _marks(choice, found)
    if asked := st.session_state.pop("set-aside-ids", None):
        _dialog(asked, choice)


def _all(total: int) -> str:
    return (
        "Plan a retry of the one that matches" if total == 1 else f"Plan a retry of all {total:,} that match"
    )


def _plan_button(choice: Choice, label: str, *, all_: bool, kind: Kind) -> None:
    st.button(
        label,
        key=f"{choice.key}-plan-all" if all_ else f"{choice.key}-plan",
        type=kind,
        on_click=_plan,
        args=(choice, all_),
        help="Shows first what will be sent, what is left out, and why. Nothing is sent yet.",
    )


def _marks(choice: Choice, found: ExportPage) -> None:
    shown = tuple(row.id for row in found.rows)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(choice.in_words() if choice.ids else HOW_TO_TICK, width="content")
        if len(choice.positions(shown)) < len(shown):
            _mark_button("Select this page", "page", choice.take_all, choice, shown)
        if choice.ids:
            _mark_button("Clear selection", "none", choice.clear, choice)


def _mark_button(label: str, name: str, act: Callable[..., None], choice: Choice, *args: object) -> None:
    st.button(label, key=f"{choice.key}-{name}", type="tertiary", on_click=act, args=args)


def _plan(choice: Choice, all_: bool) -> None:
    plan_id = (
        session.act(planning.plan, filter=choice.place)
        if all_
        else session.act(planning.plan, export_ids=choice.ids)
    )
    if plan_id is not None:
        choice.clear()  # the plan holds it now
    remember_plan(plan_id)


def plan_leftovers(plan_id: str) -> None:
    """Plan again what a run did not deliver; for the callback of a button."""
    remember_plan(session.act(planning.leftovers, plan_id))


def remember_plan(plan_id: str | None) -> None:
    """Have `open_plan` go to this plan, if there is one; for callbacks, which cannot switch pages."""
    st.session_state[_PLAN] = plan_id


def open_plan() -> None:
    """Go to the plan that the last press of a button made, if it made one."""
    if plan_id := st.session_state.pop(_PLAN, None):
        st.session_state.pop(filters.PAGE_KEY, None)  # the page of this list is no page of the plan's
        navigation.open_page(navigation.RETRY, plan=plan_id)


def _ask_why(ids: tuple[int, ...]) -> None:
    st.session_state["set-aside-ids"] = ids


@st.dialog("Set aside without sending")
def _dialog(ids: tuple[int, ...], choice: Choice) -> None:
    st.write(
        f"{words.plural(len(ids), 'export')} will not be sent to Xero and no longer "
        f"{'keeps' if len(ids) == 1 else 'keep'} the incident open. "
        "Your name and the reason stay in the history."
    )
    st.text_area(
        "Reason",
        key=_REASON,
        max_chars=audit.REASON_CHARACTERS,
        placeholder="For example: entered by hand in Xero on 12 March",
    )
    if st.button("Set aside", type="primary", key="set-aside-now", on_click=_set_aside, args=(ids, choice)):
        st.rerun()


def _set_aside(ids: tuple[int, ...], choice: Choice) -> None:
    closed = session.act(closing.set_all_aside, ids, st.session_state.get(_REASON, ""))
    if closed is None:
        return
    choice.clear()
    if closed.refused:
        done = f"{words.plural(closed.done, 'export')} set aside. " if closed.done else ""
        session.remember_refusal(
            f"{done}{words.plural(len(closed.refused), 'other')} not: {_some(closed.refused)}"
        )


def _some(refused: Sequence[str]) -> str:
    more = f" And {len(refused) - _NAMED:,} more." if len(refused) > _NAMED else ""
    return " ".join(refused[:_NAMED]) + more
