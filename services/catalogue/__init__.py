"""The error catalogue: every XEROnn code, and how to recognise one in any text."""

from __future__ import annotations

from services.catalogue.codes import CODES, UnknownCode, get, message
from services.catalogue.kinds import Actor, Category, Code, Kind, RetryClass
from services.catalogue.recognition import Recognised, from_validation, rank, recognise

__all__ = [
    "CODES",
    "Actor",
    "Category",
    "Code",
    "Kind",
    "Recognised",
    "RetryClass",
    "UnknownCode",
    "from_validation",
    "get",
    "message",
    "rank",
    "recognise",
]
