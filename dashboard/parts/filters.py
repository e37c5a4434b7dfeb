"""Filters and paging that live in the address, so that a view can be sent to a colleague."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

import streamlit as st

from dashboard.parts import words
from dashboard.parts.badges import COLOURS, GLYPHS, Tone
from services import catalogue

PAGE_KEY = "page"
LONGEST_NUMBER = 9  # digits

State = TypeVar("State", bound=StrEnum)


def first_page() -> None:
    """Go back to the first page; for the callback of a filter that changed."""
    if PAGE_KEY in st.session_state:
        st.session_state[PAGE_KEY] = 1


def current_page(key: str = PAGE_KEY) -> int:
    """Return the page to show, which the widget drawn below the list keeps."""
    shown = st.session_state.get(key) or st.query_params.get(key, "1")
    # An address may ask for a number of so many digits that Python reads it no more.
    return max(1, int(shown)) if str(shown).isdecimal() and len(str(shown)) <= LONGEST_NUMBER else 1


def pages(number: int, *, key: str = PAGE_KEY) -> None:
    """Show the way to the other pages of a list, where there are any."""
    if number > 1:
        st.pagination(number, key=key, bind="query-params")


def chosen(key: str, states: type[State]) -> tuple[State, ...]:
    """Return the states that the address asks for; words that are none are passed over."""
    known = {str(state) for state in states}
    return tuple(states(word) for word in st.query_params.get_all(key) if word in known)


def chosen_words(key: str) -> tuple[str, ...]:
    """Return the words that the address asks for, each once."""
    return tuple(dict.fromkeys(st.query_params.get_all(key)))


def toggles(
    key: str,
    counts: Mapping[State, int],
    current: Sequence[State],
    *,
    tone: Callable[[State], Tone],
    always: Sequence[State] = (),
) -> None:
    """Show one button for each state that occurs, with its count; a press adds or removes the state.

    Those of `always` are offered also where they were not counted, since they are too many to.
    Buttons and not Streamlit's pills: those would write the count into the address as well.
    """
    with st.container(horizontal=True, gap="xsmall", key=f"toggles-{key}"):
        for state, count in counts.items():
            if not count and state not in (*current, *always):
                continue
            mark = f":{COLOURS[tone(state)]}[{GLYPHS[tone(state)]}]"
            number = f" {count:,}" if count or state in current else ""
            _button(key, str(state), f"{mark} {words.plain(str(state))}{number}", on=state in current)


def code_toggles(key: str, counts: Mapping[str, int], current: Sequence[str]) -> None:
    """Show one button for each error code that occurs, with its count and its meaning on hover."""
    with st.container(horizontal=True, gap="xsmall", key=f"toggles-{key}"):
        for code in sorted({*counts, *current}, key=lambda code: (-counts.get(code, 0), code)):
            title = catalogue.CODES[code].title if code in catalogue.CODES else ""
            label = f"{words.plain(code)} {counts.get(code, 0):,}"
            _button(key, code, label, on=code in current, meaning=title)


def _button(key: str, word: str, label: str, *, on: bool, meaning: str | None = None) -> None:
    st.button(
        label,
        key=f"{key}-{word}",
        type="secondary" if on else "tertiary",
        icon=":material/check:" if on else None,
        help=meaning,
        on_click=_toggle,
        args=(key, word),
    )


def _toggle(key: str, word: str) -> None:
    words_now = st.query_params.get_all(key)
    st.query_params[key] = (
        [other for other in words_now if other != word] if word in words_now else [*words_now, word]
    )
    first_page()
