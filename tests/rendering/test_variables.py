"""Every column is a variable, even one named like a method; cells have LF line ends."""

from __future__ import annotations

import pytest

from mailmerge.errors import TemplateError
from mailmerge.rendering.variables import CampaignView, RowVariable, variables_of

from .conftest import MakeRecipient, MakeRenderer


@pytest.mark.parametrize("column", ["items", "keys", "get", "self", "loop", "values"])
def test_column_may_have_any_name(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, column: str
) -> None:
    source = f'{{{{ row["{column}"] }}}}{{{{ row.{column} }}}}'
    renderer = make_renderer({"body.txt": source})
    assert str(renderer.render(make_recipient({column: "x"})).text) == "xx"


def test_row_is_a_mapping_without_methods(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    source = (
        "{% for c in row %}{{ c }}={{ row[c] }};{% endfor %}{{ "
        "row|length }}{{ 'a' in row }}{{ row.items is defined }}"
    )
    renderer = make_renderer({"body.txt": source})
    assert str(renderer.render(make_recipient(a="1", b="2")).text) == "a=1;b=2;2TrueFalse"


def test_chinese_columns_and_the_campaign_are_variables(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.txt": "{{ 姓名 }} {{ campaign.name }}"})
    assert str(renderer.render(make_recipient({"姓名": "王"})).text) == "王 news"


def test_variables_are_columns_row_campaign_and_functions() -> None:
    campaign = CampaignView("news")
    variables = variables_of(7, {"a": "1\r\n2\r3\n", "b": "x"}, campaign)
    assert (variables.row, variables.columns, variables.joined) == (
        7, ("a", "b"), "1\r\n2\r3\nx",
    )  # fmt: skip
    assert variables.names["a"] == "1\n2\n3\n"
    assert dict(variables.names["row"]) == {"a": "1\n2\n3\n", "b": "x"}
    assert variables.names["campaign"] is campaign
    assert "range" in variables.names
    assert "lipsum" not in variables.names


def test_column_hides_a_function_but_not_row() -> None:
    names = variables_of(2, {"range": "x", "row": "y"}, CampaignView("c")).names
    assert names["range"] == "x"
    assert isinstance(names["row"], RowVariable)


def test_errors_of_a_row_know_row_and_columns() -> None:
    location = variables_of(7, {"a": "1"}, CampaignView("c")).location("body.txt", "message.x")
    assert (location.file, location.field, location.row, location.columns) == (
        "body.txt", "message.x", 7, ("a",),
    )  # fmt: skip


def test_half_a_character_is_refused_with_row_and_column() -> None:
    with pytest.raises(TemplateError, match="half a character") as caught:
        variables_of(9, {"a": "é", "b": "x\ud800"}, CampaignView("c"))
    assert (caught.value.problem.row, caught.value.problem.column) == (9, "b")
