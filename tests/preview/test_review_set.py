from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mailmerge.preview.review import COVERED_WAYS, WAYS_LOOKED_AT, Review, cover
from mailmerge.rendering.content import Body, Content, Structure


def content(*pieces: str, subject: str = "s", structure: Structure | None = None) -> Content:
    html = structure or Structure(("".join(f"<p>{piece}</p>" for piece in pieces),))
    return Content(subject, Body(TEXT), Body(html))


TEXT = Structure(("text",))


def chosen(review: Review) -> dict[int, list[str]]:
    return {one.row: [cause for cause, _ in one.causes] for one in review.chosen()}


def test_one_person_stands_for_all_who_took_the_same_way() -> None:
    review = Review()
    same = Structure(("<p>hello</p>",))
    for row in range(2, 50):
        review.look(f"k{row}", row, ["x"], content(structure=same), 100)
    assert chosen(review) == {2: ["branches", "subject", "largest"]}


def test_every_branch_and_every_loop_is_taken_by_somebody() -> None:
    ways = [["a"], ["a", "fr"], ["a", "de"], ["a", "x"], ["a", "x", "x"], ["a", "fr", "x"]]
    review = Review()
    for row, way in enumerate(ways, 2):
        review.look(f"k{row}", row, ["x"], content(*way), 100)
    taken = [ways[one.row - 2] for one in review.chosen()]
    assert {"fr", "de", "x"} <= {piece for way in taken for piece in way}
    assert {way.count("x") for way in taken} == {0, 1, 2}
    assert len(taken) < len(ways)


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=4), min_size=1, max_size=12))
def test_the_cover_holds_every_piece_that_anybody_has(ways: list[list[str]]) -> None:
    counted = [(str(at), at, Counter(way)) for at, way in enumerate(ways)]
    taken = [ways[row] for _, row in cover(counted)]
    assert {piece for way in taken for piece in way} == {
        piece for way in ways for piece in way
    } or len(taken) == COVERED_WAYS
    assert 1 <= len(taken) <= COVERED_WAYS


def test_the_extremes_are_among_them() -> None:
    same = Structure(("<p>hello</p>",))
    review = Review()
    review.look("a", 2, ["x", "y"], content(structure=same, subject="short"), 100)
    review.look("b", 3, ["x", "y"], content(structure=same, subject="a longer subject"), 100)
    review.look("c", 4, ["", ""], content(structure=same, subject="short"), 100)
    review.look("d", 5, ["x", ""], content(structure=same, subject="short"), 900)
    review.refuse("e", 6)
    review.refuse("f", 7)
    assert chosen(review) == {
        2: ["branches"],
        3: ["subject"],
        4: ["empty"],
        5: ["largest"],
        6: ["refused"],
    }
    assert dict(review.chosen()[1].causes) == {"subject": 16}


def test_where_every_message_has_a_structure_of_its_own_the_tags_stand_for_it() -> None:
    review = Review(lambda: True)
    for row in range(2, 30):
        review.look(f"k{row}", row, ["x"], content(f"hello {row}"), 100)
    review.look("k30", 30, ["x"], Content("s", Body(TEXT), Body(Structure(("<h1>x</h1>",)))), 100)
    assert list(chosen(review)) == [2, 30]


def test_text_alone_is_looked_at_too() -> None:
    for aside in (False, True):
        review = Review(lambda aside=aside: aside)  # type: ignore[misc]  # mypy does not infer a default's type
        review.look("k", 2, [], Content("s", Body(TEXT)), 5)
        assert list(chosen(review)) == [2]


def test_memory_is_bounded() -> None:
    review = Review()
    for row in range(WAYS_LOOKED_AT + 50):
        review.look(f"k{row}", row, [], content(f"piece {row}"), 5)
    assert len(review._ways) == WAYS_LOOKED_AT
    assert len(review.chosen()) <= COVERED_WAYS + 3


def test_nobody_looked_at_is_nobody_chosen() -> None:
    assert Review().chosen() == ()
