"""What can go wrong between us and Xero, as one closed list."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import Any


class Fault(StrEnum):
    """The kinds of failure that call for different acts."""

    #: 401 TokenExpired: the access token is over its 30 minutes; refresh once and call again
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a name, not a token
    #: 401 AuthenticationUnsuccessful: Xero does not know this access token
    BAD_TOKEN = "bad_token"  # noqa: S105 - a name, not a token
    #: invalid_grant at the token endpoint: only a person who logs in again can help (XERO11)
    LOGIN_EXPIRED = "login_expired"
    #: 401 AuthorizationUnsuccessful: the scope was never granted; a refresh does not help, a new consent does
    SCOPE_MISSING = "scope_missing"
    #: 403: the organisation is not, or no longer, connected for this user
    NOT_CONNECTED = "not_connected"
    #: invalid_client and its siblings: our app is at fault, no workspace is
    APP_MISCONFIGURED = "app_misconfigured"
    #: 429: one of the four limits is used up
    THROTTLED = "throttled"
    #: Xero cannot be reached, is in maintenance or broke: later
    UNAVAILABLE = "unavailable"
    #: 503 for one organisation only: later; never a reason to reconnect
    ORGANISATION_OFFLINE = "organisation_offline"
    #: Xero understood and refused what was sent
    INVALID = "invalid"
    #: 404: there is no such record
    NOT_FOUND = "not_found"
    #: an answer that cannot be understood
    MALFORMED = "malformed"


#: What was asked or sent is refused as it is: again, the same would be refused again.
REFUSALS = frozenset({Fault.INVALID, Fault.NOT_FOUND})


class XeroError(Exception):
    """One failed call, classified; every field is safe to store, log and show.

    `limit` is minute, day, concurrent or appminute after a 429. `may_have_been_done` is True only
    when the call was sent and its outcome is unknown: ask Xero before sending it again.
    """

    def __init__(
        self,
        *,
        fault: Fault,
        detail: str,
        status: int | None = None,
        correlation_id: str | None = None,
        retry_after_seconds: float | None = None,
        limit: str | None = None,
        may_have_been_done: bool = False,
    ) -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail
        self.status = status
        self.correlation_id = correlation_id
        self.retry_after_seconds = retry_after_seconds
        self.limit = limit
        self.may_have_been_done = may_have_been_done

    def __str__(self) -> str:
        return f"{self.fault}: {self.detail}"

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword-only errors do not survive pickling by themselves, and workers store errors pickled.
        fields = {name: value for name, value in self.__dict__.items() if name != "__notes__"}
        return partial(XeroError, **fields), ()
