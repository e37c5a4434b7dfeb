"""The example, who may import, and the rows that are handed back."""

from __future__ import annotations

import csv
import io

import pytest

from services.intake import files
from services.members import Member, NotAllowed
from services.store.states import Role
from tests.integration.intake.desk import (
    HEALTHY,
    Desk,
    csv_of,
    expense,
)


def test_the_example_comes_in_once_its_workspace_is_there(desk: Desk) -> None:
    intake = desk.bring(files.EXAMPLE_CSV.replace("DEADBEEF12345678", HEALTHY).encode())

    assert (intake.accepted, intake.rejected) == (2, ())
    assert sorted(desk.exports()) == ["EXP-R100001", "EXP-R100002-1"]


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ADMIN])
def test_who_may_not_import_brings_nothing_in(desk: Desk, role: Role) -> None:
    with pytest.raises(NotAllowed, match="import reports"):
        desk.bring(csv_of(expense()), Member("max@relink.example", "Max", role))
    assert desk.exports() == {}


def test_refused_rows_come_back_with_the_reason_and_go_in_once_mended(desk: Desk) -> None:
    intake = desk.bring_rows(expense(merchant="=1+1"), expense(amount="1,5"), expense(report_id="R2"))

    text = files.rejected_csv(intake)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["reason"] for row in rows] == [one.reason for one in intake.rejected]
    assert desk.bring(text.replace('"1,5"', "1.50").encode()).accepted == 1
    assert desk.merchants("EXP-R1") == ["=1+1", "Parkway Cabs"]


def test_no_cell_that_comes_back_runs_as_a_formula(desk: Desk) -> None:
    hostile = {column: f"=HYPERLINK({column})" for column in files.COLUMNS}

    rows = csv.DictReader(io.StringIO(files.rejected_csv(desk.bring_rows(hostile))))
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
