"""What nobody foresaw is shown as a sentence or a reference, never as a traceback."""

from __future__ import annotations

from sqlalchemy import event, exc, text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from dashboard import navigation
from dashboard.routes import ROUTES, tell_failure
from services.desk import Desk
from tests.integration.web import world
from tests.integration.web.conftest import OpenPage, sign_in


async def broken(_request: Request) -> Response:
    raise RuntimeError("secret detail")


def test_a_route_that_fails_gives_a_reference_that_is_in_the_log() -> None:
    app = Starlette(routes=[Route("/broken", broken)], exception_handlers={Exception: tell_failure})

    with capture_logs() as logs, TestClient(app, raise_server_exceptions=False) as browser:
        answer = browser.get("/broken")

    assert answer.status_code == 500
    assert logs[0]["reference"] in answer.text
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text


def test_a_locked_store_is_said_to_be_busy_and_the_press_can_be_repeated(
    desk: Desk, open_page: OpenPage
) -> None:
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)
    desk.store.engine.dispose()
    event.listen(desk.store.engine, "connect", _wait_only_briefly)

    with desk.store.engine.connect().execution_options(relink_writes=True) as other:
        other.execute(text("SELECT 1"))  # another process writes, and takes its time
        app.button(key="sync-now").click().run()
    assert not app.exception
    assert "did not answer in time" in app.warning[0].value

    app.button(key="sync-now").click().run()
    assert app.button(key="sync-now").disabled


def test_a_press_while_every_connection_is_taken_is_refused_and_can_be_repeated(
    desk: Desk, open_page: OpenPage
) -> None:
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)
    desk.store.engine.dispose()
    event.listen(desk.store.engine, "do_connect", _none_is_free, once=True)

    app.button(key="sync-now").click().run()
    assert not app.exception
    assert "did not answer in time" in app.warning[0].value

    app.button(key="sync-now").click().run()
    assert app.button(key="sync-now").disabled


def test_pages_and_routes_say_when_every_connection_is_taken(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)
    desk.store.engine.dispose()
    event.listen(desk.store.engine, "do_connect", _none_is_free)

    app.run()
    with TestClient(Starlette(routes=ROUTES)) as browser:
        sign_in(browser, world.ADMIN)
        answer = browser.get("/connect/xero", params={"workspace": world.BROKEN})

    assert not app.exception
    assert "did not answer in time" in app.warning[0].value
    assert answer.status_code == 503


def _none_is_free(*_: object) -> None:
    raise exc.TimeoutError("QueuePool limit reached")


def _wait_only_briefly(connection: object, _record: object) -> None:
    connection.execute("PRAGMA busy_timeout=50")  # type: ignore[attr-defined]
