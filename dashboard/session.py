"""Who looks at the page, and the sessions with the store that a page and its buttons may open."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

import streamlit as st
from sqlalchemy import exc
from sqlalchemy.orm import Session

from dashboard.identity import GUEST_COOKIE, email_of, is_fresh
from dashboard.parts import markup
from services import members
from services.declined import Declined
from services.desk import open_desk
from services.links import door
from services.members import Member, Permission

STORE_SILENT = (
    "Relink's store did not answer in time. Nothing was changed. Wait a moment and try again; "
    "if it stays like this, tell whoever runs Relink."
)

#: The database does not answer, or every connection to it is taken.
STORE_FAILURES = (exc.OperationalError, exc.TimeoutError)

SIGN_IN_ENDED = "Your sign-in has ended; it lasts twelve hours. Sign in and do it again."
NO_MEMBER = "You are not a member of Relink any more. Ask an owner of Relink to add you."
LINK_ENDED = "Your reconnect link has ended, or is used in another browser now. Reload the page; it says why."

_REFUSAL = "refusal"

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def is_signed_in() -> bool:
    """Say whether somebody signed in, less than a working day ago."""
    return bool(st.user.is_logged_in) and is_fresh(st.user.to_dict(), now_seconds=time.time())


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whose browser this is, as far as its cookies say; what they are good for, the store knows."""

    claims: Mapping[str, Any]  #: of the sign-in
    guest: str  #: the cookie of a link guest; empty without one


def visitor() -> Visitor:
    """Return who looks at this page, to be found again also outside of it."""
    return Visitor(st.user.to_dict(), st.context.cookies.get(GUEST_COOKIE, ""))


def current_member() -> Member | None:
    """Return the member who signed in, else the guest of a reconnect link; None for anybody else."""
    with reading() as session:
        return find(session, visitor())


def find(session: Session, who: Visitor) -> Member | None:
    """Return the member or the guest that a visitor is at this moment."""
    email = email_of(who.claims, now_seconds=time.time())
    member = None if email is None else members.find(session, email)
    return door.visitor(session, member, who.guest)


def member_now(session: Session, who: Visitor) -> Member:
    """Return who a visitor is at this moment, with the role of this moment.

    Raises `Declined` once the sign-in or the link has ended, or the member was removed.
    """
    member = find(session, who)
    if member is None and who.guest:
        raise Declined(LINK_ENDED)
    if member is None:
        raise Declined(NO_MEMBER if is_fresh(who.claims, now_seconds=time.time()) else SIGN_IN_ENDED)
    return member


def recheck(member: Member) -> None:
    """Run the whole page again unless `member` still looks at it, in the same role; it then says why.

    For parts that run by themselves: they pass by the gate, and by what the page requires.
    """
    if current_member() != member:
        st.rerun()


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
    except STORE_FAILURES:
        refuse(STORE_SILENT)


def act(
    service: Callable[Concatenate[Session, Member, Arguments], Result],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> Result | None:
    """Do what a button says, in one transaction and as the member of this moment; return what came of it.

    The page that shows the button may be hours old: who presses is read again. A refusal undoes
    the act, returns None and stands above the next run.
    """
    try:
        with open_desk().store.begin() as session:
            return service(session, member_now(session, visitor()), *args, **kwargs)
    except Declined as refusal:
        st.session_state[_REFUSAL] = str(refusal)
    except STORE_FAILURES:
        st.session_state[_REFUSAL] = STORE_SILENT
    return None


def remember_refusal(sentence: str) -> None:
    """Have the next run say what was not done; for callbacks."""
    st.session_state[_REFUSAL] = sentence


def show_refusal() -> None:
    """Show why the last press of a button did nothing, once."""
    sentence = st.session_state.pop(_REFUSAL, None)
    if sentence:
        st.warning(sentence, title="That was not done")
