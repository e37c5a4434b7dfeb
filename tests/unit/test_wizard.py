"""The wizard's steps are the article's own words, in its order."""

from __future__ import annotations

import pytest

from services.article import BUTTON_LABELS, RECONNECT_STEPS, RETRY_STEPS
from services.steps import StepState, steps
from services.wizard import Act

WORKSPACE = ["Go to Settings > Workspaces.", "Select your Workspace.", "Click Accounting."]


def test_the_steps_are_the_articles() -> None:
    assert [step.web for step in RECONNECT_STEPS] == [
        *WORKSPACE,
        "Click Sync Now.",
        "When prompted, click Reconnect.",
        "Log in using the Xero admin credentials that were originally used to set up the connection.",
        "Authorize the connection.",
    ]
    assert [step.web for step in RETRY_STEPS] == [
        *WORKSPACE,
        "Click Sync Now again.",
        "Retry exporting any reports that previously failed.",
    ]


def test_on_a_phone_the_same_steps_say_where_to_tap() -> None:
    assert RECONNECT_STEPS[0].mobile == "Tap Workspaces in the bar at the bottom."
    assert not [step for step in (*RECONNECT_STEPS, *RETRY_STEPS) if "Click" in step.mobile]


def test_both_labels_that_the_platform_has_used_are_known() -> None:
    assert BUTTON_LABELS == ("Reconnect", "Enter your credentials")
    assert BUTTON_LABELS[0] == Act.RECONNECT


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
