"""One measured figure, with what it should be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure, its target and whether it is met."""

    name: str
    value: str
    target: str
    met: bool
    how: str  #: what was counted, in a few words

    def __str__(self) -> str:
        verdict = "met" if self.met else "NOT MET"
        return f"{self.name}: {self.value} (target {self.target}: {verdict}; {self.how})"


def at_most(name: str, value: float, target: float, *, unit: str = "", how: str) -> Figure:
    """Return a figure that should not be more than its target."""
    return Figure(
        name=name,
        value=f"{value:,.2f}{unit}",
        target=f"at most {target:g}{unit}",
        met=value <= target,
        how=how,
    )


def at_least(name: str, value: float, target: float, *, unit: str = "", how: str) -> Figure:
    """Return a figure that should not be less than its target."""
    return Figure(
        name=name,
        value=f"{value:,.1f}{unit}",
        target=f"at least {target:g}{unit}",
        met=value >= target,
        how=how,
    )
