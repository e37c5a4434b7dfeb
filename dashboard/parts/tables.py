"""Tables for reading: real HTML tables with links, which become cards on a phone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from dashboard.parts import markup


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    title: str
    figures: bool = False  #: stands right-aligned
    wide_only: bool = False  #: left out on a phone


Cells = Sequence[str | Markup]


def table(label: str, columns: Sequence[Column], rows: Iterable[Cells]) -> None:
    """Show a table; the first cell of each row names the row."""
    head = markup.join(
        Markup('<th scope="col" class="{}">{}</th>').format(_class(column), column.title)
        for column in columns
    )
    body = markup.join(_row(columns, cells) for cells in rows)
    markup.show(
        Markup(
            '<table class="rl-table" aria-label="{}"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>'
        ).format(label, head, body)
    )


def _row(columns: Sequence[Column], cells: Cells) -> Markup:
    first, *rest = zip(columns, cells, strict=True)
    name = Markup('<th scope="row">{}</th>').format(first[1])
    return Markup("<tr>{}{}</tr>").format(name, markup.join(_cell(column, cell) for column, cell in rest))


def _cell(column: Column, cell: str | Markup) -> Markup:
    return Markup('<td class="{}" data-title="{}"><div>{}</div></td>').format(
        _class(column), column.title, cell
    )


def _class(column: Column) -> str:
    return ("rl-figures" if column.figures else "rl-text") + (" rl-wide-only" if column.wide_only else "")
