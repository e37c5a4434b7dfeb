"""Whole worlds: the demo, starting over, and what survives a restart."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.probes import until_ok
from services.sandbox.world import World
from tests.integration.sandbox.driver import Driver, authorization_request, drive, open_client, serve


def ids(world: dict[str, Any]) -> list[str]:
    return sorted(one["id"] for kind in ("organisations", "users") for one in world[kind])


@pytest.fixture(scope="module")
def demo() -> Iterator[Driver]:
    """A sandbox of its own: starting over would pull the rug from under the other tests."""
    with serve(world=World.DEMO) as base_url, drive(base_url) as driver:
        yield driver


def test_the_demo_world_has_its_organisations_users_and_members(demo: Driver) -> None:
    world = demo.control("GET", "/world")
    assert len({one["name"] for one in world["organisations"]}) == 95
    assert len({one["email"] for one in world["users"]}) == 70
    assert {one["email"]: one["role"] for one in world["members"]} == {
        "mara.lindqvist@relink.example": "support agent",
        "tom.baker@brightside.example": "workspace admin",
        "priya.nair@relink.example": "manager",
        "olu.adeyemi@relink.example": "owner",
        "sam.stranger@elsewhere.example": "unknown to Relink",
    }
    assert {"GB", "NZ", "AU", "US", "IE"} <= {one["country"] for one in world["organisations"]}


def test_in_the_demo_world_everybody_has_a_believable_share(demo: Driver) -> None:
    world = demo.control("GET", "/world")
    roles = {one["email"]: one["roles"] for one in world["users"]}
    advised = {id_ for held in roles.values() for id_, role in held.items() if role == "Adviser"}
    assert advised == {one["id"] for one in world["organisations"]}
    assert Counter(roles["nina.okafor@harbourledger.example"].values())["Adviser"] >= 14
    assert sum(len(held) in (1, 2) for held in roles.values()) > 60
    assert {"Standard", "ReadOnly", "InvoiceOnly"} <= {
        one for held in roles.values() for one in held.values()
    }
    names = {one["id"]: one["name"] for one in world["organisations"]}
    toms = {names[id_]: role for id_, role in roles["tom.baker@brightside.example"].items()}
    assert toms == {"Brightside Studios Ltd": "Adviser", "Brightside Films Ltd": "Adviser"}


def test_starting_over_brings_the_same_demo_world_back_with_all_else_gone(demo: Driver) -> None:
    before = ids(demo.control("GET", "/world"))
    who = demo.connected()
    demo.control("PUT", "/maintenance", mode="maintenance")
    demo.control("POST", "/clock", advance_seconds=60)
    keys = demo.http.get("/.well-known/openid-configuration/jwks").json()
    demo.control("POST", "/reset", world="demo")
    assert ids(demo.control("GET", "/world")) == before
    assert demo.control("GET", "/clock")["offset_seconds"] == 0
    assert demo.http.get("/connections", headers=who.headers).status_code == 401
    assert demo.http.get("/.well-known/openid-configuration/jwks").json() == keys


def test_an_empty_world_has_nobody_and_keeps_the_limits_and_the_app(demo: Driver) -> None:
    demo.control("POST", "/reset", world="empty")
    assert demo.control("GET", "/world") == {"organisations": [], "users": [], "members": []}
    assert demo.control("GET", "/limits")["mode"] == "off"
    assert demo.connected().token["access_token"]


def test_a_sandbox_with_a_file_remembers_logins_and_connections(tmp_path: Path) -> None:
    data = str(tmp_path / "sandbox.sqlite3")
    with serve(data=data) as base_url, drive(base_url) as first:
        who = first.connected()
        keys = first.http.get("/.well-known/openid-configuration/jwks").json()
    with serve(data=data, world=World.DEMO) as base_url, drive(base_url) as again:
        assert again.http.get("/connections", headers=who.headers).json() == [who.connection]
        assert again.refresh(who.token["refresh_token"]).status_code == 200
        assert again.http.get("/.well-known/openid-configuration/jwks").json() == keys
        listed = again.control("GET", "/world")["organisations"]
        assert [one["id"] for one in listed] == [who.organisation["id"]]


def test_the_command_starts_a_sandbox_with_a_further_redirect_uri_and_stops_when_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--world", "empty", "--limits", "off"]
    extra = "http://localhost:9999/callback"
    command = [sys.executable, "-m", "services.sandbox", *options, "--redirect-uri", extra]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        with open_client(f"http://127.0.0.1:{port}") as http:
            assert until_ok(f"{http.base_url}/sandbox/health", seconds=30)
            query = authorization_request(redirect_uri=extra)
            assert http.get("/identity/connect/authorize", params=query).status_code == 302
    finally:
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=20)
    assert "redirect_uri" not in log
    assert "Traceback" not in log
