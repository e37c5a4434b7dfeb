"""Who is signed in, read from the cookie that Streamlit's sign-in sets; for HTTP routes and pages alike."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

from dashboard.edge import USER_COOKIE

GUEST_COOKIE = "relink_guest"  #: of the one browser in which a reconnect link is used

#: Streamlit's cookie lives for thirty days whatever the provider says; a sign-in here lasts a working day.
SIGN_IN_SECONDS = 12 * 3600


def is_fresh(claims: Mapping[str, Any], *, now_seconds: float) -> bool:
    """Say whether a sign-in is still good: its id token was issued less than a working day ago."""
    issued_at = claims.get("iat")
    return isinstance(issued_at, (int, float)) and now_seconds - issued_at < SIGN_IN_SECONDS


def is_unverified(claims: Mapping[str, Any]) -> bool:
    """Say whether the provider says that the address may be somebody else's; many say nothing about it."""
    return str(claims.get("email_verified")).lower() == "false"  # some send the word


def email_of(claims: Mapping[str, Any], *, now_seconds: float) -> str | None:
    """Return the e-mail address that a sign-in stands for, or None where it stands for nobody.

    An address that is not verified is nobody's, and neither is one with invisible characters: what is
    stored may look the same without them.
    """
    email = claims.get("email")
    if not claims.get("is_logged_in") or not is_fresh(claims, now_seconds=now_seconds):
        return None
    if is_unverified(claims):
        return None
    return email if isinstance(email, str) and email and email.isprintable() else None


def signed_in_email(cookies: Mapping[str, str], secret: str) -> str | None:
    """Return the e-mail address of the member whose browser sent these cookies, or None."""

    def read(name: str) -> bytes | None:
        value = cookies.get(name)
        return None if value is None else decode_signed_value(secret, name, value)

    raw = get_cookie_with_chunks(read, USER_COOKIE)
    claims = json.loads(raw) if raw else {}
    return email_of(claims, now_seconds=time.time())
