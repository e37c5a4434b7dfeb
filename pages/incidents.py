"""Incidents: what is broken now, how often it breaks, why, and how long repair takes."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from dashboard import navigation, session
from dashboard.parts import badges, charts, filters, markup, panels, tables, words
from services import incidents, insights
from services.incidents import IncidentView
from services.members import Permission

PERIODS = {30: "30 days", 90: "90 days", 365: "12 months"}

member = session.require(Permission.SEE_INCIDENTS)
st.title("Incidents", anchor=False)

with session.reading() as store:
    headline = insights.headline(store, now=words.now())
repair = headline.median_repair_hours
panels.figures(
    ("Open now", f"{headline.open_now:,}", "connections that are broken"),
    ("Waiting for Xero", f"{headline.stuck_exports:,}", words.sums(headline.stuck_amounts, most=2)),
    ("Opened in 7 days", f"{headline.opened_7_days:,}", f"{headline.closed_7_days:,} resolved"),
    (
        "Median repair",
        words.span(repair * 3600) if repair else "none yet",
        "from first failure to last delivery",
    ),
    ("Expiries prevented", f"{headline.prevented_30_days:,}", "idle logins kept alive in 30 days"),
)

st.header("Connections that broke", anchor=False)
shown = st.segmented_control(
    "Which incidents",
    ["Open", "All"],
    default="Open",
    key="which",
    bind="query-params",
    required=True,
    label_visibility="collapsed",
    on_change=filters.first_page,
)
cause = st.query_params.get("cause")
with session.reading() as store:
    found = incidents.search(
        store, member, open_only=shown == "Open", cause=cause, page=filters.current_page()
    )


def cells(row: IncidentView) -> list[str | Markup]:
    """Return one line of the table."""
    waiting = (
        markup.two_lines(words.plural(row.stuck_count, "export"), words.money(row.stuck_amount, row.currency))
        if row.stuck_count
        else markup.muted("nothing")
    )
    line: list[str | Markup] = [
        markup.two_lines(
            markup.link(row.workspace_name, navigation.WORKSPACE.link(id=row.workspace_id)), row.detail
        ),
        markup.two_lines(words.capital(row.cause), row.code),
        badges.state_badge(row.state),
        markup.moment(row.opened_at),
        waiting,
    ]
    if shown == "All":
        line.append(markup.moment(row.closed_at) if row.closed_at else markup.muted("not yet"))
    return line


columns = [
    tables.Column("Workspace"),
    tables.Column("Cause"),
    tables.Column("State"),
    tables.Column("Since"),
    tables.Column("Waiting for Xero", figures=True),
]
if shown == "All":
    columns.append(tables.Column("Closed", wide_only=True))

if found.rows:
    tables.table("Incidents", columns, map(cells, found.rows))
    filters.pages(found.pages)
    panels.shown_of(len(found.rows), found.total, "incident")
else:
    panels.empty("No open incident", "Every connection that broke is repaired, and everything has arrived.")

st.header("Over time", anchor=False)
days = st.segmented_control(
    "Period",
    list(PERIODS),
    default=30,
    key="days",
    bind="query-params",
    format_func=PERIODS.__getitem__,
    required=True,
    label_visibility="collapsed",
)
today = words.now().date()
with session.reading() as store:
    by_day = insights.incidents_by_day(store, days=days, today=today)
    exports_by_day = insights.exports_by_day(store, days=days, today=today)
    by_cause = insights.incidents_by_cause(store, days=days, today=today)
    by_code = insights.failures_by_code(store, days=days, today=today)

left, right = st.columns(2, gap="large")
with left:
    charts.bars_by_day(
        by_day, {"opened": "opened", "resolved": "resolved"}, key="by-day", title="Incidents a day"
    )
    charts.bars_by_kind(by_cause, "cause", "opened", key="by-cause", title="Incidents by cause")
with right:
    charts.bars_by_day(
        exports_by_day, {"failed": "failed exports"}, key="exports", title="Failed exports a day"
    )
    charts.bars_by_kind(by_code, "code", "failed", key="by-code", title="Failed exports by code")
