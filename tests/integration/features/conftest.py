"""Features on both stores, against a real sandbox."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.store.engine import open_store
from services.store.migrate import migrate
from tests.integration.office import Office
from tests.integration.sandbox.driver import Driver, drive, serve
from tests.integration.stores import empty_database, fresh_database, postgres


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL for all tests of the session."""
    with postgres() as url:
        yield url


@pytest.fixture(scope="package")
def sandbox_url() -> Iterator[str]:
    """A sandbox, empty at first, limits off."""
    with serve() as url:
        yield url


@pytest.fixture
def xero(sandbox_url: str) -> Iterator[Driver]:
    """The sandbox; whatever a test broke for everybody is mended after it."""
    with drive(sandbox_url) as driver:
        yield driver
        driver.control("DELETE", "/faults")
        driver.control("DELETE", "/calls")
        driver.control("DELETE", "/mail")
        driver.control("PUT", "/maintenance", mode="none")
        driver.control("PUT", "/limits", mode="off")


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all migrations, to be copied."""
    path = tmp_path_factory.mktemp("store") / "relink.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_database(postgres_url: str) -> str:
    """The address of a PostgreSQL database with all migrations, to be emptied for each test."""
    url = fresh_database(postgres_url)
    _migrate(url)
    return url


def _migrate(database_url: str) -> None:
    store = open_store(database_url)
    migrate(store)
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of its own with all migrations: each test runs on both kinds."""
    if request.param == "sqlite":
        path = tmp_path / "relink.db"
        shutil.copyfile(request.getfixturevalue("migrated_file"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("migrated_database")
    empty_database(url)
    return url


@pytest.fixture
def office(database_url: str, xero: Driver) -> Iterator[Office]:
    """A desk with its members, at a store with all migrations."""
    office = Office.open(database_url, xero)
    office.staff()
    yield office
    office.desk.store.close()
