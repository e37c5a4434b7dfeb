"""The demo world: the same organisations, people and identifiers every time."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

from sqlalchemy.orm import Session

from services.sandbox.models import Member, User
from services.sandbox.world import World, clear, create_organisation, register_default_app, set_role
from services.sandbox.world_names import ACCOUNTANT, COMPANIES, PEOPLE

_NAMESPACE = uuid.UUID("6f0c1d0e-6f55-4a0b-8f0f-9d4d0a1f2c11")
_LEGAL_FORM = re.compile(r" (Ltd|Limited|Pty Ltd|Inc|LLC|LLP|Co|GmbH|BV|Pte Ltd|CLG|DAC)$")

#: The accountant's clients, by position in `COMPANIES`.
_CLIENTS = range(2, 18)

_MEMBERS = (
    ("mara.lindqvist@relink.example", "Mara Lindqvist", "support agent"),
    ("tom.baker@brightside.example", "Tom Baker", "workspace admin"),
    ("priya.nair@relink.example", "Priya Nair", "manager"),
    ("olu.adeyemi@relink.example", "Olu Adeyemi", "owner"),
    ("sam.stranger@elsewhere.example", "Sam Stranger", "unknown to Relink"),
)

_PLANS = ("STANDARD", "STANDARD", "PREMIUM", "STARTER", "STANDARD", "PREMIUM")


def demo_id(kind: str, name: str) -> str:
    """Return the fixed id of something in the demo world."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}:{name}"))


def start_over(session: Session, world: World) -> None:
    """Forget everything and create the world asked for, with Relink's app registered."""
    clear(session)
    register_default_app(session)
    if world is World.DEMO:
        create_demo(session)


def create_demo(session: Session) -> None:
    """Create 95 organisations, 70 Xero users with their roles, and the members of Relink."""
    for index, (name, country, currency) in enumerate(COMPANIES):
        create_organisation(
            session,
            organisation_id=demo_id("organisation", name),
            name=name,
            country=country,
            currency=currency,
            plan=_PLANS[index % len(_PLANS)],
        )
    session.add_all(_user(index) for index in range(len(PEOPLE)))
    session.flush()
    for person, company, role in _roles():
        user_id = demo_id("user", " ".join(PEOPLE[person]))
        set_role(session, user_id, demo_id("organisation", COMPANIES[company][0]), role)
    session.add_all(Member(email=email, name=name, role=role) for email, name, role in _MEMBERS)


def _user(index: int) -> User:
    given, family = PEOPLE[index]
    mailbox = re.sub(r"[^a-z.]", "", f"{given}.{family}".lower())
    return User(
        id=demo_id("user", f"{given} {family}"),
        email=f"{mailbox}@{_domain(index)}",
        given_name=given,
        family_name=family,
    )


def _domain(person: int) -> str:
    if PEOPLE[person] == ACCOUNTANT:
        return "harbourledger.example"
    if person == 0:
        return "brightside.example"
    company = next(company for who, company, _ in _roles() if who == person)
    words = _LEGAL_FORM.sub("", COMPANIES[company][0])
    return re.sub(r"[^a-z0-9]", "", words.lower()) + ".example"


def _roles() -> Iterator[tuple[int, int, str]]:
    """Yield person, company and role, by position in `PEOPLE` and `COMPANIES`."""
    yield from ((0, company, "Adviser") for company in (0, 1))
    yield from ((1, company, "Adviser") for company in _CLIENTS)
    others = range(2, len(PEOPLE))
    rest = range(_CLIENTS.stop, len(COMPANIES))
    with_two = len(rest) - len(others)
    for offset, company in enumerate(rest):
        yield others[max(offset // 2, offset - with_two)], company, "Adviser"
    for offset, company in enumerate(_CLIENTS):
        yield others[3 * offset + 10], company, "Standard" if offset % 2 == 0 else "ReadOnly"
    for offset in range(12):
        yield others[5 * offset + 7], rest[5 * offset], ("Standard", "Standard", "InvoiceOnly")[offset % 3]
