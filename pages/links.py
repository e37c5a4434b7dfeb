"""Reconnect links: send them for what is broken, and see what became of those that were sent."""

from __future__ import annotations

import streamlit as st

from dashboard import navigation, session
from dashboard.parts import badges, filters, link_tables, links, markup, panels, words
from services.links import lists, sending
from services.links.lists import LinkQuery, UnsentQuery
from services.members import Permission
from services.store.states import Health, LinkState

member = session.require(Permission.SEND_LINKS)
st.title("Reconnect links", anchor=False)
st.write(
    "A link leads one person, without an account here, to the reconnect of one workspace. It is good for "
    "seven days, and only the address it is bound to opens it."
)
shown = st.segmented_control(
    "What to see",
    ["Send", "Sent"],
    default="Send",
    key="show",
    bind="query-params",
    required=True,
    label_visibility="collapsed",
    on_change=filters.first_page,
)

if shown == "Send":
    health = filters.chosen("health", Health)
    with session.reading() as store:
        broken = lists.unsent(store, member, UnsentQuery(health=health, page=filters.current_page()))
    links.results("many")
    counts = {each: broken.counts.get(each, 0) for each in badges.WORST_FIRST}
    filters.toggles("health", counts, health, tone=badges.health_tone)
    if broken.rows:
        st.write(f"**{words.plural(broken.total, 'workspace')}** without a link")
        above = st.container()
        chosen = link_tables.unsent(broken.rows)
        with above:
            link_tables.ask_to_send(chosen, health, min(broken.total, sending.AT_MOST))
        filters.pages(broken.pages)
    else:
        panels.empty(
            "Nobody waits for a link",
            "Every connection works, is paused, or has a link already.",
        )
else:
    states, workspace_id = filters.chosen("state", LinkState), st.query_params.get("workspace")
    query = LinkQuery(states=states, workspace_id=workspace_id, page=filters.current_page())
    with session.reading() as store:
        found = lists.search(store, member, query)
    filters.toggles(
        "state", {state: found.counts.get(state, 0) for state in LinkState}, states, tone=badges.tone_of
    )
    if workspace_id:
        markup.show(markup.link("Show the links of all workspaces", navigation.LINKS.link(show="Sent")))
    if found.rows:
        above = st.container()
        chosen_links = link_tables.sent(found.rows)
        with above:
            link_tables.ask_to_revoke(chosen_links)
        filters.pages(found.pages)
        panels.shown_of(len(found.rows), found.total, "link")
    else:
        panels.empty("No link here", "Links that were sent appear here, with what became of them.")
    links.revoke_dialog()
