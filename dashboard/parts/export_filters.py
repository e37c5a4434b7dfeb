"""The filters of exports: all of them in the address, the rarer ones folded away with a count of those on."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.parts import filters, words
from services.exports import ExportFilter
from services.narrowing import Names
from services.store.states import NEEDS_RECONNECT, RETRYABLE, ExportKind, ExportState

_LONGEST_DAYS = 3650
_LARGEST_AMOUNT = 1e12
#: Widgets under "More filters", each with its value when it is off.
_MORE: dict[str, object] = {
    "type": "",
    "cause": "",
    "report": "",
    "from": None,
    "to": None,
    "older": None,
    "newer": None,
}
#: What only links set; it stands on the page by name, with a way to take it away.
_LINKED = ("workspace", "organisation", "incident")
_CHOSEN = ("state", "code")
_KINDS = ["", *(str(kind) for kind in ExportKind)]
_CAUSES = ["", *sorted(str(health) for health in NEEDS_RECONNECT)]


def ask() -> ExportFilter:
    """Show what can be asked for, and return what is; without a choice, the states that a retry acts on."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="export-filters"):
        text = st.text_input(
            "Find an export",
            key="find",
            bind="query-params",
            placeholder="Number, report, submitter or workspace",
            on_change=filters.first_page,
        )
        on = sum(bool(st.query_params.get(name)) for name in _MORE)
        with st.popover(f"More filters · {on}" if on else "More filters", key="more-filters"):
            more = _more()
        if _any_on():
            st.button("Clear", key="clear-filters", type="tertiary", on_click=_clear)
    linked = {f"{name}_id": st.query_params.get(name) or None for name in _LINKED}
    return ExportFilter(
        text=text or "",
        states=filters.chosen("state", ExportState) or tuple(sorted(RETRYABLE)),
        codes=filters.chosen_words("code"),
        page=filters.current_page(),
        **more,  # type: ignore[arg-type]
        **linked,  # type: ignore[arg-type]
    )


def _more() -> dict[str, object]:
    with st.container(width=320):
        kind = _select("Type", "type", _KINDS, "Any type")
        cause = _select("Cause of its incident", "cause", _CAUSES, "Any cause")
        report = st.text_input("Report ID", key="report", bind="query-params", on_change=filters.first_page)
        low, high = st.columns(2)
        amount_from, amount_to = _amount(low, "Amount from", "from"), _amount(high, "Amount to", "to")
        low, high = st.columns(2)  # a row each: on a phone they stand one under the other
        older, newer = _days(low, "Days ago, at least", "older"), _days(high, "Days ago, at most", "newer")
        st.caption(
            "Amounts are in each export's own currency. Days count from the last failure, else the approval."
        )
    return {
        "kind": ExportKind(kind) if kind else None,
        "cause": cause or None,
        "report_id": (report or "").strip() or None,
        "amount_from": amount_from,
        "amount_to": amount_to,
        "at_least_days": older,
        "at_most_days": newer,
    }


def _select(label: str, key: str, options: list[str], anything: str) -> str | None:
    return st.selectbox(
        label,
        options,
        key=key,
        bind="query-params",
        format_func=lambda word: word or anything,  # the address carries what is shown
        on_change=filters.first_page,
    )


def _amount(place: DeltaGenerator, label: str, key: str) -> Decimal | None:
    value = place.number_input(
        label,
        min_value=0.0,
        max_value=_LARGEST_AMOUNT,
        value=None,
        format="%.2f",
        key=key,
        bind="query-params",
        on_change=filters.first_page,
    )
    return None if value is None else Decimal(f"{value:.4f}")


def _days(place: DeltaGenerator, label: str, key: str) -> int | None:
    # Of floats, for Streamlit fails over an infinite number in the address where it expects a whole one.
    value = place.number_input(
        label,
        min_value=0.0,
        max_value=float(_LONGEST_DAYS),
        value=None,
        step=1.0,
        format="%.0f",
        key=key,
        bind="query-params",
        on_change=filters.first_page,
    )
    return None if value is None else int(value)


def narrowed(wanted: ExportFilter, names: Names) -> None:
    """Name the one workspace, organisation or incident that a link led to, each with a way to drop it."""
    found = {
        "workspace": (wanted.workspace_id, names.workspace),
        "organisation": (wanted.organisation_id, names.organisation),
        "incident": (wanted.incident_id, names.incident),
    }
    if any(asked for asked, _ in found.values()):
        with st.container(horizontal=True, gap="xsmall", key="narrowed"):
            for name, (asked, called) in found.items():
                if asked:
                    _drop_button(name, called or f"none of yours with the id {asked}")


def _drop_button(name: str, called: str) -> None:
    st.button(
        f"{words.capital(name)}: {words.plain(called)}",
        key=f"drop-{name}",
        icon=":material/close:",
        help="Take this filter away",
        on_click=_drop,
        args=(name,),
    )


def _drop(name: str) -> None:
    st.query_params.pop(name, None)
    filters.first_page()


def is_on(wanted: ExportFilter) -> bool:
    """Say whether anything narrows but for the states that the page begins with."""
    return _any_on() or bool(wanted.text)


def _any_on() -> bool:
    return any(st.query_params.get(name) for name in ("find", *_MORE, *_LINKED, *_CHOSEN))


def _clear() -> None:
    for name, off in {"find": "", **_MORE}.items():
        st.session_state[name] = off
    for name in (*_LINKED, *_CHOSEN):
        st.query_params.pop(name, None)
    filters.first_page()
