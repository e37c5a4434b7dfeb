"""Column types: what goes into a store comes out the same, or is refused at the door."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Engine, MetaData, Table, create_engine, func, insert, select
from sqlalchemy.exc import StatementError

from services.store.states import Health
from services.store.types import Money, UtcDateTime, Word

TABLE = Table(
    "things",
    MetaData(),
    Column("at", UtcDateTime),
    Column("amount", Money),
    Column("health", Word(Health)),
)
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=4, allow_nan=False)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """An empty store in memory."""
    engine = create_engine("sqlite://")
    TABLE.metadata.create_all(engine)
    yield engine
    engine.dispose()


def through(engine: Engine, *rows: dict[str, Any]) -> list[Any]:
    """Store rows and return what the store has then; nothing is left behind."""
    with engine.connect() as connection:
        for row in rows:
            connection.execute(insert(TABLE).values(**row))
        return list(connection.execute(select(TABLE)))


@given(amount=AMOUNTS)
def test_an_amount_comes_back_exact(engine: Engine, amount: Decimal) -> None:
    assert through(engine, {"amount": amount})[0].amount == amount


@pytest.mark.parametrize(
    ("stored", "shown"), [("12.5", "12.50"), ("0", "0.00"), ("-3", "-3.00"), ("0.0001", "0.0001")]
)
def test_an_amount_has_two_places_or_four_where_it_needs_them(
    engine: Engine, stored: str, shown: str
) -> None:
    assert str(through(engine, {"amount": Decimal(stored)})[0].amount) == shown


def test_a_sum_has_no_binary_fractions(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(insert(TABLE), [{"amount": Decimal("0.10")}] * 3)
        assert connection.scalar(select(func.sum(TABLE.c.amount))) == Decimal("0.30")


def test_a_time_comes_back_in_utc_wherever_it_was_written(engine: Engine) -> None:
    written = NOON.astimezone(timezone(timedelta(hours=13)))
    at = through(engine, {"at": written})[0].at
    assert (at, at.utcoffset()) == (NOON, timedelta(0))


def test_a_time_without_a_zone_is_refused(engine: Engine) -> None:
    with pytest.raises(StatementError, match="needs its zone"):
        through(engine, {"at": NOON.replace(tzinfo=None)})


def test_a_state_comes_back_as_its_member_and_an_unknown_word_is_refused(engine: Engine) -> None:
    assert through(engine, {"health": "expired"})[0].health is Health.EXPIRED
    with pytest.raises(StatementError):
        through(engine, {"health": "on fire"})


def test_nothing_stays_nothing(engine: Engine) -> None:
    assert tuple(through(engine, {"at": None, "amount": None, "health": None})[0]) == (None, None, None)
