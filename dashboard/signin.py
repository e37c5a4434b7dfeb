"""What somebody sees who is not signed in, or signed in and unknown."""

from __future__ import annotations

import streamlit as st

from dashboard import session
from dashboard.identity import is_unverified


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


def sign_out() -> None:
    """Sign the member out, here and at the sign-in provider."""
    st.logout()


def tell_not_permitted() -> None:
    """Say that this page is not for the member's role."""
    st.title("This page is not part of your role", anchor=False)
    st.write("Ask an owner of Relink if you need it. What you may see is in the menu above.")
