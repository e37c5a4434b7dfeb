"""The wizard's steps are the article's own words, in its order."""

from __future__ import annotations

import pytest

from services.wizard import RECONNECT_STEPS, RETRY_STEPS, StepState, steps

WORKSPACE = ["Go to Settings > Workspaces.", "Select your Workspace.", "Click Accounting."]


def test_the_steps_are_the_articles() -> None:
    assert list(RECONNECT_STEPS) == [
        *WORKSPACE,
        "Click Sync Now.",
        "When prompted, click Reconnect.",
        "Log in using the Xero admin credentials that were originally used to set up the connection.",
        "Authorize the connection.",
    ]
    assert list(RETRY_STEPS) == [
        *WORKSPACE,
        "Click Sync Now again.",
        "Retry exporting any reports that previously failed.",
    ]


@pytest.mark.parametrize("done", range(-3, 9))
def test_steps_are_done_in_order_with_at_most_one_current(done: int) -> None:
    states = [step.state for step in steps(RECONNECT_STEPS, done, {})]
    ticked = min(max(done, 0), 7)
    current = [StepState.CURRENT] if 0 <= done < 7 else []
    assert states == [StepState.DONE] * ticked + current + [StepState.TODO] * (7 - ticked - len(current))


def test_steps_are_numbered_as_in_the_article_and_carry_what_was_observed() -> None:
    shown = steps(RETRY_STEPS, 4, {5: "3 exports wait."})
    assert [step.number for step in shown] == [1, 2, 3, 4, 5]
    assert [step.note for step in shown] == [None, None, None, None, "3 exports wait."]
