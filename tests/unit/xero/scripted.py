"""A real HTTP server that answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from services.xero.api import Api
from services.xero.oauth import XeroApp
from services.xero.pace import AppPace, Limits, OrganisationPace

ORGANISATION = "fe79f7dd-b6d4-4a92-ba7b-538af6289c58"
NO_LIMITS = Limits(minute=10_000, app_minute=100_000)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer to give; with `drop` none: the server hangs up once the request was read."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    stall: bool = False


@dataclass
class Script:
    """What the server will answer, in order, and what it was asked so far."""

    url: str
    replies: list[Reply] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def reply(self, body: Any = b"", status: int = 200, **headers: str) -> None:
        """Answer the next request; header names are written with underscores."""
        encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.replies.append(Reply(status, encoded, names))

    def drop(self) -> None:
        self.replies.append(Reply(drop=True))

    def stall(self) -> None:
        """Never answer the next request."""
        self.replies.append(Reply(stall=True))

    def app(self, **changes: Any) -> XeroApp:
        known: dict[str, Any] = {
            "client_id": "our-client",
            "client_secret": "our-secret",
            "authorize_url": f"{self.url}/identity/connect/authorize",
            "token_url": f"{self.url}/connect/token",
            "revoke_url": f"{self.url}/connect/revocation",
            "api_url": self.url,
            "redirect_uri": "http://localhost:8501/connect/xero/callback",
            "scopes": ("openid", "offline_access", "accounting.invoices"),
        }
        return XeroApp(**(known | changes))

    def api(self, *, limits: Limits = NO_LIMITS) -> Api:
        pace = OrganisationPace(limits, AppPace(limits), max_wait_seconds=0)
        return Api(self.app(), token=lambda rejected: "newer-token" if rejected else "a-token", pace=pace)


@contextmanager
def scripted() -> Iterator[Script]:
    """Run a scripted server on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.script = Script(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.script  # type: ignore[attr-defined]
    finally:
        server.script.over.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()
        thread.join()


def signed_token(**claims: Any) -> str:
    """A JSON Web Token whose signature nobody checks."""
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*encoded, b"c2lnbmF0dXJl"]).decode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5

    def handle_any(self) -> None:
        script: Script = self.server.script  # type: ignore[attr-defined]
        url = urlsplit(self.path)
        script.asked.append(
            Asked(
                method=self.command,
                path=url.path,
                query={name: values[0] for name, values in parse_qs(url.query).items()},
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
            )
        )
        reply = script.replies.pop(0)
        if reply.stall:
            script.over.wait()
        if reply.drop or reply.stall:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
