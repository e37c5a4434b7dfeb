"""Column types: time is UTC-aware, money is exact, secrets are encrypted at rest."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, String
from sqlalchemy.types import TypeDecorator

MONEY_SCALE = Decimal("0.0001")  # Xero keeps unit amounts to four places


class Text(TypeDecorator[str]):
    """Text, without what PostgreSQL or UTF-8 cannot hold: no link and no file can break a query."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Drop NUL characters and halves of surrogate pairs."""
        return None if value is None else value.replace("\0", "").encode("utf-8", "ignore").decode()


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, stored in UTC and returned UTC-aware; a naive datetime is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time needs its zone: {value}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return UTC-aware; SQLite forgets the zone, PostgreSQL answers in the session's."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Money(TypeDecorator[Decimal]):
    """An exact amount, stored as ten-thousandths so that SQLite sums it without binary fractions."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """Store as a whole number of ten-thousandths."""
        return None if value is None else int((value / MONEY_SCALE).to_integral_value())

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Return the amount with two places, or four where it needs them."""
        if value is None:
            return None
        exact = Decimal(value) * MONEY_SCALE
        cents = exact.quantize(Decimal("0.01"))
        return cents if cents == exact else exact.quantize(MONEY_SCALE)


class Word(TypeDecorator[Any]):
    """A member of one of the enums in `states`, stored as its word."""

    impl = String(40)
    cache_ok = True

    def __init__(self, enum: type[Any]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Store the word; anything the enum does not know is refused."""
        return None if value is None else str(self.enum(value).value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the member of the enum."""
        return None if value is None else self.enum(value)
