"""A fresh server shows nothing of any page to somebody signed out.

Streamlit can run a page's script without the entry script, and thus without the gate, until the
first visit that reaches navigation. So nobody has visited the server before, every page's own
address comes before the entry page's, and nobody signs in until all have been asked for.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashboard.navigation import PAGES
from services.desk import Desk
from services.probes import until_ok
from tests.integration.web import world
from tests.integration.web.conftest import member_cookie
from tests.visits import visit

ROOT = Path(__file__).resolve().parents[3]
QUERY = f"id={world.BROKEN}&workspace={world.BROKEN}&plan=x"
CONTENT = (b"Harbour", b"Northwind", b"EXP-00", b"XERO11", b"expired", b"owner-")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def fresh_server() -> Iterator[str]:
    """Start the web process as in production, and return its address."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "dashboard.asgi"],
        cwd=ROOT,
        env={**os.environ, "RELINK_PORT": str(port), "RELINK_PUBLIC_URL": origin},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert until_ok(f"{origin}/healthz", seconds=60)
        yield origin
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_no_page_shows_anything_before_signing_in(desk: Desk) -> None:
    entry_page_last = sorted(PAGES, key=lambda entry: entry.path, reverse=True)
    with fresh_server() as origin:
        sent = {entry.title: visit(origin, entry.path, QUERY) for entry in entry_page_last}
        as_member = visit(origin, "workspace", QUERY, user_cookie=member_cookie(origin, world.AGENT))

    leaks = {title: [word for word in CONTENT if word in answer] for title, answer in sent.items()}
    assert {title: words for title, words in leaks.items() if words} == {}
    assert all(b"Sign in" in answer for answer in sent.values())
    assert all(word in as_member for word in (b"Harbour", b"XERO11")), "the same visit by a member shows it"
