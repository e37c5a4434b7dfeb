"""Every kind of work is known everywhere it passes through: a kind left out would stop the whole worker."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from services.due import Kind
from services.worker import dispatch, engine, workflows
from tests.integration import work


@pytest.mark.parametrize("table", [engine.PRIORITIES, dispatch._QUEUE_AGAIN, work._WORK])
def test_every_kind_has_its_place(table: Mapping[Kind, object]) -> None:
    assert set(table) == set(Kind)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_its_workflow(kind: Kind) -> None:
    assert callable(getattr(workflows, kind))
