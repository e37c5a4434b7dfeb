"""The last step of the wizard: what failed, with verdicts, released by one button; and what came of it."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from markupsafe import Markup

from dashboard import navigation, session
from dashboard.parts import badges, exports, judged, markup, panels, plans, runs, starts, tables, words
from dashboard.parts.badges import Tone
from services import plans as plan_service
from services import releasing as release
from services import wizard as wizards
from services.exports import ExportRow
from services.members import Member, Permission
from services.outcome import Outcome
from services.plans import PlanItemRow, PlanView
from services.store.states import GOES
from services.wizard import WizardView

UNFOLDED = 10  # a longer list of what arrived is opened by those who want it
CHOSEN_ONE_BY_ONE = 200  # a longer list is released as a whole, or picked from on Failed exports


def retry(member: Member, view: WizardView) -> None:
    """Show what failed and why it will go or not, and release it; afterwards what came of it."""
    if view.plan is None and view.reconnect_id is not None and view.may_act and member.may(Permission.RETRY):
        # Nothing is sent by planning, so it needs no press: what failed is there to be looked at.
        session.act(release.plan_once, view.workspace.id)
        with session.reading() as store:
            view = wizards.wizard(store, member, view.workspace.id)
    plan = view.plan
    if plan is None:
        _offer_plan(view, "Show what failed")
    elif plan.run is None:
        _ask_to_release(member, view, plan)
    else:
        runs.progress(plan.run, member)
        done(member, view)
        _offer_plan(view, "Plan what is left again")


def _offer_plan(view: WizardView, label: str) -> None:
    st.button(label, type="primary", key="plan", on_click=_plan, args=(view,))


def _plan(view: WizardView) -> None:
    plan_id = session.act(release.retry_plan, view.workspace.id)
    if view.reconnect_id is None:
        # Healed without the wizard, e.g. by a sibling's reconnect: nothing here keeps the plan.
        exports.remember_plan(plan_id)


def _ask_to_release(member: Member, view: WizardView, plan: PlanView) -> None:
    if plan.judging:
        judged.follow(member, plan)
        return
    plans.verdicts(plan)
    chosen = _choice(member, plan)
    if plan.goes:
        st.write(words.plain(starts.effort(plan.estimate)))
        _release_button(view, plan, chosen)
    else:  # what stood in the way may be gone, which a frozen plan does not see
        st.write(_nothing_goes(plan))
        _offer_plan(view, "Plan it again")
    if plan.total > plan.goes or plan.total > CHOSEN_ONE_BY_ONE:
        with st.expander(f"The {words.plural(plan.total, 'export')} one by one"):
            plans.items(member, plan)


def _release_button(view: WizardView, plan: PlanView, chosen: list[int] | None) -> None:
    number = plan.goes if chosen is None else len(chosen)
    st.button(
        f"Retry {words.plural(number, 'export')}",
        type="primary",
        key="retry",
        disabled=not number,
        on_click=session.act,
        args=(release.release, view.workspace.id, plan.id, chosen),
    )


def _nothing_goes(plan: PlanView) -> str:
    return words.plain(plan.carried_by.why if plan.carried_by else "Nothing in this plan can be sent now.")


def _choice(member: Member, plan: PlanView) -> list[int] | None:
    """Let somebody leave exports out, and return the ids of the others; None for all of the plan."""
    if not 0 < plan.total <= CHOSEN_ONE_BY_ONE:
        return None
    with session.reading() as store:
        rows, _ = plan_service.items(store, member, plan.id, page_size=CHOSEN_ONE_BY_ONE)
    going = [row for row in rows if row.verdict in GOES]
    if len(going) < 2:
        return None
    edited = st.data_editor(
        pd.DataFrame([_cells(row) for row in going]),
        key=f"release-{plan.id}",
        hide_index=True,
        height="content" if len(going) <= 8 else 320,
        disabled=["Export", "Amount", "Verdict", "Why"],
        alt="Exports to retry; those without a tick are left for later",
        column_config={
            "Send": st.column_config.CheckboxColumn(width=60),
            "Amount": st.column_config.TextColumn(alignment="right"),
            "Why": st.column_config.TextColumn(width="large"),
        },
    )
    kept = [row.export_id for row, sent in zip(going, edited["Send"], strict=True) if sent]
    return None if len(kept) == len(going) else kept


def _cells(row: PlanItemRow) -> dict[str, object]:
    return {
        "Send": True,
        "Export": row.number,
        "Amount": words.money(row.amount, row.currency),
        "Verdict": str(row.verdict),
        "Why": row.reason,
    }


def done(member: Member, view: WizardView) -> None:
    """Show what was achieved, what is left and why, and the same as text for the ticket."""
    found = view.outcome
    if found is None:
        return
    links = [navigation.workspace_link(member, view.workspace.id, "Back to the workspace")]
    if view.plan is not None and member.may(Permission.SEE_WORKSPACES):
        links.append(markup.link("See every result", navigation.RETRY.link(plan=view.plan.id)))
    panels.panel(
        "Xero is connected again",
        f"{words.plural(found.arrived_total, 'export')} arrived in Xero."
        if found.arrived_total or found.left_total
        else "No export had waited for it.",
        _still(found.left_total),
        markup.join(links, markup.dot()),
        tone=Tone.WARNING if found.left_total else Tone.GOOD,
    )
    _left(member, found)
    _arrived(member, found)
    with st.expander("Summary for the ticket", expanded=not found.left_total):
        st.code(found.summary, language=None, wrap_lines=True)


def _still(number: int) -> str:
    if not number:
        return ""
    return f"{words.plural(number, 'export')} still {'needs' if number == 1 else 'need'} a person."


def _left(member: Member, found: Outcome) -> None:
    if not found.left:
        return
    tables.table(
        "Exports that still need a person",
        [tables.Column("Export"), tables.Column("State"), tables.Column("What it needs")],
        [
            [
                navigation.export_link(member, row.id, row.number),
                badges.state_badge(row.state),
                found.needs[row.id],
            ]
            for row in found.left
        ],
    )
    panels.shown_of(len(found.left), found.left_total, "export")


def _arrived(member: Member, found: Outcome) -> None:
    if not found.arrived:
        return
    with st.expander(
        f"What arrived: {words.plain(words.sums(found.arrived_amounts))}",
        expanded=found.arrived_total <= UNFOLDED,
    ):
        tables.table(
            "Exports that arrived in Xero",
            [tables.Column("Export"), tables.Column("Report"), tables.Column("Amount", figures=True)],
            [_arrived_row(member, row) for row in found.arrived],
        )
        panels.shown_of(len(found.arrived), found.arrived_total, "export")


def _arrived_row(member: Member, row: ExportRow) -> list[str | Markup]:
    number = navigation.export_link(member, row.id, row.number) + markup.in_xero(row.xero_link)
    return [number, row.title, words.money(row.amount, row.currency)]
