"""The control API, an application of its own under `/sandbox`."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from services.sandbox.control import conditions, logins, mailboxes, people, records
from services.sandbox.store import Sandbox


def control_app(sandbox: Sandbox) -> FastAPI:
    """Build the control API; its documentation page needs no network."""
    app = FastAPIOffline(
        redoc_url=None,
        title="Sandbox control",
        summary="Arrange what the stand-in Xero holds and how it behaves. Never part of Xero itself.",
    )
    app.state.sandbox = sandbox
    app.add_api_route("/health", health, tags=["health"])
    for router in (people.router, logins.router, conditions.router, records.router, mailboxes.router):
        app.include_router(router)
    return app


async def health() -> dict[str, str]:
    """Say that the sandbox is up."""
    return {"status": "ok"}
