import pytest
from stencil import Environment, TemplateError, TemplateSyntaxError


class Person:
    def __init__(self, name: str, age: int) -> None:
        self.name = name
        self.age = age
        self._secret = "x"


DATA = {"a": 2, "b": 3, "names": ["Ada", "Ben"], "person": Person("Ada", 36), "box": {"size": 4, "open": False}}


def show(expression: str) -> str:
    return Environment({"t": "{{ " + expression + " }}"}).render("t", DATA)


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("7 % 4 - 1", "2"),
        ("3 / 2", "1.5"),
        ("-a + b", "1"),
        ("a < b and not a == b", "true"),
        ("a > b or 'Ada' in names", "true"),
        ("a ~ '-' ~ b", "2-3"),
        ("1 + 1 ~ 'x'", "2x"),
        ("none", ""),
        ("[a, b, 4]|length", "3"),
        ("'a\\'b'|length", "3"),
    ],
    ids=range(12),
)
def test_values(expression, shown):
    assert show(expression) == shown


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("person.name", "Ada"),
        ("person['age']", "36"),
        ("names[1]", "Ben"),
        ("box.size", "4"),
        ("box.open", "false"),
        ("nobody.name", ""),
        ("names[9]", ""),
    ],
    ids=["attribute", "attribute-by-key", "index", "key", "truth", "nobody", "no-index"],
)
def test_members(expression, shown):
    assert show(expression) == shown


def test_and_and_or_give_the_value_that_decides():
    assert show("missing or 'none'") == "none"
    assert show("0 and 1 / 0") == "0"


@pytest.mark.parametrize("expression", ["person._secret", "person['_secret']", "names.__class__"], ids=range(3))
def test_private_members_are_refused(expression):
    with pytest.raises(TemplateError, match="private"):
        show(expression)


@pytest.mark.parametrize("expression", ["1 +", "(1", "1 2", "a..b", "a|", "#", "[1, 2"], ids=range(7))
def test_syntax_errors(expression):
    with pytest.raises(TemplateSyntaxError, match="line 1"):
        show(expression)


def test_errors_while_rendering():
    with pytest.raises(TemplateError, match="division"):
        show("1 / 0")
    with pytest.raises(TemplateError, match="no filter 'shout'"):
        show("a|shout")
