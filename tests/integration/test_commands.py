"""`python -m services import FILE` as an operator runs it: a process of its own on a store of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from services.local import demo_settings
from services.store import tables
from tests.house import ROOT, free_port
from tests.integration.intake.desk import Desk, csv_of, expense, open_desk

Done = subprocess.CompletedProcess[str]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk on the store that the command is pointed at."""
    with open_desk(f"sqlite:///{tmp_path / 'relink.db'}") as desk:
        yield desk


def settings_for(folder: Path) -> dict[str, str]:
    """Return a complete set of settings with the store in this folder; nothing in it is called."""
    return {
        **demo_settings(port=8501, sandbox_port=8502),
        "RELINK_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "RELINK_COOKIE_SECRET": "a-cookie-secret-for-tests-of-40-letters-",
        "RELINK_DATABASE_URL": f"sqlite:///{folder / 'relink.db'}",
    }


def run(folder: Path, *arguments: str, settings: Mapping[str, str] | None = None) -> Done:
    """Run a command in a folder, which has no settings of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RELINK_")}
    chosen = settings_for(folder) if settings is None else settings
    return subprocess.run(
        [sys.executable, "-m", "services", *arguments],
        cwd=folder,
        env={**inherited, **chosen, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def bring(folder: Path, data: bytes) -> Done:
    """Write a file and import it."""
    (folder / "reports.csv").write_bytes(data)
    return run(folder, "import", "reports.csv")


def only_sentence(done: Done) -> str:
    """Return the one line that a command which could not do its work ends with."""
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    return line


def test_a_good_file_comes_in_and_the_same_file_again_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    data = csv_of(expense(), expense(report_id="R2"))

    first, second = bring(tmp_path, data), bring(tmp_path, data)
    assert (first.returncode, first.stdout, first.stderr) == (
        0,
        "2 taken in, 0 unchanged, 0 rejected\n",
        "",
    )
    assert (second.returncode, second.stdout) == (0, "0 taken in, 2 unchanged, 0 rejected\n")
    assert sorted(desk.exports()) == ["EXP-R1", "EXP-R2"]


def test_broken_rows_are_named_and_the_sound_reports_come_in(desk: Desk, tmp_path: Path) -> None:
    done = bring(tmp_path, csv_of(expense(), expense(report_id="R2", amount="1,5"), expense(report_id="R2")))

    counts, *rows = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (1, "")
    assert counts == "1 taken in, 0 unchanged, 2 rejected"
    assert rows[0].startswith("  row 3, amount: amount is “1,5”, which does not fit.")
    assert rows[1].startswith("  row 4, report_id: Left out because of row 3")
    assert list(desk.exports()) == ["EXP-R1"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (csv_of(expense()).replace(b"merchant", b"shop", 1), "lacks the columns merchant,"),
        (csv_of(expense(merchant="Café")).decode().encode("latin-1"), "Save it as “CSV UTF-8”"),
        (csv_of(expense()) + b'R2,"open', "from line 3 on"),
    ],
    ids=["column", "latin-1", "open-quote"],
)
def test_a_file_that_cannot_be_read_is_one_sentence_of_why(
    desk: Desk, tmp_path: Path, data: bytes, says: str
) -> None:
    sentence = only_sentence(bring(tmp_path, data))

    assert says in sentence
    assert "Nothing was taken in" in sentence
    assert desk.exports() == {}


def test_receipts_of_a_folder_come_in_and_refused_ones_are_named(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    (folder / "more").mkdir(parents=True)
    for name in ("R1.pdf", "R1-2.jpg", "R9.pdf", ".DS_Store"):
        (folder / name).write_bytes(b"%PDF-1.7")
    bring(tmp_path, csv_of(expense()))

    first, second = (run(tmp_path, "import", "--receipts", "scans") for _ in range(2))
    refused, counts = first.stdout.splitlines()
    assert (first.returncode, first.stderr) == (1, "")
    assert refused.startswith("  R9.pdf: Its name begins with the number of no report here.")
    assert counts == "2 taken in, 0 unchanged, 1 refused"
    (folder / "R9.pdf").unlink()
    assert second.stdout.endswith("0 taken in, 2 unchanged, 1 refused\n")
    assert run(tmp_path, "import", "--receipts", "scans").returncode == 0
    with desk.store.read() as session:
        names = session.scalars(select(tables.Receipt.file_name).order_by(tables.Receipt.file_name))
        assert names.all() == ["R1-2.jpg", "R1.pdf"]


@pytest.mark.usefixtures("desk")
def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    sentence = only_sentence(run(tmp_path, "import", "--receipts", "gone"))

    assert (
        sentence
        == "gone cannot be read: No such file or directory. Nothing was taken in. Name another folder."
    )


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(("name", "says"), [("gone.csv", "No such file"), (".", "Is a directory")])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str, says: str) -> None:
    sentence = only_sentence(run(tmp_path, "import", name))

    assert sentence.startswith(f"{name} cannot be read: {says}")


def test_missing_settings_are_named_by_their_variables(tmp_path: Path) -> None:
    done = run(tmp_path, "import", "reports.csv", settings={})

    assert (done.returncode, done.stdout) == (1, "")
    assert "  RELINK_ENCRYPTION_KEYS: is not set" in done.stderr.splitlines()
    assert "  RELINK_XERO_CLIENT_ID: is not set" in done.stderr.splitlines()
    assert "Traceback" not in done.stderr


def test_an_unusable_setting_is_named_without_its_value(tmp_path: Path) -> None:
    settings = {**settings_for(tmp_path), "RELINK_ENCRYPTION_KEYS": "not-a-key-but-a-secret"}

    done = run(tmp_path, "import", "reports.csv", settings=settings)
    assert done.returncode == 1
    assert "RELINK_ENCRYPTION_KEYS" in done.stderr
    assert "not-a-key-but-a-secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_without_tables_says_which_command_makes_them(tmp_path: Path) -> None:
    data = csv_of(expense())

    assert "`python -m services migrate`" in only_sentence(bring(tmp_path, data))
    assert run(tmp_path, "migrate").returncode == 0
    assert "There is no workspace" in bring(tmp_path, data).stdout


def test_a_database_that_does_not_answer_is_one_sentence_without_its_password(tmp_path: Path) -> None:
    (tmp_path / "reports.csv").write_bytes(csv_of(expense()))
    url = f"postgresql://relink:its-password@127.0.0.1:{free_port()}/relink"

    settings = {**settings_for(tmp_path), "RELINK_DATABASE_URL": url}
    sentence = only_sentence(run(tmp_path, "import", "reports.csv", settings=settings))
    assert "Connection refused" in sentence
    assert "RELINK_DATABASE_URL" in sentence
    assert "its-password" not in sentence
