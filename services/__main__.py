"""`python -m services COMMAND`: what an operator does by hand."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sqlalchemy.exc import OperationalError, ProgrammingError

from services import members
from services.audit import SYSTEM
from services.demo import seed
from services.desk import Desk, open_desk
from services.intake import files, receipts
from services.intake.files import BadFile
from services.intake.receipts import Upload
from services.members import Member
from services.settings import SettingsError
from services.store.migrate import migrate
from services.store.states import Role

RECEIPTS_AT_ONCE = 20  # files a transaction: others have to write as well


def main() -> None:
    """Carry out one command; what goes wrong is one sentence and a non-zero exit."""
    parser = argparse.ArgumentParser(prog="python -m services", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="bring the store to the tables of this version")
    commands.add_parser("seed-demo", help="fill an empty store and the sandbox with the demo world")
    importing = commands.add_parser("import", help="take in approved reports from a CSV file, or receipts")
    source = importing.add_mutually_exclusive_group(required=True)
    source.add_argument("file", type=Path, nargs="?")
    source.add_argument("--receipts", type=Path, metavar="FOLDER", help="take in receipts from a folder")
    arguments = parser.parse_args()
    try:
        desk = open_desk()
        _COMMANDS[arguments.command](desk, arguments)
    except (SettingsError, BadFile, OSError) as error:
        sys.exit(str(error))
    except (OperationalError, ProgrammingError) as error:
        # Only the database's own first line: the rest is the statement, for whoever wrote it.
        sys.exit(
            f"The store cannot be used: {str(error.orig).splitlines()[0]}. See that the database at "
            "RELINK_DATABASE_URL runs, that nobody else keeps it locked and that `python -m services "
            "migrate` was run, then run this command again."
        )


def _migrate(desk: Desk, _arguments: argparse.Namespace) -> None:
    migrate(desk.store)
    with desk.store.begin() as session:
        members.add_owners(session, desk.settings.owner_emails)


def _seed_demo(desk: Desk, _arguments: argparse.Namespace) -> None:
    if not desk.settings.sandbox_url:
        sys.exit("RELINK_SANDBOX_URL is not set: the demo world needs a sandbox and is never for production.")
    if not seed.is_seeded(desk):
        seed.seed(desk)


def _import(desk: Desk, arguments: argparse.Namespace) -> None:
    if arguments.receipts:
        _import_receipts(desk, arguments.receipts)
        return
    operator = Member(SYSTEM, SYSTEM, Role.OWNER)
    data = _bytes_of(arguments.file)
    with desk.store.begin() as session:
        intake = files.import_reports(session, operator, data)
    print(f"{intake.accepted:,} taken in, {intake.unchanged:,} unchanged, {len(intake.rejected):,} rejected")
    for rejected in intake.rejected:
        print(f"  row {rejected.row:,}, {rejected.column}: {rejected.reason}")
    if intake.rejected:
        sys.exit(1)


def _import_receipts(desk: Desk, folder: Path) -> None:
    """Take in every file of a folder, some in one transaction: cut off, it goes on where it stood."""
    operator = Member(SYSTEM, SYSTEM, Role.OWNER)
    found = [Upload(file.name, file.stat().st_size, file.read_bytes) for file in _files_of(folder)]
    accepted = unchanged = refused = 0
    for start in range(0, len(found), RECEIPTS_AT_ONCE):
        with desk.store.begin() as session:
            intake = receipts.take_in(session, operator, found[start : start + RECEIPTS_AT_ONCE])
        accepted, unchanged = accepted + intake.accepted, unchanged + intake.unchanged
        refused += len(intake.refused)
        for file in intake.refused:
            print(f"  {file.name}: {file.reason}")
    print(f"{accepted:,} taken in, {unchanged:,} unchanged, {refused:,} refused")
    if refused:
        sys.exit(1)


def _files_of(folder: Path) -> list[Path]:
    """Return the files of a folder by name; hidden ones are the system's own."""
    try:
        return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    except OSError as error:
        sys.exit(f"{folder} cannot be read: {error.strerror}. Nothing was taken in. Name another folder.")


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        sys.exit(f"{file} cannot be read: {error.strerror}. Nothing was taken in. Name another file.")


_COMMANDS = {"migrate": _migrate, "seed-demo": _seed_demo, "import": _import}

if __name__ == "__main__":
    main()
