"""What every answer to a browser passes on its way out: security headers, cookies, deep links."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import quote, unquote

import streamlit
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard import navigation

NEXT_COOKIE = "relink_next"
NEXT_SECONDS = 600  # how long a deep link waits for its sign-in
USER_COOKIE = "_streamlit_user"
PAGE_PATHS = frozenset(f"/{entry.path}" for entry in navigation.PAGES)
INSIDE_ONLY = frozenset({"/_stcore/metrics"})  # Streamlit counts sessions there, for anybody
SHOWN = (200, 304)  # a page that the browser shows, fresh or from its cache


def content_security_policy() -> str:
    """Return the policy: nothing from elsewhere, and no inline script but Streamlit's own, by hash."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = " ".join(f"'sha256-{b64encode(sha256(s.encode()).digest()).decode()}'" for s in scripts)
    return "; ".join(
        [
            "default-src 'self'",
            f"script-src 'self' {hashes}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-src 'none'",
            "frame-ancestors 'none'",
        ]
    )


def is_deep_link(address: str) -> bool:
    """Say whether an address is that of one of our pages, with whatever query, and more than the root."""
    path = address.partition("?")[0]
    plain = re.fullmatch(r"[^\\\x00-\x20]*", address) is not None
    return plain and path in PAGE_PATHS and address != "/"


class Edge:
    """ASGI middleware that hardens every response and keeps the deep link through sign-in."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self.app = app
        self.https = https
        self.policy = content_security_policy()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and change only how the answer starts."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"] in INSIDE_ONLY:
            await Response(status_code=404)(scope, receive, send)
            return

        async def send_hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                self._keep_deep_link(scope, message["status"], headers)
                self._harden(scope, headers)
            await send(message)

        await self.app(scope, receive, send_hardened)

    def _harden(self, scope: Scope, headers: MutableHeaders) -> None:
        headers.setdefault("Content-Security-Policy", self.policy)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "same-origin"
        if not self.https and scope["scheme"] != "https":
            return
        headers["Strict-Transport-Security"] = "max-age=31536000"
        cookies = headers.getlist("set-cookie")
        del headers["set-cookie"]
        for cookie in cookies:
            headers.append("set-cookie", cookie if "; secure" in cookie.lower() else f"{cookie}; Secure")

    def _keep_deep_link(self, scope: Scope, status: int, headers: MutableHeaders) -> None:
        # Streamlit always comes back from the sign-in provider to "/".
        request = Headers(scope=scope)
        cookies = SimpleCookie(request.get("cookie", ""))
        if scope["path"] == "/oauth2callback":
            self._return_to_deep_link(cookies, headers)
        elif USER_COOKIE not in cookies and status in SHOWN and "text/html" in request.get("accept", ""):
            address = _address(scope)
            if is_deep_link(address):
                headers.append("set-cookie", _next_cookie(quote(address, safe=""), NEXT_SECONDS))

    def _return_to_deep_link(self, cookies: SimpleCookie, headers: MutableHeaders) -> None:
        signed_in = any(c.startswith(f"{USER_COOKIE}=") for c in headers.getlist("set-cookie"))
        if not signed_in or NEXT_COOKIE not in cookies:
            return
        address = unquote(cookies[NEXT_COOKIE].value)
        if is_deep_link(address):
            headers["location"] = address
        headers.append("set-cookie", _next_cookie("", 0))


def _address(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    path = quote(scope["path"])
    return f"{path}?{query}" if query else path


def _next_cookie(value: str, seconds: int) -> str:
    return f"{NEXT_COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax"
