"""Reconnect links on the screen: sending them, what came of it, and taking them back."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from markupsafe import Markup
from sqlalchemy.orm import Session

from dashboard import navigation, session
from dashboard.parts import badges, markup, tables, words
from dashboard.parts.badges import Tone
from services import audit, messages
from services.desk import open_desk
from services.links import lists, recipients, sending
from services.links.link import MENDABLE
from services.links.lists import LinkView
from services.links.recipients import Recipient, Recipients
from services.links.sending import Sent
from services.members import Member, Permission
from services.messages import Channel
from services.store.states import LinkState
from services.workspaces import WorkspaceView

ANOTHER = Recipient("", "Another address", "")
WITHOUT_MAIL = (
    "E-mail is not set up, and whoever opens a link confirms their address with a code by e-mail. "
    "Whoever runs Relink sets it up with RELINK_MAIL_URL."
)

_CHANNELS = {Channel.EMAIL: "E-mail", Channel.CHAT: "Chat channels", Channel.COPIED: "Copy it myself"}
_REASON, _ASKED = "revoke-reason", "revoke-ids"
_SHOWN_AT_MOST = 25


def panel(member: Member, workspace: WorkspaceView) -> None:
    """Show a workspace's reconnect links, and send one where its connection needs it."""
    if workspace.connection.health not in MENDABLE and not member.may(Permission.SEND_LINKS):
        return
    if not member.may(Permission.SEND_LINKS):
        who = ", ".join(workspace.admins) or workspace.owner_email
        st.write("Only an admin of the workspace can reconnect it, with the Xero login:")
        st.text(who)
        return
    with session.reading() as store:
        known = recipients.for_workspace(store, member, workspace.id)
        newest = lists.for_workspace(store, member, workspace.id)
    broken = workspace.connection.health in MENDABLE
    if not broken and not newest:
        return
    with st.container(border=True):
        st.subheader("Reconnect links", anchor=False)
        if broken:
            _ask_to_send(member, known, workspace.id)
        results(workspace.id)
        _newest(newest, workspace.id)
    revoke_dialog()


def _ask_to_send(member: Member, known: Recipients, workspace_id: str) -> None:
    to = st.selectbox(
        "Send to",
        [*known.offered, ANOTHER] if known.may_type else known.offered,
        key="link-to",
        format_func=lambda recipient: (
            f"{recipient.shown}, {recipient.who}" if recipient.who else recipient.shown
        ),
    )
    typed = to.email
    if to == ANOTHER:
        typed = st.text_input("Address", key="link-address", placeholder="name@company.com")
    channel = channel_choice()
    st.button(
        "Send reconnect link" if channel is not Channel.COPIED else "Make a link to copy",
        key="link-send",
        # Who can reconnect has a louder button for that on the same page.
        type="secondary" if member.may(Permission.RECONNECT) else "primary",
        on_click=send,
        args=((workspace_id,), channel, workspace_id, typed),
        help="It opens this workspace's reconnect for this address only, for seven days.",
    )


def channel_choice() -> Channel:
    """Ask how the links are handed over, among the ways that are set up."""
    offered = messages.channels(open_desk().settings)
    if Channel.EMAIL not in offered:
        st.caption(WITHOUT_MAIL)
    channel: Channel = st.radio(
        "How", offered, key="link-channel", format_func=_CHANNELS.__getitem__, horizontal=True
    )
    return channel


def send(workspace_ids: Sequence[str], channel: Channel, place: str, recipient: str | None = None) -> None:
    """Send links, and keep what came of it to be shown at `place`; for the callback of a button."""
    st.session_state[_key(place)] = session.act(_send, workspace_ids, channel, recipient)


def _send(
    store: Session, member: Member, workspace_ids: Sequence[str], channel: Channel, recipient: str | None
) -> list[Sent]:
    return sending.send(store, open_desk(), member, workspace_ids, channel=channel, recipient=recipient)


def _key(place: str) -> str:
    return f"links-sent-{place}"


def results(place: str) -> None:
    """Show what came of the last sending at this place: to whom, why not, and what to copy."""
    sent: list[Sent] | None = st.session_state.get(_key(place))
    if not sent:
        return
    if len(sent) == 1:
        _result(sent[0])
    else:
        _results(sent)
    with st.container(horizontal=True):
        if len(sent) > 1:
            st.download_button(
                "Download the results (CSV)", sending.results_csv(sent), "links.csv", "text/csv"
            )
        st.button("Done", key=f"{_key(place)}-done", on_click=st.session_state.pop, args=(_key(place), None))


def _result(sent: Sent) -> None:
    with st.container(border=True, gap="xsmall"):
        to = Markup(" to {}").format(sent.recipient) if sent.link_id else markup.EMPTY
        heading = Markup("{} {} {}{}").format(sent.workspace_name, markup.dot(), _outcome(sent), to)
        markup.show(markup.two_lines(heading, sent.sentence))
        if sent.url:
            st.caption("The link. It is shown this once:")
            st.code(sent.url, language=None, wrap_lines=True)
        if sent.reply:
            with st.expander("Words for the ticket", expanded=True):
                st.code(sent.reply, language=None, wrap_lines=True)


def _results(sent: Sequence[Sent]) -> None:
    columns = [
        tables.Column("Workspace"),
        tables.Column("Link"),
        tables.Column("Sent to"),
        tables.Column("Note"),
    ]
    tables.table(
        "What came of it",
        columns,
        [[one.workspace_name, _outcome(one), one.recipient or "", one.sentence] for one in sent],
    )
    worded = [one for one in sent if one.reply]
    if worded:
        with st.expander("Words for the tickets", expanded=any(one.url for one in worded)):
            for one in worded[:_SHOWN_AT_MOST]:
                st.caption(words.plain(one.workspace_name))
                st.code(one.reply, language=None, wrap_lines=True)
            if len(worded) > _SHOWN_AT_MOST:
                st.caption(f"{_SHOWN_AT_MOST} of {len(worded):,} are shown; the file has all of them.")


def _outcome(sent: Sent) -> Markup:
    return badges.badge(sent.outcome, badges.Tone.GOOD if sent.link_id else badges.Tone.WARNING)


def _newest(newest: Sequence[LinkView], workspace_id: str) -> None:
    for link in newest[:3]:
        with st.container(horizontal=True, vertical_alignment="center"):
            markup.show(
                markup.two_lines(
                    Markup("{} {} {}").format(badges.badge(*state_of(link)), markup.dot(), link.address),
                    course(link),
                )
            )
            if link.live:
                st.button("Revoke", key=f"revoke-{link.id}", on_click=ask_why, args=((link.id,),))
    if newest:
        every = navigation.LINKS.link(show="Sent", workspace=workspace_id)
        markup.show(markup.link("All links of this workspace", every))


def state_of(link: LinkView) -> tuple[str, Tone]:
    """Return the word and the tone of a link's state; one whose message was given up was not sent."""
    if link.trouble and link.state is LinkState.SENT:
        return _unsent(link.trouble), Tone.BAD
    return str(link.state), badges.tone_of(link.state)


def _unsent(trouble: str) -> str:
    return "in doubt" if trouble == messages.UNKNOWN else "not sent"


def trouble_of(link: LinkView) -> str:
    """Say why a link's message did not go out, and what to do instead; empty where there is no trouble."""
    if not link.trouble:
        return ""
    said = f"{_unsent(link.trouble)}: {link.trouble}"
    return f"{said} Or make a link to copy, on the workspace's page." if link.live else said


def course(link: LinkView) -> Markup:
    """Return in one line what has become of a link."""
    steps = [Markup("by {} ").format(link.sent_by) + markup.moment(link.sent_at)]
    for when, what in (
        (link.chased_at, "reminded"),
        (link.opened_at, "opened"),
        (link.authorised_at, "authorised"),
        (link.verified_at, "verified"),
        (link.ended_at, "ended"),
    ):
        if when is not None:
            steps.append(markup.moment(when, prefix=what))
    if link.trouble:
        steps.append(Markup("{}").format(trouble_of(link)))
    if link.ended_reason:
        steps.append(Markup("{}").format(link.ended_reason))
    if link.live:
        steps.append(Markup("good until {}").format(words.day(link.good_until)))
    return markup.join(steps, markup.dot())


def ask_why(link_ids: tuple[str, ...]) -> None:
    """Have the next run ask for the reason to revoke links; for callbacks."""
    st.session_state[_ASKED] = link_ids


def revoke_dialog() -> None:
    """Ask for the reason, where a button asked to revoke links."""
    if asked := st.session_state.pop(_ASKED, None):
        _dialog(asked)


@st.dialog("Revoke")
def _dialog(link_ids: tuple[str, ...]) -> None:
    st.write(
        f"{words.plural(len(link_ids), 'reconnect link')} will lead nowhere any more, at once. Whoever opens "
        "it reads the reason; it stays in the history with your name."
    )
    st.text_area(
        "Reason",
        key=_REASON,
        max_chars=audit.REASON_CHARACTERS,
        placeholder="For example: sent to somebody who has left the company",
    )
    if st.button("Revoke", type="primary", key="revoke-now", on_click=_revoke, args=(link_ids,)):
        st.rerun()


def _revoke(link_ids: tuple[str, ...]) -> None:
    session.act(_revoke_all, link_ids, st.session_state.get(_REASON, ""))


def _revoke_all(store: Session, member: Member, link_ids: tuple[str, ...], reason: str) -> None:
    for link_id in link_ids:
        sending.revoke(store, member, link_id, reason)
