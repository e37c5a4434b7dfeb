"""Consent, code exchange, refresh and revocation at Xero (OAuth 2.0 with PKCE), by way of Authlib.

Nothing here is retried: whether a refresh may be repeated is for the caller to decide, who holds the tokens.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jws
from joserfc.errors import JoseError

from services.xero import transport
from services.xero.classify import classify_exception, classify_token_response
from services.xero.errors import Fault, XeroError


@dataclass(frozen=True, slots=True, kw_only=True)
class XeroApp:
    """Our app as registered with Xero, and where Xero is."""

    client_id: str
    client_secret: str = field(repr=False)
    authorize_url: str
    token_url: str
    revoke_url: str
    #: root of the API, for example https://api.xero.com
    api_url: str
    redirect_uri: str
    scopes: tuple[str, ...]
    #: how long to wait for the login service's answer
    login_timeout_seconds: float = 20.0
    #: how long to wait for the API's answer: a batch takes long, and giving up only puts it in doubt
    api_timeout_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSet:
    """What one consent or refresh yields; the tokens stay out of its repr."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    scopes: frozenset[str]
    xero_user_id: str
    #: ties the consent to the connection chosen in it (`authEventId`)
    authentication_event_id: str | None
    email: str | None
    full_name: str | None


def authorization_url(app: XeroApp, *, state: str, code_verifier: str, login_hint: str | None = None) -> str:
    """Where to send the browser for consent; `code_verifier` has 43 to 128 characters as RFC 7636 allows."""
    hint = {"login_hint": login_hint} if login_hint else {}
    with _client(app, scope=" ".join(app.scopes), code_challenge_method="S256") as client:
        url, _ = client.create_authorization_url(
            app.authorize_url, state=state, code_verifier=code_verifier, **hint
        )
    return str(url)


def exchange(app: XeroApp, *, code: str, code_verifier: str) -> TokenSet:
    """Turn the code of a callback into tokens; a used or late code raises LOGIN_EXPIRED."""
    return _fetch(
        app,
        lambda client: client.fetch_token(
            app.token_url, grant_type="authorization_code", code=code, code_verifier=code_verifier
        ),
    )


def refresh(app: XeroApp, refresh_token: str) -> TokenSet:
    """Rotate the tokens of one Xero user.

    Raises LOGIN_EXPIRED when only a new consent helps. After an error that may have been done, Xero
    takes the same refresh token again for 30 minutes (Xero FAQ oauth2).
    """
    return _fetch(app, lambda client: client.refresh_token(app.token_url, refresh_token=refresh_token))


def revoke(app: XeroApp, refresh_token: str) -> None:
    """End the app's access for this Xero user: all of the user's connections go."""
    with _client(app) as client, _classified():
        answer = client.revoke_token(app.revoke_url, token=refresh_token)
        if not answer.is_success:
            _raise_error_of(answer)


def _client(app: XeroApp, **options: Any) -> OAuth2Client:
    client = OAuth2Client(
        client_id=app.client_id,
        client_secret=app.client_secret,  # with a secret, Authlib authenticates by HTTP Basic
        redirect_uri=app.redirect_uri,
        verify=transport.tls(),
        timeout=httpx2.Timeout(
            connect=transport.CONNECT_SECONDS,
            read=app.login_timeout_seconds,
            write=transport.WRITE_SECONDS,
            pool=transport.POOL_SECONDS,
        ),
        **options,
    )
    client.register_compliance_hook("access_token_response", _raise_error_of)
    client.register_compliance_hook("refresh_token_response", _raise_error_of)
    return client


def _raise_error_of(answer: httpx2.Response) -> httpx2.Response:
    error = classify_token_response(answer.status_code, answer.headers, answer.content)
    if error:
        raise error
    return answer


@contextmanager
def _classified() -> Iterator[None]:
    try:
        yield
    except httpx2.HTTPError as exc:
        raise classify_exception(exc) from exc
    except (OAuthError, ValueError) as exc:
        raise _malformed() from exc


def _fetch(app: XeroApp, call: Callable[[OAuth2Client], Mapping[str, Any]]) -> TokenSet:
    asked_at = datetime.now(UTC)
    with _client(app) as client, _classified():
        answer = call(client)
    return _token_set(answer, asked_at)


def _token_set(answer: Mapping[str, Any], asked_at: datetime) -> TokenSet:
    if not answer.get("refresh_token"):
        raise XeroError(
            fault=Fault.SCOPE_MISSING,
            detail="Xero gave no refresh token: the scope offline_access was not granted.",
        )
    try:
        access = _claims(answer["access_token"])
        person = _claims(answer["id_token"]) if answer.get("id_token") else {}
        return TokenSet(
            access_token=answer["access_token"],
            refresh_token=str(answer["refresh_token"]),
            expires_at=asked_at + timedelta(seconds=int(answer["expires_in"])),
            scopes=_scopes(answer, access),
            xero_user_id=str(access["xero_userid"]),
            authentication_event_id=access.get("authentication_event_id"),
            email=person.get("email"),
            full_name=_full_name(person),
        )
    except (KeyError, TypeError, ValueError, AttributeError, JoseError) as exc:
        raise _malformed() from exc


def _claims(token: str) -> dict[str, Any]:
    """The claims of a token, its signature unchecked.

    The token came straight from the token endpoint over TLS, which vouches for its origin (OpenID
    Connect Core 1.0 §3.1.3.7 rule 6). Never use this on a token that came through a browser.
    """
    claims: dict[str, Any] = json.loads(jws.extract_compact(token.encode()).payload)
    return claims


def _scopes(answer: Mapping[str, Any], access: Mapping[str, Any]) -> frozenset[str]:
    scopes = answer.get("scope") or access.get("scope") or ()
    return frozenset(scopes.split() if isinstance(scopes, str) else scopes)


def _full_name(person: Mapping[str, Any]) -> str | None:
    parts = (person.get("given_name"), person.get("family_name"))
    return person.get("name") or " ".join(part for part in parts if part) or None


def _malformed() -> XeroError:
    return XeroError(
        fault=Fault.MALFORMED,
        detail="Xero's login service gave an answer that cannot be understood.",
        may_have_been_done=True,
    )
