"""How Xero says no: problem bodies in JSON, and the few answers that are plain text."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response


class XeroProblem(Exception):
    """A refusal with Xero's JSON problem body, for 401 and 403."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


class PlainProblem(Exception):
    """A refusal that Xero words in plain text, for 404 and 503."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def token_expired(detail_time: str) -> XeroProblem:
    """Return the 401 of an access token past its time, written as Xero writes it: US order, UTC."""
    return XeroProblem(
        401,
        f"TokenExpired: token expired at {detail_time}",
        {"WWW-Authenticate": "Bearer error=invalid_token"},
    )


def unknown_token() -> XeroProblem:
    """Return the 401 of a missing, malformed or unknown access token."""
    return XeroProblem(401, "AuthenticationUnsuccessful", {"WWW-Authenticate": "Bearer error=invalid_token"})


def missing_scope() -> XeroProblem:
    """Return the 401 of a token without the endpoint's scope, misspelt as Xero misspells it."""
    return XeroProblem(
        401, "AuthorizationUnsuccessful", {"WWW-Authenticate": "Bearer error=insufficent_scope"}
    )


def not_connected() -> XeroProblem:
    """Return the 403 of a tenant that this token cannot reach, whatever the reason."""
    return XeroProblem(403, "AuthenticationUnsuccessful")


def not_found() -> PlainProblem:
    """Return the 404 of a record that does not exist."""
    return PlainProblem(404, "The resource you're looking for cannot be found")


def organisation_offline() -> PlainProblem:
    """Return the 503 of a single organisation."""
    return PlainProblem(503, "The Organisation is offline")


#: Maintenance modes of the control API and the 503 text of each.
OUTAGE_TEXTS = {
    "maintenance": "The Xero API is currently offline for maintenance",
    "unavailable": "The Xero API is temporarily unavailable",
}


async def answer_problem(_request: Request, problem: Exception) -> Response:
    """Turn either kind of refusal into its response."""
    if isinstance(problem, PlainProblem):
        return PlainTextResponse(problem.text, problem.status)
    if not isinstance(problem, XeroProblem):
        raise problem
    body: dict[str, object] = {
        "Type": None,
        "Title": HTTPStatus(problem.status).phrase,
        "Status": problem.status,
        "Detail": problem.detail,
        "Instance": str(uuid.uuid4()),
        "Extensions": {},
    }
    return JSONResponse(body, problem.status, problem.headers)
