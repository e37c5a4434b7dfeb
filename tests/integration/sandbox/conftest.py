"""One sandbox for all tests of it; each test makes organisations and users of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.sandbox.driver import Driver, drive, serve


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    """The base URL of a running sandbox, empty at first, limits off."""
    with serve() as base_url:
        yield base_url


@pytest.fixture
def sandbox(sandbox_url: str) -> Iterator[Driver]:
    """A driver of the shared sandbox."""
    with drive(sandbox_url) as driver:
        yield driver
