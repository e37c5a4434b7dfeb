"""One export: why it is not in Xero, what it is, and every attempt to send it."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from dashboard import navigation, session
from dashboard.parts import badges, export_acts, markup, panels, tables, words
from dashboard.parts.badges import Tone
from services import catalogue, export_view
from services.attempts import AttemptView
from services.export_view import ExportView
from services.members import Member, Permission
from services.store.states import ExportState, MarkState


def follow(member: Member, view: ExportView) -> None:
    """Show why the export is not in Xero and what can be done; while Xero is asked, keep it up to date."""
    asking = view.checking is not None and export_view.can_be_asked(view)

    @st.fragment(run_every=1.0 if asking else None)
    def moving() -> None:
        session.recheck(member)
        with session.reading() as store:
            current = export_view.get(store, member, str(view.id))
        if (current.state, current.checking) != (view.state, view.checking):
            st.rerun()
        session.show_refusal()
        _answer(current)
        export_acts.buttons(member, current)

    moving()


def _answer(view: ExportView) -> None:
    answer = export_view.answer(view)
    open_ = view.state is not ExportState.DELIVERED and view.checking is None
    panels.panel(
        answer.why,
        answer.next,
        _said(view) if open_ else "",
        _not_confirmed(view) if open_ else "",
        _trouble(view),
        tone=Tone.BUSY if view.checking else badges.tone_of(view.state),
    )


def _said(view: ExportView) -> Markup:
    """Return what was said of the last failure, where that is more than its code."""
    if view.state is not ExportState.FAILED or not view.message:
        return markup.EMPTY
    return markup.details("What happened", markup.paragraph(view.message))


def _not_confirmed(view: ExportView) -> Markup:
    last = view.marks[0] if view.marks else None
    if last is None or last.state is not MarkState.DECLINED:
        return markup.EMPTY
    where = markup.link("Open that document", last.link) if last.link else markup.EMPTY
    return Markup("{} {} {}").format(
        markup.strong("Xero does not confirm that it is there already:"), last.detail, where
    )


def _trouble(view: ExportView) -> str:
    """Return why Xero has not answered yet about a mark, if it was asked in vain."""
    if view.checking is None or not view.checking.detail:
        return ""
    return f"The last try did not succeed: {view.checking.detail} Relink asks again by itself."


def particulars(member: Member, view: ExportView) -> None:
    """Show what the export is, where it belongs, and where it stands."""
    pairs: list[tuple[str, str | Markup]] = [
        ("Report", f"{view.title} ({view.report_id})"),
        ("Submitter", view.submitter_name),
        ("Approved", markup.moment(view.approved_at)),
        ("Workspace", navigation.workspace_link(member, view.workspace_id, view.workspace_name)),
        ("Organisation in Xero", view.organisation_name),
        *_standing(view),
        *_incident(member, view),
    ]
    markup.show(markup.facts(pairs))


def _standing(view: ExportView) -> list[tuple[str, str | Markup]]:
    pairs: list[tuple[str, str | Markup]] = []
    if view.code:
        code = catalogue.get(view.code)
        word = "Failed before" if view.state is ExportState.DELIVERED else "Failed"
        pairs.append((word, Markup("{}, {}").format(markup.moment(view.failed_at), code.code)))
        pairs.append((f"What {code.code} means", code.meaning))
    if view.delivered_at:
        word = "Checked in Xero" if view.confirmed else "Delivered"
        pairs.append((word, markup.moment(view.delivered_at)))
    if view.paid_at:
        pairs.append(("Paid in Xero", words.day(view.paid_at)))
    return pairs


def _incident(member: Member, view: ExportView) -> list[tuple[str, str | Markup]]:
    if view.incident is None:
        return []
    found = view.incident
    link = navigation.workspace_link(member, view.workspace_id, f"{found.code}, {found.state}")
    return [("Incident", Markup("{} {}").format(link, markup.moment(found.opened_at, prefix="since")))]


def lines(view: ExportView) -> None:
    """Show the expenses that the document in Xero is made of."""
    tables.table(
        "Expenses",
        [
            tables.Column("Merchant"),
            tables.Column("Spent"),
            tables.Column("Category"),
            tables.Column("Tax"),
            tables.Column("Tag"),
            tables.Column("Amount", figures=True),
        ],
        [
            [
                line.merchant,
                f"{line.spent_on:%-d %b %Y}",
                line.account_code or markup.muted("none"),
                line.tax_type or markup.muted("usual"),
                line.tracking or markup.muted("none"),
                words.money(line.amount, view.currency),
            ]
            for line in view.lines
        ],
    )


def attempts(member: Member, view: ExportView) -> None:
    """Show every attempt, the latest first, with what Xero's support asks for."""
    tables.table(
        "Attempts",
        [
            tables.Column("Sent"),
            tables.Column("What came of it"),
            tables.Column("Answered after"),
            tables.Column("Status", figures=True),
            tables.Column("Xero correlation id"),
            tables.Column("Idempotency key"),
            tables.Column("In batch", figures=True),
            tables.Column("Retry"),
        ],
        [_attempt(member, attempt) for attempt in view.attempts],
    )
    for_support = _for_support(view)
    if for_support:
        with st.expander("For Xero's support"):
            st.code(for_support, language=None, wrap_lines=True)


def _attempt(member: Member, attempt: AttemptView) -> list[str | Markup]:
    outcome = badges.state_badge(attempt.state)
    retry = (
        markup.link("Open", navigation.RETRY.link(plan=attempt.plan_id))
        if attempt.plan_id and member.may(Permission.RETRY)
        else markup.muted("none")
    )
    return [
        markup.moment(attempt.sent_at),
        outcome + markup.second(attempt.message) if attempt.message else outcome,
        markup.muted("no answer") if attempt.took_seconds is None else words.short_span(attempt.took_seconds),
        str(attempt.status) if attempt.status else markup.muted("none"),
        markup.copyable(attempt.correlation_id),
        markup.copyable(attempt.batch),
        f"{attempt.position:,} of {attempt.batch_size:,}",
        retry,
    ]


def _for_support(view: ExportView) -> str:
    return "\n".join(
        f"{words.exact(attempt.sent_at)}: HTTP {attempt.status}, correlation id {attempt.correlation_id}"
        for attempt in view.attempts
        if attempt.correlation_id
    )
