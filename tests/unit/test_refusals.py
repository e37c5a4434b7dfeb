"""Every refusal in words: what happened, that nothing changed, and the way out."""

from __future__ import annotations

import pytest

from services.refusals import RefusalKind, describe

UNTOUCHED = "The connection is as it was before."
PARTICULARS = {
    "expected": "Acme Ltd",
    "chosen": "Bolt Ltd",
    "expected_user": "Amira (amira@acme.example)",
    "user": "Boris (boris@bolt.example)",
    "missing": "accounting.invoices",
    "answer": "HTTP 503",
    "taken_over_by": "Carla",
}


@pytest.mark.parametrize("kind", RefusalKind)
def test_every_refusal_says_that_nothing_changed_and_what_to_do(kind: RefusalKind) -> None:
    words = describe(kind, PARTICULARS)
    assert words.kind == kind
    unchanged = "Nothing was changed by loading it again." if kind is RefusalKind.USED_STATE else UNTOUCHED
    assert unchanged in words.text
    assert words.title
    assert words.expected
    assert words.came
    assert words.way_out.endswith(".")
    assert not set("{}!") & set(words.title + words.text + words.expected + words.came + words.way_out)


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        (RefusalKind.OTHER_ORGANISATION, {"Acme Ltd", "Bolt Ltd"}),
        (RefusalKind.OTHER_USER, {"Amira (amira@acme.example)", "Boris (boris@bolt.example)"}),
        (RefusalKind.ORGANISATION_TAKEN, {"Bolt Ltd"}),
        (RefusalKind.SCOPE_MISSING, {"accounting.invoices"}),
        (RefusalKind.XERO_DOWN, {"HTTP 503"}),
    ],
)
def test_a_refusal_names_both_sides(kind: RefusalKind, named: set[str]) -> None:
    assert {name for name in named if name in describe(kind, PARTICULARS).text} == named


def test_a_masked_refusal_names_both_sides_without_their_addresses() -> None:
    words = describe(RefusalKind.OTHER_USER, PARTICULARS, masked=True)
    assert "Amira (a•••@acme.example)" in words.text
    assert "Boris (b•••@bolt.example)" in words.text
    assert "Amira (a•••@acme.example)" in words.way_out


@pytest.mark.parametrize("kind", [RefusalKind.OTHER_ORGANISATION, RefusalKind.OTHER_USER])
def test_the_two_sides_stand_beside_each_other(kind: RefusalKind) -> None:
    words = describe(kind, PARTICULARS)
    assert words.expected == "Acme Ltd, by Amira (amira@acme.example)"
    assert words.came == "Bolt Ltd, by Boris (boris@bolt.example)"


@pytest.mark.parametrize("kind", RefusalKind)
def test_a_refusal_of_which_nothing_is_known_still_reads_as_a_sentence(kind: RefusalKind) -> None:
    words = describe(kind, {})
    assert "None" not in words.text + words.expected + words.came + words.way_out
    assert not set("{}") & set(words.text + words.expected + words.came + words.way_out)


def test_names_with_braces_are_shown_as_they_are() -> None:
    hostile = {**PARTICULARS, "chosen": "{expected} {0} {answer.__class__}"}
    assert "{expected} {0} {answer.__class__}" in describe(RefusalKind.OTHER_ORGANISATION, hostile).text


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("offline_access", "Access without staying connected (offline_access)"),
        (
            "accounting.contacts, accounting.new",
            "Access without contacts (accounting.contacts), accounting.new",
        ),
    ],
)
def test_a_missing_permission_is_said_in_words_and_by_its_name(missing: str, said: str) -> None:
    assert describe(RefusalKind.SCOPE_MISSING, {"missing": missing}).came == said
