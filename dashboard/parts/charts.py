"""Charts in the theme's colours, each with its content in words for those who cannot see it."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

HEIGHT = 220
MOST_KINDS = 8
CONFIG = {"displayModeBar": False, "scrollZoom": False}


def bars_by_day(frame: pd.DataFrame, series: dict[str, str], *, key: str, title: str) -> None:
    """Show columns of a frame as bars a day; `series` maps column to name in the legend."""
    figure = go.Figure(
        [
            go.Bar(x=frame["day"], y=frame[column], name=name, hovertemplate="%{y:,}")
            for column, name in series.items()
        ]
    )
    figure.update_layout(barmode="group", bargap=0.25, hovermode="x unified")
    figure.update_xaxes(showgrid=False, tickformat="%-d %b", hoverformat="%-d %b %Y")
    if frame[list(series)].to_numpy().max(initial=0) < 6:
        figure.update_yaxes(dtick=1)  # no halves of an incident
    totals = ", ".join(f"{int(frame[column].sum()):,} {name}" for column, name in series.items())
    _show(figure, title, key=key, alt=f"{title}. In {len(frame)} days: {totals}.")


def bars_by_kind(frame: pd.DataFrame, kind: str, number: str, *, key: str, title: str) -> None:
    """Show one bar for each kind, the most frequent on top; the rare ones together."""
    ranked = _with_others(frame, kind, number).iloc[::-1]
    figure = go.Figure(
        go.Bar(
            x=ranked[number],
            y=ranked[kind],
            orientation="h",
            width=0.6,
            text=ranked[number],
            texttemplate="%{x:,}",
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    figure.update_xaxes(showgrid=False, showticklabels=False)
    figure.update_yaxes(ticksuffix="  ")
    spoken = ", ".join(
        f"{name} {int(count):,}" for name, count in zip(frame[kind], frame[number], strict=True)
    )
    _show(figure, title, key=key, alt=f"{title}: {spoken or 'none'}.", height=max(120, 30 + 34 * len(ranked)))


def _with_others(frame: pd.DataFrame, kind: str, number: str) -> pd.DataFrame:
    ordered = frame.sort_values(number, ascending=False)
    rare = ordered.iloc[MOST_KINDS:]
    if rare.empty:
        return ordered
    others = pd.DataFrame({kind: [f"{len(rare)} others"], number: [int(rare[number].sum())]})
    return pd.concat([ordered.iloc[:MOST_KINDS], others])


def _show(figure: go.Figure, title: str, *, key: str, alt: str, height: int = HEIGHT) -> None:
    st.markdown(f"**{title}**")
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 24, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.12, "x": 0},
        dragmode=False,
    )
    figure.update_yaxes(rangemode="tozero", automargin=True)
    st.plotly_chart(figure, key=key, config=CONFIG, alt=alt)
