"""What came back from Xero, judged without any Xero: a table with a reason a row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from services.refusals import RefusalKind, describe
from services.returns import Accepted, Choose, Expected, Refused, judge, person, refused_by
from services.xero.connections import XeroConnection
from services.xero.errors import Fault, XeroError
from services.xero.oauth import TokenSet

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
SCOPES = frozenset({"openid", "offline_access", "accounting.invoices", "accounting.settings.read"})

EXPECTED = Expected(
    organisation_id="org-a",
    organisation_name="Acme Ltd",
    xero_user_id="user-1",
    xero_user="Amira Admin (amira@acme.example)",
    scopes=SCOPES,
)
NEVER = Expected(
    organisation_id=None, organisation_name=None, xero_user_id=None, xero_user=None, scopes=SCOPES
)
TOKENS = TokenSet(
    access_token="access",
    refresh_token="refresh",
    expires_at=NOON,
    scopes=frozenset({"accounting.invoices", "accounting.settings.read"}),
    xero_user_id="user-1",
    authentication_event_id="event-2",
    email="amira@acme.example",
    full_name="Amira Admin",
)


def connection(organisation: str, *, event: str = "event-1", minutes: int = 0) -> XeroConnection:
    """Return a connection to `org-<organisation>` that was updated so many minutes after noon."""
    return XeroConnection(
        id=f"connection-{organisation}",
        auth_event_id=event,
        organisation_id=f"org-{organisation}",
        organisation_name=f"Company {organisation}",
        kind="ORGANISATION",
        created_at=NOON,
        updated_at=NOON + timedelta(minutes=minutes),
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One return and what becomes of it."""

    reason: str
    verdict: str  #: the accepted organisation, those to choose from, or the refusal
    listed: list[XeroConnection]
    expected: Expected = EXPECTED
    tokens: TokenSet = TOKENS
    taken: frozenset[str] = frozenset()


CHOSEN_A, CHOSEN_B = connection("a", event="event-2"), connection("b", event="event-2")
OLD_A = connection("a", minutes=9)
LONG_AGO_A, LONG_AGO_B = connection("a", minutes=-60), connection("b", minutes=-90)
CHANGING = replace(EXPECTED, other_user_approved=True)
OTHER_USER = replace(TOKENS, xero_user_id="user-2")
FEWER, MORE = frozenset({"accounting.invoices"}), TOKENS.scopes | {"accounting.contacts"}
TABLE = [
    Row("same user and organisation", "org-a", [CHOSEN_A]),
    Row("the user's other organisations do not matter", "org-a", [connection("b"), CHOSEN_A]),
    Row("another was chosen, though ours is listed", "other organisation", [OLD_A, CHOSEN_B]),
    Row("ours among several chosen at once", "org-a", [CHOSEN_B, CHOSEN_A]),
    Row(
        "Xero does not repeat the consent's id: the newest counts",
        "org-a",
        [connection("a", minutes=5), connection("b", minutes=1)],
    ),
    Row(
        "and where the newest is another",
        "other organisation",
        [connection("a", minutes=1), connection("b", minutes=5)],
    ),
    Row("the login reaches no organisation at all: its role is not enough", "wrong role", []),
    Row("nothing was chosen, and ours is not among the login's", "no organisation", [LONG_AGO_B]),
    Row("nothing was chosen, as ours is connected already", "org-a", [LONG_AGO_A, LONG_AGO_B]),
    Row("another user", "other user", [CHOSEN_A], tokens=OTHER_USER),
    Row("another user, approved", "org-a", [CHOSEN_A], expected=CHANGING, tokens=OTHER_USER),
    Row("approved is a user, never an organisation", "other organisation", [CHOSEN_B], expected=CHANGING),
    Row("another user and organisation", "other organisation", [CHOSEN_B], tokens=OTHER_USER),
    Row("never connected: any user and organisation", "org-b", [CHOSEN_B], expected=NEVER),
    Row(
        "never connected, but the organisation has a workspace",
        "organisation taken",
        [CHOSEN_B],
        expected=NEVER,
        taken=frozenset({"org-b"}),
    ),
    Row("never connected: nothing was chosen", "no organisation", [], expected=NEVER),
    Row("never connected: several chosen at once", "org-b or org-a", [CHOSEN_B, CHOSEN_A], expected=NEVER),
    Row(
        "never connected: of several chosen at once one is free",
        "org-a",
        [CHOSEN_B, CHOSEN_A],
        expected=NEVER,
        taken=frozenset({"org-b"}),
    ),
    Row(
        "never connected: nothing chosen, but the login has several from before",
        "org-a or org-b",
        [LONG_AGO_A, LONG_AGO_B],
        expected=NEVER,
    ),
    Row(
        "no organisation yet, and another user than before",
        "other user",
        [CHOSEN_B],
        expected=replace(EXPECTED, organisation_id=None),
        tokens=OTHER_USER,
    ),
    Row(
        "Xero tells no consent's id anywhere: nothing of old counts as chosen",
        "other organisation",
        [replace(LONG_AGO_A, auth_event_id=None), replace(connection("b", minutes=1), auth_event_id=None)],
        tokens=replace(TOKENS, authentication_event_id=None),
    ),
    Row("a permission less", "scope missing", [CHOSEN_A], tokens=replace(TOKENS, scopes=FEWER)),
    Row("more permissions than needed", "org-a", [CHOSEN_A], tokens=replace(TOKENS, scopes=MORE)),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.reason)
def test_a_return_is_accepted_or_refused_by_name(row: Row) -> None:
    verdict = judge(row.expected, row.tokens, row.listed, taken=row.taken, left_at=NOON)
    match verdict:
        case Accepted(found):
            assert found.organisation_id == row.verdict
        case Choose(several):
            assert " or ".join(found.organisation_id for found in several) == row.verdict
        case Refused(kind, particulars):
            assert kind == row.verdict
            assert describe(kind, particulars).way_out


def test_the_missing_permissions_are_named_and_those_that_identify_a_person_are_not_asked_for() -> None:
    verdict = judge(
        EXPECTED, replace(TOKENS, scopes=frozenset()), [CHOSEN_A], taken=frozenset(), left_at=NOON
    )
    assert isinstance(verdict, Refused)
    assert verdict.particulars["missing"] == "accounting.invoices, accounting.settings.read"


@pytest.mark.parametrize(
    ("full_name", "email", "called"),
    [
        ("Amira Admin", "a@b.example", "Amira Admin (a@b.example)"),
        (None, "a@b.example", "a@b.example"),
        ("Amira Admin", None, "Amira Admin"),
        (None, None, "a Xero user without a name"),
    ],
)
def test_a_person_is_called_by_what_xero_told(full_name: str | None, email: str | None, called: str) -> None:
    assert person(full_name, email) == called


@pytest.mark.parametrize(
    ("fault", "refusal"),
    [
        (Fault.LOGIN_EXPIRED, RefusalKind.CODE_USED),
        (Fault.APP_MISCONFIGURED, RefusalKind.APP_MISCONFIGURED),
        (Fault.SCOPE_MISSING, RefusalKind.SCOPE_MISSING),
        (Fault.UNAVAILABLE, RefusalKind.XERO_DOWN),
        (Fault.THROTTLED, RefusalKind.XERO_DOWN),
        (Fault.MALFORMED, RefusalKind.XERO_DOWN),
    ],
)
def test_a_failed_exchange_is_a_refusal_with_a_way_out(fault: Fault, refusal: RefusalKind) -> None:
    refused = refused_by(XeroError(fault=fault, detail="what Xero said"))
    assert refused.kind is refusal
    assert describe(refused.kind, refused.particulars).way_out
