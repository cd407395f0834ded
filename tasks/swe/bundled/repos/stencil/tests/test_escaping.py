import pytest
from stencil import Environment, Markup, escape

EVIL = "<script>"
GOOD = "&lt;script&gt;"


def show(expression: str, **data: object) -> str:
    return Environment({"t": "{{ " + expression + " }}"}).render("t", data)


def test_escape():
    assert escape("a & 'b' < \"c\"") == "a &amp; &#39;b&#39; &lt; &quot;c&quot;"


def test_escape_leaves_markup():
    assert escape(Markup("<b>")) == "<b>"


def test_outputs_are_escaped():
    assert show("x", x=EVIL) == GOOD


def test_safe():
    assert show("x|safe", x="<b>") == "<b>"


def test_text_that_is_not_markup_is_escaped_once():
    assert show("x ~ y", x=EVIL, y="&") == GOOD + "&amp;"
    assert show("xs|join('&')", xs=[EVIL, "b"]) == GOOD + "&amp;b"


def test_markup_stays_markup_when_it_is_joined_to_markup():
    assert show("x ~ y", x=Markup("<b>"), y=Markup("</b>")) == "<b></b>"
    assert show("xs|join(br)", xs=[Markup("<i>"), Markup("</i>")], br=Markup("<br>")) == "<i><br></i>"


@pytest.mark.parametrize(
    ("expression", "shown"),
    [("b ~ x", "<b>" + GOOD), ("x ~ b", GOOD + "<b>"), ("b ~ x ~ b", "<b>" + GOOD + "<b>"), ("b + x", "<b>" + GOOD)],
    ids=["right", "left", "middle", "plus"],
)
def test_text_is_escaped_when_it_meets_markup(expression, shown):
    assert show(expression, b=Markup("<b>"), x=EVIL) == shown


def test_join_escapes_the_values_between_a_separator_of_markup():
    assert show("xs|join('<br>'|safe)", xs=[EVIL, "b", 3]) == GOOD + "<br>b<br>3"


def test_join_escapes_the_values_beside_markup():
    assert show("xs|join(', ')", xs=[Markup("<b>a</b>"), EVIL]) == "<b>a</b>, " + GOOD


def test_join_escapes_the_separator_between_markup():
    assert show("xs|join(' & ')", xs=[Markup("<i>"), Markup("</i>")]) == "<i> &amp; </i>"


def test_replace_escapes_what_is_put_into_markup():
    assert show("x|safe|replace('NAME', name)", x="<b>NAME</b>", name=EVIL) == f"<b>{GOOD}</b>"


def test_replace_escapes_the_text_that_markup_is_put_into():
    assert show("x|replace('|', '<br>'|safe)", x=EVIL + "|b") == GOOD + "<br>b"


def test_include_is_not_escaped_again():
    env = Environment({"page": "[{% include 'row' %}]", "row": "<i>{{ x }}</i>"})
    assert env.render("page", x=EVIL) == f"[<i>{GOOD}</i>]"
