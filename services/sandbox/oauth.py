"""The token and revocation endpoints, and the discovery document of Xero's identity server."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.sandbox import tokens
from services.sandbox.access import digest
from services.sandbox.models import App, Code, Consent, RefreshToken
from services.sandbox.scopes import SCOPES
from services.sandbox.signing import key_set
from services.sandbox.store import now
from services.sandbox.tokens import OAuthError


@dataclass(frozen=True, slots=True)
class Call:
    """A form post to the token endpoint by a client that has proved who it is."""

    issuer: str
    app: App
    form: dict[str, str]


def origin(request: Request) -> str:
    """Return the scheme and host under which the caller reached the sandbox: its issuer."""
    return f"{request.url.scheme}://{request.url.netloc}"


async def token(request: Request) -> Response:
    """`POST /connect/token`: exchange a code or rotate a refresh token."""
    form = texts(await request.form())
    grant_type = request.state.grant_type = form.get("grant_type", "")
    with request.app.state.sandbox.session() as session:
        app = authenticate_client(session, request, form)
        call = Call(origin(request), app, form)
        if grant_type == "authorization_code":
            return token_response(_exchange_code(session, call))
        if grant_type == "refresh_token":
            return token_response(_refresh(session, call))
    raise OAuthError("unsupported_grant_type")


async def revocation(request: Request) -> Response:
    """`POST /connect/revocation`: end a user's tokens and remove all their connections to the app.

    An unknown token is answered 200 as well (RFC 7009, 2.2).
    """
    form = texts(await request.form())
    with request.app.state.sandbox.session() as session:
        app = authenticate_client(session, request, form)
        found = session.get(RefreshToken, digest(form.get("token", "")))
        consent = None if found is None else session.get_one(Consent, found.consent_id)
        if consent is not None and consent.client_id == app.client_id:
            tokens.revoke(session, consent)
    return Response()


async def discovery(request: Request) -> Response:
    """`GET /.well-known/openid-configuration`."""
    issuer = origin(request)
    return JSONResponse(
        {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/.well-known/openid-configuration/jwks",
            "authorization_endpoint": f"{issuer}/identity/connect/authorize",
            "token_endpoint": f"{issuer}/connect/token",
            "revocation_endpoint": f"{issuer}/connect/revocation",
            "scopes_supported": sorted(SCOPES),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }
    )


async def jwks(request: Request) -> Response:
    """`GET /.well-known/openid-configuration/jwks`."""
    with request.app.state.sandbox.session() as session:
        return JSONResponse(key_set(session))


async def answer_oauth_error(_request: Request, error: Exception) -> Response:
    """Answer as Xero does: HTTP 400 and `error` alone."""
    if not isinstance(error, OAuthError):
        raise error
    return JSONResponse({"error": error.code}, 400, {"Cache-Control": "no-store"})


def authenticate_client(session: Session, request: Request, form: dict[str, str]) -> App:
    """Return the app that calls, by Basic or body authentication; raises `OAuthError`.

    An app without a secret of its own is believed: PKCE proves it.
    """
    client_id, secret = credentials(request, form)
    app = session.get(App, client_id)
    if app is None or not secrets.compare_digest(app.client_secret.encode(), secret.encode()):
        raise OAuthError("invalid_client")
    if not app.enabled:
        raise OAuthError("unauthorized_client")
    return app


def take_code(session: Session, client_id: str, form: dict[str, str]) -> Code:
    """Use up the authorization code of a token call; raises `OAuthError` unless all of it fits."""
    code = session.get(Code, form.get("code", ""))
    if code is None or code.used_at is not None or code.expires_at <= now(session):
        raise OAuthError("invalid_grant")
    if (code.client_id, code.redirect_uri) != (client_id, form.get("redirect_uri")):
        raise OAuthError("invalid_grant")
    if not _proves_challenge(form.get("code_verifier"), code.code_challenge):
        raise OAuthError("invalid_grant")
    code.used_at = now(session)
    return code


def _exchange_code(session: Session, call: Call) -> dict[str, Any]:
    code = take_code(session, call.app.client_id, call.form)
    consent = tokens.find_consent(session, code.client_id, code.subject)
    if consent is None or code.authentication_event_id is None:
        raise OAuthError("invalid_grant")
    authentication = tokens.Authentication(call.issuer, consent, code.authentication_event_id, code.nonce)
    return tokens.exchange(session, authentication)


def _refresh(session: Session, call: Call) -> dict[str, Any]:
    if not set(call.form.get("scope", "").split()) <= SCOPES:
        raise OAuthError("invalid_scope")
    refresh_token = call.form.get("refresh_token", "")
    return tokens.rotate(session, call.issuer, call.app.client_id, refresh_token)


def credentials(request: Request, form: dict[str, str]) -> tuple[str, str]:
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthError("invalid_client") from None
    return unquote_plus(client_id), unquote_plus(secret)


def _proves_challenge(verifier: str | None, challenge: str | None) -> bool:
    if verifier is None or challenge is None:
        return verifier is None and challenge is None
    return secrets.compare_digest(create_s256_code_challenge(verifier), challenge)


def texts(form: FormData) -> dict[str, str]:
    return {name: value for name, value in form.items() if isinstance(value, str)}


def token_response(body: dict[str, Any]) -> Response:
    headers = {"Cache-Control": "no-store", "Content-Type": "application/json; charset=UTF-8"}
    return JSONResponse(body, headers=headers)


routes = [
    Route("/.well-known/openid-configuration", discovery),
    Route("/.well-known/openid-configuration/jwks", jwks),
    Route("/connect/token", token, methods=["POST"]),
    Route("/connect/revocation", revocation, methods=["POST"]),
]
