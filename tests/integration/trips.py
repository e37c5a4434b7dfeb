"""The way to Xero and back, as a member's browser makes it: leave, consent at the sandbox, come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy import select

from services import reconnects
from services.members import Member
from services.store import tables
from tests.integration.office import Office, Shop

BROWSER = "a-cookie-of-this-browser"


@dataclass(frozen=True, slots=True)
class Trip:
    """A member on the way to Xero for a workspace; `query` is what the browser took along."""

    office: Office
    shop: Shop
    query: Mapping[str, str]

    def consent(
        self,
        user: Mapping[str, Any] | None = None,
        organisation: Mapping[str, Any] | None = None,
        *,
        scopes: Sequence[str] | None = None,
    ) -> dict[str, str]:
        """Log in at Xero and allow access, as and to whom the workspace knows unless told otherwise."""
        return self._answer(user, organisation or self.shop.organisation, scopes)

    def cancel(self) -> dict[str, str]:
        """Log in at Xero and press Cancel."""
        return self._answer(None, None, None)

    def come_back(
        self, answer: Mapping[str, str], *, member: Member | None = None, browser: str = BROWSER
    ) -> str:
        """Bring Xero's answer back; return the workspace's id."""
        return reconnects.come_back(self.office.desk, member or self.office.admin, browser, answer)

    def _answer(
        self,
        user: Mapping[str, Any] | None,
        organisation: Mapping[str, Any] | None,
        scopes: Sequence[str] | None,
    ) -> dict[str, str]:
        along = ("state", "code_challenge", "code_challenge_method")
        return self.office.xero.consent(
            dict(user or self.shop.user),
            dict(organisation) if organisation else None,
            scopes=list(scopes or self.query["scope"].split()),
            **{name: self.query[name] for name in along},
        )


def leave(office: Office, shop: Shop, *, member: Member | None = None) -> Trip:
    """Leave for Xero, as the workspace's admin unless told otherwise."""
    url = reconnects.leave(office.desk, member or office.admin, shop.workspace_id, BROWSER)
    return Trip(office, shop, query_of(url))


def query_of(url: str) -> dict[str, str]:
    """Return what a browser takes along to an address."""
    return dict(parse_qsl(urlsplit(url).query))


def left_long_after(office: Office) -> None:
    """Let whoever is at Xero have left long after all that is connected there was connected."""
    ahead = timedelta(seconds=office.xero.control("GET", "/clock")["offset_seconds"])
    with office.desk.store.begin() as session:
        for consent in session.scalars(select(tables.Consent)):
            consent.expires_at += ahead + timedelta(minutes=10)


def reconnect(
    office: Office,
    shop: Shop,
    *,
    user: Mapping[str, Any] | None = None,
    organisation: Mapping[str, Any] | None = None,
    scopes: Sequence[str] | None = None,
) -> tables.Reconnect:
    """Go all the way and return the reconnect as it is stored afterwards."""
    trip = leave(office, shop)
    trip.come_back(trip.consent(user, organisation, scopes=scopes))
    return last_reconnect(office, shop)


def last_reconnect(office: Office, shop: Shop) -> tables.Reconnect:
    """Return the newest reconnect of a workspace."""
    with office.desk.store.read() as session:
        return session.scalars(
            select(tables.Reconnect)
            .where(tables.Reconnect.workspace_id == shop.workspace_id)
            .order_by(tables.Reconnect.started_at.desc())
        ).all()[0]
