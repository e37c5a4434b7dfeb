"""What came back from Xero, judged: the same user and the same organisation, or a refusal by name."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.refusals import RefusalKind
from services.xero.api import Api
from services.xero.connections import XeroConnection, delete_connection, list_connections
from services.xero.errors import Fault, XeroError
from services.xero.oauth import TokenSet

#: Scopes that identify the person; Xero does not list them on its tokens.
_IDENTITY_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
_CLOCKS_DIFFER_BY = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Who and what the workspace was connected with; None where it never was."""

    organisation_id: str | None
    organisation_name: str | None
    xero_user_id: str | None
    xero_user: str | None  #: name and e-mail address
    scopes: frozenset[str]
    other_user_approved: bool = False  #: a change of the Xero admin was approved and not used yet

    @property
    def names(self) -> dict[str, str]:
        """Return this side's particulars of a refusal."""
        known = {"expected": self.organisation_name, "expected_user": self.xero_user}
        return {name: value for name, value in known.items() if value}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A return that repairs the connection."""

    connection: XeroConnection


@dataclass(frozen=True, slots=True)
class Choose:
    """A return that connects several organisations for a workspace that has none: a person chooses."""

    connections: tuple[XeroConnection, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A return that is not accepted; `particulars` fill the words of the refusal."""

    kind: RefusalKind
    particulars: dict[str, str] = field(default_factory=dict)


def judge(
    expected: Expected,
    tokens: TokenSet,
    listed: list[XeroConnection],
    *,
    taken: frozenset[str],
    left_at: datetime,
) -> Accepted | Choose | Refused:
    """Decide whether a consent repairs this workspace; `taken` are organisations of other workspaces.

    Xero lists every organisation the user ever connected, so those chosen just now are told by the
    consent's own id, and where Xero does not repeat that, by the newest update since `left_at`.
    """
    names = {**expected.names, "user": person(tokens.full_name, tokens.email)}
    candidates = _candidates(expected, tokens, listed, left_at)
    free = [found for found in candidates if found.organisation_id not in taken]
    if candidates:
        names["chosen"] = candidates[0].organisation_name
    if kind := _objection(expected, tokens, candidates, free, listed):
        return Refused(kind, names)
    if missing := expected.scopes - tokens.scopes - _IDENTITY_SCOPES:
        return Refused(RefusalKind.SCOPE_MISSING, {**names, "missing": ", ".join(sorted(missing))})
    return Accepted(free[0]) if len(free) == 1 else Choose(tuple(free))


def _objection(
    expected: Expected,
    tokens: TokenSet,
    candidates: list[XeroConnection],
    free: list[XeroConnection],
    listed: list[XeroConnection],
) -> RefusalKind | None:
    if not candidates:
        nowhere = expected.organisation_id is not None and not listed
        return RefusalKind.WRONG_ROLE if nowhere else RefusalKind.NO_ORGANISATION
    if expected.organisation_id not in (None, candidates[0].organisation_id):
        return RefusalKind.OTHER_ORGANISATION
    if not free:
        return RefusalKind.ORGANISATION_TAKEN
    if expected.xero_user_id not in (None, tokens.xero_user_id) and not expected.other_user_approved:
        return RefusalKind.OTHER_USER
    return None


def _candidates(
    expected: Expected, tokens: TokenSet, listed: list[XeroConnection], left_at: datetime
) -> list[XeroConnection]:
    """Return the organisations that the workspace may be meant to have: just one where it had one before."""
    chosen = just_chosen(tokens, listed, left_at)
    if expected.organisation_id is None:
        return chosen or listed
    # Nothing was chosen where Xero lets somebody go on with what is connected already.
    ours = [found for found in chosen or listed if found.organisation_id == expected.organisation_id]
    return ours or chosen[:1]


def just_chosen(tokens: TokenSet, listed: list[XeroConnection], left_at: datetime) -> list[XeroConnection]:
    """Return the connections of this consent, newest first: an app may offer several at once."""
    newest_first = sorted(listed, key=lambda found: found.updated_at, reverse=True)
    event = tokens.authentication_event_id
    by_consent = [found for found in newest_first if event is not None and found.auth_event_id == event]
    fresh = [found for found in newest_first if found.updated_at > left_at - _CLOCKS_DIFFER_BY]
    return by_consent or fresh[:1]


def person(full_name: str | None, email: str | None) -> str:
    """Name a Xero user by what Xero told of them."""
    if full_name and email:
        return f"{full_name} ({email})"
    return full_name or email or "a Xero user without a name"


def connections_of(api: Api) -> list[XeroConnection]:
    """List the organisations of a fresh consent; practices are left out, they have no ledger."""
    return [connection for connection in list_connections(api) if connection.kind == "ORGANISATION"]


def give_back(api: Api, chosen: list[XeroConnection], *, used: frozenset[str]) -> None:
    """Disconnect what a refused consent connected, unless a workspace uses that very connection.

    `used` are Xero's ids of the connections in use. A connection belongs to one Xero user, so giving
    it back takes nothing from the others of the organisation. Where Xero does not take it back, the
    refusal stands all the same.
    """
    for connection in chosen:
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
