"""A second OpenID Connect issuer, with which members sign in to Relink itself."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from services.sandbox import oauth
from services.sandbox.authorize import CODE_LIFETIME, Refused
from services.sandbox.models import Code, Member
from services.sandbox.pages import render
from services.sandbox.signing import at_hash, key_set, sign, verify
from services.sandbox.store import now
from services.sandbox.tokens import OAuthError

CLIENT_ID = "RELINK-MEMBERS"
CLIENT_SECRET = "sandbox-members-secret"  # noqa: S105
TOKEN_SECONDS = 60 * 60
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1"})


async def discovery(request: Request) -> Response:
    """`GET /members/.well-known/openid-configuration`."""
    issuer = _issuer(request)
    return JSONResponse(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/jwks",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "end_session_endpoint": f"{issuer}/endsession",
            "scopes_supported": ["openid", "profile", "email"],
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }
    )


async def choose(request: Request) -> Response:
    """`GET /members/authorize`: one button for each demo member."""
    _check(request)
    with request.app.state.sandbox.session() as session:
        return render("members.html", members=session.scalars(select(Member)).all())


async def sign_in(request: Request) -> Response:
    """`POST /members/authorize`: go back to Relink with a code for the chosen member."""
    _check(request)
    form = await request.form()
    query = request.query_params
    with request.app.state.sandbox.session() as session:
        member = session.get(Member, str(form.get("email", "")))
        if member is None:
            return RedirectResponse(str(request.url), 303)
        code = _code(session, request, member)
    answer = {"code": code, **({"state": query["state"]} if "state" in query else {})}
    redirect_uri = query["redirect_uri"]
    separator = "&" if "?" in redirect_uri else "?"
    return RedirectResponse(f"{redirect_uri}{separator}{urlencode(answer)}", 302)


async def token(request: Request) -> Response:
    """`POST /members/token`: exchange a code for an id token and an access token for userinfo."""
    form = oauth.texts(await request.form())
    offered = oauth.credentials(request, form)
    if not all(map(secrets.compare_digest, offered, (CLIENT_ID, CLIENT_SECRET))):
        raise OAuthError("invalid_client")
    if form.get("grant_type") != "authorization_code":
        raise OAuthError("unsupported_grant_type")
    with request.app.state.sandbox.session() as session:
        code = oauth.take_code(session, CLIENT_ID, form)
        member = session.get_one(Member, code.subject)
        return oauth.token_response(_tokens(session, _issuer(request), member, code))


async def userinfo(request: Request) -> Response:
    """`GET /members/userinfo`: who the access token speaks of."""
    _, _, bearer = request.headers.get("authorization", "").partition(" ")
    with request.app.state.sandbox.session() as session:
        claims = verify(session, bearer)
        if claims is None or claims["aud"] != f"{_issuer(request)}/userinfo":
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer error=invalid_token"})
        member = session.get_one(Member, claims["email"])
        return JSONResponse({"sub": claims["sub"], **_profile(member)})


async def end_session(request: Request) -> Response:
    """`GET /members/endsession`: go back to Relink; nothing is remembered between sign-ins."""
    target = request.query_params.get("post_logout_redirect_uri", "")
    if not _is_local(target):
        return render("signed_out.html")
    state = request.query_params.get("state")
    return RedirectResponse(target if state is None else f"{target}?{urlencode({'state': state})}", 302)


async def jwks(request: Request) -> Response:
    """`GET /members/jwks`."""
    with request.app.state.sandbox.session() as session:
        return JSONResponse(key_set(session))


def _issuer(request: Request) -> str:
    return f"{oauth.origin(request)}/members"


def _check(request: Request) -> None:
    query = request.query_params
    if query.get("client_id") != CLIENT_ID:
        raise Refused("unauthorized_client", "Unknown client or client not enabled")
    if not _is_local(query.get("redirect_uri", "")):
        raise Refused("unauthorized_client", "Invalid redirect_uri")
    if query.get("response_type") != "code":
        raise Refused("unsupported_response_type", "The response type must be code")


def _is_local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and parts.hostname in _LOCAL_HOSTS


def _code(session: Session, request: Request, member: Member) -> str:
    query = request.query_params
    code = Code(
        code=secrets.token_urlsafe(32),
        client_id=CLIENT_ID,
        subject=member.email,
        redirect_uri=query["redirect_uri"],
        scopes=query.get("scope", "").split(),
        code_challenge=query.get("code_challenge"),
        nonce=query.get("nonce"),
        issued_at=now(session),
        expires_at=now(session) + CODE_LIFETIME,
    )
    session.add(code)
    return code.code


def _tokens(session: Session, issuer: str, member: Member, code: Code) -> dict[str, Any]:
    issued_at = int(datetime.now(UTC).timestamp())
    common = {
        "iss": issuer,
        "sub": member.email,
        "email": member.email,
        "iat": issued_at,
        "exp": issued_at + TOKEN_SECONDS,
    }
    access_token = sign(session, common | {"aud": f"{issuer}/userinfo"})
    claims = common | _profile(member) | {"aud": CLIENT_ID, "at_hash": at_hash(access_token)}
    if code.nonce is not None:
        claims["nonce"] = code.nonce
    return {
        "access_token": access_token,
        "id_token": sign(session, claims),
        "token_type": "Bearer",
        "expires_in": TOKEN_SECONDS,
        "scope": " ".join(code.scopes),
    }


def _profile(member: Member) -> dict[str, Any]:
    given, _, family = member.name.partition(" ")
    return {
        "email": member.email,
        "email_verified": True,
        "name": member.name,
        "given_name": given,
        "family_name": family,
    }


routes = [
    Route("/.well-known/openid-configuration", discovery),
    Route("/authorize", choose, methods=["GET"]),
    Route("/authorize", sign_in, methods=["POST"]),
    Route("/token", token, methods=["POST"]),
    Route("/jwks", jwks),
    Route("/userinfo", userinfo),
    Route("/endsession", end_session),
]
