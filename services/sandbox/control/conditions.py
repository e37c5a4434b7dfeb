"""Control of the weather: limits, faults, outages and the clock."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from services.sandbox.faults import Fault, add_fault, clear_faults, list_faults
from services.sandbox.limits import LimitsSetting, read_limits, set_limits
from services.sandbox.store import now, read_setting, write_setting

router = APIRouter(tags=["conditions"])


class Advance(BaseModel):
    """How far to move the clock; it only moves forward."""

    advance_seconds: float = Field(ge=0)


class Outage(BaseModel):
    """Which outage the whole API has."""

    mode: Literal["none", "maintenance", "unavailable"]


@router.get("/limits")
async def show_limits(request: Request) -> LimitsSetting:
    """Tell which rate limits are in force."""
    with request.app.state.sandbox.session() as session:
        return read_limits(session)


@router.put("/limits")
async def change_limits(request: Request, body: LimitsSetting) -> LimitsSetting:
    """Put other rate limits in force and start counting anew; what is left out is Xero's own."""
    with request.app.state.sandbox.session() as session:
        set_limits(session, body)
    return body


@router.get("/faults")
async def show_faults(request: Request) -> list[Fault]:
    """List the faults that still have calls to hit."""
    with request.app.state.sandbox.session() as session:
        return list_faults(session)


@router.post("/faults", status_code=201)
async def arm_fault(request: Request, body: Fault) -> Fault:
    """Arm a fault for the next calls that match."""
    with request.app.state.sandbox.session() as session:
        return add_fault(session, body)


@router.delete("/faults", status_code=204)
async def disarm_faults(request: Request) -> None:
    """Disarm every fault."""
    with request.app.state.sandbox.session() as session:
        clear_faults(session)


@router.get("/clock")
async def show_clock(request: Request) -> dict[str, Any]:
    """Tell the sandbox's time and how far ahead of real time it is."""
    with request.app.state.sandbox.session() as session:
        return _clock(session)


@router.post("/clock")
async def advance_clock(request: Request, body: Advance) -> dict[str, Any]:
    """Move the sandbox's time forward, so that tokens age and limit windows pass."""
    with request.app.state.sandbox.session() as session:
        offset_seconds = _clock(session)["offset_seconds"] + body.advance_seconds
        write_setting(session, "clock", {"offset_seconds": offset_seconds})
        return _clock(session)


@router.put("/maintenance")
async def set_outage(request: Request, body: Outage) -> dict[str, str]:
    """Start or end an outage of the whole API; the identity server stays up."""
    with request.app.state.sandbox.session() as session:
        write_setting(session, "maintenance", {"mode": body.mode})
    return {"mode": body.mode}


def _clock(session: Session) -> dict[str, Any]:
    offset_seconds = read_setting(session, "clock", {"offset_seconds": 0})["offset_seconds"]
    return {"now": now(session).isoformat(), "offset_seconds": offset_seconds}
