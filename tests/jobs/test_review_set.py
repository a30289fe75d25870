from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailmerge.jobs.review_set import ReviewSet
from mailmerge.rendering.content import Body, Content, Structure

TEXT = Structure(("text",))


def content(*pieces: str, subject: str = "s", structure: Structure | None = None) -> Content:
    html = structure or Structure(("".join(f"<p>{piece}</p>" for piece in pieces),))
    return Content(subject, Body(TEXT), Body(html))


def reasons(review_set: ReviewSet) -> dict[int, list[str]]:
    return {one.row: [name for name, _ in one.reasons] for one in review_set.chosen()}


def test_one_row_represents_all_of_the_same_structure() -> None:
    review_set = ReviewSet()
    same = Structure(("<p>hello</p>",))
    for row in range(2, 50):
        review_set.add(f"k{row}", row, ["x"], content(structure=same), 100)
    assert reasons(review_set) == {2: ["branches", "subject", "largest"]}


def test_every_branch_and_every_loop_is_covered() -> None:
    variants = [["a"], ["a", "fr"], ["a", "de"], ["a", "x"], ["a", "x", "x"], ["a", "fr", "x"]]
    review_set = ReviewSet()
    for row, pieces in enumerate(variants, 2):
        review_set.add(f"k{row}", row, ["x"], content(*pieces), 100)
    taken = [variants[one.row - 2] for one in review_set.chosen()]
    assert {"fr", "de", "x"} <= {piece for pieces in taken for piece in pieces}
    assert {pieces.count("x") for pieces in taken} == {0, 1, 2}
    assert len(taken) < len(variants)


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=4), min_size=1, max_size=12))
def test_the_branches_cover_every_piece(variants: list[list[str]]) -> None:
    review_set = ReviewSet()
    for row, pieces in enumerate(variants):
        review_set.add(str(row), row, ["x"], content(*pieces), 100)
    branches = [one for one in review_set.chosen() if ("branches", 0) in one.reasons]
    taken = {piece for one in branches for piece in variants[one.row]}
    assert taken == {piece for pieces in variants for piece in pieces}
    assert branches


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6), min_size=1, max_size=20))
def test_no_more_rows_than_allowed_are_taken_for_branches(variants: list[list[str]]) -> None:
    review_set = ReviewSet(most_branches=2)
    for row, pieces in enumerate(variants):
        review_set.add(str(row), row, ["x"], content(*pieces), 100)
    taken = [one for one in review_set.chosen() if ("branches", 0) in one.reasons]
    assert 1 <= len(taken) <= 2


def test_the_extremes_are_chosen() -> None:
    same = Structure(("<p>hello</p>",))
    review_set = ReviewSet()
    review_set.add("a", 2, ["x", "y"], content(structure=same, subject="short"), 100)
    review_set.add("b", 3, ["x", "y"], content(structure=same, subject="a longer subject"), 100)
    review_set.add("c", 4, ["", ""], content(structure=same, subject="short"), 100)
    review_set.add("d", 5, ["x", ""], content(structure=same, subject="short"), 900)
    review_set.add_failure("e", 6)
    review_set.add_failure("f", 7)
    assert reasons(review_set) == {
        2: ["branches"],
        3: ["subject"],
        4: ["empty"],
        5: ["largest"],
        6: ["refused"],
    }
    assert dict(review_set.chosen()[1].reasons) == {"subject": 16}


def test_tags_are_compared_where_structures_are_separate() -> None:
    review_set = ReviewSet(lambda: True)
    for row in range(2, 30):
        review_set.add(f"k{row}", row, ["x"], content(f"hello {row}"), 100)
    heading = Content("s", Body(TEXT), Body(Structure(("<h1>x</h1>",))))
    review_set.add("k30", 30, ["x"], heading, 100)
    assert list(reasons(review_set)) == [2, 30]


def test_a_message_without_html_is_examined() -> None:
    for separate in (False, True):
        review_set = ReviewSet(lambda separate=separate: separate)  # type: ignore[misc]  # mypy does not infer a default's type
        review_set.add("k", 2, [], Content("s", Body(TEXT)), 5)
        assert list(reasons(review_set)) == [2]


def test_structures_beyond_the_bound_are_not_compared() -> None:
    review_set = ReviewSet(most_structures=3)
    for row in range(10):
        review_set.add(f"k{row}", row, [], content(f"piece {row}"), 5)
    branches = {row for row, names in reasons(review_set).items() if "branches" in names}
    assert branches == {0, 1, 2}


def test_without_messages_the_review_set_is_empty() -> None:
    assert ReviewSet().chosen() == ()
