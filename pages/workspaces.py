"""Workspaces: who is broken, since when, and what it holds up."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from dashboard import navigation, session
from dashboard.parts import badges, changes, filters, markup, panels, tables, words
from services import admin_changes, workspaces
from services.members import Permission
from services.store.states import Health
from services.workspaces import Sort, WorkspaceQuery, WorkspaceRow

PAGE_SIZE = 25

member = session.require(Permission.SEE_WORKSPACES)
st.title("Workspaces", anchor=False)

find, order = st.columns([3, 1], vertical_alignment="bottom")
text = find.text_input(
    "Find a workspace",
    key="find",
    bind="query-params",
    placeholder="Name, workspace ID, owner or organisation from the ticket",
    on_change=filters.first_page,
)
sort = order.selectbox(
    "Order by",
    [sort.value for sort in Sort],
    key="order",
    bind="query-params",
    format_func={
        Sort.TROUBLE: "Trouble first",
        Sort.NAME: "Name",
        Sort.STUCK: "Most exports waiting",
        Sort.SYNCED: "Longest without a sync",
    }.__getitem__,
    on_change=filters.first_page,
)
chosen = filters.chosen("health", Health)
query = WorkspaceQuery(
    text=text, health=chosen, sort=Sort(sort), page=filters.current_page(), page_size=PAGE_SIZE
)
with session.reading() as store:
    found = workspaces.search(store, member, query)
    asked_for = admin_changes.waiting(store, member)

counts = {health: found.counts.get(health, 0) for health in badges.WORST_FIRST}
filters.toggles("health", counts, chosen, tone=badges.health_tone)


def cells(row: WorkspaceRow) -> list[str | Markup]:
    """Return one line of the table."""
    name = markup.link(row.name, navigation.WORKSPACE.link(id=row.id))
    waiting = (
        markup.two_lines(words.plural(row.stuck_count, "export"), words.money(row.stuck_amount, row.currency))
        if row.stuck_count
        else markup.muted("nothing")
    )
    return [
        markup.two_lines(name, row.organisation_name or row.owner_email),
        badges.health_badge(row.health, row.code)
        + badges.stopped(before=markup.dot(), paused=row.paused, leaving=row.leaving)
        + markup.second("syncing" if row.syncing else badges.verified(row.verified_at))
        + markup.second(badges.expires(row.health, row.login_expires_at)),
        markup.age(row.health_since),
        waiting,
        markup.moment(row.last_synced_at, never="never synced"),
    ]


changes.waiting(asked_for)
if found.rows:
    tables.table(
        "Workspaces",
        [
            tables.Column("Workspace"),
            tables.Column("Connection to Xero"),
            tables.Column("For", wide_only=True),
            tables.Column("Waiting for Xero", figures=True),
            tables.Column("Last synced", figures=True, wide_only=True),
        ],
        map(cells, found.rows),
    )
    filters.pages(found.pages)
    panels.shown_of(len(found.rows), found.total, "workspace")
elif text or chosen:
    panels.empty("No workspace matches", "Check the spelling, or take a filter away.")
else:
    panels.empty("No workspaces yet", "They appear here as soon as the expense platform reports them.")
