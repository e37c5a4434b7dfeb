"""The store's transactions: writers take turns."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import event, exc, text

from services.store.engine import Turn, open_store


def test_a_writer_waits_its_turn_while_another_of_the_process_writes(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'relink.db'}")
    event.listen(store.engine, "connect", _have_no_patience)
    tries = Event()

    def write() -> None:
        tries.set()
        with store.begin() as session:
            session.execute(text("insert into figures values (2)"))

    with ThreadPoolExecutor(1) as pool:
        with store.begin() as session:
            session.execute(text("create table figures (figure integer)"))
            other = pool.submit(write)
            tries.wait()
            session.execute(text("insert into figures values (1)"))
        other.result()
    with store.read() as session:
        assert session.scalars(text("select figure from figures")).all() == [1, 2]
    store.close()


def test_a_writer_whose_turn_does_not_come_gives_up_and_the_next_one_goes() -> None:
    turn = Turn(wait_seconds=0)

    def enter() -> None:
        with turn:
            pass

    with ThreadPoolExecutor(1) as pool:
        with turn, turn, pytest.raises(exc.TimeoutError):  # one that writes already goes on
            pool.submit(enter).result()
        pool.submit(enter).result()


def _have_no_patience(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA busy_timeout=0")
