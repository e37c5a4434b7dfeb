"""The people and organisations of the sandbox: creating them, listing them, starting over."""

from __future__ import annotations

import hashlib
import string
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from services.sandbox.accounting.books import list_books, open_books
from services.sandbox.models import App, Member, Organisation, Role, User, new_id
from services.sandbox.store import Base, Setting, now, read_setting

DEFAULT_CLIENT_ID = "RELINKSANDBOXCLIENT"
DEFAULT_CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105
DEFAULT_REDIRECT_URI = "http://localhost:8501/connect/xero/callback"

#: Chosen when the sandbox starts, so they outlive a reset.
_LASTING_SETTINGS = frozenset({"signing_key", "limits", "redirect_uris"})
_SHORT_CODE_LETTERS = string.ascii_letters + string.digits


class World(StrEnum):
    """What the sandbox holds when it starts: a believable demo, or nobody at all."""

    DEMO = "demo"
    EMPTY = "empty"


def clear(session: Session) -> None:
    """Forget everything but the signing key, the limits and the redirect URIs given at start."""
    for table in reversed(Base.metadata.sorted_tables):
        if table is not Setting.__table__:
            session.execute(delete(table))
    session.execute(delete(Setting).where(Setting.key.not_in(_LASTING_SETTINGS)))
    session.expire_all()


def register_default_app(session: Session) -> None:
    """Register Relink itself, with every redirect URI given at start."""
    extra = read_setting(session, "redirect_uris", {"uris": []})["uris"]
    app = App(
        client_id=DEFAULT_CLIENT_ID,
        client_secret=DEFAULT_CLIENT_SECRET,
        name="Relink",
        redirect_uris=[DEFAULT_REDIRECT_URI, *extra],
        scopes=[],
        enabled=True,
    )
    session.merge(app)


def create_organisation(
    session: Session,
    *,
    name: str,
    organisation_id: str | None = None,
    country: str = "GB",
    currency: str = "GBP",
    plan: str = "STANDARD",
) -> Organisation:
    """Create an organisation with its chart of accounts, tax rates, tracking and contacts."""
    organisation_id = organisation_id or new_id()
    organisation = Organisation(
        id=organisation_id,
        name=name,
        short_code=_short_code(organisation_id),
        country=country,
        currency=currency,
        currencies=[currency],
        plan=plan,
        status="active",
        created_at=now(session),
    )
    session.add(organisation)
    open_books(session, organisation)
    return organisation


def set_role(session: Session, user_id: str, organisation_id: str, role: str | None) -> None:
    """Give a user a role in an organisation, or with `None` remove them from it."""
    if role is not None:
        session.merge(Role(user_id=user_id, organisation_id=organisation_id, name=role))
        return
    held = session.get(Role, (user_id, organisation_id))
    if held is not None:
        session.delete(held)


def describe(session: Session) -> dict[str, Any]:
    """Return the whole world: organisations with their books, users with their roles, members."""
    books = list_books(session)
    organisations = session.scalars(select(Organisation).order_by(Organisation.created_at, Organisation.name))
    users = session.scalars(select(User).order_by(User.email))
    members = session.scalars(select(Member))
    return {
        "organisations": [describe_organisation(one) | books[one.id] for one in organisations],
        "users": [describe_user(session, user) for user in users],
        "members": [{"email": one.email, "name": one.name, "role": one.role} for one in members],
    }


def describe_organisation(organisation: Organisation) -> dict[str, Any]:
    """Return an organisation as the control API shows it."""
    shown = (
        "id",
        "name",
        "short_code",
        "country",
        "currency",
        "currencies",
        "plan",
        "status",
        "period_lock_date",
        "end_of_year_lock_date",
    )
    return {field: getattr(organisation, field) for field in shown}


def describe_user(session: Session, user: User) -> dict[str, Any]:
    """Return a user as the control API shows them, with their role by organisation id."""
    roles = session.scalars(select(Role).filter_by(user_id=user.id))
    return {
        "id": user.id,
        "email": user.email,
        "given_name": user.given_name,
        "family_name": user.family_name,
        "roles": {role.organisation_id: role.name for role in roles},
    }


def _short_code(organisation_id: str) -> str:
    hashed = hashlib.sha256(organisation_id.encode()).digest()[:5]
    return "!" + "".join(_SHORT_CODE_LETTERS[byte % len(_SHORT_CODE_LETTERS)] for byte in hashed)
