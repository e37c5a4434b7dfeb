"""Who and what the sandbox knows: apps, people, organisations, and what people allowed apps to do."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Integer, UniqueConstraint, literal_column
from sqlalchemy.orm import Mapped, column_property, mapped_column

from services.sandbox.store import Base

#: Roles whose holder may connect an app to an organisation (Xero FAQ, permissions).
CONNECTING_ROLES = frozenset({"Adviser", "Standard"})


def new_id() -> str:
    """Return a fresh identifier in Xero's form, a lower-case uuid."""
    return str(uuid.uuid4())


class App(Base):
    """An OAuth2 client registered with the sandbox."""

    __tablename__ = "apps"

    client_id: Mapped[str] = mapped_column(primary_key=True)
    #: Empty for an app that authenticates with PKCE alone.
    client_secret: Mapped[str]
    name: Mapped[str]
    redirect_uris: Mapped[list[str]]
    #: What the app may ask for; empty means every scope there is.
    scopes: Mapped[list[str]]
    enabled: Mapped[bool] = mapped_column(default=True)


class User(Base):
    """A person with a Xero login."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    #: Lower case.
    email: Mapped[str] = mapped_column(unique=True)
    given_name: Mapped[str]
    family_name: Mapped[str]
    #: SQLite's own count of rows: the order in which logins were made.
    position: Mapped[int] = column_property(literal_column("users.rowid", Integer))

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"


class Organisation(Base):
    """One company file, Xero's tenant."""

    __tablename__ = "organisations"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    #: The part of a deep link that selects the organisation, such as `!1lqVQ`.
    short_code: Mapped[str]
    #: ISO 3166 alpha-2.
    country: Mapped[str]
    #: ISO 4217, the base currency.
    currency: Mapped[str]
    #: Every currency that documents may use, the base currency included.
    currencies: Mapped[list[str]]
    #: Xero's `Class`: DEMO, TRIAL, STARTER, STANDARD or PREMIUM.
    plan: Mapped[str]
    #: "active" or "offline".
    status: Mapped[str] = mapped_column(default="active")
    #: ISO dates; documents dated on or before them are refused.
    period_lock_date: Mapped[str | None]
    end_of_year_lock_date: Mapped[str | None]
    created_at: Mapped[datetime]


class Role(Base):
    """What one user may do in one organisation: Adviser, Standard, InvoiceOnly or ReadOnly."""

    __tablename__ = "roles"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    name: Mapped[str]


class Consent(Base):
    """One user's consent to one app; every token of the pair descends from it."""

    __tablename__ = "consents"
    __table_args__ = (UniqueConstraint("client_id", "user_id"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    client_id: Mapped[str] = mapped_column(ForeignKey("apps.client_id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    #: Scopes add up over repeated consents.
    scopes: Mapped[list[str]]
    given_at: Mapped[datetime]


class Code(Base):
    """An authorization code on its way to being exchanged, of either issuer."""

    __tablename__ = "codes"

    code: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    #: The id of a `User`, or the email address of a `Member`.
    subject: Mapped[str]
    redirect_uri: Mapped[str]
    scopes: Mapped[list[str]]
    code_challenge: Mapped[str | None]
    nonce: Mapped[str | None]
    authentication_event_id: Mapped[str | None]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RefreshToken(Base):
    """A refresh token of a consent; only its SHA-256 is kept."""

    __tablename__ = "refresh_tokens"

    digest: Mapped[str] = mapped_column(primary_key=True)
    consent_id: Mapped[str] = mapped_column(ForeignKey("consents.id"), index=True)
    authentication_event_id: Mapped[str]
    #: When unused tokens die: 60 days after issue.
    expires_at: Mapped[datetime]
    first_used_at: Mapped[datetime | None]


class AccessToken(Base):
    """An access token of a consent; only its SHA-256 is kept."""

    __tablename__ = "access_tokens"

    digest: Mapped[str] = mapped_column(primary_key=True)
    consent_id: Mapped[str] = mapped_column(ForeignKey("consents.id"), index=True)
    client_id: Mapped[str]
    user_id: Mapped[str]
    scopes: Mapped[list[str]]
    expires_at: Mapped[datetime]


class Connection(Base):
    """One user's connection of one app to one organisation, as `GET /connections` lists it."""

    __tablename__ = "connections"
    __table_args__ = (UniqueConstraint("client_id", "user_id", "organisation_id"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    client_id: Mapped[str] = mapped_column(ForeignKey("apps.client_id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    #: Equals the access token's `authentication_event_id` of the consent that made or renewed it.
    auth_event_id: Mapped[str]
    #: First connected; survives a disconnect.
    created_at: Mapped[datetime]
    #: Most recently connected or renewed.
    updated_at: Mapped[datetime]
    disconnected_at: Mapped[datetime | None]


class LoginSession(Base):
    """A browser that is logged in; its cookie holds the id."""

    __tablename__ = "login_sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    started_at: Mapped[datetime]


class Member(Base):
    """Somebody who signs in to Relink itself, through the second issuer."""

    __tablename__ = "members"

    email: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    #: Words for the sign-in button, such as "support agent".
    role: Mapped[str]
