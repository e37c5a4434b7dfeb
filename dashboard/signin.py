"""The ways in and out: what somebody sees who is not signed in, unknown, or the guest of a link."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st
from markupsafe import Markup

from dashboard import navigation, session
from dashboard.identity import is_unverified
from dashboard.parts import door_words, markup
from services.links import door
from services.members import Member
from services.store.states import Role

if TYPE_CHECKING:
    from streamlit.navigation.page import StreamlitPage


def way_in() -> Callable[[], None]:
    """Return what every address shows to somebody who is neither a member nor the guest of a link."""
    if session.is_signed_in():
        return tell_unknown
    return tell_link_ended if session.visitor().guest else ask_to_sign_in


def menu(member: Member) -> dict[str, list[StreamlitPage]]:
    """Return the pages of the member's role, and the way out of the sign-in; a link guest has another."""
    pages = navigation.pages_of(member, tell_not_permitted)
    if member.role is Role.GUEST:
        return {"": pages}
    leave = st.Page(sign_out, title=f"Sign out, {member.role}", url_path="sign-out")
    return {"": pages, member.name: [leave]}


def guest_bar(member: Member) -> None:
    """Show to the guest of a link as whom they are here, and the way out; Streamlit hides a menu of one."""
    if member.role is Role.GUEST:
        who = Markup("By a reconnect link for {}").format(member.email)
        out = markup.post_button("Leave", "/link/leave", kind="rl-quiet-button")
        markup.show(Markup('<div class="rl-guest">{}{}</div>').format(markup.muted(who), out))


def ask_to_sign_in() -> None:
    """Show the way in, and nothing else."""
    with st.container(key="rl-sign-in", width=420):
        st.title("Relink", anchor=False)
        session.show_refusal()
        st.write(
            "Find the workspaces whose Xero connection broke, see them reconnected, and bring every "
            "export that failed into Xero."
        )
        st.button("Sign in", type="primary", on_click=st.login, width="stretch")
        st.caption("You are sent to your company's sign-in page and come back to the page you asked for.")


def tell_unknown() -> None:
    """Say that this account is nobody here, with the way out; nothing of Relink is shown."""
    with st.container(key="rl-sign-in", width=420):
        st.title("You are signed in, but not a member", anchor=False)
        session.show_refusal()
        unverified = is_unverified(st.user.to_dict())
        st.write(
            "Your company's sign-in has not verified this address:"
            if unverified
            else "Nobody has added this account to Relink:"
        )
        st.text(str(st.user.get("email") or "an account without an e-mail address"))
        st.write(
            "Have it verified there, or sign in with another account."
            if unverified
            else "Ask an owner of Relink to add it, or sign in with another account."
        )
        st.button("Sign in with another account", on_click=st.logout)


def tell_link_ended() -> None:
    """Say why a reconnect link lets its guest in no more; members may sign in."""
    with session.reading() as store:
        ended = door_words.outside(door.why_out(store, session.visitor().guest))
    with st.container(key="rl-sign-in", width=420):
        st.title(ended.title, anchor=False)
        session.show_refusal()
        markup.show(markup.paragraph(ended.text) + markup.paragraph(ended.way_on))
        st.button("Sign in as a member", on_click=st.login)


def sign_out() -> None:
    """Sign the member out, here and at the sign-in provider."""
    st.logout()


def tell_not_permitted() -> None:
    """Say that this page is not for the member's role, or not for the guest of a link."""
    member = session.current_member()
    if member is not None and member.only_workspace is not None:
        st.title("Your link opens one page only", anchor=False)
        wizard = navigation.RECONNECT.link(workspace=member.only_workspace)
        markup.show(markup.link("Go to the reconnect", wizard))
        return
    st.title("This page is not part of your role", anchor=False)
    st.write("Ask an owner of Relink if you need it. What you may see is in the menu above.")
