"""Control of apps, consents and tokens: the ways a connection is made and broken."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services.sandbox import tokens
from services.sandbox.connections import describe_connections
from services.sandbox.control.lookup import find, must_be_able_to_connect
from services.sandbox.models import App, Connection, Consent, Organisation, User
from services.sandbox.oauth import origin
from services.sandbox.scopes import SCOPES, USUAL_SCOPES
from services.sandbox.store import now
from services.sandbox.world import DEFAULT_CLIENT_ID

router = APIRouter(tags=["apps and logins"])


class AppSetting(BaseModel):
    """An OAuth2 client; an empty secret makes it prove itself by PKCE alone."""

    client_secret: str
    name: str
    redirect_uris: list[str]
    scopes: list[str] = []
    enabled: bool = True


class PastConsent(BaseModel):
    """A consent given in the past, without a browser."""

    user: str
    organisations: list[str]
    scopes: list[str] = USUAL_SCOPES
    client_id: str = DEFAULT_CLIENT_ID


class ScopeRemoval(BaseModel):
    """A scope the user's consents no longer cover."""

    scope: str


class Disconnection(BaseModel):
    """A disconnect in Xero's Connected apps: of everybody's connection, or of one user's."""

    organisation: str
    user: str | None = None


@router.put("/apps/{client_id}")
async def register_app(request: Request, client_id: str, body: AppSetting) -> dict[str, Any]:
    """Register an app or change it; tokens already issued stay."""
    _must_be_scopes(body.scopes)
    with request.app.state.sandbox.session() as session:
        session.merge(App(client_id=client_id, **body.model_dump()))
    return {"client_id": client_id, **body.model_dump(exclude={"client_secret"})}


@router.post("/grants", status_code=201)
async def give_consent(request: Request, body: PastConsent) -> dict[str, Any]:
    """Connect organisations as their user and return tokens and connections."""
    _must_be_scopes(body.scopes)
    with request.app.state.sandbox.session() as session:
        user = find(session, User, body.user)
        app = find(session, App, body.client_id)
        for organisation_id in body.organisations:
            must_be_able_to_connect(session, user, find(session, Organisation, organisation_id))
        event_id = tokens.give_consent(session, app.client_id, user.id, body.organisations, body.scopes)
        consent = _consent(session, app.client_id, user.id)
        return {
            "token": tokens.exchange(session, tokens.Authentication(origin(request), consent, event_id)),
            "connections": describe_connections(session, app.client_id, user.id),
        }


@router.post("/users/{user_id}/expire", status_code=204)
async def expire(request: Request, user_id: str) -> None:
    """Let the user's tokens run out: refresh answers `invalid_grant`, calls `TokenExpired`."""
    with request.app.state.sandbox.session() as session:
        tokens.expire_logins(session, find(session, User, user_id).id)


@router.post("/users/{user_id}/revoke", status_code=204)
async def revoke(request: Request, user_id: str) -> None:
    """Revoke the user's consents and remove their connections, as the revocation endpoint does."""
    with request.app.state.sandbox.session() as session:
        user = find(session, User, user_id)
        for consent in session.scalars(select(Consent).filter_by(user_id=user.id)).all():
            tokens.revoke(session, consent)


@router.post("/users/{user_id}/scopes/remove", status_code=204)
async def remove_scope(request: Request, user_id: str, body: ScopeRemoval) -> None:
    """Take a scope out of the user's consents and tokens."""
    with request.app.state.sandbox.session() as session:
        tokens.remove_scope(session, find(session, User, user_id).id, body.scope)


@router.post("/disconnect", status_code=204)
async def disconnect(request: Request, body: Disconnection) -> None:
    """Disconnect an organisation from Xero's side: tokens stay good, calls answer 403."""
    with request.app.state.sandbox.session() as session:
        organisation = find(session, Organisation, body.organisation)
        broken = update(Connection).filter_by(organisation_id=organisation.id, disconnected_at=None)
        if body.user is not None:
            broken = broken.filter_by(user_id=find(session, User, body.user).id)
        session.execute(broken.values(disconnected_at=now(session)))


def _consent(session: Session, client_id: str, user_id: str) -> Consent:
    return session.scalars(select(Consent).filter_by(client_id=client_id, user_id=user_id)).one()


def _must_be_scopes(scopes: list[str]) -> None:
    unknown = sorted(set(scopes) - SCOPES)
    if unknown:
        raise HTTPException(422, f"Unknown scopes: {' '.join(unknown)}")
