"""Keys and signatures of both issuers: RS256 tokens and the key sets that verify them."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import lru_cache
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from sqlalchemy.orm import Session

from services.sandbox.store import read_setting, write_setting

_KEY = "signing_key"


def sign(session: Session, claims: dict[str, Any]) -> str:
    """Return `claims` as a JWT signed with the sandbox's key, RS256."""
    key = _key(session)
    return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": key.kid, "x5t": key.kid}, claims, key)


def verify(session: Session, token: str) -> dict[str, Any] | None:
    """Return the claims of a token that this sandbox signed and whose time is not up."""
    try:
        claims = jwt.decode(token, _key(session), algorithms=["RS256"]).claims
        jwt.JWTClaimsRegistry().validate(claims)
    except (JoseError, ValueError):
        return None
    return claims


def key_set(session: Session) -> dict[str, Any]:
    """Return the public keys as a JWK set."""
    return {"keys": [{**_key(session).as_dict(private=False), "use": "sig", "alg": "RS256"}]}


def at_hash(access_token: str) -> str:
    """Return the `at_hash` claim that ties an id token to its access token (OpenID Connect Core 3.1.3.6)."""
    left_half = hashlib.sha256(access_token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(left_half).rstrip(b"=").decode()


def make_key(session: Session) -> None:
    """Create the signing key if there is none yet; it survives a restart and a reset."""
    if not read_setting(session, _KEY, {}):
        key = RSAKey.generate_key(2048, auto_kid=True)
        write_setting(session, _KEY, {"jwk": json.dumps(key.as_dict(private=True))})


def _key(session: Session) -> RSAKey:
    return _load(read_setting(session, _KEY, {})["jwk"])


@lru_cache(maxsize=1)
def _load(jwk: str) -> RSAKey:
    """Read the key once: checking its primes takes 30 ms."""
    return RSAKey.import_key(json.loads(jwk))
