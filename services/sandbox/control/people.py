"""Control of organisations, accounts, users and roles."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel
from sqlalchemy import select

from services.sandbox import world
from services.sandbox.accounting.books import (
    AccountChange,
    TaxRateChange,
    TrackingChange,
    change_account,
    change_tax_rate,
    change_tracking,
)
from services.sandbox.control.lookup import find
from services.sandbox.models import Organisation, User, new_id
from services.sandbox.world_demo import start_over

router = APIRouter(tags=["people and organisations"])

Plan = Literal["DEMO", "TRIAL", "STARTER", "STANDARD", "PREMIUM"]
RoleName = Literal["Adviser", "Standard", "InvoiceOnly", "ReadOnly"]


class Reset(BaseModel):
    """Which world to start over with."""

    world: world.World


class NewOrganisation(BaseModel):
    """An organisation to create."""

    id: uuid.UUID | None = None
    name: str
    country: str = "GB"
    currency: str = "GBP"
    plan: Plan = "STANDARD"


class OrganisationChange(BaseModel):
    """What to change about an organisation; a lock date of `null` is lifted."""

    name: str | None = None
    plan: Plan | None = None
    status: Literal["active", "offline"] | None = None
    currencies: list[str] | None = None
    period_lock_date: date | None = None
    end_of_year_lock_date: date | None = None


class NewUser(BaseModel):
    """A Xero login to create, with its role by organisation id."""

    id: uuid.UUID | None = None
    email: str
    given_name: str
    family_name: str
    roles: dict[str, RoleName] = {}


class RoleChange(BaseModel):
    """A role to give, or with `null` to take away."""

    organisation: str
    role: RoleName | None


@router.post("/reset")
async def reset(request: Request, body: Reset) -> dict[str, str]:
    """Forget everything and start over with the demo world or an empty one."""
    with request.app.state.sandbox.session() as session:
        start_over(session, body.world)
    return {"world": body.world}


@router.get("/world")
async def show_world(request: Request) -> dict[str, Any]:
    """List organisations with their accounts and contacts, users with their roles, and members."""
    with request.app.state.sandbox.session() as session:
        return world.describe(session)


@router.post("/organisations", status_code=201)
async def create_organisation(request: Request, body: NewOrganisation) -> dict[str, Any]:
    """Create an organisation with a full set of books."""
    given = body.model_dump(exclude={"id"})
    with request.app.state.sandbox.session() as session:
        if body.id is not None and session.get(Organisation, str(body.id)) is not None:
            raise HTTPException(409, f"There is already an organisation with the id {body.id}")
        organisation_id = None if body.id is None else str(body.id)
        created = world.create_organisation(session, organisation_id=organisation_id, **given)
        session.flush()
        return world.describe_organisation(created)


@router.patch("/organisations/{organisation_id}")
async def change_organisation(
    request: Request, organisation_id: str, body: OrganisationChange
) -> dict[str, Any]:
    """Change an organisation: take it offline, lock a period, enable a currency, rename it."""
    with request.app.state.sandbox.session() as session:
        organisation = find(session, Organisation, organisation_id)
        for field, value in body.model_dump(mode="json", exclude_unset=True).items():
            setattr(organisation, field, value)
        return world.describe_organisation(organisation)


@router.post("/organisations/{organisation_id}/accounts/{code}")
async def update_account(
    request: Request, organisation_id: str, code: str, body: AccountChange
) -> dict[str, Any]:
    """Change an account: archive or restore it, rename it, give it another tax type."""
    with request.app.state.sandbox.session() as session:
        find(session, Organisation, organisation_id)
        changed = change_account(session, organisation_id, code, body)
    if changed is None:
        raise HTTPException(404, f"The organisation has no account {code}")
    return changed


@router.post("/organisations/{organisation_id}/tax-rates/{tax_type}", status_code=204)
async def update_tax_rate(request: Request, organisation_id: str, tax_type: str, body: TaxRateChange) -> None:
    """Delete, archive or restore a tax rate."""
    with request.app.state.sandbox.session() as session:
        find(session, Organisation, organisation_id)
        if not change_tax_rate(session, organisation_id, tax_type, body):
            raise HTTPException(404, f"The organisation has no tax rate {tax_type}")


@router.post("/organisations/{organisation_id}/tracking/{category}", status_code=204)
async def update_tracking(
    request: Request, organisation_id: str, category: str, body: TrackingChange
) -> None:
    """Archive or restore a tracking category, or one option of it."""
    with request.app.state.sandbox.session() as session:
        find(session, Organisation, organisation_id)
        if not change_tracking(session, organisation_id, category, body):
            raise HTTPException(404, f"The organisation has no such tracking {category}")


@router.post("/users", status_code=201)
async def create_user(request: Request, body: NewUser) -> dict[str, Any]:
    """Create a Xero login; any password opens it."""
    with request.app.state.sandbox.session() as session:
        email = body.email.strip().lower()
        if session.scalar(select(User).filter_by(email=email)) is not None:
            raise HTTPException(409, f"There is already a user with the email address {email}")
        user = User(
            id=new_id() if body.id is None else str(body.id),
            email=email,
            given_name=body.given_name,
            family_name=body.family_name,
        )
        session.add(user)
        session.flush()
        for organisation_id, role in body.roles.items():
            world.set_role(session, user.id, find(session, Organisation, organisation_id).id, role)
        session.flush()
        return world.describe_user(session, user)


@router.put("/users/{user_id}/roles")
async def change_role(request: Request, user_id: str, body: RoleChange) -> dict[str, Any]:
    """Give a user a role in an organisation, or remove them from it."""
    with request.app.state.sandbox.session() as session:
        user = find(session, User, user_id)
        organisation = find(session, Organisation, body.organisation)
        world.set_role(session, user.id, organisation.id, body.role)
        session.flush()
        return world.describe_user(session, user)
