"""Hands that disconnect a workspace, and look at what came of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from services import (
    audit,
    connections,
    disconnects,
    grants,
)
from services.disconnects import Losses
from services.store import tables
from services.store.engine import utcnow
from services.store.states import Health
from tests.integration.office import Office, Shop

WHY = "The customer closes the workspace."
LATER = timedelta(hours=1)
DELETE, REVOKE = "DELETE /connections/{id}", "POST /connect/revocation"
KILLED = -9


def ask(office: Office, shop: Shop, *, reason: str = WHY, revoke: bool = False) -> None:
    with office.desk.store.begin() as session:
        disconnects.ask(session, office.admin, shop.workspace_id, reason=reason, revoke=revoke)


def losses(office: Office, shop: Shop) -> Losses:
    with office.desk.store.read() as session:
        return disconnects.losses(session, office.admin, shop.workspace_id)


def disconnect(office: Office, shop: Shop, *, revoke: bool = False) -> dict[str, int]:
    """Ask for it and have it done; return the calls that it took."""
    office.xero.control("DELETE", "/calls")
    ask(office, shop, revoke=revoke)
    office.work_off()
    by_path: dict[str, int] = office.all_calls()["by_path"]
    return by_path


def connect_again(office: Office, shop: Shop, organisation: dict[str, Any] | None = None) -> None:
    """Have the same user connect an organisation to the workspace, as an accepted return does."""
    wanted = organisation or dict(shop.organisation)
    granted = office.xero.grant(dict(shop.user), wanted, scopes=list(office.desk.app.scopes))
    ids = {listed["tenantId"]: listed["id"] for listed in granted["connections"]}
    with office.desk.store.begin() as session:
        if session.get(tables.Organisation, wanted["id"]) is None:
            session.add(tables.Organisation(id=wanted["id"], name=wanted["name"]))
            session.flush()
        connections.connect(
            session,
            shop.workspace_id,
            grant_id=grants.keep(session, office.desk.vault, office.tokens(granted["token"], shop.user)),
            organisation_id=wanted["id"],
            xero_connection_id=ids[wanted["id"]],
            actor=office.admin.email,
            now=utcnow(),
        )


def listed_at_xero(office: Office, shop: Shop) -> list[str]:
    """Return the organisations that Xero lists to the login behind a workspace."""
    token = grants.access_token(office.desk, office.grant(shop).id)
    answer = office.xero.http.get("/connections", headers={"Authorization": f"Bearer {token}"})
    return [listed["tenantId"] for listed in answer.json()]


def number_of(office: Office, table: type[Any]) -> int:
    with office.desk.store.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def is_forgotten(office: Office, shop: Shop) -> bool:
    row = office.connection(shop)
    gone = (row.grant_id, row.organisation_id, row.xero_connection_id, row.leaving_at, row.leaving_reason)
    return row.health is Health.NOT_CONNECTED and not any(gone)


def told(office: Office, shop: Shop) -> audit.Entry:
    """Return what the history says of the disconnect."""
    with office.desk.store.read() as session:
        [entry] = [e for e in audit.history(session, shop.workspace_id) if e.action == "disconnected"]
        return entry
