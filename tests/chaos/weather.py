"""What goes wrong at Xero while processes are killed: every sort of fault, on a share of the calls."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.sandbox.problems import OUTAGE_TEXTS
from tests.integration.sandbox.driver import Driver

PLENTY = 1_000_000
API = "/api.xro/2.0/"
DOCUMENTS = f"{API}(Invoices|BankTransactions)$"

_SOON = {"Retry-After": "1"}
_EXPIRED = json.dumps({"Status": 401, "Detail": "TokenExpired: token expired at 11/24/2026 09:22:02"})


def _limit(problem: str) -> Mapping[str, Any]:
    return {"status": 429, "headers": {**_SOON, "X-Rate-Limit-Problem": problem}}


#: Each sort by its name. What only a batch can suffer hits sends alone.
SORTS: Mapping[str, Mapping[str, Any]] = {
    "500": {"status": 500, "body": "An unhandled error has occurred."},
    "503 maintenance": {"status": 503, "body": OUTAGE_TEXTS["maintenance"], "headers": _SOON},
    "503 organisation offline": {"status": 503, "body": "The Organisation is offline", "headers": _SOON},
    "429 minute": _limit("minute"),
    "429 day": _limit("day"),
    "429 concurrent": _limit("concurrent"),
    "429 appminute": _limit("appminute"),
    "answered late": {"delay_seconds": 2.0},
    "reset before the work": {"reset": "before"},
    "reset after the work": {"reset": "after"},
    "malformed answer": {"spoil": "body"},
    "answer one short": {"spoil": "element", "method": "PUT", "path": DOCUMENTS},
}
_EXPIRED_SORT: Mapping[str, Any] = {"status": 401, "body": _EXPIRED}
#: Rarer than any other: twice running, it rightly means a login that has ended for good.
_SELDOM = 0.001


@dataclass(frozen=True, slots=True)
class Weather:
    """The faults that are in force, by sort."""

    ids: Mapping[str, int]

    @classmethod
    def break_out(cls, xero: Driver, *, share: float, seed: int) -> Weather:
        """Put every sort in force, so that together they hit this share of the calls."""
        common = {"path": API, "times": PLENTY, "share": share / len(SORTS)}
        sorts = {**SORTS, "401 token expired": {**_EXPIRED_SORT, "share": _SELDOM}}
        ids = {}
        for number, (name, fault) in enumerate(sorts.items()):
            armed = xero.control("POST", "/faults", **{**common, **fault}, seed=seed + number)
            ids[name] = armed["id"]
        return cls(ids)

    def hits(self, xero: Driver) -> Counter[str]:
        """Count how many calls each sort has hit so far."""
        left = {fault["id"]: fault["times"] for fault in xero.control("GET", "/faults")}
        return Counter({name: PLENTY - left[id_] for name, id_ in self.ids.items()})
