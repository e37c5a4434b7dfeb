"""Waiting for another process to answer."""

from __future__ import annotations

import time

import httpx

LOOK_SECONDS = 0.1


def until_ok(url: str, *, seconds: float) -> bool:
    """Return True as soon as the address answers 200, or False when it has not after so long."""
    deadline = time.monotonic() + seconds
    with httpx.Client(timeout=2) as client:
        while time.monotonic() < deadline:
            if _is_ok(client, url):
                return True
            time.sleep(LOOK_SECONDS)
    return False


def _is_ok(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == 200
    except httpx.TransportError:
        return False
