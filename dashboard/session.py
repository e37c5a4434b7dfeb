"""Who looks at the page, and the sessions with the store that a page and its buttons may open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import streamlit as st
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from dashboard.identity import email_of, is_fresh
from dashboard.parts import markup
from services import members
from services.declined import Declined
from services.desk import open_desk
from services.members import Member, Permission

STORE_SILENT = (
    "Relink's store did not answer in time. Nothing was changed. Wait a moment and try again; "
    "if it stays like this, tell whoever runs Relink."
)

_REFUSAL = "refusal"


def is_signed_in() -> bool:
    """Say whether somebody signed in, less than a working day ago."""
    return bool(st.user.is_logged_in) and is_fresh(st.user.to_dict(), now_seconds=time.time())


def current_member() -> Member | None:
    """Return the member who signed in; None for somebody whom nobody has added."""
    email = email_of(st.user.to_dict(), now_seconds=time.time())
    if email is None:
        return None
    with reading() as session:
        return members.find(session, email)


def require(permission: Permission) -> Member:
    """Return the member who looks at this page; without the permission the page ends here.

    Read again on every run: the sign-in of an open tab outlives a change of role.
    """
    member = current_member()
    if member is None:
        st.info("Sign in to see this page.")
        st.stop()
    if not member.may(permission):
        refuse(f"Your role, {member.role}, may not {permission}. Ask an owner of Relink if you need to.")
    return member


def refuse(sentence: str) -> NoReturn:
    """Show a refusal in place of the rest of the page, with a way on."""
    st.warning(sentence, title="There is nothing to show here")
    markup.show(markup.link("Go to your workspaces", "/"))
    st.stop()


@contextmanager
def reading() -> Iterator[Session]:
    """Open a session for a page to read with; a refusal is shown and ends the page."""
    try:
        with open_desk().store.read() as session:
            yield session
    except Declined as refusal:
        refuse(str(refusal))
    except OperationalError:
        refuse(STORE_SILENT)


@contextmanager
def acting() -> Iterator[Session]:
    """Open a session for a button to write with; a refusal undoes it and stands above the next run."""
    try:
        with open_desk().store.begin() as session:
            yield session
    except Declined as refusal:
        st.session_state[_REFUSAL] = str(refusal)
    except OperationalError:
        st.session_state[_REFUSAL] = STORE_SILENT


def show_refusal() -> None:
    """Show why the last press of a button did nothing, once."""
    sentence = st.session_state.pop(_REFUSAL, None)
    if sentence:
        st.warning(sentence, title="That was not done")
