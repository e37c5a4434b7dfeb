"""`python -m tests.quick_worker`: the worker, told that Xero's minute is shorter than a minute.

The product has no setting for this: Xero's windows are what they are. The environment names how many calls
fit into a window and how many seconds it lasts; the sandbox must be told the same.
"""

from __future__ import annotations

import os
import runpy
from collections.abc import Mapping
from dataclasses import dataclass, replace

from services import desk
from services.xero.pace import Limits

MODULE = "tests.quick_worker"


@dataclass(frozen=True, slots=True)
class Quick:
    """How many calls to one organisation fit into a window, and how long that is."""

    calls: int
    window_seconds: float

    @property
    def environment(self) -> Mapping[str, str]:
        """What tells a quick worker."""
        return {"QUICK_CALLS": str(self.calls), "QUICK_WINDOW_SECONDS": str(self.window_seconds)}

    @property
    def limits(self) -> Mapping[str, str | int | float]:
        """What tells the sandbox."""
        return {"mode": "real", "per_minute": self.calls, "window_seconds": self.window_seconds}


def main() -> None:
    """Run the worker at a desk of shorter windows."""
    limits = Limits(
        minute=int(os.environ["QUICK_CALLS"]), window_seconds=float(os.environ["QUICK_WINDOW_SECONDS"])
    )
    quick = replace(desk.open_desk(), limits=limits)
    vars(desk)["open_desk"] = lambda: quick  # before the worker's own modules ask for it
    runpy.run_module("services.worker", run_name="__main__")


if __name__ == "__main__":
    main()
