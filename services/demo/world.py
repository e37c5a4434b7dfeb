"""The sandbox's side of the demo world, over its control API: who is there, who consented, what broke."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from services.probes import until_ok
from services.xero.oauth import TokenSet

CHUNK = 500
HEALTHY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent given in the past: the tokens and Xero's connection ids by organisation."""

    tokens: TokenSet
    connections: Mapping[str, str]


class World:
    """The control API of a running sandbox."""

    def __init__(self, sandbox_url: str) -> None:
        if not until_ok(f"{sandbox_url}/sandbox/health", seconds=HEALTHY_SECONDS):
            raise OSError(f"The sandbox at {sandbox_url} does not answer. Start it, then seed again.")
        self._http = httpx.Client(base_url=f"{sandbox_url}/sandbox", timeout=60)

    def close(self) -> None:
        """Close the client."""
        self._http.close()

    def reset(self) -> Mapping[str, Any]:
        """Make the sandbox's demo world anew and return it."""
        self._post("/reset", {"world": "demo"})
        answer = self._http.get("/world").raise_for_status().json()
        return dict(answer)

    def _post(self, path: str, body: Any) -> Any:
        answer = self._http.post(path, json=body).raise_for_status()
        return answer.json() if answer.content else None

    def consent(
        self, user: Mapping[str, Any], organisation_ids: Sequence[str], scopes: Sequence[str]
    ) -> Consent:
        """Have a Xero user's consent on record, as if given long ago."""
        answer = self._post(
            "/grants", {"user": user["id"], "organisations": list(organisation_ids), "scopes": list(scopes)}
        )
        token = answer["token"]
        tokens = TokenSet(
            access_token=token["access_token"],
            refresh_token=token["refresh_token"],
            expires_at=datetime.now(UTC) + timedelta(seconds=token["expires_in"]),
            scopes=frozenset(token["scope"].split()),
            xero_user_id=user["id"],
            authentication_event_id=None,
            email=user["email"],
            full_name=f"{user['given_name']} {user['family_name']}",
        )
        return Consent(tokens, {c["tenantId"]: c["id"] for c in answer["connections"]})

    def load_documents(self, documents: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Put documents of the past into the ledgers; return Xero's ids by number."""
        ids: dict[str, str] = {}
        for start in range(0, len(documents), CHUNK):
            for row in self._post("/documents", list(documents[start : start + CHUNK])):
                ids[row["number"]] = row["id"]
        return ids

    # What can happen to a connection

    def expire(self, user_id: str) -> None:
        """Let a login go unused for so long that Xero forgets it."""
        self._post(f"/users/{user_id}/expire", {})

    def revoke(self, user_id: str) -> None:
        """Revoke a login and all its connections."""
        self._post(f"/users/{user_id}/revoke", {})

    def disconnect(self, organisation_id: str) -> None:
        """Disconnect the app inside Xero."""
        self._post("/disconnect", {"organisation": organisation_id})

    def set_role(self, user_id: str, organisation_id: str, role: str | None) -> None:
        """Change or end a user's role in an organisation."""
        body = {"organisation": organisation_id, "role": role}
        self._http.put(f"/users/{user_id}/roles", json=body).raise_for_status()

    def remove_scope(self, user_id: str, scope: str) -> None:
        """Take a permission away from a login."""
        self._post(f"/users/{user_id}/scopes/remove", {"scope": scope})

    def take_offline(self, organisation_id: str) -> None:
        """Make one organisation unavailable."""
        self._http.patch(f"/organisations/{organisation_id}", json={"status": "offline"}).raise_for_status()

    def archive_accounts(self, organisation_id: str, codes: Iterable[str]) -> None:
        """Archive accounts, so that nothing can be booked to them."""
        for code in codes:
            self._post(f"/organisations/{organisation_id}/accounts/{code}", {"status": "ARCHIVED"})
