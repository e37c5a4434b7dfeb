"""Failed exports: find them, choose some or all that match, and plan their retry."""

from __future__ import annotations

import streamlit as st

from dashboard import navigation, session
from dashboard.parts import badges, export_filters, exports, filters, markup, panels, tables, words
from dashboard.parts.choosing import Choice
from services import exports as export_service
from services import narrowing, runs
from services.members import Permission
from services.store.states import RETRYABLE, ExportState

member = session.require(Permission.RETRY)
st.title("Failed exports", anchor=False)

wanted = export_filters.ask()
with session.reading() as store:
    found = export_service.search(store, member, wanted)
    names = narrowing.names(store, member, wanted)
    recent = runs.recent(store, member, limit=5)

export_filters.narrowed(wanted, names)
closed = (ExportState.DELIVERED, ExportState.SET_ASIDE)
offered = [
    ExportState.FAILED,
    ExportState.IN_DOUBT,
    ExportState.HELD,
    ExportState.WAITING,
    ExportState.SENDING,
    *closed,
]
states = filters.chosen("state", ExportState)
counts = {state: found.states.get(state, 0) for state in offered}
filters.toggles("state", counts, states, tone=badges.tone_of, always=closed)
filters.code_toggles("code", found.codes, wanted.codes)

if found.rows:
    st.write(f"**{words.plural(found.total, 'export')}**, {words.plain(words.sums(found.amounts))}")
    above = st.container()
    choice = Choice("exports", wanted)
    exports.table(found.rows, choice, label="Exports")
    if RETRYABLE.intersection(wanted.states):
        with above:
            exports.actions(member, choice, found, urgent=True)
    filters.pages(found.pages)
elif export_filters.is_on(wanted):
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
