"""A retry plan with its verdicts, and its exports one by one."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import navigation, session
from dashboard.parts import badges, filters, markup, panels, tables, words
from services import plans as plan_service
from services.members import Member
from services.plans import PlanItemRow, PlanView
from services.store.states import Verdict

ITEMS_A_PAGE = 50


def title(plan: PlanView) -> str:
    """Return what a plan is at this moment."""
    if plan.run is None:
        return f"Retry {words.plural(plan.total, 'export')}"
    state = "scheduled" if plan.run.scheduled else plan.run.state
    return f"Retry of {words.plural(plan.total, 'export')}, {state}"


def items(member: Member, plan: PlanView) -> None:
    """Show the exports of a plan that has not begun one by one, page by page, each with its verdict."""
    chosen = filters.chosen("verdict", Verdict)
    if chosen or len(plan.lines) > 1:
        counts = {line.verdict: line.count for line in plan.lines}
        filters.toggles("verdict", {**dict.fromkeys(chosen, 0), **counts}, chosen, tone=badges.tone_of)
    page = filters.current_page()
    with session.reading() as store:
        rows, total = plan_service.items(
            store, member, plan.id, verdicts=chosen, page=page, page_size=ITEMS_A_PAGE
        )
    tables.table(
        "Exports of this retry",
        [
            tables.Column("Export"),
            tables.Column("Workspace", wide_only=True),
            tables.Column("Amount", figures=True),
            tables.Column("Verdict"),
        ],
        [_item(member, row) for row in rows],
    )
    filters.pages(-(-total // ITEMS_A_PAGE))
    panels.shown_of(len(rows), total, "export")


def _item(member: Member, row: PlanItemRow) -> list[str | Markup]:
    verdict = badges.state_badge(row.verdict)
    if row.verdict is not Verdict.WILL_SEND:
        verdict += markup.second(row.reason)
    return [
        number(member, row),
        row.workspace_name,
        words.money(row.amount, row.currency),
        verdict,
    ]


def number(member: Member, row: PlanItemRow) -> Markup:
    """Return an export's number with the ways to its page and to its document in Xero."""
    here = navigation.export_link(member, row.export_id, row.number)
    return here + markup.in_xero(row.xero_link)


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
                line.reason or markup.muted(_without_reason(line.verdict)),
            ]
            for line in plan.lines
        ],
    )


def _without_reason(verdict: Verdict) -> str:
    if verdict is Verdict.JUDGING:
        return "not looked at yet"
    return "several reasons; each export below says its own"
