"""What every connection to Xero has in common."""

from __future__ import annotations

import ssl
from functools import cache

import httpx

CONNECT_SECONDS = 5.0
WRITE_SECONDS = 30.0
POOL_SECONDS = 5.0


@cache
def tls() -> ssl.SSLContext:
    """One context for all clients: loading the certificates is most of what a small client costs."""
    return httpx.create_ssl_context()
