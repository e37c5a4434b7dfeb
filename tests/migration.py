"""`make migration`: write the migration from the newest one to the tables as they are in code."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from services.store.engine import open_store
from services.store.migrate import migrate, write_migration

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'relink.db'}")
        migrate(store)
        write_migration(store, sys.argv[1])
        store.close()
