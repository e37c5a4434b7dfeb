"""What came back from Xero, judged: the same user and the same organisation, or a refusal by name."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from services.refusals import RefusalKind
from services.xero.api import Api
from services.xero.connections import XeroConnection, delete_connection, list_connections
from services.xero.errors import Fault, XeroError
from services.xero.oauth import TokenSet

#: Scopes that identify the person; Xero does not list them on its tokens.
_IDENTITY_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Who and what the workspace was connected with; None where it never was."""

    organisation_id: str | None
    organisation_name: str | None
    xero_user_id: str | None
    xero_user: str | None  #: name and e-mail address
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A return that repairs the connection."""

    connection: XeroConnection


@dataclass(frozen=True, slots=True)
class Refused:
    """A return that is not accepted; `particulars` fill the words of the refusal."""

    kind: RefusalKind
    particulars: dict[str, str] = field(default_factory=dict)


def judge(
    expected: Expected, tokens: TokenSet, listed: list[XeroConnection], *, taken: frozenset[str]
) -> Accepted | Refused:
    """Decide whether a consent repairs this workspace; `taken` are organisations of other workspaces.

    Xero lists every organisation the user ever connected, so the one chosen just now is told by the
    consent's own id, and where Xero does not repeat that, by the newest update.
    """
    names = {
        "expected": expected.organisation_name or "the organisation of this workspace",
        "expected_user": expected.xero_user or "the login used at first",
        "user": person(tokens.full_name, tokens.email),
    }
    just_chosen = _just_chosen(tokens, listed)
    if not just_chosen:
        return Refused(RefusalKind.NO_ORGANISATION, names)
    chosen = next((c for c in just_chosen if c.organisation_id == expected.organisation_id), just_chosen[0])
    names["chosen"] = chosen.organisation_name
    if expected.organisation_id not in (None, chosen.organisation_id):
        return Refused(RefusalKind.OTHER_ORGANISATION, names)
    if chosen.organisation_id in taken:
        return Refused(RefusalKind.ORGANISATION_TAKEN, names)
    if expected.xero_user_id not in (None, tokens.xero_user_id):
        return Refused(RefusalKind.OTHER_USER, names)
    if missing := expected.scopes - tokens.scopes - _IDENTITY_SCOPES:
        return Refused(RefusalKind.SCOPE_MISSING, {**names, "missing": ", ".join(sorted(missing))})
    return Accepted(chosen)


def _just_chosen(tokens: TokenSet, listed: list[XeroConnection]) -> list[XeroConnection]:
    """Return the connections of this consent, newest first: an app may offer several at once."""
    newest_first = sorted(listed, key=lambda c: c.updated_at, reverse=True)
    by_consent = [c for c in newest_first if c.auth_event_id == tokens.authentication_event_id]
    return by_consent or newest_first[:1]


def person(full_name: str | None, email: str | None) -> str:
    """Name a Xero user by what Xero told of them."""
    if full_name and email:
        return f"{full_name} ({email})"
    return full_name or email or "a Xero user without a name"


def connections_of(api: Api) -> list[XeroConnection]:
    """List the organisations of a fresh consent; practices are left out, they have no ledger."""
    return [connection for connection in list_connections(api) if connection.kind == "ORGANISATION"]


def give_back(api: Api, tokens: TokenSet, listed: list[XeroConnection], *, used: frozenset[str]) -> None:
    """Disconnect what a refused consent connected, unless a workspace uses that very connection.

    `used` are Xero's ids of the connections in use. A connection belongs to one Xero user, so giving
    it back takes nothing from the others of the organisation. Where Xero does not take it back, the
    refusal stands all the same.
    """
    for connection in _just_chosen(tokens, listed):
        if connection.id not in used:
            with suppress(XeroError):
                delete_connection(api, connection.id)


def refused_by(error: XeroError) -> Refused:
    """Say which refusal a failed exchange or check amounts to."""
    if error.fault is Fault.LOGIN_EXPIRED:
        return Refused(RefusalKind.CODE_USED)
    if error.fault is Fault.APP_MISCONFIGURED:
        return Refused(RefusalKind.APP_MISCONFIGURED, {"answer": error.detail})
    if error.fault is Fault.SCOPE_MISSING:
        return Refused(RefusalKind.SCOPE_MISSING, {"missing": "offline_access"})
    return Refused(RefusalKind.XERO_DOWN, {"answer": error.detail})
