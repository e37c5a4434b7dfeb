"""Ways to reconnect without the login used before: whoever has it, or a change of the Xero admin."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from markupsafe import Markup
from sqlalchemy.orm import Session

from dashboard import navigation, session
from dashboard.parts import links, markup, panels, words
from dashboard.parts.badges import Tone
from services import admin_changes, audit, messages
from services.admin_changes import ChangeView
from services.desk import open_desk
from services.members import Member, Permission
from services.messages import Channel
from services.store.states import ChangeState, ReconnectState
from services.wizard import Act, WizardView

_WAY, _WHY, _REASON = "way-without-login", "change-why", "change-reason"
NO_LOGIN, LEFT = "no login", "left"


def ways_without_the_login() -> None:
    """Offer the two ways for somebody who cannot log in as the person who set the connection up."""
    st.button("I don't have that login", key="no-login", on_click=_choose_way, args=(NO_LOGIN,))
    st.button("That person left", key="person-left", on_click=_choose_way, args=(LEFT,))


def _choose_way(way: str) -> None:
    st.session_state[_WAY] = None if st.session_state.get(_WAY) == way else way


def way_chosen(member: Member, view: WizardView) -> None:
    """Show the way that was chosen, if one was."""
    way = st.session_state.get(_WAY)
    if way == NO_LOGIN:
        _somebody_else(member, view)
    elif way == LEFT:
        _ask_for_change(view)


def _somebody_else(member: Member, view: WizardView) -> None:
    connection = view.workspace.connection
    holder = connection.login_name or connection.login_email or "whoever has the login"
    others = [admin for admin in view.workspace.admins if admin != member.email]
    with st.container(border=True):
        st.write(
            f"**{words.plain(holder)}** can take this step from any browser; you see it here as it happens."
        )
        if member.sees_logins and member.may(Permission.SEND_LINKS) and connection.login_email:
            _send_to(view.workspace.id, connection.login_email)
        if others:
            st.write(
                f"So can these admins, with that login: they sign in and open this page. "
                f"{words.plain(', '.join(others))}."
            )
        st.caption("Nobody can log in as that person any more? Then choose “That person left”.")


def _send_to(workspace_id: str, email: str) -> None:
    """Offer to send this one wizard to whoever has the login, and show what came of it."""
    mailed = Channel.EMAIL in messages.channels(open_desk().settings)
    st.button(
        f"Send a reconnect link to {words.plain(email)}" if mailed else "Make a reconnect link to hand over",
        key="send-to-login",
        on_click=links.send,
        args=((workspace_id,), Channel.EMAIL if mailed else Channel.COPIED, _WAY, email),
        help="It opens this one wizard for that address only, for seven days.",
    )
    links.results(_WAY)


def _ask_for_change(view: WizardView) -> None:
    if view.change is not None and view.change.open:
        st.caption("A change of the Xero admin is under way already: see above.")
        return
    organisation = view.workspace.connection.organisation_name or "the organisation"
    with st.container(border=True):
        st.write(
            f"Then another Xero user of **{words.plain(organisation)}** may reconnect it once, after support "
            "has approved that. Nothing else changes: same organisation, same exports."
        )
        st.text_area(
            "Why can that login not be used?",
            key=_WHY,
            max_chars=audit.REASON_CHARACTERS,
            placeholder="For example: Amira left on 30 September; I am the Adviser now",
        )
        st.button(
            "Ask for a change of Xero admin", key="ask-change", on_click=_ask, args=(view.workspace.id,)
        )


def _ask(workspace_id: str) -> None:
    session.act(admin_changes.ask, workspace_id, st.session_state.get(_WHY, ""))


def panel(member: Member, view: WizardView) -> None:
    """Show the change of Xero admin that is under way, or was declined, with what this member may do."""
    change = view.change
    if change is None or not _matters(change, view):
        return
    _TELL[change.state](change, view)
    if change.state is ChangeState.ASKED and member.may(Permission.DECIDE_CHANGE):
        decide(change)
    elif change.open and view.may_act:
        st.button(
            "Take the change back",
            key="withdraw-change",
            on_click=session.act,
            args=(admin_changes.withdraw, view.workspace.id),
        )


def _matters(change: ChangeView, view: WizardView) -> bool:
    if view.act in (Act.DONE, Act.NONE) or view.state is ReconnectState.VERIFIED:
        return False
    incident = view.workspace.incident
    declined = change.state is ChangeState.DECLINED
    return change.open or (declined and incident is not None and change.asked_at > incident.opened_at)


def _tell_asked(change: ChangeView, _view: WizardView) -> None:
    panels.panel(
        "A change of the Xero admin is asked for",
        _who(change.asked_by, "asked", change),
        Markup("Why: {}").format(change.why),
        "Support decides; this page goes on by itself. The login used before is still accepted.",
        tone=Tone.BUSY,
    )


def _tell_approved(change: ChangeView, view: WizardView) -> None:
    organisation = view.workspace.connection.organisation_name or "the organisation"
    panels.panel(
        "Another Xero login is accepted once",
        Markup("{} approved it: {}").format(change.decided_by, change.reason),
        Markup(
            "Reconnect with any Xero user who is Standard or Adviser in {}. It counts once, until {}."
        ).format(organisation, words.exact(change.expires_at)),
        tone=Tone.GOOD,
    )


def _tell_declined(change: ChangeView, _view: WizardView) -> None:
    panels.panel(
        "The change of the Xero admin was declined",
        Markup("{} answered: {}").format(change.decided_by, change.reason),
        "Reconnect with the login used before, or ask again with what was missing.",
        tone=Tone.WARNING,
    )


_TELL = {
    ChangeState.ASKED: _tell_asked,
    ChangeState.APPROVED: _tell_approved,
    ChangeState.DECLINED: _tell_declined,
}


def _who(who: str, did: str, change: ChangeView) -> Markup:
    return Markup("{} {} {}.").format(who, did, markup.moment(change.asked_at))


def waiting(found: Sequence[ChangeView]) -> None:
    """Show the changes that wait for an answer, each with the way to its workspace."""
    if found:
        panels.panel(
            f"{words.plural(len(found), 'change')} of Xero admin to decide on",
            markup.join(
                (
                    markup.link(change.workspace_name, navigation.WORKSPACE.link(id=change.workspace_id))
                    + markup.muted(Markup(", asked {}").format(markup.moment(change.asked_at)))
                    for change in found
                ),
                markup.dot(),
            ),
            tone=Tone.WARNING,
        )


def decide(change: ChangeView) -> None:
    """Ask a member of support for the answer to a change, with a reason."""
    st.text_input(
        "How do you know that this is right, or wrong?",
        key=_REASON,
        max_chars=audit.REASON_CHARACTERS,
        placeholder="For example: called the owner back on the number we have, ticket 4411",
    )
    with st.container(horizontal=True):
        st.button("Approve", key="approve-change", on_click=_decide, args=(change.id, True))
        st.button("Decline", key="decline-change", on_click=_decide, args=(change.id, False))


def _decide(change_id: str, approve: bool) -> None:
    session.act(_answer, change_id, approve, st.session_state.get(_REASON, ""))


def _answer(store: Session, member: Member, change_id: str, approve: bool, reason: str) -> None:
    admin_changes.decide(store, member, change_id, approve=approve, reason=reason)
