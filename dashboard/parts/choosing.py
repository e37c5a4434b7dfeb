"""What somebody ticked in a table of exports: kept by id, over pages and filters, until they clear it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from dashboard.parts import words
from services.exports import ExportFilter


@dataclass(frozen=True, slots=True)
class Choice:
    """The ticks of one table, in this browser tab."""

    key: str  #: of the table
    place: ExportFilter  #: what the table shows now: the filter and the page
    apart: str = ""  #: what the ticks belong to, where the same table shows different things

    @property
    def ids(self) -> tuple[int, ...]:
        """Return the exports that are ticked, on whichever page."""
        return tuple(self._kept)

    @property
    def _kept(self) -> dict[int, ExportFilter]:
        kept: dict[int, ExportFilter] = st.session_state.setdefault(f"{self.key}-chosen-{self.apart}", {})
        return kept

    def widget(self, shown: tuple[int, ...]) -> str:
        """Return the key of the table while it shows these exports.

        Streamlit keeps a selection by position: with other rows in their place it would mean other
        exports. So other rows, and ticks that were set from elsewhere, make it a new table.
        """
        name = f"{self.key}-shown"
        last, visit = st.session_state.get(name, ((), 0))
        if last != shown:
            visit += 1
            st.session_state[name] = shown, visit
        return f"{self.key}-{hash(shown)}-{visit}"

    def positions(self, shown: Sequence[int]) -> list[int]:
        """Return which of the exports that are shown are ticked, by position."""
        return [position for position, export_id in enumerate(shown) if export_id in self._kept]

    def take(self, shown: Sequence[int], positions: Sequence[int]) -> None:
        """Keep what is ticked among the exports that are shown, and only that of them."""
        for position, export_id in enumerate(shown):
            if position in positions:
                self._kept.setdefault(export_id, self.place)
            else:
                self._kept.pop(export_id, None)

    def take_all(self, shown: Sequence[int]) -> None:
        """Tick every export that is shown; for the callback of a button."""
        self.take(shown, range(len(shown)))
        self._redraw()

    def clear(self) -> None:
        """Untick everything, on every page; for the callback of a button."""
        self._kept.clear()
        self._redraw()

    def _redraw(self) -> None:
        _, visit = st.session_state.get(f"{self.key}-shown", ((), 0))
        st.session_state[f"{self.key}-shown"] = (), visit

    def in_words(self) -> str:
        """Say how much is ticked, and where."""
        places = list(self._kept.values())
        here = [place for place in places if _first_page(place) == _first_page(self.place)]
        selected = f"{len(places):,} selected"
        if len(here) < len(places):
            return f"{selected}, {len(places) - len(here):,} of them with another filter"
        return f"{selected} on {words.plural(len(set(here)), 'page')}"


def _first_page(place: ExportFilter) -> ExportFilter:
    return replace(place, page=1)
