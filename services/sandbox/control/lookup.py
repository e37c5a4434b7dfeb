"""Finding what a control call names, with an answer that says what was not found."""

from __future__ import annotations

from typing import TypeVar

from fastapi import HTTPException
from sqlalchemy.orm import Session

from services.sandbox.models import CONNECTING_ROLES, Organisation, Role, User
from services.sandbox.store import Base

Row = TypeVar("Row", bound=Base)


def find(session: Session, table: type[Row], key: str) -> Row:
    """Return the row with this id; raises 404 with the kind and the id."""
    found = session.get(table, key)
    if found is None:
        raise HTTPException(404, f"There is no {table.__name__.lower()} with the id {key}")
    return found


def must_be_able_to_connect(session: Session, user: User, organisation: Organisation) -> None:
    """Raise 422 unless the user's role lets them connect an app to the organisation."""
    role = session.get(Role, (user.id, organisation.id))
    if role is None or role.name not in CONNECTING_ROLES:
        raise HTTPException(422, f"{user.email} is neither Standard nor Adviser in {organisation.name}")
