"""The status matrix: every way a connection breaks, what is seen of it, and what mends it; one row a case."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dashboard.parts.badges import Tone
from services.store.states import Health
from services.wizard import Act
from tests.integration.features import status_acts as do
from tests.integration.features.status_acts import api, limit, listing, problem, refused, token_endpoint
from tests.integration.office import Office


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What people see once Relink found out."""

    health: Health
    code: str | None = None  #: beside the badge
    tone: Tone
    title: str | None = None  #: of the code, in the catalogue
    who: str  #: who has to act, in a sentence
    says: str | None = None  #: what the wizard notes at Click Sync Now, where a sync found out
    incident: bool = False  #: an open one with this health as its cause, and this code
    held: bool = False  #: the export that waits is held
    act: Act  #: the one thing that the wizard asks for
    banner: bool = False  #: the one about our own app


@dataclass(frozen=True, slots=True)
class Row:
    """One case; `reason` names the test."""

    reason: str
    breaks: do.Act
    seen: Seen
    mended_by: tuple[do.Act, ...]
    found_by: do.Act = do.sync_now


ADMIN_ACTS = "The Xero admin of the workspace has to act."
XERO01 = (
    "XERO01 Sync Error: Unable to complete action to Xero. Please reach out to Concierge for additional "
    "assistance."
)
XERO11 = (
    "XERO11 Sync Error: The connection to Xero has expired. Please follow prompts in the workspace to "
    "reconnect."
)
XERO45 = (
    "XERO45 Sync Error: Unable to sync Xero data because Xero rejected the connection's credentials. Please "
    "reconnect Xero in the workspace."
)
XERO46 = "XERO46 Sync Error: The request to Xero timed out or Xero was busy. Please try again later."
XERO73 = (
    "XERO73 Sync Error: Could not retrieve Xero chart of accounts. Please make sure the accounts in Xero are "
    "set to 'Expense' type and have 'Show in Expense Claims' enabled."
)
XERO84 = (
    "XERO84 Sync Error: There was a problem syncing Xero data. Please select which Xero organization or "
    "company this Workspace should sync with."
)

FINE = Seen(health=Health.HEALTHY, tone=Tone.GOOD, who="Nobody has to act.", act=Act.RETRY)
PARKED = replace(FINE, act=Act.WAIT)
OUR_APP = replace(FINE, says=XERO01, banner=True)
EXPIRED = Seen(
    health=Health.EXPIRED,
    code="XERO11",
    tone=Tone.BAD,
    title="Connection expired",
    who=ADMIN_ACTS,
    says=XERO11,
    incident=True,
    held=True,
    act=Act.RECONNECT,
)
DISCONNECTED = replace(EXPIRED, health=Health.DISCONNECTED)
REJECTED = replace(EXPIRED, code="XERO45", title="Credentials rejected", says=XERO45)
NO_SCOPE = replace(REJECTED, health=Health.MISSING_SCOPE)
WRONG_ROLE = replace(REJECTED, health=Health.WRONG_ROLE)
CHOSE_NONE = replace(
    EXPIRED,
    health=Health.NEEDS_ORGANISATION,
    code="XERO84",
    title="No organisation chosen",
    who="A workspace admin has to act.",
    says=XERO84,
)
NEVER = replace(
    CHOSE_NONE,
    health=Health.NOT_CONNECTED,
    tone=Tone.OFF,
    who="A workspace admin can connect it.",
    incident=False,
    held=False,
)
REFUSED = replace(
    EXPIRED,
    health=Health.SYNC_ERROR,
    code="XERO01",
    title="Action not completed",
    who="Concierge / support has to act.",
    says=XERO01,
    act=Act.SYNC_AGAIN,
)
NO_ACCOUNTS = replace(
    REFUSED,
    code="XERO73",
    title="No usable accounts",
    who=ADMIN_ACTS,
    says=XERO73,
)
BUSY = Seen(
    health=Health.UNAVAILABLE,
    code="XERO46",
    tone=Tone.WARNING,
    title="Xero busy",
    who="Nobody has to act: Relink asks Xero again by itself.",
    says=XERO46,
    act=Act.SYNC_AGAIN,
)


def before_a_sync(seen: Seen) -> Seen:
    """Return what is seen where no sync found out: the article's steps begin with Sync Now."""
    return replace(seen, says=None, act=Act.SYNC)


RECONNECT = (do.reconnect,)
SYNC = (do.sync_now,)
WAIT = (do.upkeep_asks_again,)
GOES_ON = (do.pause_is_over,)
LIMIT_ENDS = (do.limit_is_over, do.pause_is_over)
#: A new token is what shows that Xero accepts our app again.
APP_MENDED = (do.token_runs_out, do.sync_now)
APP_MENDED_LATER = (do.token_runs_out, do.pause_is_over)
SAID_ONCE = {"Retry-After": "0"}

LOGIN = [
    Row("the login expired", do.login("expire"), EXPIRED, RECONNECT),
    Row("expired, found by upkeep", do.login("expire"), before_a_sync(EXPIRED), RECONNECT, do.daily_upkeep),
    Row("expired, found by a retry", do.login("expire"), before_a_sync(EXPIRED), RECONNECT, do.retry),
    Row("access revoked, token of before", do.login("revoke"), REJECTED, RECONNECT),
    Row("access revoked, token due", do.both(do.login("revoke"), do.token_runs_out), EXPIRED, RECONNECT),
    Row("refresh refused: invalid_grant", token_endpoint(**refused("invalid_grant")), EXPIRED, RECONNECT),
    Row("refresh refused with 401", token_endpoint(**refused("invalid_grant", 401)), EXPIRED, RECONNECT),
    Row("401 TokenExpired once", api("Organisation", **problem(401, do.TOKEN_EXPIRED)), FINE, ()),
    Row("expired token, as of 2019", api("Accounts", **problem(401, do.TOKEN_EXPIRED, old=True)), FINE, ()),
    Row("401 TokenExpired twice", api("TaxRates", **problem(401, do.TOKEN_EXPIRED, times=2)), EXPIRED, SYNC),
    Row(
        "expired token twice, as of 2019",
        listing(**problem(401, do.TOKEN_EXPIRED, old=True, times=2)),
        EXPIRED,
        SYNC,
    ),
    Row(
        "401 for the token", api("Organisation", **problem(401, "AuthenticationUnsuccessful")), REJECTED, SYNC
    ),
    Row(
        "unknown token, as of 2019",
        api("Contacts", **problem(401, "AuthenticationUnsuccessful", old=True)),
        REJECTED,
        RECONNECT,
    ),
    Row(
        "401 for the token when listing",
        listing(**problem(401, "AuthenticationUnsuccessful")),
        REJECTED,
        SYNC,
    ),
    Row("401 that says nothing", api("Organisation", status=401), REJECTED, SYNC),
]

SCOPES = [
    Row(
        "a scope was taken away",
        do.login("scopes/remove", scope="accounting.settings.read"),
        NO_SCOPE,
        RECONNECT,
    ),
    Row("401 for a scope", api("Contacts", **problem(401, "AuthorizationUnsuccessful")), NO_SCOPE, RECONNECT),
    Row(
        "a scope, as of 2019",
        api("Accounts", **problem(401, "AuthorizationUnsuccessful", old=True)),
        NO_SCOPE,
        RECONNECT,
    ),
    Row(
        "401 insufficent_scope, as Xero spells it",
        api("Accounts", status=401, headers={"WWW-Authenticate": "Bearer error=insufficent_scope"}),
        NO_SCOPE,
        RECONNECT,
    ),
    Row(
        "401 insufficient_scope",
        api("Accounts", status=401, headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'}),
        NO_SCOPE,
        RECONNECT,
    ),
    Row(
        "a scope for sending, found by a retry",
        api("Invoices", "PUT", **problem(401, "AuthorizationUnsuccessful")),
        before_a_sync(NO_SCOPE),
        RECONNECT,
        do.retry,
    ),
]

ORGANISATION = [
    Row("disconnected in Xero", Office.disconnect, DISCONNECTED, RECONNECT),
    Row(
        "disconnected, found by upkeep",
        Office.disconnect,
        before_a_sync(DISCONNECTED),
        RECONNECT,
        do.daily_upkeep,
    ),
    Row(
        "disconnected, found by a retry", Office.disconnect, before_a_sync(DISCONNECTED), RECONNECT, do.retry
    ),
    Row("disconnected, one of several", do.one_of_several_disconnected, DISCONNECTED, RECONNECT),
    Row("disconnected, another user stays", do.another_user_connects(stays=True), DISCONNECTED, RECONNECT),
    Row("disconnected, but another user only", do.another_user_connects(stays=False), FINE, ()),
    Row("role lost: ReadOnly", do.role("ReadOnly"), DISCONNECTED, (do.role("Standard"), do.sync_now)),
    Row(
        "role lost: InvoiceOnly", do.role("InvoiceOnly"), DISCONNECTED, (do.role("Adviser"), do.daily_upkeep)
    ),
    Row("user removed", do.role(None), DISCONNECTED, (do.role("Adviser"), do.reconnect)),
    Row(
        "demo company reset",
        do.both(do.role(None), Office.disconnect),
        DISCONNECTED,
        (do.role("Adviser"), do.reconnect),
    ),
    Row(
        "403 though still listed",
        api("Organisation", **problem(403, "AuthenticationUnsuccessful")),
        WRONG_ROLE,
        SYNC,
    ),
    Row(
        "403 though listed, as of 2019",
        api("Accounts", **problem(403, "AuthenticationUnsuccessful", old=True)),
        WRONG_ROLE,
        RECONNECT,
    ),
    Row(
        "403 though still listed, found by a retry",
        api("Invoices", "PUT", **problem(403, "AuthenticationUnsuccessful")),
        before_a_sync(WRONG_ROLE),
        SYNC,
        do.retry,
    ),
    Row("no organisation chosen", do.no_organisation, CHOSE_NONE, RECONNECT),
    Row("never connected", Office.disown, NEVER, RECONNECT),
    Row("all accounts archived", do.accounts("ARCHIVED"), NO_ACCOUNTS, (do.accounts("ACTIVE"), do.sync_now)),
]

XERO_DOWN = [
    Row(
        "the organisation is offline",
        do.organisation(status="offline"),
        BUSY,
        (do.organisation(status="active"), *WAIT),
    ),
    Row("maintenance", do.outage("maintenance"), BUSY, (do.outage("none"), *WAIT)),
    Row("temporarily unavailable", do.outage("unavailable"), BUSY, (do.outage("none"), *SYNC)),
    Row(
        "unavailable, found by upkeep", do.outage("unavailable"), FINE, (do.outage("none"),), do.daily_upkeep
    ),
    Row("500", api("TaxRates", status=500), BUSY, WAIT),
    Row("502", api("Accounts", status=502, body="<html>Bad Gateway</html>"), BUSY, WAIT),
    Row("503 without a text", api("Organisation", status=503), BUSY, WAIT),
    Row("504", api("TrackingCategories", status=504), BUSY, WAIT),
    Row("500 when listing", listing(status=500), BUSY, SYNC),
    Row("line cut before the work", api("Contacts", reset="before"), BUSY, WAIT),
    Row("line cut after the work", api("Organisation", reset="after"), BUSY, WAIT),
    Row("answer too late", do.slow_answer, BUSY, (do.patience, *WAIT)),
    Row("answer is no JSON", api("Accounts", status=200, body="<html>"), BUSY, WAIT),
    Row("answer is empty", api("Organisation", status=200), BUSY, WAIT),
    Row("empty answer when listing", listing(status=200), BUSY, SYNC),
    Row("502 when sending", api("Invoices", "PUT", status=502), FINE, GOES_ON, do.retry),
    Row("line cut after sending", api("Invoices", "PUT", reset="after"), FINE, GOES_ON, do.retry),
    Row(
        "offline when sending",
        api("Invoices", "PUT", status=503, body="The Organisation is offline"),
        FINE,
        GOES_ON,
        do.retry,
    ),
]


LIMITS = [
    Row(
        "the day's limit",
        api("Accounts", **limit("day", **{"Retry-After": "3600"})),
        BUSY,
        (do.limit_is_over, *WAIT),
    ),
    Row("the day's limit, no time said", api("Contacts", **limit("day")), BUSY, (do.limit_is_over, *WAIT)),
    Row(
        "the minute's limit", api("Contacts", **limit("minute", **{"Retry-After": "22"})), PARKED, LIMIT_ENDS
    ),
    Row("the minute's limit, no time said", api("Accounts", **limit("minute")), PARKED, LIMIT_ENDS),
    Row("five at once", api("TaxRates", **limit("concurrent")), PARKED, LIMIT_ENDS),
    Row("the app's minute", listing(**limit("appminute", **SAID_ONCE)), PARKED, GOES_ON),
    Row("a limit without a name", api("Organisation", status=429), PARKED, LIMIT_ENDS),
    Row(
        "the minute's limit when sending",
        api("Invoices", "PUT", **limit("minute")),
        FINE,
        LIMIT_ENDS,
        do.retry,
    ),
]

TOKENS = [
    Row("invalid_client", token_endpoint(**refused("invalid_client")), OUR_APP, APP_MENDED),
    Row("invalid_client with 401", token_endpoint(**refused("invalid_client", 401)), OUR_APP, APP_MENDED),
    Row("unauthorized_client", token_endpoint(**refused("unauthorized_client")), OUR_APP, APP_MENDED),
    Row("invalid_scope", token_endpoint(**refused("invalid_scope")), OUR_APP, APP_MENDED),
    Row("unsupported_grant_type", token_endpoint(**refused("unsupported_grant_type")), OUR_APP, APP_MENDED),
    Row(
        "our app, found by a retry",
        token_endpoint(**refused("invalid_client")),
        replace(FINE, banner=True),
        (do.token_runs_out, do.pause_is_over),
        do.retry,
    ),
    Row("invalid_request", token_endpoint(**refused("invalid_request")), OUR_APP, APP_MENDED),
    Row("login service 503", token_endpoint(status=503), BUSY, WAIT),
    Row("login service throttles", token_endpoint(status=429), PARKED, GOES_ON),
    Row("login service cut off", token_endpoint(reset="before"), BUSY, WAIT),
    Row("login service answers no token", token_endpoint(status=200, body="{}"), BUSY, WAIT),
    Row("login service answers no JSON", token_endpoint(status=200, body="<html>"), BUSY, WAIT),
    Row("a gateway refuses", token_endpoint(status=403, body="<html>Forbidden</html>"), BUSY, WAIT),
    Row("a refusal that nobody knows", token_endpoint(**refused("slow_down")), BUSY, WAIT),
]

REFUSALS = [
    Row(
        "404",
        api("TrackingCategories", status=404, body="The resource you're looking for cannot be found"),
        REFUSED,
        SYNC,
    ),
    Row("412", api("Accounts", status=412), REFUSED, SYNC),
    Row("501", api("TaxRates", status=501), REFUSED, (do.daily_upkeep,)),
]

ROWS = [*LOGIN, *SCOPES, *ORGANISATION, *XERO_DOWN, *LIMITS, *TOKENS, *REFUSALS]
