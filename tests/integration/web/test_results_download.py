"""Files of results over HTTP: made at this moment, for whoever may see the retry."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboard.routes import ROUTES
from services import planning
from services.desk import Desk
from services.exports import ExportFilter
from services.members import Member
from services.result_files import MEDIA_TYPES, Format
from services.store import tables
from services.store.states import Role
from tests.integration.web import world
from tests.integration.web.conftest import sign_in

AGENT = Member(world.AGENT, "Ada Agent", Role.AGENT)


@pytest.fixture
def browser(desk: Desk) -> Iterator[TestClient]:
    """A browser that is not signed in."""
    with TestClient(Starlette(routes=ROUTES), follow_redirects=False) as client:
        yield client


@pytest.fixture
def address(desk: Desk) -> str:
    """Where the results of a plan of every export are, but for the kind of file."""
    with desk.store.begin() as session:
        plan_id = planning.plan(session, AGENT, filter=ExportFilter())
    return f"/download/retry/{plan_id}/results"


@pytest.mark.parametrize("format", list(Format))
def test_results_are_given_as_a_file_and_nothing_stays_behind(
    browser: TestClient, address: str, format: Format, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "made"))
    (tmp_path / "made").mkdir()
    sign_in(browser, world.AGENT)

    answer = browser.get(f"{address}.{format}")

    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == MEDIA_TYPES[format]
    assert answer.headers["content-disposition"].startswith('attachment; filename="retry-')
    assert answer.headers["cache-control"] == "no-store"
    assert (b"EXP-000001" in answer.content) == (format is Format.CSV)
    assert list((tmp_path / "made").iterdir()) == []


def test_somebody_signed_out_gets_no_file(browser: TestClient, address: str) -> None:
    answer = browser.get(f"{address}.csv")

    assert answer.status_code == 404
    assert "You are signed out" in answer.text


def test_a_member_who_was_removed_gets_no_file(browser: TestClient, address: str, desk: Desk) -> None:
    sign_in(browser, world.AGENT)
    with desk.store.begin() as session:
        session.delete(session.get_one(tables.Member, world.AGENT))

    assert browser.get(f"{address}.csv").status_code == 404


def test_a_manager_who_may_not_retry_gets_no_file(browser: TestClient, address: str) -> None:
    sign_in(browser, world.MANAGER)

    assert browser.get(f"{address}.csv").status_code == 404


@pytest.mark.parametrize("path", ["/download/retry/gone/results.csv", "/download/retry/gone/results.exe"])
def test_what_is_not_there_is_said_in_a_sentence(browser: TestClient, path: str) -> None:
    sign_in(browser, world.AGENT)

    answer = browser.get(path)

    assert answer.status_code == 404
    assert "Go back" in answer.text
