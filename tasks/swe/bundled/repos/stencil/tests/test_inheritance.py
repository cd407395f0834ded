import pytest
from stencil import Environment, TemplateError, TemplateSyntaxError

BASE = "<{% block head %}base head{% endblock %}|{% block body %}base body{% endblock %}>"


def render(name: str, **sources: str) -> str:
    return Environment({"base": BASE, **sources}).render(name, user="Ada")


def test_a_template_alone_renders_its_blocks():
    assert render("base") == "<base head|base body>"


def test_a_block_is_replaced():
    child = "{% extends 'base' %}{% block body %}hello {{ user }}{% endblock %}"
    assert render("child", child=child) == "<base head|hello Ada>"


def test_text_outside_of_blocks_is_left_out():
    assert render("child", child="{% extends 'base' %}lost{% block head %}x{% endblock %}lost") == "<x|base body>"


def test_what_a_template_sets_is_seen_in_its_blocks():
    child = "{% extends 'base' %}{% set n = 5 %}{% block head %}{{ n }}{% endblock %}"
    assert render("child", child=child) == "<5|base body>"


def test_super_renders_the_block_that_is_replaced():
    child = "{% extends 'base' %}{% block head %}[{{ super() }}]{% endblock %}"
    assert render("child", child=child) == "<[base head]|base body>"


def test_super_is_not_escaped_again():
    sources = {
        "root": "{% block a %}<b>{% endblock %}",
        "child": "{% extends 'root' %}{% block a %}{{ super() }}!{% endblock %}",
    }
    assert render("child", **sources) == "<b>!"


def test_a_grandchild_replaces_a_block():
    child = "{% extends 'base' %}{% block head %}child{% endblock %}"
    grandchild = "{% extends 'child' %}{% block head %}grandchild{% endblock %}"
    assert render("grandchild", child=child, grandchild=grandchild) == "<grandchild|base body>"


def test_super_in_a_grandchild_renders_the_middle_template():
    child = "{% extends 'base' %}{% block head %}child{% endblock %}"
    grandchild = "{% extends 'child' %}{% block head %}{{ super() }}+{% endblock %}"
    assert render("grandchild", child=child, grandchild=grandchild) == "<child+|base body>"


def test_super_goes_up_one_template_at_a_time():
    child = "{% extends 'base' %}{% block head %}({{ super() }}){% endblock %}"
    grandchild = "{% extends 'child' %}{% block head %}[{{ super() }}]{% endblock %}"
    last = "{% extends 'grandchild' %}{% block head %}{{ super() }} {{ super() }}{% endblock %}"
    expected = "<[(base head)] [(base head)]|base body>"
    assert render("last", child=child, grandchild=grandchild, last=last) == expected


def test_super_passes_over_a_template_without_the_block():
    child = "{% extends 'base' %}{% block body %}child{% endblock %}"
    grandchild = "{% extends 'child' %}{% block head %}{{ super() }}!{% endblock %}"
    assert render("grandchild", child=child, grandchild=grandchild) == "<base head!|child>"


def test_super_around_a_block_inside_a_block():
    root = "{% block page %}<{% block title %}root{% endblock %}>{% endblock %}"
    middle = "{% extends 'root' %}{% block title %}middle {{ super() }}{% endblock %}"
    leaf = "{% extends 'middle' %}{% block page %}{{ super() }}!{% endblock %}"
    leaf += "{% block title %}leaf {{ super() }}{% endblock %}"
    assert render("leaf", root=root, middle=middle, leaf=leaf) == "<leaf middle root>!"


def test_super_with_nothing_above():
    with pytest.raises(TemplateError, match="no template above"):
        render("root", root="{% block a %}{{ super() }}{% endblock %}")


def test_super_above_the_root_of_three():
    sources = {
        "root": "{% block a %}root {{ super() }}{% endblock %}",
        "middle": "{% extends 'root' %}{% block a %}{{ super() }}{% endblock %}",
        "leaf": "{% extends 'middle' %}{% block a %}{{ super() }}{% endblock %}",
    }
    with pytest.raises(TemplateError, match="no template above"):
        render("leaf", **sources)


def test_super_outside_of_a_block():
    with pytest.raises(TemplateError, match="inside a block"):
        render("root", root="{{ super() }}")


def test_templates_that_extend_each_other():
    with pytest.raises(TemplateError, match="a -> b -> a"):
        render("a", a="{% extends 'b' %}", b="{% extends 'a' %}")


@pytest.mark.parametrize(
    "source",
    [
        "{% extends base %}",
        "{% if true %}{% extends 'base' %}{% endif %}",
        "{% block a %}{% endblock %}{% block a %}{% endblock %}",
    ],
    ids=["unquoted", "inside", "twice"],
)
def test_wrong_templates(source):
    with pytest.raises(TemplateSyntaxError):
        render("wrong", wrong=source)
