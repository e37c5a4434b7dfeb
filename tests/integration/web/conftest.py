"""Pages and routes on a real store in a file of its own, with a small world in it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.fernet import Fernet
from starlette.testclient import TestClient
from streamlit.runtime import context
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from dashboard.edge import USER_COOKIE
from dashboard.navigation import PAGES_FOLDER, PageEntry
from services.desk import Desk, open_desk
from services.settings import load_settings
from services.store.migrate import migrate
from tests.integration.web import world

ENTRY = PAGES_FOLDER.parent / "dashboard" / "main.py"
COOKIE_SECRET = "a-cookie-secret-for-tests-of-40-letters-"

OpenPage = Callable[..., AppTest]


def environment(folder: Path) -> dict[str, str]:
    """Return the settings of a Relink with everything it needs, in a folder."""
    return {
        "RELINK_DATABASE_URL": f"sqlite:///{folder / 'relink.db'}",
        "RELINK_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "RELINK_COOKIE_SECRET": COOKIE_SECRET,
        "RELINK_OIDC_METADATA_URL": "http://127.0.0.1:9/.well-known/openid-configuration",
        "RELINK_OIDC_CLIENT_ID": "relink",
        "RELINK_OIDC_CLIENT_SECRET": "secret",
        "RELINK_XERO_CLIENT_ID": "relink",
        "RELINK_XERO_CLIENT_SECRET": "secret",
        "RELINK_MAIL_URL": "json://127.0.0.1:9/{to}",
    }


@pytest.fixture(autouse=True)
def main_stays_main() -> Iterator[None]:
    """AppTest leaves its page behind as `__main__`, and every process started later would run it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The equipment of this process, on a store with the small world in it."""
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    open_desk.cache_clear()
    desk = open_desk()
    migrate(desk.store)
    world.fill(desk.store)
    yield desk
    desk.store.close()
    load_settings.cache_clear()
    open_desk.cache_clear()


@pytest.fixture(autouse=True)
def cookies(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The cookies of the browser that looks at pages; AppTest has no browser, and none of its own."""
    kept: dict[str, str] = {}
    monkeypatch.setattr(context, "_get_client_context", lambda: SimpleNamespace(cookies=kept))
    return kept


def claims(email: str, *, signed_in_seconds_ago: float = 60) -> dict[str, object]:
    """Return what a sign-in provider says about somebody who just signed in."""
    return {"is_logged_in": True, "email": email, "sub": email, "iat": time.time() - signed_in_seconds_ago}


def user_cookie(content: Mapping[str, object]) -> str:
    """Return the value of the cookie that Streamlit's sign-in sets."""
    return create_signed_value(COOKIE_SECRET, USER_COOKIE, json.dumps(content)).decode()


def member_cookie(origin: str, email: str) -> str:
    """Return the cookie of somebody who signed in to the site at this origin."""
    return user_cookie({**claims(email), "origin": origin})


def sign_in(browser: TestClient, email: str, **changes: float) -> None:
    """Give a browser the cookie of somebody signed in."""
    browser.cookies.set(USER_COOKIE, user_cookie(claims(email, **changes)))


@pytest.fixture
def open_page(desk: Desk) -> OpenPage:
    """Open a page as a member, with the query of its address."""

    def open_page(entry: PageEntry, email: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(ENTRY), default_timeout=30)
        app.user = claims(email)
        app.run()
        for name, value in query.items():
            app.query_params[name] = value
        if entry.path:
            app.switch_page(f"../pages/{entry.script}")
        app.run()
        assert not app.exception
        return app

    return open_page


def text_of(app: AppTest) -> str:
    """Return everything that stands on a page, as one text."""
    parts = [str(getattr(element, "value", "")) for element in app.main]
    return "\n".join([*parts, *(element.proto.body for element in app.get("html"))])


def select_rows(app: AppTest, key: str, positions: list[int]) -> None:
    """Select rows of the table of exports, whose key carries the ids of the rows it shows."""
    (table,) = [found.key for found in app.dataframe if str(found.key).startswith(f"{key}-")]
    app.session_state[str(table)] = {"selection": {"rows": positions, "columns": [], "cells": []}}
