"""Secrets at rest: sealed with the newest key, opened with every key still listed."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from services.store.vault import Vault, VaultLocked

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@given(value=JSON)
def test_what_was_sealed_is_opened_unchanged(value: Any) -> None:
    vault = Vault([NEW])
    assert vault.open(vault.seal(value)) == value


def test_the_secret_does_not_show_in_what_is_stored_and_never_looks_the_same_twice() -> None:
    vault = Vault([NEW])
    sealed = [vault.seal("refresh-token") for _ in range(2)]
    assert b"refresh-token" not in sealed[0]
    assert sealed[0] != sealed[1]


def test_after_a_rotation_the_old_key_still_opens_and_the_new_one_seals() -> None:
    sealed_before = Vault([OLD]).seal("kept")
    rotated = Vault([NEW, OLD])
    assert rotated.open(sealed_before) == "kept"
    assert Vault([NEW]).open(rotated.seal("kept")) == "kept"


def test_without_its_key_a_secret_stays_locked_and_the_error_says_what_to_do_and_nothing_else() -> None:
    with pytest.raises(VaultLocked, match="RELINK_ENCRYPTION_KEYS") as locked:
        Vault([NEW]).open(Vault([OLD]).seal("secret-value"))
    assert "secret-value" not in str(locked.value)
    assert OLD not in str(locked.value)


def test_a_sealed_secret_that_was_tampered_with_stays_locked() -> None:
    vault = Vault([NEW])
    sealed = bytearray(vault.seal("kept"))
    sealed[20] ^= 1
    with pytest.raises(VaultLocked):
        vault.open(bytes(sealed))
