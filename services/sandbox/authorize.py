"""The browser's part of OAuth2: log in, choose an organisation, allow or cancel."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.sandbox import tokens
from services.sandbox.access import visible_connections
from services.sandbox.models import (
    CONNECTING_ROLES,
    App,
    Code,
    LoginSession,
    Organisation,
    Role,
    User,
)
from services.sandbox.pages import error_page, render
from services.sandbox.scopes import SCOPES, in_words
from services.sandbox.store import now

COOKIE = "sandbox_login"
CODE_LIFETIME = timedelta(minutes=5)
#: How many logins the login page suggests.
SUGGESTED_LOGINS = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """A valid authorization request."""

    app: App
    redirect_uri: str
    scopes: list[str]
    state: str | None
    code_challenge: str | None
    nonce: str | None


class Refused(Exception):
    """An authorization request that is answered with an error page."""

    def __init__(self, code: str, explanation: str) -> None:
        super().__init__(code)
        self.code = code
        self.explanation = explanation


async def answer_refused(_request: Request, refused: Exception) -> Response:
    """Show why the app's request is not accepted."""
    if not isinstance(refused, Refused):
        raise refused
    return error_page(refused.code, refused.explanation)


async def authorize(request: Request) -> Response:
    """`GET /identity/connect/authorize`: the consent page, or the login page first."""
    with request.app.state.sandbox.session() as session:
        asked = read_request(session, request)
        user = _logged_in(session, request)
        if user is None:
            return RedirectResponse(_login_url(request), 302)
        return render(
            "consent.html",
            app=asked.app,
            user=user,
            scopes=in_words(asked.scopes),
            choices=_choices(session, asked.app, user),
            login_url=_login_url(request),
        )


async def decide(request: Request) -> Response:
    """`POST /identity/connect/authorize`: send the browser back with a code, or with `access_denied`."""
    form = await request.form()
    with request.app.state.sandbox.session() as session:
        asked = read_request(session, request)
        user = _logged_in(session, request)
        if user is None:
            return RedirectResponse(_login_url(request), 303)
        if form.get("decision") != "allow":
            denied = "TenantConsent status DENIED"
            return _send_back(asked, {"error": "access_denied", "error_description": denied})
        chosen = str(form.get("organisation", ""))
        if chosen not in {organisation.id for organisation, _ in _choices(session, asked.app, user)}:
            return RedirectResponse(str(request.url), 303)
        code = _allow(session, asked, user, chosen)
        return _send_back(asked, {"code": code, "scope": " ".join(asked.scopes)})


async def login(request: Request) -> Response:
    """`GET /identity/login`: who is it? Offers a few logins, since any password is right."""
    hint = request.query_params.get("login_hint", "")
    with request.app.state.sandbox.session() as session:
        return _login_page(session, request, email=hint)


async def log_in(request: Request) -> Response:
    """`POST /identity/login`: start a login session and go on to the consent page."""
    form = await request.form()
    email = str(form.get("email", "")).strip()
    with request.app.state.sandbox.session() as session:
        user = session.scalar(select(User).where(User.email == email.lower()))
        if user is None:
            return _login_page(session, request, email=email, unknown=True)
        login_session = LoginSession(id=secrets.token_urlsafe(32), user_id=user.id, started_at=now(session))
        session.add(login_session)
    response = RedirectResponse(f"/identity/connect/authorize?{request.url.query}", 303)
    response.set_cookie(COOKIE, login_session.id, path="/identity", httponly=True, samesite="lax")
    return response


def read_request(session: Session, request: Request) -> Asked:
    """Check an authorization request against its app; raises `Refused`."""
    query = request.query_params
    app = session.get(App, query.get("client_id", ""))
    if app is None or not app.enabled:
        raise Refused("unauthorized_client", "Unknown client or client not enabled")
    redirect_uri = query.get("redirect_uri", "")
    if redirect_uri not in app.redirect_uris:
        raise Refused("unauthorized_client", "Invalid redirect_uri")
    if query.get("response_type") != "code":
        raise Refused("unsupported_response_type", "The response type must be code")
    scopes = query.get("scope", "").split()
    if not scopes or not set(scopes) <= set(app.scopes or SCOPES):
        raise Refused("invalid_scope", "Invalid scope for client")
    challenge = query.get("code_challenge")
    if challenge and query.get("code_challenge_method") != "S256":
        raise Refused("invalid_request", "The code challenge method must be S256")
    if not challenge and not app.client_secret:
        raise Refused("invalid_request", "A code challenge is required")
    return Asked(app, redirect_uri, scopes, query.get("state"), challenge, query.get("nonce"))


def _choices(session: Session, app: App, user: User) -> list[tuple[Organisation, bool]]:
    """Return the organisations the user may connect, each with whether it is connected already."""
    connected = {
        organisation.id for _, organisation in session.execute(visible_connections(app.client_id, user.id))
    }
    theirs = (
        select(Organisation)
        .join(Role, Role.organisation_id == Organisation.id)
        .where(Role.user_id == user.id, Role.name.in_(CONNECTING_ROLES))
        .order_by(func.lower(Organisation.name))
    )
    return [(found, found.id in connected) for found in session.scalars(theirs)]


def _allow(session: Session, asked: Asked, user: User, organisation_id: str) -> str:
    client_id = asked.app.client_id
    event_id = tokens.give_consent(session, client_id, user.id, [organisation_id], asked.scopes)
    code = Code(
        code=secrets.token_urlsafe(32),
        client_id=client_id,
        subject=user.id,
        redirect_uri=asked.redirect_uri,
        scopes=asked.scopes,
        code_challenge=asked.code_challenge,
        nonce=asked.nonce,
        authentication_event_id=event_id,
        issued_at=now(session),
        expires_at=now(session) + CODE_LIFETIME,
    )
    session.add(code)
    return code.code


def _logged_in(session: Session, request: Request) -> User | None:
    login_session = session.get(LoginSession, request.cookies.get(COOKIE, ""))
    return None if login_session is None else session.get(User, login_session.user_id)


def _login_page(session: Session, request: Request, *, email: str, unknown: bool = False) -> Response:
    suggested = session.scalars(select(User).order_by(User.position).limit(SUGGESTED_LOGINS)).all()
    app = session.get(App, request.query_params.get("client_id", ""))
    return render(
        "login.html",
        status=422 if unknown else 200,
        app=app,
        email=email,
        unknown=unknown,
        logins=[(user, str(request.url.include_query_params(login_hint=user.email))) for user in suggested],
    )


def _login_url(request: Request) -> str:
    return f"/identity/login?{request.url.query}"


def _send_back(asked: Asked, answer: dict[str, str]) -> Response:
    if asked.state is not None:
        answer["state"] = asked.state
    separator = "&" if "?" in asked.redirect_uri else "?"
    return RedirectResponse(f"{asked.redirect_uri}{separator}{urlencode(answer)}", 302)


routes = [
    Route("/identity/connect/authorize", authorize, methods=["GET"]),
    Route("/identity/connect/authorize", decide, methods=["POST"]),
    Route("/identity/login", login, methods=["GET"]),
    Route("/identity/login", log_in, methods=["POST"]),
]
