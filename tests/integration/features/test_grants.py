"""Grants: one refresh however many ask, nothing lost in a crash, and no token in plain text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
import time_machine
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import select, text

from services import grants
from services.desk import set_up
from services.store import tables
from services.store.engine import utcnow
from services.store.vault import VaultLocked
from services.xero.errors import Fault, XeroError
from tests.integration.office import Office, Shop
from tests.patience import until

PROCESSES, THREADS = 4, 8
TOKEN_ENDPOINT = "/connect/token"
ROOT = Path(__file__).parents[3]
PASSING = ({"status": 503}, {"status": 500}, {"status": 429}, {"reset": "before"})

Process = subprocess.Popen[str]


def grant_id_of(office: Office, shop: Shop) -> str:
    grant_id = office.connection(shop).grant_id
    assert grant_id is not None
    return grant_id


def due_for_refresh(office: Office) -> str:
    """Return the id of a grant whose access token is about to expire; what was called so far is forgotten."""
    grant_id = grant_id_of(office, office.shop())
    office.change(tables.Grant, grant_id, expires_at=utcnow() + timedelta(minutes=4))
    office.xero.control("DELETE", "/calls")
    return grant_id


def stored(office: Office, grant_id: str) -> tables.Grant:
    with office.desk.store.read() as session:
        return session.get_one(tables.Grant, grant_id)


def works(office: Office, access_token: str) -> bool:
    headers = {"Authorization": f"Bearer {access_token}"}
    return office.xero.http.get("/connections", headers=headers).status_code == 200


@contextmanager
def callers(
    office: Office, grant_id: str, *, processes: int, threads: int
) -> Iterator[list[subprocess.Popen[str]]]:
    """Start processes that are ready to ask for a grant's token; those left over are killed."""
    settings = office.desk.settings
    given = {
        f"RELINK_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in settings
        if not isinstance(value, list)
    }
    keys = ",".join(key.get_secret_value() for key in settings.encryption_keys)
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.integration.token_callers", grant_id, str(threads)],
            cwd=ROOT,
            env={**os.environ, **given, "RELINK_ENCRYPTION_KEYS": keys},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def go(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_many_processes_and_threads_at_once_make_one_refresh(office: Office) -> None:
    grant_id = due_for_refresh(office)
    office.xero.control("POST", "/faults", path=TOKEN_ENDPOINT, delay_seconds=0.3)
    with callers(office, grant_id, processes=PROCESSES, threads=THREADS) as processes:
        for process in processes:
            go(process)
        answers = [token for process in processes for token in json.loads(process.communicate(timeout=60)[0])]
    token = grants.access_token(office.desk, grant_id)
    assert answers == [sha256(token.encode()).hexdigest()] * PROCESSES * THREADS
    assert works(office, token)
    counted = office.all_calls()
    assert counted["refreshes"] == 1
    assert "400" not in counted["by_status"]


def rotated_and_killed(office: Office) -> str:
    """Let a process die after Xero has rotated the tokens and before anybody saved them."""
    grant_id = due_for_refresh(office)
    office.xero.control("POST", "/faults", path=TOKEN_ENDPOINT, delay_seconds=0.5)
    with callers(office, grant_id, processes=1, threads=1) as [process]:
        go(process)
        until(lambda: office.xero.control("GET", "/faults") == [])  # the call is at Xero
        process.kill()
        process.wait()
    until(lambda: office.all_calls()["refreshes"] == 1)  # Xero has rotated, nobody has saved
    assert stored(office, grant_id).lease_owner is not None
    return grant_id


@pytest.mark.parametrize("minutes_later", [1, 28])
def test_a_process_killed_between_xeros_answer_and_the_save_loses_nothing(
    office: Office, minutes_later: int
) -> None:
    grant_id = rotated_and_killed(office)
    office.xero.control("POST", "/clock", advance_seconds=minutes_later * 60)
    with time_machine.travel(utcnow() + grants.LEASE + timedelta(seconds=1)):
        token = grants.access_token(office.desk, grant_id)
    assert works(office, token)
    assert office.all_calls()["refreshes"] == 2
    assert stored(office, grant_id).lease_owner is None


def test_nobody_refreshes_beside_a_lease_and_the_lease_of_a_dead_owner_runs_out(office: Office) -> None:
    grant_id = rotated_and_killed(office)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(grants.access_token, office.desk, grant_id)
        # The owner is dead and cannot say so: while its lease lasts, nobody can tell it from one at work.
        assert office.all_calls()["refreshes"] == 1
        assert not waiting.done()
        office.change(tables.Grant, grant_id, lease_until=utcnow())
        assert works(office, waiting.result(timeout=30))
    assert office.all_calls()["refreshes"] == 2
    assert stored(office, grant_id).lease_owner is None


def test_an_answer_lost_on_the_way_is_asked_for_again(office: Office) -> None:
    grant_id = due_for_refresh(office)
    office.xero.control("POST", "/faults", path=TOKEN_ENDPOINT, reset="after")
    with pytest.raises(XeroError) as lost:
        grants.access_token(office.desk, grant_id)
    assert lost.value.fault is Fault.UNAVAILABLE
    assert works(office, grants.access_token(office.desk, grant_id))


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"status": 500}, {"status": 429}, {"reset": "before"}], ids=str
)
def test_a_passing_error_keeps_the_login_alive(office: Office, fault: dict[str, object]) -> None:
    grant_id = due_for_refresh(office)
    office.xero.control("POST", "/faults", path=TOKEN_ENDPOINT, **fault)
    with pytest.raises(XeroError):
        grants.access_token(office.desk, grant_id)
    assert stored(office, grant_id).dead_since is None
    assert works(office, grants.access_token(office.desk, grant_id))


def test_our_own_misconfigured_app_kills_no_login(office: Office) -> None:
    grant_id = due_for_refresh(office)
    with office.xero_refuses_our_app(), pytest.raises(XeroError) as refused:
        grants.access_token(office.desk, grant_id)
    assert refused.value.fault is Fault.APP_MISCONFIGURED
    assert works(office, grants.access_token(office.desk, grant_id))


def test_a_dead_login_is_told_without_asking_xero_again(office: Office) -> None:
    shop = office.shop()
    grant_id = grant_id_of(office, shop)
    office.break_login(shop)
    office.xero.control("DELETE", "/calls")
    with pytest.raises(XeroError) as dead:
        grants.access_token(office.desk, grant_id)
    assert dead.value.fault is Fault.LOGIN_EXPIRED
    assert office.all_calls()["total"] == 0


def test_a_token_that_xero_refused_is_not_given_again_and_one_refresh_serves_all_who_were_refused(
    office: Office,
) -> None:
    grant_id = grant_id_of(office, office.shop())
    refused = grants.access_token(office.desk, grant_id)
    office.xero.control("DELETE", "/calls")
    with ThreadPoolExecutor(THREADS) as threads:
        given = set(
            threads.map(lambda _: grants.access_token(office.desk, grant_id, refused), range(THREADS))
        )
    assert len(given - {refused}) == len(given) == 1
    assert office.all_calls()["refreshes"] == 1


def test_a_token_good_for_five_minutes_is_used_as_it_is(office: Office) -> None:
    grant_id = grant_id_of(office, office.shop())
    office.xero.control("DELETE", "/calls")
    first = grants.access_token(office.desk, grant_id)
    assert grants.access_token(office.desk, grant_id) == first
    assert office.all_calls()["total"] == 0


def test_a_consent_that_arrives_during_a_refresh_is_not_overwritten(office: Office) -> None:
    shop = office.shop()
    grant_id = grant_id_of(office, shop)
    office.change(tables.Grant, grant_id, expires_at=utcnow())
    office.xero.control("POST", "/faults", path=TOKEN_ENDPOINT, delay_seconds=0.5)
    with ThreadPoolExecutor(1) as threads:
        refresh = threads.submit(grants.access_token, office.desk, grant_id)
        until(lambda: office.xero.control("GET", "/faults") == [])
        consented = office.consent_kept(shop)
        assert works(office, refresh.result())
    assert grants.access_token(office.desk, grant_id) == consented


def test_workspaces_of_one_login_share_one_grant(office: Office) -> None:
    first = office.shop()
    second = office.branch(first.user)
    assert grant_id_of(office, first) == grant_id_of(office, second)
    with office.desk.store.read() as session:
        assert len(session.scalars(select(tables.Grant)).all()) == 1


def test_no_token_can_be_read_from_the_database(office: Office) -> None:
    grant_id = due_for_refresh(office)
    access = grants.access_token(office.desk, grant_id)
    _, refresh = office.desk.vault.open(stored(office, grant_id).tokens)
    with office.desk.store.read() as session:
        everything = [
            repr(session.execute(text(f"select * from {table.name}")).all())  # noqa: S608 - our own names
            for table in tables.Base.metadata.sorted_tables
        ]
    database = office.desk.store.engine.url.database
    files = [path.read_bytes() for path in Path(str(database)).parent.glob("relink.db*")]
    for secret in (access, refresh):
        assert not any(secret in rows for rows in everything)
        assert not any(secret.encode() in content for content in files)


def test_a_new_key_seals_from_now_on_and_the_old_one_still_opens(office: Office) -> None:
    grant_id = grant_id_of(office, office.shop())
    token = grants.access_token(office.desk, grant_id)
    old, new = office.desk.settings.encryption_keys[0], SecretStr(Fernet.generate_key().decode())
    both = set_up(office.desk.settings.model_copy(update={"encryption_keys": [new, old]}))
    only_new = set_up(office.desk.settings.model_copy(update={"encryption_keys": [new]}))
    try:
        assert grants.access_token(both, grant_id) == token
        with pytest.raises(VaultLocked):
            grants.access_token(only_new, grant_id)
        office.change(tables.Grant, grant_id, expires_at=utcnow())
        assert grants.access_token(both, grant_id) == grants.access_token(only_new, grant_id)
    finally:
        both.store.close()
        only_new.store.close()


def test_tokens_of_an_earlier_consent_that_are_stored_late_do_not_replace_newer_ones(office: Office) -> None:
    shop = office.shop()
    newer = office.grant(shop)
    scopes = list(office.desk.app.scopes)
    granted = office.xero.grant(dict(shop.user), dict(shop.organisation), scopes=scopes)
    late = replace(
        office.tokens(granted["token"], shop.user), expires_at=newer.expires_at - timedelta(seconds=1)
    )
    with office.desk.store.begin() as session:
        assert grants.keep(session, office.desk.vault, late) == newer.id
    assert office.grant(shop).tokens == newer.tokens
    office.change(tables.Grant, newer.id, dead_since=utcnow())
    with office.desk.store.begin() as session:
        grants.keep(session, office.desk.vault, late)
    assert office.grant(shop).tokens != newer.tokens  # a dead login takes any that lives
