"""Drives a running sandbox: over its control API, like a browser, and with Xero's own SDK."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import httpx
import urllib3
import uvicorn
from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.identity import IdentityApi

from services.sandbox.app import create_app
from services.sandbox.limits import LimitsSetting
from services.sandbox.scopes import USUAL_SCOPES
from services.sandbox.store import open_sandbox
from services.sandbox.world import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    DEFAULT_REDIRECT_URI,
    World,
)

CHAT = "channel"  # the mailbox that stands for the chat channel
CLIENT = (DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET)


@contextmanager
def serve(*, world: World = World.EMPTY, data: str | None = None) -> Iterator[str]:
    """Run a sandbox on a free port of the loopback interface, limits off; yields its base URL."""
    app = create_app(open_sandbox(data), world=world, limits=LimitsSetting(mode="off"))
    listener = socket.create_server(("127.0.0.1", 0))
    # Inherited by every connection; asyncio does it only for sockets it made itself. Saves 40 ms a call.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def open_client(base_url: str, *, follow_redirects: bool = False) -> httpx.Client:
    """Open a client with cookies of its own, without the 75 ms that reading certificates takes."""
    no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.Client(base_url=base_url, verify=no_certificates, follow_redirects=follow_redirects)


@contextmanager
def drive(base_url: str) -> Iterator[Driver]:
    """Open a driver of the sandbox at this URL."""
    with open_client(base_url) as http:
        yield Driver(base_url, http)


@dataclass(frozen=True, slots=True)
class Connected:
    """An organisation with an Adviser who has consented; each test makes its own."""

    organisation: dict[str, Any]
    user: dict[str, Any]
    token: dict[str, Any]
    connection: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token['access_token']}",
            "xero-tenant-id": self.organisation["id"],
            "Accept": "application/json",
        }


class Mail(NamedTuple):
    """One mail or chat message, as it came."""

    subject: str
    body: str


class Sdk(NamedTuple):
    """Xero's own SDK, pointed at the sandbox."""

    identity: IdentityApi
    accounting: AccountingApi


@dataclass(frozen=True, slots=True)
class Driver:
    """A test's hands on a running sandbox."""

    base_url: str
    http: httpx.Client = field(repr=False)

    def control(self, method: str, path: str, /, **body: Any) -> Any:
        """Call the control API, which must agree; returns its JSON."""
        answer = self.http.request(method, f"/sandbox{path}", json=body or None)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def organisation(self, **given: Any) -> dict[str, Any]:
        """Create an organisation."""
        made = self.control("POST", "/organisations", **{"name": f"Company {_unique()}"} | given)
        assert isinstance(made, dict)
        return made

    def user(self, roles: dict[str, str], **given: Any) -> dict[str, Any]:
        """Create a Xero login with these roles by organisation id."""
        person = {"email": f"{_unique()}@example.com", "given_name": "Ada", "family_name": "Moss"}
        made = self.control("POST", "/users", **person | given, roles=roles)
        assert isinstance(made, dict)
        return made

    def grant(self, user: dict[str, Any], *organisations: dict[str, Any], **given: Any) -> dict[str, Any]:
        """Consent as the user without a browser; returns tokens and connections."""
        ids = [organisation["id"] for organisation in organisations]
        made = self.control("POST", "/grants", user=user["id"], organisations=ids, **given)
        assert isinstance(made, dict)
        return made

    def connected(self, *, scopes: list[str] = USUAL_SCOPES, **organisation: Any) -> Connected:
        """Create an organisation and an Adviser who has connected it."""
        made = self.organisation(**organisation)
        user = self.user({made["id"]: "Adviser"})
        granted = self.grant(user, made, scopes=scopes)
        return Connected(made, user, granted["token"], granted["connections"][0])

    def mails(self, address: str = CHAT) -> list[Mail]:
        """Return what came to an address, or to the chat channel, oldest first."""
        found = self.http.get("/sandbox/mail", params={"address": address}).json()
        return [Mail(mail["title"], mail["message"]) for mail in found]

    def mail_fails(self, address: str = CHAT, **fault: Any) -> None:
        """Let the next mails to an address, or to the chat channel, go wrong."""
        self.control("POST", "/faults", method="POST", path=f"^/mail/{re.escape(address)}$", **fault)

    def refresh(self, refresh_token: str) -> httpx.Response:
        """Ask the token endpoint for new tokens."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self.http.post("/connect/token", data=form, auth=CLIENT)

    def consent(
        self,
        user: dict[str, Any],
        organisation: dict[str, Any] | None,
        *,
        scopes: list[str] = USUAL_SCOPES,
        **parameters: str,
    ) -> dict[str, str]:
        """Log in and allow access, or with no organisation cancel; returns what the app gets back."""
        query = authorization_request(scopes=scopes, **parameters)
        with open_client(self.base_url) as browser:
            login = browser.post("/identity/login", params=query, data={"email": user["email"]})
            assert login.status_code == 303, login.text
            decision = {"decision": "cancel"}
            if organisation is not None:
                decision = {"decision": "allow", "organisation": organisation["id"]}
            back = browser.post("/identity/connect/authorize", params=query, data=decision)
        assert back.status_code == 302, back.text
        assert back.headers["location"].startswith(DEFAULT_REDIRECT_URI)
        return dict(parse_qsl(urlsplit(back.headers["location"]).query))

    def exchange(self, code: str, **form: str) -> httpx.Response:
        """Exchange an authorization code with Basic authentication."""
        wanted = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": DEFAULT_REDIRECT_URI,
        }
        return self.http.post("/connect/token", data=wanted | form, auth=CLIENT)

    def sdk(self, token: dict[str, Any], saved: list[dict[str, Any]] | None = None) -> Sdk:
        """Return Xero's own SDK over this token; tokens it refreshes are appended to `saved`."""
        kept = [] if saved is None else saved
        kept.append({**token, "scope": token["scope"].split()})
        return _sdk(self.base_url, kept)


def authorization_request(**parameters: Any) -> dict[str, str]:
    """Return the query of a good authorization request, with changes."""
    scopes = parameters.pop("scopes", USUAL_SCOPES)
    return {
        "response_type": "code",
        "client_id": DEFAULT_CLIENT_ID,
        "redirect_uri": DEFAULT_REDIRECT_URI,
        "scope": " ".join(scopes),
        "state": "state-1",
        **parameters,
    }


def _sdk(base_url: str, kept: list[dict[str, Any]]) -> Sdk:
    TokenApi.refresh_token_url = TokenApi.client_credentials_token_url = f"{base_url}/connect/token"
    TokenApi.revoke_token_url = f"{base_url}/connect/revocation"
    configuration = Configuration()
    client_id, client_secret = CLIENT
    # The configuration is shared by all clients; each gets a token object of its own.
    configuration.oauth2_token = OAuth2Token(client_id=client_id, client_secret=client_secret)
    client = ApiClient(
        configuration,
        pool_threads=1,
        oauth2_token_getter=lambda: kept[-1],
        oauth2_token_saver=kept.append,
    )
    # No hidden sleeps, no request sent twice.
    retries = urllib3.Retry(total=0, redirect=0, respect_retry_after_header=False)
    client.rest_client.pool_manager.connection_pool_kw["retries"] = retries
    accounting = AccountingApi(client, base_url=f"{base_url}/api.xro/2.0")
    return Sdk(IdentityApi(client, base_url=base_url), accounting)


def _unique() -> str:
    return uuid.uuid4().hex[:12]
