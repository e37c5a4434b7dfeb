"""The demo's receipts are files that a reader can open."""

from __future__ import annotations

import re

from services.demo import papers


def test_each_object_of_the_pdf_is_where_its_table_says() -> None:
    made = papers.pdf(["Corner (Coffee) House", "Café, 12.50", "a\\b"])

    (table_at,) = re.findall(rb"startxref\n(\d+)\n%%EOF", made)
    assert made[int(table_at) :].startswith(b"xref\n0 6\n")
    places = re.findall(rb"(\d{10}) 00000 n ", made)
    for number, place in enumerate(places, start=1):
        assert made[int(place) :].startswith(b"%d 0 obj\n" % number)
    (length,) = re.findall(rb"/Length (\d+)", made)
    content = made.partition(b"stream\n")[2].partition(b"\nendstream")[0]
    assert len(content) == int(length)
    assert rb"(Corner \(Coffee\) House) Tj" in content
    assert rb"(a\\b) Tj" in content
    assert "Café".encode("latin-1") in content
