"""One connected organisation and the product's client of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from services.sandbox.world import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_REDIRECT_URI
from services.xero import oauth
from services.xero.api import Api
from services.xero.documents import BankTransaction, Bill, BillStatus, Line
from services.xero.oauth import XeroApp
from services.xero.pace import AppPace, Limits, OrganisationPace
from tests.integration.sandbox.driver import Driver

TAXI = Line(description="Taxi to the airport", amount=Decimal("12.50"), account_code="493", tax_type="INPUT2")
BILL = Bill(
    number="EXP-R1",
    contact_id=None,
    contact_name="Ada Moss",
    date=date(2026, 10, 1),
    due_date=date(2026, 10, 31),
    currency="GBP",
    status=BillStatus.AUTHORISED,
    lines=(TAXI, replace(TAXI, description="Lunch", amount=Decimal("0.30"))),
    url="https://app.example/reports/1",
)
SPENT = BankTransaction(
    reference="CARD-1",
    contact_id=None,
    contact_name="Moss Cabs",
    date=date(2026, 10, 2),
    currency="GBP",
    bank_account_code="091",
    lines=(TAXI,),
)


def bills(count: int, prefix: str = "EXP") -> list[Bill]:
    return [replace(BILL, number=f"{prefix}-{number}") for number in range(count)]


def app_of(sandbox: Driver, **changes: Any) -> XeroApp:
    """The product's app as it is registered with the sandbox."""
    known: dict[str, Any] = {
        "client_id": DEFAULT_CLIENT_ID,
        "client_secret": DEFAULT_CLIENT_SECRET,
        "authorize_url": f"{sandbox.base_url}/identity/connect/authorize",
        "token_url": f"{sandbox.base_url}/connect/token",
        "revoke_url": f"{sandbox.base_url}/connect/revocation",
        "api_url": sandbox.base_url,
        "redirect_uri": DEFAULT_REDIRECT_URI,
        "scopes": ("openid", "profile", "email", "offline_access", "accounting.settings.read"),
    }
    return XeroApp(**(known | changes))


@dataclass
class Desk:
    """Holds the tokens of one Xero user, as the product's store does."""

    sandbox: Driver
    app: XeroApp
    api: Api
    organisation: dict[str, Any]
    user: dict[str, Any]
    connection: dict[str, Any]

    @classmethod
    @contextmanager
    def connect(cls, sandbox: Driver, *, limits: Limits = Limits(), **consent: Any) -> Iterator[Desk]:  # noqa: B008
        connected = sandbox.connected(**consent)
        app = app_of(sandbox)
        token = connected.token

        def current(rejected: str | None) -> str:
            if rejected == token["access_token"]:
                new = oauth.refresh(app, token["refresh_token"])
                token.update(access_token=new.access_token, refresh_token=new.refresh_token)
            return str(token["access_token"])

        app_pace = AppPace(limits)
        pace = OrganisationPace(limits, app_pace, max_wait_seconds=130)
        with Api(app, token=current, pace=pace) as api:
            yield cls(sandbox, app, api, connected.organisation, connected.user, connected.connection)

    @property
    def id(self) -> str:
        return str(self.organisation["id"])

    def fault(self, path: str, **fault: Any) -> None:
        """Make the next matching call to this organisation go wrong."""
        self.sandbox.control("POST", "/faults", path=path, organisation=self.id, **fault)

    def ledger(self) -> dict[str, Any]:
        found = self.sandbox.http.get("/sandbox/ledger", params={"organisation": self.id}).json()
        assert isinstance(found, dict)
        return found

    def calls(self) -> dict[str, Any]:
        found = self.sandbox.http.get("/sandbox/calls", params={"organisation": self.id}).json()
        assert isinstance(found, dict)
        return found
