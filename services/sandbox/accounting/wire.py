"""How values look on Xero's wire: JSON (or XML), Microsoft dates, numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from starlette.requests import Request
from starlette.responses import Response

_MS_DATE = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")


def ms_date(value: date | datetime) -> str:
    """Write a day or a time as Xero does: `/Date(1552262400000+0000)/`."""
    moment = value if isinstance(value, datetime) else datetime.combine(value, time(), UTC)
    return f"/Date({int(moment.timestamp() * 1000)}+0000)/"


def day_string(value: date) -> str:
    """Write a day as in `DateString`."""
    return f"{value.isoformat()}T00:00:00"


def read_day(value: object) -> date:
    """Read an ISO day, an ISO time or a Microsoft date; raises `ValueError` for anything else."""
    text = str(value)
    if found := _MS_DATE.fullmatch(text):
        return datetime.fromtimestamp(int(found[1]) / 1000, UTC).date()
    return datetime.fromisoformat(text).date()


def read_number(value: object) -> Decimal:
    """Read a number posted as number or as text; raises `ValueError` for anything else."""
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(value) from error
    if not number.is_finite():
        raise ValueError(value)
    return number


def render(request: Request, payload: Mapping[str, Any], status: int) -> Response:
    """Answer in JSON where the `Accept` header names it, and in XML otherwise, as Xero does."""
    if "json" in request.headers.get("accept", ""):
        text = json.dumps(payload, default=float, separators=(",", ":"))
        return Response(text, status, media_type="application/json; charset=utf-8")
    root = Element("ApiException" if "ErrorNumber" in payload else "Response")
    _fill(root, payload)
    return Response(tostring(root, xml_declaration=True, encoding="utf-8"), status, media_type="text/xml")


def _fill(parent: Element, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        child = SubElement(parent, name)
        if isinstance(value, Mapping):
            _fill(child, value)
        elif isinstance(value, list):
            _fill_list(child, name, value)
        elif value is not None:
            child.text = str(value).lower() if isinstance(value, bool) else str(value)


def _fill_list(parent: Element, plural: str, items: list[Any]) -> None:
    singular = plural[:-3] + "y" if plural.endswith("ies") else plural.removesuffix("s")
    for item in items:
        _fill(SubElement(parent, singular), item)
