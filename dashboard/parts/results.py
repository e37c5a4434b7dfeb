"""What became of a retry: in a sentence, by result with its money, and export by export."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from dashboard import session
from dashboard.parts import badges, exports, filters, markup, panels, plans, tables, words
from dashboard.parts.badges import Tone
from services import answers
from services import results as result_service
from services.members import Member
from services.paging import page_count
from services.plans import PlanItemRow, PlanView
from services.result_files import Format
from services.results import PAGE_SIZE, Leftovers, Result, ResultFilter, ResultLine, ResultPage
from services.runs import RunView
from services.store.states import ExportState, RunState

_WORKSPACE = "workspace"


def ended(plan: PlanView, run: RunView) -> None:
    """Show what became of a run that has ended, and what to do with what is left."""
    session.show_refusal()
    with session.reading() as store:
        lines = result_service.lines(store, plan.id)
        left = result_service.leftovers(store, plan.id)
    panels.panel(headline(run), what_is_left(left), tone=Tone.WARNING if left.total else Tone.GOOD)
    if run.receipts_missing:
        st.caption(f"{words.plural(run.receipts_missing, 'receipt')} not attached to documents in Xero.")
    _ways_on(plan, run, left)
    _counts(lines)


def one_by_one(member: Member, plan: PlanView, run: RunView) -> None:
    """Show each export's result, as far as there is one."""
    st.header("Exports", anchor=False)
    if not run.ended:
        st.button("Show the latest results", key="latest", help="The list stands still while you read it.")
    with session.reading() as store:
        lines = result_service.lines(store, plan.id)
    _each(member, plan, lines)


def headline(run: RunView) -> str:
    """Say how much of a run arrived."""
    before = "Cancelled. " if run.state is RunState.CANCELLED else ""
    if run.delivered == run.total:
        return f"{before}{'It' if run.total == 1 else f'All {run.total:,}'} arrived in Xero."
    return f"{before}{run.delivered:,} of {run.total:,} arrived in Xero."


def what_is_left(left: Leftovers) -> str:
    """Say what of a plan is still owed to Xero, as things stand now."""
    if not left.total:
        return "Nothing of it is left over."
    need = f"{left.total:,} still {'needs' if left.total == 1 else 'need'} a person."
    closed = left.total - left.can_go
    if not closed:
        return need
    return f"{need} {closed:,} cannot go now: not connected to Xero, or never to be sent."


def _ways_on(plan: PlanView, run: RunView, left: Leftovers) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        can_go = left.can_go or run.receipts_missing
        if left.total or run.receipts_missing:
            st.button(
                f"Retry the leftovers ({left.can_go:,})" if left.total else "Attach the missing receipts",
                key="leftovers",
                type="primary" if can_go else "secondary",
                disabled=not can_go,
                on_click=exports.plan_leftovers,
                args=(plan.id,),
                help="Shows first what will be sent, and what is left out and why. Nothing is sent yet.",
            )
        downloads(plan.id)


def downloads(plan_id: str) -> None:
    """Offer the results as files, each made when it is asked for."""
    ways = [
        markup.quiet_button_link(f"Download {format.upper()}", f"/download/retry/{plan_id}/results.{format}")
        for format in Format
    ]
    markup.show(Markup('<div class="rl-buttons">{}</div>').format(markup.join(ways)), width="content")


def _counts(lines: list[ResultLine]) -> None:
    tables.table(
        "Results",
        [
            tables.Column("Result"),
            tables.Column("Exports", figures=True),
            tables.Column("Amount", figures=True),
        ],
        [[badges.state_badge(line.result), f"{line.count:,}", words.sums(line.amounts)] for line in lines],
    )


def _each(member: Member, plan: PlanView, lines: list[ResultLine]) -> None:
    results = filters.chosen("result", Result)
    codes = filters.chosen_words("code")
    wanted = ResultFilter(
        results=results,
        codes=codes,
        workspace_id=st.query_params.get(_WORKSPACE, ""),
        page=filters.current_page(),
    )
    with session.reading() as store:
        found = result_service.search(store, member, plan.id, wanted)
    counted = {line.result: line.count for line in lines}
    offered = {result: counted.get(result, 0) for result in Result}
    filters.toggles("result", offered, results, tone=badges.tone_of)
    filters.code_toggles("code", found.codes, codes)
    _choose_workspace(found, wanted.workspace_id)
    if not found.rows:
        panels.empty("No export matches", "Take a filter away.")
        return
    tables.table(
        "Exports of this retry",
        [
            tables.Column("Export"),
            tables.Column("Workspace"),
            tables.Column("Amount", figures=True),
            tables.Column("Result"),
            tables.Column("What it needs"),
        ],
        [_row(member, row) for row in found.rows],
    )
    filters.pages(page_count(found.total, PAGE_SIZE))
    panels.shown_of(len(found.rows), found.total, "export")


def _choose_workspace(found: ResultPage, chosen: str) -> None:
    names = {workspace_id: f"{name} ({number:,})" for workspace_id, name, number in found.workspaces}
    if len(names) < 2 and not chosen:
        return
    offered = ["", *names, *([chosen] if chosen and chosen not in names else [])]
    st.selectbox(
        "Workspace",
        offered,
        index=offered.index(chosen),
        key="result-workspace",
        format_func=lambda workspace_id: names.get(workspace_id, "The chosen one") if workspace_id else "All",
        on_change=_chosen,
        width=360,
    )


def _chosen() -> None:
    if workspace_id := st.session_state["result-workspace"]:
        st.query_params[_WORKSPACE] = workspace_id
    else:
        st.query_params.pop(_WORKSPACE, None)
    filters.first_page()


def _row(member: Member, row: PlanItemRow) -> list[str | Markup]:
    return [
        plans.number(member, row),
        row.workspace_name,
        words.money(row.amount, row.currency),
        badges.state_badge(row.result or Result.NOT_TRIED),
        markup.muted(_needs(row)),
    ]


def _needs(row: PlanItemRow) -> str:
    if row.result is ExportState.DELIVERED:
        return "Nothing" if row.result_text in (None, answers.IN_XERO) else str(row.result_text)
    return row.result_text or row.reason
