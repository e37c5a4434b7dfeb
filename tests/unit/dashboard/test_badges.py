"""A state is shown by colour, shape and word; a health's tone follows from who must act."""

from __future__ import annotations

import pytest

from dashboard.parts import badges
from dashboard.parts.badges import GLYPHS, Tone
from services.store.states import (
    NEEDS_PERSON,
    ExportState,
    Health,
    IncidentState,
    RunState,
    Verdict,
)


@pytest.mark.parametrize("health", Health)
def test_what_only_a_person_can_mend_is_red_and_nothing_else_is(health: Health) -> None:
    assert (badges.health_tone(health) is Tone.BAD) == (health in NEEDS_PERSON)


def test_only_a_verified_health_is_green() -> None:
    assert [health for health in Health if badges.health_tone(health) is Tone.GOOD] == [Health.HEALTHY]


def test_shapes_differ_so_that_colour_is_never_alone() -> None:
    assert len(set(GLYPHS.values())) == len(Tone)


@pytest.mark.parametrize(
    ("state", "tone"),
    [
        (ExportState.DELIVERED, Tone.GOOD),
        (ExportState.FAILED, Tone.BAD),
        (ExportState.IN_DOUBT, Tone.WARNING),
        (IncidentState.CLOSED, Tone.GOOD),
        (IncidentState.OPEN, Tone.BAD),
        (RunState.FINISHED, Tone.GOOD),
        (Verdict.FIX_FIRST, Tone.BAD),
        (Verdict.NEVER, Tone.OFF),
    ],
)
def test_tones_of_states(state: ExportState | IncidentState | RunState | Verdict, tone: Tone) -> None:
    assert badges.tone_of(state) is tone


@pytest.mark.parametrize("health", Health)
def test_every_health_says_who_acts(health: Health) -> None:
    assert badges.who_acts(health, "XERO11" if health in NEEDS_PERSON else None).endswith(".")


def test_a_word_from_outside_is_escaped_in_a_badge() -> None:
    assert "<script>" not in badges.badge("<script>", Tone.BAD, code="<script>")
