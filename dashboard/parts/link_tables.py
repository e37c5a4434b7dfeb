"""The tables of the page of reconnect links, and what is done with the rows that are chosen."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st
from sqlalchemy.orm import Session

from dashboard import session
from dashboard.parts import badges, links, words
from dashboard.parts.badges import GLYPHS
from services.links import lists, sending
from services.links.lists import LinkView, UnsentRow
from services.members import Member
from services.messages import Channel
from services.store.states import Health

PLACE = "many"


def unsent(rows: Sequence[UnsentRow]) -> list[str]:
    """Show broken workspaces without a link, and return the ids of those that are selected."""
    frame = pd.DataFrame(
        [
            {
                "Workspace": row.workspace_name,
                "Connection to Xero": f"{GLYPHS[badges.health_tone(row.health)]} {row.health}",
                "Code": row.code or "",
                "Since": row.health_since,
                "Link goes to": row.recipient,
            }
            for row in rows
        ]
    )
    selected = _choose(
        frame, [row.workspace_id for row in rows], "unsent", "Broken workspaces without a link"
    )
    return [rows[position].workspace_id for position in selected]


def sent(rows: Sequence[LinkView]) -> list[LinkView]:
    """Show links, and return those that are selected."""
    frame = pd.DataFrame([_cells(row) for row in rows])
    selected = _choose(frame, [row.id for row in rows], "links", "Reconnect links")
    return [rows[position] for position in selected]


def _cells(row: LinkView) -> dict[str, object]:
    state, tone = links.state_of(row)
    return {
        "Workspace": row.workspace_name,
        "State": f"{GLYPHS[tone]} {state}",
        "Sent to": row.address,
        "Sent": row.sent_at,
        "By": row.sent_by,
        "How": row.channel,
        "Opened": row.opened_at,
        "Authorised": row.authorised_at,
        "Verified": row.verified_at,
        "Expires": row.expires_at,
        "Trouble": links.trouble_of(row),
        "Ended because": row.ended_reason or "",
    }


def _choose(frame: pd.DataFrame, ids: Sequence[str], key: str, label: str) -> list[int]:
    """Show rows to select from; with the ids in the key, a selection never means other rows."""
    moments = ("Since", "Sent", "Opened", "Authorised", "Verified", "Expires")
    event = st.dataframe(
        frame,
        key=f"{key}-{hash(tuple(ids))}",
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        height="content" if len(ids) <= 12 else 460,
        alt=label,
        placeholder="",
        column_config={
            "Workspace": st.column_config.TextColumn(pinned=True),
            **{
                name: st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm", timezone="UTC")
                for name in moments
                if name in frame
            },
        },
    )
    return [position for position in event.selection.rows if position < len(ids)]


def ask_to_send(chosen: Sequence[str], health: tuple[Health, ...], total: int) -> None:
    """Show how and to how many links are sent: to the selected, or to all that match on every page."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        channel = links.channel_choice()
        st.button(
            f"Send {words.plural(len(chosen) or total, 'reconnect link')}",
            key="links-send",
            type="primary",
            on_click=_send_all if not chosen else links.send,
            args=(health, channel) if not chosen else (tuple(chosen), channel, PLACE),
        )
        st.caption(
            f"{len(chosen):,} selected"
            if chosen
            else "Select rows to send to some; otherwise to all that match."
        )


def _send_all(health: tuple[Health, ...], channel: Channel) -> None:
    if ids := session.act(_all_that_match, health):
        links.send(ids, channel, PLACE)


def _all_that_match(store: Session, member: Member, health: tuple[Health, ...]) -> list[str]:
    return lists.unsent_ids(store, member, health, limit=sending.AT_MOST)


def ask_to_revoke(chosen: Sequence[LinkView]) -> None:
    """Show what can be done with the selected links."""
    live = tuple(link.id for link in chosen if link.live)
    with st.container(horizontal=True, vertical_alignment="center"):
        if live:
            st.button(
                f"Revoke {words.plural(len(live), 'link')}",
                key="links-revoke",
                on_click=links.ask_why,
                args=(live,),
            )
        st.caption(f"{len(chosen):,} selected" if chosen else "Select links to revoke those that are live.")
