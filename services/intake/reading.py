"""A file of reports as bytes, read into rows: which cell stands in which column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from services.declined import Declined
from services.intake.expenses import COLUMNS
from services.tabular import FORMULA_STARTS

MAX_ROWS = 5_000  # of one file, which is taken in by one transaction

_SEPARATORS = ",;\t"


class BadFile(Declined):
    """The file as a whole cannot be read and nothing was taken in; the text is a sentence for the screen."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it is in the file; nothing in it is checked yet."""

    number: int  #: of its first line
    cells: Mapping[str, str]  #: as they are in the file, by column
    is_wider: bool  #: than the header


def read(data: bytes) -> list[Row]:
    """Return the rows of a file in its order, without the empty ones. Raises `BadFile`."""
    rows = list(islice(_rows(_text(data)), MAX_ROWS + 1))
    if len(rows) > MAX_ROWS:
        raise BadFile(
            f"The file has more than {MAX_ROWS:,} rows, the most that come in at once. Nothing was "
            "taken in. Split it, and keep all rows of one report in the same file."
        )
    if not rows:
        raise BadFile("The file has no rows below its header. Nothing was taken in. Choose another file.")
    return rows


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(
            "The file is not text in UTF-8, so its letters cannot be told. Nothing was taken in. "
            "Save it as “CSV UTF-8” and import it again."
        ) from error


def _rows(text: str) -> Iterator[Row]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    begins = 1
    try:
        header = _header(next(lines, []))
        begins = lines.line_num + 1
        for values in lines:
            if any(value.strip() for value in values):
                yield _row(begins, header, values)
            begins = lines.line_num + 1
    except csv.Error as error:
        raise BadFile(
            f"The file cannot be read from line {begins:,} on: a quotation mark is left open or stands "
            "inside a cell. Nothing was taken in. Mend that line and import the file again."
        ) from error


def _separator(text: str) -> str:
    """Return the separator with which the first line names the most columns."""
    first = text.splitlines()[0] if text else ""
    return max(_SEPARATORS, key=lambda separator: len({*map(_name, first.split(separator))} & {*COLUMNS}))


def _name(heading: str) -> str:
    return heading.strip().strip('"').strip().lower()


def _header(headings: Sequence[str]) -> list[str]:
    names = [_name(heading) for heading in headings]
    missing = [column for column in COLUMNS if column not in names]
    twice = [column for column in COLUMNS if names.count(column) > 1]
    if missing or twice:
        fault = f"lacks the columns {', '.join(missing)}" if missing else f"names {', '.join(twice)} twice"
        raise BadFile(
            f"The first line of the file {fault}, so its cells cannot be told apart. Nothing was taken in. "
            "Start from the example file; columns may stand in any order."
        )
    return names


def _row(number: int, header: Sequence[str], values: Sequence[str]) -> Row:
    cells = dict(zip(header, map(_unquoted, values), strict=False))
    is_wider = any(value.strip() for value in values[len(header) :])
    return Row(number, {column: cells.get(column, "") for column in COLUMNS}, is_wider)


def _unquoted(value: str) -> str:
    """Undo what `safe_cell` did to a row that was refused before and comes back mended."""
    return value[1:] if value[:1] == "'" and value[1:].startswith(FORMULA_STARTS) else value
