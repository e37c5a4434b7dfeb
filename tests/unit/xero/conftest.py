"""A scripted Xero for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.xero.scripted import Script, scripted


@pytest.fixture
def xero() -> Iterator[Script]:
    """A server that answers what the test tells it to."""
    with scripted() as script:
        yield script
