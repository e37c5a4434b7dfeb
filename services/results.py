"""What became of every export of a plan, as a file."""

from __future__ import annotations

import csv
import io

from sqlalchemy.orm import Session

from services import plans
from services.members import Member
from services.tabular import safe_cell

#: The columns of the results file; each is a field of `PlanItemRow`.
RESULT_COLUMNS = (
    "number",
    "workspace_name",
    "amount",
    "currency",
    "verdict",
    "reason",
    "result",
    "result_text",
    "xero_link",
)


def results_csv(session: Session, member: Member, plan_id: str) -> str:
    """Return what became of every export of a plan as CSV, safe to open in a spreadsheet."""
    _, total = plans.items(session, member, plan_id, page_size=1)
    rows, _ = plans.items(session, member, plan_id, page_size=max(total, 1))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(RESULT_COLUMNS)
    writer.writerows([safe_cell(getattr(row, column)) for column in RESULT_COLUMNS] for row in rows)
    return text.getvalue()
