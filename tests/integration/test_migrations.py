"""Migrations: they make the tables that the code expects, on both stores, and do no harm twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from services.store import tables
from services.store.engine import Store, open_store, utcnow
from services.store.migrate import is_current, migrate
from services.store.states import Role
from tests.integration.stores import fresh_database, postgres


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    if request.param == "sqlite":
        store = open_store(f"sqlite:///{tmp_path / 'relink.db'}")
    else:
        store = open_store(fresh_database(request.getfixturevalue("postgres_url")))
    yield store
    store.close()


def test_a_migrated_store_has_the_tables_columns_and_indexes_that_the_code_expects(store: Store) -> None:
    migrate(store)
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.Base.metadata) == []
    assert set(inspect(store.engine).get_table_names()) == {*tables.Base.metadata.tables, "alembic_version"}


def test_migrating_twice_changes_nothing_and_keeps_what_is_stored(store: Store) -> None:
    assert not is_current(store.engine)
    migrate(store)
    with store.begin() as session:
        session.add(tables.Member(email="ada@relink.example", name="Ada", role=Role.AGENT, added_at=utcnow()))
    migrate(store)
    assert is_current(store.engine)
    with store.read() as session:
        assert session.get_one(tables.Member, "ada@relink.example").name == "Ada"


def test_a_workspace_has_at_most_one_open_incident(store: Store) -> None:
    """Two workers may find the break at once, so the database has to keep this rule."""
    migrate(store)
    indexes = {index["name"]: index for index in inspect(store.engine).get_indexes("incidents")}
    assert indexes["uq_incidents_one_open"]["unique"]
