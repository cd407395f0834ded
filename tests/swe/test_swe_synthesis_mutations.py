"""Mutations: each is another program that compiles, and its diff leads back to the same bytes."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_envs.core.errors import ConfigError
from forge_envs.core.task import load_suite
from forge_envs.swe.synthesis.decontaminate import load_benchmarks
from forge_envs.swe.synthesis.hidden import without_tests
from forge_envs.swe.synthesis.mutations import changed_content, changes_of
from forge_envs.swe.synthesis.patches import files_diff
from forge_envs.swe.synthesis.source import read_source

REPOS = Path(__file__).parents[2] / "tasks" / "swe" / "bundled" / "repos"
FILES = sorted(path for path in REPOS.rglob("*.py") if path.parent.name != "tests")
ALL = frozenset(range(1, 100_000))


@given(data=st.data())
def test_a_mutation_compiles_differs_and_is_reverted_by_its_diff(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = data.draw(st.sampled_from(FILES)).read_bytes()
    if data.draw(st.booleans()):
        content = content.rstrip()  # no newline at the end of the file
    source = read_source("product.py", content)
    assert source is not None
    changes = list(changes_of(source, ALL))
    if not changes:
        return
    change = data.draw(st.sampled_from(changes))
    changed = changed_content(source, change.edits)
    if changed is None:
        return
    compile(changed, "product.py", "exec", dont_inherit=True)
    assert changed != content
    folder = tmp_path_factory.mktemp("apply")
    (folder / "product.py").write_bytes(changed)
    gold = files_diff({"product.py": changed}, {"product.py": content})
    subprocess.run(["git", "apply", "--whitespace=nowarn", "-"], cwd=folder, input=gold.encode(), check=True)
    assert (folder / "product.py").read_bytes() == content


@pytest.mark.parametrize(
    ("operator", "body", "expected"),
    [
        ("comparison_boundary", "return a < b", "return a <= b"),
        ("comparison_opposite", "return a not  in b", "return a in b"),
        ("boolean", "return a and b", "return a or b"),
        ("negation", "x = 1 if not a else 2", "x = 1 if a else 2"),
        ("arithmetic", "return a  -  b", "return a  +  b"),
        ("arguments", "return f(a, b)", "return f(b, a)"),
        ("off_by_one", "return a[1:b]", "return a[1:b + 1]"),
        ("constant", "return a + 10", "return a + 11"),
        ("name", "return min(a, b)", "return max(a, b)"),
        ("return_removed", "return f(a)", "return None"),
        ("handler_narrowed", "try:\n        f(a)\n    except (A, B):\n        pass", "except A:"),
        ("branch_removed", "if a:\n        f(a)\n    else:\n        f(b)\n    g(a)", "f(a)\n    g(a)"),
        ("guard_removed", "if a:\n        raise b\n    return a", ":\n    return a"),
        ("loop_control", "for x in a:\n        if x:\n            break", "continue"),
    ],
)
def test_what_an_operator_makes(operator: str, body: str, expected: str) -> None:
    source = read_source("m.py", f"def g(a, b):\n    {body}\n".encode())
    assert source is not None
    made = [changed_content(source, c.edits) for c in changes_of(source, ALL) if c.operator == operator]
    assert any(expected in text.decode() for text in made if text is not None)


def test_only_covered_functions_are_changed() -> None:
    source = read_source("m.py", b"def f(a):\n    return a + 1\n\n\ndef g(a):\n    return a + 2\n")
    assert source is not None
    assert {change.function for change in changes_of(source, frozenset({6}))} == {"g"}


def test_hidden_tests_go_with_their_decorators_and_parameters() -> None:
    text = (
        b"import pytest\n\n\n# about one\n@pytest.mark.parametrize('n', [1, 2])\ndef test_one(n):\n    assert n\n\n\n"
        b"class TestTwo:\n    def test_a(self):\n        assert 1\n\n    def test_b(self):\n        assert 2\n"
    )
    files = {"tests/test_m.py": text}
    shown = without_tests(files, ["tests/test_m.py::test_one[1]", "tests/test_m.py::TestTwo::test_a"])
    kept = shown["tests/test_m.py"]
    assert kept == b"import pytest\n\n\nclass TestTwo:\n    def test_b(self):\n        assert 2\n"
    both = ["tests/test_m.py::TestTwo::test_a", "tests/test_m.py::TestTwo::test_b"]
    emptied = without_tests(files, both)["tests/test_m.py"]
    assert emptied is not None and b"test_one" in emptied and b"test_a" not in emptied and b"test_b" not in emptied


def test_a_file_is_hidden_where_a_test_is_not_defined_in_it_or_none_is_left() -> None:
    files = {"tests/test_m.py": b"def test_one():\n    assert 1\n"}
    assert without_tests(files, ["tests/test_m.py::test_one"]) == {"tests/test_m.py": None}
    assert without_tests(files, ["tests/test_m.py::TestBase::test_inherited"]) == {"tests/test_m.py": None}


def test_benchmarks_are_kept_out() -> None:
    kept_out = load_benchmarks(["swe/bundled", "swe-bench", "someone/Some_Thing"])
    for name in ("rota", "requests", "some.thing"):
        with pytest.raises(ConfigError, match="benchmarks"):
            kept_out.refuse_project(name)
    kept_out.refuse_project("toolz")
    patch = next(iter(load_suite("swe/bundled"))).data["patch"]
    assert kept_out.holds({"patch": patch})
    other = "--- a/x.py\n+++ b/x.py\n-    return f(a) + two(b) - 3\n+    return f(a) - two(b) - 3\n"
    assert not kept_out.holds({"patch": other})
    with pytest.raises(ConfigError, match="no file of rows"):
        load_benchmarks(["nothing"])
