"""Every column is a variable, even one named like a method; cells have LF line ends."""

from __future__ import annotations

import pytest

from mailmerge.errors import TemplateError
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.differing import ColumnDiffers
from mailmerge.recipients.groups import make_group
from mailmerge.recipients.recipient import Recipient, Row
from mailmerge.rendering.variables import (
    CampaignView,
    RowVariable,
    variables_of,
    variables_of_group,
)

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


def group(*texts: str) -> Recipient:
    rows = [Row(n, {"a": text, "b": "x"}) for n, text in enumerate(texts, start=2)]
    return make_group(rows, parse_mailbox("ann@example.org"), "k")


def test_variables_of_a_group_have_rows_and_shared_columns() -> None:
    variables = variables_of_group(group("1\r\n2", "é"), {"url": "u"}, CampaignView("c"))
    assert variables.names["b"] == "x"
    assert variables.names["url"] == variables.names["row"]["url"] == "u"
    assert [row["a"] for row in variables.names["rows"]] == ["1\n2", "é"]
    assert variables.columns == ("a", "b", "url")
    assert "é" in variables.joined
    for value in (variables.names["a"], variables.names["row"]["a"]):
        with pytest.raises(ColumnDiffers):
            str(value)
    assert variables.group is not None
    each = list(variables.group())
    assert [(one.row, one.names["a"], one.names["url"]) for one in each] == [
        (2, "1\n2", "u"),
        (3, "é", "u"),
    ]
    assert all(one.names["rows"] is variables.names["rows"] for one in each)


def test_group_with_equal_rows_has_all_columns() -> None:
    variables = variables_of_group(group("1", "1"), {}, CampaignView("c"))
    assert dict(variables.names["row"]) == {"a": "1", "b": "x"}


def test_half_a_character_in_a_group_names_its_row() -> None:
    with pytest.raises(TemplateError) as raised:
        variables_of_group(group("a", "\ud800"), {}, CampaignView("c"))
    assert (raised.value.problem.row, raised.value.problem.column) == (3, "a")
