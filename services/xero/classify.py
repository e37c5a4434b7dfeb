"""The one place where what Xero answered, or failed to answer, gets its meaning.

Sources: Xero OAuth 2.0 troubleshooting, Xero API response codes, Xero OAuth 2.0 API limits, RFC 6749 §5.2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx
import httpx2

from services.xero import headers as head
from services.xero.errors import Fault, XeroError

_LONGEST_DETAIL = 500

# Authlib calls through httpx2, everything else through httpx: twins without a common ancestor.
_NEVER_SENT = tuple(
    kind
    for library in (httpx, httpx2)
    for kind in (
        library.ConnectError,
        library.ConnectTimeout,
        library.PoolTimeout,
        library.ProxyError,
        library.UnsupportedProtocol,
    )
)
_NOT_UNDERSTOOD = (httpx.DecodingError, httpx2.DecodingError)

_TOKEN_ERRORS = {
    "invalid_grant": (Fault.LOGIN_EXPIRED, "The login with Xero has expired or was revoked."),
    "invalid_client": (Fault.APP_MISCONFIGURED, "Xero does not accept the app's client id or secret."),
    "unauthorized_client": (Fault.APP_MISCONFIGURED, "Xero does not allow the app to do this."),
    "invalid_scope": (Fault.APP_MISCONFIGURED, "Xero does not offer the app one of the scopes it asks for."),
    "unsupported_grant_type": (Fault.APP_MISCONFIGURED, "Xero does not offer the app this kind of login."),
    "invalid_request": (Fault.APP_MISCONFIGURED, "Xero's login service does not understand the app."),
}


def classify_response(status: int, headers: Mapping[str, str], body: bytes) -> XeroError | None:
    """Say what an API answer means; None when it is a success.

    Statuses that leave open whether the work was done (500, 502, 504, a redirect) say so.
    """
    if 200 <= status < 300:
        return None
    fault, detail = _api_fault(status, headers, body)
    return _error(fault, detail, status, headers)


def classify_token_response(status: int, headers: Mapping[str, str], body: bytes) -> XeroError | None:
    """Say what the token endpoint's answer means; None when it is a JSON object with an access token.

    Only the member `error` counts: `error_description` is usually absent and its texts vary.
    """
    answer = _json_object(body)
    if 200 <= status < 300 and isinstance(answer.get("access_token"), str):
        return None
    fault, detail = _token_fault(status, headers, str(answer.get("error", "")))
    return _error(fault, detail, status, headers)


def classify_exception(exc: httpx.HTTPError | httpx2.HTTPError) -> XeroError:
    """Say what a call without an answer means, and whether Xero may have done the work."""
    sent = not isinstance(exc, _NEVER_SENT)
    if isinstance(exc, _NOT_UNDERSTOOD):
        return XeroError(
            fault=Fault.MALFORMED, detail="Xero's answer could not be decoded.", may_have_been_done=True
        )
    what = "did not answer" if sent else "could not be reached"
    return XeroError(
        fault=Fault.UNAVAILABLE, detail=f"Xero {what} ({type(exc).__name__}).", may_have_been_done=sent
    )


def _error(fault: Fault, detail: str, status: int, headers: Mapping[str, str]) -> XeroError:
    return XeroError(
        fault=fault,
        detail=detail,
        status=status,
        correlation_id=head.correlation_id(headers),
        retry_after_seconds=head.retry_after_seconds(headers),
        limit=head.exhausted_limit(headers) if fault is Fault.THROTTLED else None,
        # 501 and 503 are refusals; the other 5xx, a redirect or a 2xx we cannot read are not.
        may_have_been_done=status < 400 or (status >= 500 and status not in (501, 503)),
    )


def _api_fault(status: int, headers: Mapping[str, str], body: bytes) -> tuple[Fault, str]:
    if status == 401:
        return _unauthorised(headers, body)
    if status == 403:
        if _lacks_scope(headers):
            return Fault.SCOPE_MISSING, "The consent given in Xero does not cover this."
        return Fault.NOT_CONNECTED, "Xero says that this organisation is not connected."
    if status == 404:
        return Fault.NOT_FOUND, "Xero has no such record."
    if status == 501 or (400 <= status < 500 and status not in (408, 429)):
        return Fault.INVALID, _refusal(status, body)
    return _not_now(status, headers, body)


def _unauthorised(headers: Mapping[str, str], body: bytes) -> tuple[Fault, str]:
    detail = str(_json_object(body).get("detail", ""))
    if detail.startswith("AuthorizationUnsuccessful") or _lacks_scope(headers):
        return Fault.SCOPE_MISSING, "The consent given in Xero does not cover this."
    if detail.startswith("TokenExpired"):
        return Fault.TOKEN_EXPIRED, "The access token has expired."
    return Fault.BAD_TOKEN, "Xero does not accept the access token."


def _lacks_scope(headers: Mapping[str, str]) -> bool:
    # Xero's FAQ prints it as insufficent_scope.
    challenge = httpx.Headers(headers).get("WWW-Authenticate", "")
    return re.search(r"insuffici?ent_scope", challenge, re.IGNORECASE) is not None


def _not_now(status: int, headers: Mapping[str, str], body: bytes) -> tuple[Fault, str]:
    if status == 429:
        limit = head.exhausted_limit(headers) or "unnamed"
        return Fault.THROTTLED, f"Xero's {limit} limit is used up."
    if status == 503 and b"organisation is offline" in body.lower():
        return Fault.ORGANISATION_OFFLINE, "Xero says that this organisation is offline."
    if status == 503:
        return Fault.UNAVAILABLE, "Xero is offline for maintenance or temporarily unavailable."
    if status == 408 or status >= 500:
        return Fault.UNAVAILABLE, f"Xero answered with an error of its own (HTTP {status})."
    return Fault.MALFORMED, f"Xero gave an answer that no rule foresees (HTTP {status})."


def _token_fault(status: int, headers: Mapping[str, str], error: str) -> tuple[Fault, str]:
    if status < 400:
        return Fault.MALFORMED, "Xero's login service gave an answer without a token."
    if status in (408, 429) or status >= 500:
        return _not_now(status, headers, b"")
    if error in _TOKEN_ERRORS:
        return _TOKEN_ERRORS[error]
    if status == 401:
        return _TOKEN_ERRORS["invalid_client"]
    # A gateway's page, or an error to come: it says nothing of a login, so it breaks no workspace.
    return Fault.UNAVAILABLE, f"Xero's login service refused the request (HTTP {status})."


def _refusal(status: int, body: bytes) -> str:
    answer = _json_object(body)
    message = str(answer.get("message") or answer.get("detail") or f"Xero refused the call (HTTP {status}).")
    reasons = dict.fromkeys(_validation_messages(answer.get("elements")))
    return (
        "; ".join([message.rstrip("."), *reasons])[:_LONGEST_DETAIL] if reasons else message[:_LONGEST_DETAIL]
    )


def _validation_messages(elements: Any) -> list[str]:
    rows = [row for row in elements if isinstance(row, dict)] if isinstance(elements, list) else []
    found = [fault for row in rows for fault in row.get("ValidationErrors") or [] if isinstance(fault, dict)]
    return [str(fault["Message"]) for fault in found if fault.get("Message")]


def _json_object(body: bytes) -> dict[str, Any]:
    """The body's members by lower-cased name: Xero's problem JSON has changed its case over the years."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return {name.lower(): value for name, value in answer.items()} if isinstance(answer, dict) else {}
