"""The sandbox as one ASGI application: identity server, API, member sign-in, mailboxes and control."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from services.sandbox import authorize, connections, mail, members, oauth, problems, signing
from services.sandbox.accounting import routes as accounting
from services.sandbox.calls import CallsMiddleware
from services.sandbox.control.app import control_app
from services.sandbox.faults import FaultsMiddleware
from services.sandbox.limits import LimitsMiddleware, LimitsSetting, set_limits
from services.sandbox.middleware import CorrelationMiddleware, OutageMiddleware
from services.sandbox.models import App
from services.sandbox.store import Sandbox, write_setting
from services.sandbox.tokens import OAuthError
from services.sandbox.world import World, register_default_app
from services.sandbox.world_demo import start_over


def create_app(
    sandbox: Sandbox,
    *,
    world: World,
    limits: LimitsSetting,
    redirect_uris: Sequence[str] = (),
) -> ASGIApp:
    """Build the application over `sandbox`; a world that is already there is kept.

    `redirect_uris` are further ones of the app Relink.
    """
    with sandbox.session() as session:
        signing.make_key(session)
        set_limits(session, limits)
        write_setting(session, "redirect_uris", {"uris": list(redirect_uris)})
        if session.scalars(select(App)).first() is None:
            start_over(session, world)
        else:
            register_default_app(session)
    app = Starlette(
        routes=[
            *oauth.routes,
            *authorize.routes,
            *_in_any_case(connections.routes),
            *_in_any_case([Mount("/api.xro/2.0", routes=accounting.routes)]),
            Mount("/members", routes=members.routes),
            *mail.routes,
            Mount("/sandbox", control_app(sandbox)),
        ],
        middleware=[
            Middleware(CorrelationMiddleware),
            Middleware(CallsMiddleware, sandbox=sandbox),
            Middleware(OutageMiddleware, sandbox=sandbox),
            Middleware(LimitsMiddleware, sandbox=sandbox),
            Middleware(FaultsMiddleware, sandbox=sandbox),
        ],
        exception_handlers={
            problems.XeroProblem: problems.answer_problem,
            problems.PlainProblem: problems.answer_problem,
            OAuthError: oauth.answer_oauth_error,
            authorize.Refused: authorize.answer_refused,
            404: _no_such_address,
        },
    )
    app.state.sandbox = sandbox
    return app


def _in_any_case(routes: Sequence[Route | Mount]) -> Sequence[Route | Mount]:
    """Let paths match whatever their case, as Xero's do; path parameters keep theirs."""
    for route in routes:
        route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
    return routes


async def _no_such_address(request: Request, _error: Exception) -> Response:
    return await problems.answer_problem(request, problems.not_found())
