"""A desk for each test, on a store of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.intake.desk import Desk, open_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk with a healthy, a broken and an unconnected workspace."""
    with open_desk(f"sqlite:///{tmp_path / 'relink.db'}") as desk:
        yield desk
