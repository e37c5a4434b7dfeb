"""The web process: pages, routes and sign-in as one ASGI app. Start it with `python -m dashboard.asgi`."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime.secrets import SecretsValue

from dashboard import failures
from dashboard.edge import Edge
from dashboard.routes import ROUTES, tell_failure
from services.logs import write_json_lines
from services.settings import Settings, SettingsError, load_settings

ENTRY = Path(__file__).parent / "main.py"
HEAVY = ("pandas", "plotly.express", "plotly.graph_objects", "pyarrow", "dashboard.parts.charts")


def create_app(settings: Settings) -> st.App:
    """Return the app that these settings describe; one a process."""
    return st.App(
        ENTRY,
        secrets={"auth": sign_in_secrets(settings)},
        routes=ROUTES,
        middleware=[Middleware(Edge, https=settings.public_url.startswith("https://"))],
        lifespan=lifespan,
        on_script_error=failures.show,
        exception_handlers={Exception: tell_failure},
    )


def sign_in_secrets(settings: Settings) -> dict[str, SecretsValue]:
    """Return what `st.login` needs to know of the sign-in provider."""
    return {
        "redirect_uri": f"{settings.public_url}/oauth2callback",
        "cookie_secret": settings.cookie_secret.get_secret_value(),
        "server_metadata_url": settings.oidc_metadata_url,
        "client_id": settings.oidc_client_id,
        "client_secret": settings.oidc_client_secret.get_secret_value(),
    }


@contextlib.asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Load everything a first visit would, and keep it out of garbage collection.

    Streamlit collects garbage after every run of a page; walking the imported libraries each time
    is most of what a run costs.
    """
    for module in HEAVY:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    yield


def main() -> None:
    """Serve until stopped. A missing setting ends it with one sentence each."""
    write_json_lines()
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.exit(str(error))
    # Read before programmatic secrets are; without it a sign-in under way would not survive a restart.
    os.environ["STREAMLIT_SERVER_COOKIE_SECRET"] = settings.cookie_secret.get_secret_value()
    create_app(settings).run(
        config={
            "server.address": settings.host,
            "server.port": settings.port,
            "server.corsAllowedOrigins": [settings.public_url],
            "browser.serverAddress": urlsplit(settings.public_url).hostname or settings.host,
            "logger.hideWelcomeMessage": True,  # it names an address before anything can be served
        }
    )


if __name__ == "__main__":
    main()
