"""A process of its own that asks for a grant's access token, with several threads at once.

`python -m tests.integration.token_callers GRANT_ID THREADS` says that it is ready, waits for a line, and
prints one JSON list: for each thread the token's SHA-256, or the fault.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Barrier

from services import grants
from services.desk import open_desk
from services.xero.errors import XeroError


def main() -> None:
    """Ask when told to."""
    grant_id, threads = sys.argv[1], int(sys.argv[2])
    desk, together = open_desk(), Barrier(threads)

    def ask(_: int) -> str:
        together.wait()
        try:
            return sha256(grants.access_token(desk, grant_id).encode()).hexdigest()
        except XeroError as error:
            return str(error.fault)

    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(threads) as pool:
        print(json.dumps(list(pool.map(ask, range(threads)))), flush=True)


if __name__ == "__main__":
    main()
