"""One authenticated, paced, classified call to Xero's API."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import httpx

from services.xero import transport
from services.xero.classify import classify_exception, classify_response
from services.xero.errors import Fault, XeroError
from services.xero.headers import correlation_id
from services.xero.oauth import XeroApp
from services.xero.pace import AppPace, OrganisationPace

ACCOUNTING = "/api.xro/2.0"

_CONNECTIONS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """A success; `data` is the parsed JSON with exact numbers (int, Decimal), None when the body is empty."""

    data: Any
    status: int
    headers: Mapping[str, str] = field(repr=False)
    correlation_id: str | None


class Api:
    """Calls Xero for one lane; safe to share between threads.

    `token(None)` gives the current access token; `token(rejected)` must give a newer one. `pace` belongs
    to the one organisation that is called; with an `AppPace` only tenantless calls are possible.
    """

    def __init__(
        self, app: XeroApp, *, token: Callable[[str | None], str], pace: OrganisationPace | AppPace
    ) -> None:
        self._token = token
        self._organisation_pace = pace if isinstance(pace, OrganisationPace) else None
        self._app_pace = pace.app if isinstance(pace, OrganisationPace) else pace
        self._client = httpx.Client(
            base_url=app.api_url,
            headers={"Accept": "application/json", "User-Agent": "Relink"},
            verify=transport.tls(),
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
            timeout=httpx.Timeout(
                connect=transport.CONNECT_SECONDS,
                read=app.api_timeout_seconds,
                write=transport.WRITE_SECONDS,
                pool=transport.POOL_SECONDS,
            ),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        organisation_id: str | None = None,
        params: Mapping[str, str | int] | None = None,
        json: Any = None,
        content: bytes | None = None,
        content_type: str | None = None,
        idempotency_key: str | None = None,
        modified_since: datetime | None = None,
    ) -> Answer:
        """Make one call, repeated exactly once with a newer token after 401 TokenExpired, which did no work.

        Raises `XeroError` for everything that is not a readable success, and `MustWait` unsent.
        """
        headers = {
            "xero-tenant-id": organisation_id,
            "Content-Type": content_type,
            "Idempotency-Key": idempotency_key,
            "If-Modified-Since": _moment(modified_since) if modified_since else None,
        }
        request = self._client.build_request(
            method,
            path,
            params=params,
            json=json,
            content=content,
            headers={name: value for name, value in headers.items() if value is not None},
        )
        token = self._fresh_token(None)
        try:
            return self._send(request, token)
        except XeroError as error:
            if error.fault is not Fault.TOKEN_EXPIRED:
                raise
        return self._send(request, self._fresh_token(token))

    def require_room(self) -> None:
        """Raise `MustWait` where the organisation's limits allow no call soon."""
        if self._organisation_pace is not None:
            self._organisation_pace.require_room()

    def _fresh_token(self, rejected: str | None) -> str:
        try:
            return self._token(rejected)
        except XeroError as error:
            error.may_have_been_done = False  # the call itself was never sent
            raise

    def _send(self, request: httpx.Request, token: str) -> Answer:
        request.headers["Authorization"] = f"Bearer {token}"
        try:
            response = self._paced(request)
            error = classify_response(response.status_code, response.headers, response.content)
            if error:
                raise error
            return _answer(response)
        except XeroError as error:
            if request.method == "GET":  # a read changes nothing, so nothing can be in doubt
                error.may_have_been_done = False
            raise

    def _paced(self, request: httpx.Request) -> httpx.Response:
        pace = self._pace_of(request)
        pace.before_call()
        response: httpx.Response | None = None
        try:
            response = self._client.send(request)
        except httpx.HTTPError as exc:
            raise classify_exception(exc) from exc
        finally:
            if response is None:
                pace.after_call(None, {})
            else:
                pace.after_call(response.status_code, response.headers)
        return response

    def _pace_of(self, request: httpx.Request) -> OrganisationPace | AppPace:
        if "xero-tenant-id" not in request.headers:
            return self._app_pace
        if self._organisation_pace is None:
            raise ValueError("calls to an organisation need the pace of that organisation")
        return self._organisation_pace


def _moment(when: datetime) -> str:
    """Write a moment as Xero reads it: UTC to the second, without saying so."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"


def _answer(response: httpx.Response) -> Answer:
    found = correlation_id(response.headers)
    with understood(found, status=response.status_code):
        # Money must not pass through binary floats.
        data = jsonlib.loads(response.content, parse_float=Decimal) if response.content else None
    return Answer(data=data, status=response.status_code, headers=response.headers, correlation_id=found)


@contextmanager
def understood(
    correlation: str | None = None, *, status: int | None = None, written: bool = True
) -> Iterator[None]:
    """Turn a failure to read an answer into MALFORMED; `written` says whether the call may have done work."""
    try:
        yield
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as exc:
        raise XeroError(
            fault=Fault.MALFORMED,
            detail="Xero gave an answer that cannot be understood.",
            status=status,
            correlation_id=correlation,
            may_have_been_done=written,
        ) from exc
