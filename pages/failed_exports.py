"""Failed exports: find them, choose some or all that match, and plan their retry."""

from __future__ import annotations

import streamlit as st

from dashboard import navigation, session
from dashboard.parts import badges, exports, filters, markup, panels, tables, words
from services import exports as export_service
from services import runs
from services.exports import ExportFilter
from services.members import Permission
from services.store.states import RETRYABLE, ExportState

member = session.require(Permission.RETRY)
st.title("Failed exports", anchor=False)

text = st.text_input(
    "Find an export",
    key="find",
    bind="query-params",
    placeholder="Number, report, submitter or workspace",
    on_change=filters.first_page,
)
states = filters.chosen("state", ExportState)
codes = filters.chosen_words("code")
wanted = ExportFilter(
    text=text,
    states=states or tuple(sorted(RETRYABLE)),
    codes=codes,
    workspace_id=st.query_params.get("workspace"),
    page=filters.current_page(),
)
with session.reading() as store:
    found = export_service.search(store, member, wanted)
    recent = runs.recent(store, member, limit=5)

offered = [
    ExportState.FAILED,
    ExportState.IN_DOUBT,
    ExportState.HELD,
    ExportState.WAITING,
    ExportState.SENDING,
    ExportState.DELIVERED,
]
filters.toggles(
    "state", {state: found.states.get(state, 0) for state in offered}, states, tone=badges.tone_of
)
filters.code_toggles("code", found.codes, codes)

if found.rows:
    st.write(f"**{words.plural(found.total, 'export')}**, {words.plain(words.sums(found.amounts))}")
    above = st.container()
    chosen = exports.table(found.rows, key="exports", label="Exports")
    if set(states) != {ExportState.DELIVERED}:
        with above:
            exports.actions(member, chosen, wanted, found.total, key="exports", urgent=True)
    filters.pages(found.pages)
elif text or states or codes:
    panels.empty("No export matches", "Check the spelling, or take a filter away.")
else:
    panels.empty("Nothing waits", "Every approved report has arrived in Xero.")

if recent:
    st.header("Latest retries", anchor=False)
    tables.table(
        "Latest retries",
        [
            tables.Column("Retry"),
            tables.Column("State"),
            tables.Column("Delivered", figures=True),
            tables.Column("Reason", wide_only=True),
        ],
        [
            [
                markup.two_lines(
                    markup.link(f"by {run.started_by}", navigation.RETRY.link(plan=run.plan_id)),
                    markup.moment(run.started_at),
                ),
                badges.state_badge(run.state),
                f"{run.counts.delivered:,} of {run.counts.total:,}",
                run.reason or markup.muted("none given"),
            ]
            for run in recent
        ],
    )
