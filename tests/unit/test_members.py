"""Permissions: one table for navigation, buttons and services."""

from __future__ import annotations

import pytest

from services.members import GRANTED, Member, Permission, mask
from services.store.states import Role


def member(role: Role) -> Member:
    return Member("someone@relink.example", "Some One", role)


def test_every_role_has_its_line_in_the_table() -> None:
    assert set(GRANTED) == set(Role)


@pytest.mark.parametrize("role", list(Role))
def test_everybody_follows_a_reconnect_and_every_member_sees_workspaces(role: Role) -> None:
    assert member(role).may(Permission.FOLLOW)
    assert member(role).may(Permission.SEE_WORKSPACES) == (role is not Role.GUEST)


def test_only_the_customer_reconnects_since_it_takes_the_customers_own_login() -> None:
    assert [role for role in Role if member(role).may(Permission.RECONNECT)] == [Role.ADMIN, Role.GUEST]


def test_a_manager_only_looks() -> None:
    assert {p for p in Permission if member(Role.MANAGER).may(p)} == {
        Permission.SEE_WORKSPACES,
        Permission.SEE_INCIDENTS,
        Permission.FOLLOW,
    }


def test_only_the_customer_is_kept_to_their_own_workspaces() -> None:
    assert [role for role in Role if not member(role).sees_everything] == [Role.ADMIN, Role.GUEST]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("amira@shop.example", "a•••@shop.example"),
        ("Amira Admin (amira@shop.example)", "Amira Admin (a•••@shop.example)"),
        ("amira@shop.example (amira@shop.example)", "a•••@shop.example (a•••@shop.example)"),
        ("a Xero user without a name", "a Xero user without a name"),
    ],
)
def test_every_address_in_a_text_is_masked_and_nothing_else(text: str, masked: str) -> None:
    assert mask(text) == masked
