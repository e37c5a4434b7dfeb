"""Who is signed in, read from Streamlit's own cookie; written here by Streamlit's own code."""

from __future__ import annotations

import json
import time
from secrets import token_hex

import pytest
from streamlit.auth_util import set_cookie_with_chunks
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from dashboard.edge import USER_COOKIE
from dashboard.identity import SIGN_IN_SECONDS, is_fresh, signed_in_email

SECRET = "a-secret-of-more-than-thirty-two-letters"


def cookies(secret: str = SECRET, **claims: object) -> dict[str, str]:
    """Return the cookies of somebody signed in, in as many parts as Streamlit makes of them."""
    jar: dict[str, str] = {}

    def sign(name: str, value: str) -> bytes:
        return create_signed_value(secret, name, value)

    def put(name: str, value: str) -> None:
        jar[name] = sign(name, value).decode()

    content = {"is_logged_in": True, "email": "ada@relink.example", "iat": time.time(), **claims}
    set_cookie_with_chunks(put, sign, USER_COOKIE, content, cookie_attr_size=100)
    return jar


def test_the_member_of_a_good_cookie_is_known() -> None:
    assert signed_in_email(cookies(), SECRET) == "ada@relink.example"


def test_an_address_that_is_verified_or_not_spoken_of_is_taken() -> None:
    for verified in ({"email_verified": True}, {"email_verified": "true"}, {"email_verified": None}, {}):
        assert signed_in_email(cookies(**verified), SECRET) == "ada@relink.example"


def test_a_cookie_in_several_parts_is_read_whole() -> None:
    parts = cookies(groups=token_hex(6000))

    assert len(parts) > 1
    assert signed_in_email(parts, SECRET) == "ada@relink.example"


@pytest.mark.parametrize(
    "jar",
    [
        {},
        {USER_COOKIE: "rubbish"},
        {USER_COOKIE: json.dumps({"is_logged_in": True, "email": "ada@relink.example"})},  # not signed
        cookies(secret="another-secret-of-thirty-two-letters"),
        cookies(is_logged_in=False),
        cookies(email=None),
        cookies(email_verified=False),
        cookies(email_verified="false"),  # as a word
        cookies(email="ada@relink.example\x00"),  # the same to the eye, and another address
        cookies(iat=None),
        cookies(iat=time.time() - SIGN_IN_SECONDS - 1),  # yesterday's
    ],
)
def test_anything_else_is_nobody(jar: dict[str, str]) -> None:
    assert signed_in_email(jar, SECRET) is None


def test_a_sign_in_lasts_a_working_day() -> None:
    assert is_fresh({"iat": 1000}, now_seconds=1000 + SIGN_IN_SECONDS - 1)
    assert not is_fresh({"iat": 1000}, now_seconds=1000 + SIGN_IN_SECONDS)
