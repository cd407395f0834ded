import pytest
from stencil import Environment, TemplateError, TemplateMissing, TemplateSyntaxError


def render(source: str, **data: object) -> str:
    return Environment({"t": source}).render("t", data)


def test_text_and_comments():
    assert render("a{# nothing #}b") == "ab"


def test_a_newline_after_a_tag_belongs_to_it():
    assert render("{% if true %}\nyes\n{% endif %}\nend") == "yes\nend"


@pytest.mark.parametrize(("n", "word"), [(0, "none"), (1, "one"), (2, "many")])
def test_if(n, word):
    assert render("{% if n == 0 %}none{% elif n == 1 %}one{% else %}many{% endif %}", n=n) == word


def test_for_and_loop():
    source = (
        "{% for x in xs %}{{ loop.index }}/{{ loop.length }} {{ x }}{% if not loop.last %}, {% endif %}{% endfor %}"
    )
    assert render(source, xs=["a", "b"]) == "1/2 a, 2/2 b"


def test_nested_loops_have_their_own_loop():
    source = "{% for row in rows %}{% for x in row %}{{ x }}{% endfor %}{{ loop.index }};{% endfor %}"
    assert render(source, rows=[[7, 8], [9]]) == "781;92;"


def test_for_with_two_names():
    assert render("{% for k, v in d %}{{ k }}={{ v }};{% endfor %}", d={"a": 1, "b": 2}) == "a=1;b=2;"
    assert render("{% for k, v in d %}{{ k }}={{ v }};{% endfor %}", d=[("a", 1)]) == "a=1;"


def test_for_without_items():
    assert render("{% for x in xs %}{{ x }}{% else %}nothing{% endfor %}", xs=None) == "nothing"


def test_for_with_a_wrong_number_of_names():
    with pytest.raises(TemplateError, match="3 values for 2 names"):
        render("{% for a, b in xs %}{% endfor %}", xs=[(1, 2, 3)])


def test_set_inside_a_loop_stays_inside():
    assert render("{% set x = 1 %}{% for y in [1, 2] %}{% set x = 5 %}{% endfor %}{{ x }}") == "1"


def test_include_sees_the_names():
    env = Environment({"page": "{% for x in xs %}{% include 'row' %}{% endfor %}", "row": "<{{ x }}>"})
    assert env.render("page", xs=[1, 2]) == "<1><2>"


def test_include_without_end():
    with pytest.raises(TemplateError, match="without end"):
        Environment({"a": "{% include 'a' %}"}).render("a")


def test_a_missing_template():
    with pytest.raises(TemplateMissing, match="'nowhere'"):
        Environment({}).render("nowhere")


def test_templates_in_a_folder(tmp_path):
    (tmp_path / "a.txt").write_text("hello {{ name }}")
    env = Environment(tmp_path)
    assert env.render("a.txt", name="Ada") == "hello Ada"
    with pytest.raises(TemplateMissing):
        env.render("../a.txt")


@pytest.mark.parametrize(
    ("source", "line"),
    [("\n{% if x %}", 2), ("{% for %}{% endfor %}", 1), ("a\nb\n{% shout %}", 3), ("\n\n{{ x", 3), ("{% endif %}", 1)],
    ids=["open-if", "for", "unknown", "open-output", "end-alone"],
)
def test_errors_name_their_line(source, line):
    with pytest.raises(TemplateSyntaxError) as caught:
        render(source)
    assert caught.value.line == line
