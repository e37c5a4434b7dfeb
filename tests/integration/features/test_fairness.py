"""Fairness between workspaces: a long lane goes back to the end of the queue after each slice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain

import pytest

from services import due, run_work, sending
from services.due import Kind
from services.store.engine import utcnow
from services.store.states import RunState
from tests.integration.features.ledger import assert_each_once
from tests.integration.office import Office


@pytest.fixture(autouse=True)
def _small_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows a look instead of 500, one batch a slice instead of 20, two exports a batch instead of 50."""
    monkeypatch.setattr(due, "AT_MOST", 2)
    monkeypatch.setattr(run_work, "BATCHES_A_SLICE", 1)
    monkeypatch.setattr(sending, "MAX_BATCH", 2)


def look(office: Office) -> list[str]:
    """Do one slice of each lane that a worker sees at one look; return whose they were."""
    with office.desk.store.read() as session:
        found = [work for work in due.due(session, now=utcnow()) if work.kind is Kind.LANE]
    for work in found:
        run_work.work_lane(office.desk, *work.arguments)  # type: ignore[arg-type]
    return [work.partition for work in found]


def finished(office: Office, plan_ids: Sequence[str]) -> list[bool]:
    return [office.run(plan_id).state is RunState.FINISHED for plan_id in plan_ids]


def test_a_workspace_with_many_exports_does_not_starve_one_with_few(office: Office) -> None:
    big, small = office.shop(), office.shop()
    lots, few = office.exports(big, 12), office.exports(small, 2)
    plans = [office.retry(big), office.retry(small)]
    for _ in range(2):  # one batch each, and to see that nothing is left
        look(office)
    assert finished(office, plans) == [False, True]
    assert_each_once(office, small, few)
    assert 0 < office.ledger(big)["count"] < len(lots)
    office.work_off()
    assert_each_once(office, big, lots)


def test_with_more_lanes_due_than_a_worker_looks_at_the_later_ones_still_get_their_turn(
    office: Office,
) -> None:
    shops = [office.shop() for _ in range(5)]
    ids = [office.exports(shop, 8) for shop in shops]
    plans = [office.retry(shop) for shop in shops]
    turns = [look(office) for _ in range(5)]
    assert [len(turn) for turn in turns] == [2] * 5
    # Ten turns among five: each has had two before anybody has a third.
    assert Counter(chain(*turns)) == {shop.organisation_id: 2 for shop in shops}
    assert not any(finished(office, plans))
    office.work_off()
    for shop, exports in zip(shops, ids, strict=True):
        assert_each_once(office, shop, exports)
