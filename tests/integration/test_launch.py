"""`python -m services.launch` with processes that only say what they were given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.house import ROOT, free_port

SAY = "web: env | grep ^RELINK_ | sort"


def launch(folder: Path, **environment: str) -> dict[str, str]:
    """Start what the folder's Procfile names, and return the settings that it was given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RELINK_")}
    (folder / "Procfile").write_text(SAY)
    done = subprocess.run(
        [sys.executable, "-m", "services.launch"],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    said = [line.partition("RELINK_")[2] for line in done.stdout.splitlines() if "RELINK_" in line]
    return dict(line.split("=", 1) for line in said)


def test_your_own_env_file_wins_over_the_demo_and_the_environment_over_both(tmp_path: Path) -> None:
    port, sandbox_port = free_port(), free_port()
    (tmp_path / ".env").write_text(
        f"RELINK_PORT={port}\n"
        "relink_oidc_client_id='my own'\n"
        "RELINK_XERO_CLIENT_ID=of-the-file\n"
        "OTHER=left alone\n"
    )

    given = launch(
        tmp_path, RELINK_SANDBOX_PORT=str(sandbox_port), RELINK_XERO_CLIENT_ID="of-the-environment"
    )

    assert given["PORT"] == str(port)
    assert given["PUBLIC_URL"] == f"http://localhost:{port}"
    assert given["OIDC_CLIENT_ID"] == "my own"
    assert given["XERO_CLIENT_ID"] == "of-the-environment"
    assert given["XERO_API_URL"] == f"http://localhost:{sandbox_port}"


def test_without_an_env_file_everything_points_at_the_sandbox(tmp_path: Path) -> None:
    port, sandbox_port = free_port(), free_port()

    given = launch(tmp_path, RELINK_PORT=str(port), RELINK_SANDBOX_PORT=str(sandbox_port))

    assert given["SANDBOX_URL"] == given["XERO_API_URL"] == f"http://localhost:{sandbox_port}"
    assert given["OIDC_CLIENT_ID"] == "RELINK-MEMBERS"
