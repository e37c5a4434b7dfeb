"""A sandbox over real HTTP, and the product's own client of it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.integration.sandbox.driver import Driver, serve
from tests.integration.xero.desk import Desk


@pytest.fixture(scope="package")
def sandbox_url() -> Iterator[str]:
    """The base URL of a running sandbox, empty at first, limits off."""
    with serve() as base_url:
        yield base_url


@pytest.fixture
def sandbox(sandbox_url: str) -> Iterator[Driver]:
    """A driver of the sandbox; whatever a test broke is mended after it."""
    with httpx.Client(base_url=sandbox_url) as http:
        driver = Driver(sandbox_url, http)
        yield driver
        driver.control("DELETE", "/faults")
        driver.control("PUT", "/maintenance", mode="none")
        driver.control("PUT", "/limits", mode="off")


@pytest.fixture
def desk(sandbox: Driver) -> Iterator[Desk]:
    """A newly connected organisation with a client that calls it."""
    with Desk.connect(sandbox) as desk:
        yield desk
