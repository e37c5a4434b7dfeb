"""A retry plan with its verdicts, and its exports one by one."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from markupsafe import Markup

from dashboard import session
from dashboard.parts import badges, filters, markup, panels, tables, words
from services import answers, audit, retries
from services import plans as plan_service
from services import results as result_files
from services.desk import open_desk
from services.members import Member
from services.plans import PlanItemRow, PlanView
from services.store.states import Verdict

ITEMS_A_PAGE = 50


def title(plan: PlanView) -> str:
    """Return what a plan is at this moment."""
    if plan.run is None:
        return f"Retry {words.plural(plan.total, 'export')}"
    return f"Retry of {words.plural(plan.total, 'export')}, {plan.run.state}"


def ask_to_start(plan: PlanView) -> None:
    """Show a plan before anything is sent, with the one button that starts it."""
    verdicts(plan)
    st.write(effort(plan))
    if plan.goes:
        reason = st.text_input(
            "Reason",
            key="reason",
            max_chars=audit.REASON_CHARACTERS,
            placeholder="For example: reconnected, ticket 4411",
        )
        st.button(
            f"Retry {words.plural(plan.goes, 'export')}",
            type="primary",
            key="start",
            on_click=session.act,
            args=(retries.start, plan.id, reason),
        )


def results(plan_id: str) -> Callable[[], str]:
    """Return what makes, when a download is pressed, the CSV of what became of every export of a plan."""
    who = session.visitor()  # the file is made outside of the page, where nobody is signed in

    def csv() -> str:
        with open_desk().store.read() as store:
            return result_files.results_csv(store, session.member_now(store, who), plan_id)

    return csv


def items(member: Member, plan: PlanView) -> None:
    """Show the exports of a plan one by one, page by page: the verdict, and later the result."""
    with session.reading() as store:
        rows, total = plan_service.items(
            store, member, plan.id, page=filters.current_page(), page_size=ITEMS_A_PAGE
        )
    tables.table(
        "Exports of this retry",
        [
            tables.Column("Export"),
            tables.Column("Workspace", wide_only=True),
            tables.Column("Amount", figures=True),
            tables.Column("Verdict"),
            tables.Column("Result"),
        ],
        [_item(row) for row in rows],
    )
    filters.pages(-(-total // ITEMS_A_PAGE))
    panels.shown_of(len(rows), total, "export")


def _item(row: PlanItemRow) -> list[str | Markup]:
    result = badges.state_badge(row.result) if row.result else markup.muted("not tried")
    if row.result_text and row.result_text != answers.IN_XERO:
        result += markup.second(row.result_text)
    verdict = badges.state_badge(row.verdict)
    if row.verdict is not Verdict.WILL_SEND:
        verdict += markup.second(row.reason)
    return [
        _number(row),
        row.workspace_name,
        words.money(row.amount, row.currency),
        verdict,
        result,
    ]


def _number(row: PlanItemRow) -> Markup:
    if row.xero_link is None:
        return markup.strong(row.number)
    return markup.link(row.number, row.xero_link) + markup.muted(" in Xero")


def verdicts(plan: PlanView) -> None:
    """Show what the plan says about its exports, before anything is sent."""
    tables.table(
        "Verdicts",
        [
            tables.Column("Verdict"),
            tables.Column("Exports", figures=True),
            tables.Column("Amount", figures=True),
            tables.Column("Why"),
        ],
        [
            [
                badges.state_badge(line.verdict),
                f"{line.count:,}",
                words.sums(line.amounts),
                line.reason or markup.muted("several reasons; each export below says its own"),
            ]
            for line in plan.lines
        ],
    )


def effort(plan: PlanView) -> str:
    """Say how much work a plan is."""
    if not plan.goes:
        return "Nothing in this plan can be sent now."
    return (
        f"{words.plural(plan.goes, 'export')} in about {words.plural(plan.calls_needed, 'call')} to Xero, "
        f"about {words.span(max(1, plan.seconds_needed))} at the pace Xero allows."
    )
