import pytest
from stencil import Environment, TemplateError


def show(expression: str, **data: object) -> str:
    return Environment({"t": "{{ " + expression + " }}"}).render("t", data)


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("'ada'|upper", "ADA"),
        ("'ada lovelace'|title", "Ada Lovelace"),
        ("missing|default('-')", "-"),
        ("0|default('-')", "0"),
        ("[3, 1, 2]|sort|join(' ')", "1 2 3"),
        ("['a', 'b']|first", "a"),
        ("1234567.891|number(1)", "1,234,567.9"),
        ("1|plural('day')", "1 day"),
        ("3|plural('box', 'boxes')", "3 boxes"),
        ("'a-b-c'|replace('-', '+')", "a+b+c"),
        ("'one two three'|truncate(10)", "one..."),
        ("'short'|truncate(10)", "short"),
        ("[1, none, true]|join(',')", "1,,true"),
    ],
    ids=range(13),
)
def test_filters(expression, shown):
    assert show(expression) == shown


def test_sort_by_a_key():
    people = [{"name": "Ben", "age": 3}, {"name": "Ada", "age": 9}]
    assert show("people|sort('name')|first", people=people) == "{&#39;name&#39;: &#39;Ada&#39;, &#39;age&#39;: 9}"


def test_group():
    source = "{% for kind, found in xs|group('kind') %}{{ kind }}:{{ found|length }} {% endfor %}"
    data = [{"kind": "a"}, {"kind": "b"}, {"kind": "a"}]
    assert Environment({"t": source}).render("t", xs=data) == "a:2 b:1 "


def test_a_filter_of_the_caller():
    env = Environment({"t": "{{ 'a'|twice }}"}, filters={"twice": lambda text: text * 2})
    assert env.render("t") == "aa"


def test_a_filter_with_wrong_arguments():
    with pytest.raises(TemplateError, match="filter 'upper'"):
        show("'a'|upper(1)")
