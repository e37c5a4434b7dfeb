"""Secrets at rest: encrypted with the newest key, readable with every key still listed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class VaultLocked(Exception):
    """A secret was sealed with a key that is not listed any more."""


class Vault:
    """Seals and opens JSON values with `MultiFernet`; the first key seals."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, value: Any) -> bytes:
        """Return the value encrypted."""
        return self._fernet.encrypt(json.dumps(value).encode())

    def open(self, sealed: bytes) -> Any:
        """Return the sealed value. Raises `VaultLocked` where no listed key fits."""
        try:
            return json.loads(self._fernet.decrypt(sealed))
        except InvalidToken as error:
            raise VaultLocked(
                "A stored secret cannot be opened: its key is not in RELINK_ENCRYPTION_KEYS. "
                "Add the key that was used before behind the newest one."
            ) from error
