"""Every test starts from settings of its own, whatever the shell it runs in has set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import House, house

for _name in [name for name in os.environ if name.startswith("RELINK_")]:
    del os.environ[_name]


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[House]:
    """A house with a sandbox; workers are the test's to start and kill."""
    with house(tmp_path) as opened:
        opened.start_sandbox()
        yield opened
