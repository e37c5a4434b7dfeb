"""Pages and the text people search for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, literal, select, union_all
from sqlalchemy.orm import Session

from services.finding import like
from services.paging import LAST_PAGE, count, page_count, page_of


@pytest.mark.parametrize(
    ("total", "pages"), [(0, 1), (1, 1), (25, 1), (26, 2), (50, 2), (51, 3), (1_000_000, 40_000)]
)
def test_a_list_has_a_page_for_each_begun_25_and_an_empty_list_has_one(total: int, pages: int) -> None:
    assert page_count(total, 25) == pages


@given(total=st.integers(0, 40), page_size=st.integers(1, 12))
def test_the_pages_together_are_the_list(total: int, page_size: int) -> None:
    numbers = [select(literal(number).label("number")) for number in range(total)]
    everything = union_all(*numbers, select(literal(-1).label("number"))).subquery()
    query = select(everything.c.number).where(everything.c.number >= 0).order_by(everything.c.number)
    engine = create_engine("sqlite://")
    with Session(engine) as session:
        found = [
            number
            for page in range(1, page_count(total, page_size) + 1)
            for number in session.scalars(page_of(query, page=page, page_size=page_size))
        ]
        assert count(session, query) == total
    engine.dispose()
    assert found == list(range(total))


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20))
def test_what_a_person_typed_is_looked_for_literally(text: str) -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:

        def matches(stored: str) -> bool:
            found = select(literal(stored).like(like(text), escape="/"))
            return bool(connection.scalar(found))

        assert matches(text)
        assert matches(f"before {text} after")
        assert not matches("")
        if text in "%_":
            assert not matches("anything")
    engine.dispose()


@pytest.mark.parametrize(("asked", "offset"), [(-3, 0), (0, 0), (2, 25), (10**30, (LAST_PAGE - 1) * 25)])
def test_a_page_number_out_of_an_address_can_be_anything(asked: int, offset: int) -> None:
    query = page_of(select(literal(1)), page=asked, page_size=25)
    assert str(query.compile(compile_kwargs={"literal_binds": True})).endswith(f" OFFSET {offset}")
