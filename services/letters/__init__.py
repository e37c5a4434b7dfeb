"""The letters that messages carry: plain text, in which no name can forge a line."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import jinja2

from services import catalogue
from services.messages import Channel

NAME_CHARACTERS = 100  # more is no name, and pushes the rest of a subject or a line out of sight
SUBJECT_CHARACTERS = 150
NAMELESS = "without a name"
EXPIRED = "XERO11"

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=False,  # noqa: S701 - it is text: what HTML would need has no meaning here
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A way into the wizard of one workspace."""

    workspace: str
    organisation: str | None
    login: str | None  #: how the Xero login is named, masked already where it has to be
    url: str
    expires_at: datetime
    code: str | None  #: of what is wrong with the connection; None where it has none


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNews:
    """How far a retry run is, or what became of it."""

    arrived: int
    total: int
    left: Sequence[str]  #: what still needs a person, a line a reason
    reason: str  #: of the person who started it; may be empty
    url: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What a message says."""

    subject: str
    body: str


def invite(invitations: Sequence[Invitation], *, sender: str) -> Letter:
    """Ask one person to reconnect one or several workspaces; there is at least one."""
    return _ask("invite.txt", "Reconnect Xero for {}", invitations, sender, first=True)


def remind(invitations: Sequence[Invitation], *, sender: str) -> Letter:
    """Ask again, where nobody has opened the link of the first letter."""
    return _ask("remind.txt", "Reminder: reconnect Xero for {}", invitations, sender, first=False)


def confirm(code: str, *, minutes: int) -> Letter:
    """Carry the code that confirms an address; it names no workspace, and the subject has no secret."""
    body = _TEMPLATES.get_template("confirm.txt").render(code=_one_line(code), minutes=minutes)
    return Letter("Your code to confirm your e-mail address", body)


def run_ended(news: RunNews) -> Letter:
    """Tell who started a retry what became of it."""
    body = _run("run_ended.txt", news)
    return Letter(f"Retry ended: {news.arrived:,} of {_exports(news.total)} arrived in Xero", body)


def run_waits(news: RunNews, *, why: str, until: datetime) -> Letter:
    """Tell who started a retry that it goes on by itself, but not soon."""
    return Letter(
        f"Retry waits: {news.arrived:,} of {_exports(news.total)} arrived in Xero so far",
        _run(
            "run_waits.txt", news, why=_one_line(why[:1].lower() + why[1:]).rstrip("."), until=_moment(until)
        ),
    )


def _run(template: str, news: RunNews, **values: object) -> str:
    return _TEMPLATES.get_template(template).render(
        arrived=f"{news.arrived:,}",
        total=_exports(news.total),
        left=[_one_line(line) for line in news.left],
        reason=_one_line(news.reason) if news.reason.strip() else "",
        url=news.url,
        **values,
    )


def _exports(number: int) -> str:
    return f"{number:,} export" if number == 1 else f"{number:,} exports"


def _moment(when: datetime) -> str:
    at = when.astimezone(UTC)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def reply(invitations: Sequence[Invitation], *, told: Channel) -> str:
    """Return what an agent pastes into the ticket; with a link only where it is handed over by hand."""
    return _render("reply.txt", invitations, copied=told is Channel.COPIED)


def _ask(
    template: str, subject: str, invitations: Sequence[Invitation], sender: str, *, first: bool
) -> Letter:
    what = _one_line(invitations[0].workspace) if len(invitations) == 1 else f"{len(invitations)} workspaces"
    body = _render(template, invitations, sender=_one_line(sender), first=first)
    return Letter(subject.format(what)[:SUBJECT_CHARACTERS], body)


def _render(template: str, invitations: Sequence[Invitation], **values: object) -> str:
    invitations = [_harmless(invitation) for invitation in invitations]
    codes = {invitation.code for invitation in invitations}
    until = min(invitation.expires_at for invitation in invitations)
    return _TEMPLATES.get_template(template).render(
        invitations=invitations,
        one=len(invitations) == 1,
        logins_named=all(invitation.login for invitation in invitations),
        organisations_named=all(invitation.organisation for invitation in invitations),
        until=_moment(until),
        expired=codes == {EXPIRED},
        several_errors=len(codes) > 1,
        errors=[_error(code) for code in sorted(filter(None, codes))],
        **values,
    )


def _error(code: str) -> str:
    """Return what a connection's code says; an expired one in the words that the platform shows."""
    found = catalogue.get(code)
    return (
        f"{code} Sync Error: {found.message}" if code == EXPIRED else f"{code} {found.title}: {found.meaning}"
    )


def _harmless(invitation: Invitation) -> Invitation:
    return replace(
        invitation,
        workspace=_one_line(invitation.workspace),
        organisation=invitation.organisation and _one_line(invitation.organisation),
        login=invitation.login and _one_line(invitation.login),
        code=invitation.code if invitation.code in catalogue.CODES else None,
    )


def _one_line(name: str) -> str:
    """Return a name without what breaks lines, hides or turns text around."""
    # Every category that begins with C is a control, a format mark or no character at all; Z are the spaces.
    kept = "".join(" " if unicodedata.category(mark)[0] in "CZ" else mark for mark in name)
    words = " ".join(kept.split())
    return (f"{words[: NAME_CHARACTERS - 1]}…" if len(words) > NAME_CHARACTERS else words) or NAMELESS
