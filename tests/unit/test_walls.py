"""The walls that the import linter cannot see: pages are scripts, not a package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import ROOT

PAGES = sorted((ROOT / "pages").glob("*.py"))
FORBIDDEN = {"sqlalchemy", "httpx", "httpx2", "dbos", "authlib", "services.store.tables", "services.xero"}


def imported(path: Path) -> Iterator[str]:
    """Every module that a script imports, with what it takes from it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_entry_does_not_stand_beside_the_pages() -> None:
    # Streamlit serves scripts in a folder `pages` beside its entry without running the entry's gate.
    assert (ROOT / "dashboard" / "main.py").exists()
    assert not (ROOT / "dashboard" / "pages").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_makes_no_query_and_no_call(page: Path) -> None:
    reached = {name for name in imported(page) for wall in FORBIDDEN if f"{name}.".startswith(f"{wall}.")}
    assert not reached


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_asks_who_is_there_before_anything_else(page: Path) -> None:
    calls = [line for line in page.read_text().splitlines() if "require(" in line]
    assert calls, "a page begins with session.require(...)"
