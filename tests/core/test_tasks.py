"""Suites: loading, splits, and task files that are wrong."""

import json
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from forge_toy import MANIFEST, ROWS, row, write_suite

from forge_envs import Task, TaskError, load_suite

GOLD = [{"say": "Done."}]


def test_a_suite_knows_its_splits_and_tasks(toy_suite: Path) -> None:
    suite = load_suite(toy_suite)
    assert (suite.name, suite.env, len(suite)) == ("test/toy", "forge/ToolUse-v0", 4)
    assert [t.id for t in suite.split("train")] == ["add", "ask", "decline"]
    assert suite["rate"] is suite[3] is suite[-1]
    assert (suite["rate"].split, suite["rate"].suite, suite["rate"].difficulty) == ("heldout", "test/toy", 1)
    assert suite["decline"].noop_reward == 1.0
    assert [t.id for t in suite.filter(lambda t: bool(t.data["user"]))] == ["ask"]
    assert load_suite(toy_suite) is suite


def test_the_hash_follows_the_content(tmp_path: Path) -> None:
    one = load_suite(write_suite(tmp_path / "one"))
    same = load_suite(write_suite(tmp_path / "same"))
    other = load_suite(write_suite(tmp_path / "other", {"train": [row("add", GOLD)]}))
    assert one.hash == same.hash != other.hash


def test_suites_join(tmp_path: Path, toy_suite: Path) -> None:
    manifest = MANIFEST.replace("test/toy", "test/more")
    more = write_suite(tmp_path / "more", {"train": [row("more", GOLD)]}, manifest)
    joined = load_suite([toy_suite, str(more)])
    assert (joined.name, len(joined), joined["more"].suite) == ("test/toy+test/more", 5, "test/more")
    with pytest.raises(TaskError, match="'add' occurs twice"):
        load_suite([toy_suite, toy_suite])


def test_suites_of_two_environments_do_not_join(tmp_path: Path, toy_suite: Path) -> None:
    other = write_suite(tmp_path / "other", {"train": [row("x", GOLD)]}, MANIFEST.replace("ToolUse", "SWE"))
    with pytest.raises(TaskError, match="different environments"):
        load_suite([toy_suite, other])


def test_a_json_string_may_hold_any_line_separator(tmp_path: Path) -> None:
    text = "one\u2028two\x85three\x0bfour"
    line = json.dumps(row("lines", GOLD, instruction=text), ensure_ascii=False)
    suite = load_suite(write_suite(tmp_path / "s", {"train": list[Any]([line, ""])}))
    assert suite["lines"].data["instruction"] == text


BAD_ROWS: dict[str, tuple[Any, str]] = {
    "wrong type": (row("x", GOLD, difficulty="hard"), r"train\.jsonl:2: difficulty: 'hard' is not of type 'integer'"),
    "nested": (row("x", list[Any](["say"])), r"train\.jsonl:2: gold\.0: 'say' is not of type 'object'"),
    "missing": ({"id": "x"}, r"train\.jsonl:2: \(top level\): '\w+' is a required property"),
    "no object": ([1, 2], r"train\.jsonl:2: \(top level\): \[1, 2\] is not of type 'object'"),
    "broken JSON": ('{"id": "x", "gold": [', r"train\.jsonl:2: not JSON: "),
    "endless nesting": ("[" * 100_000, r"train\.jsonl:2: not JSON: "),
    "same id": (row("add", GOLD), r"id: 'add' occurs twice"),
}


@pytest.mark.parametrize("kind", sorted(BAD_ROWS))
def test_a_wrong_row_is_named_by_file_line_and_field(tmp_path: Path, kind: str) -> None:
    wrong, message = BAD_ROWS[kind]
    folder = write_suite(tmp_path / "bad", {"train": [ROWS["train"][0], wrong]})
    with pytest.raises(TaskError, match=message):
        load_suite(folder)
    with pytest.raises(TaskError, match=message):
        gymnasium.make("forge/ToolUse-v0", suite=str(folder))


def test_a_row_in_another_encoding(tmp_path: Path) -> None:
    folder = write_suite(tmp_path / "bad")
    (folder / "train.jsonl").write_bytes('{"id": "café"}\n'.encode("latin-1"))
    with pytest.raises(TaskError, match=r"train\.jsonl:1: not JSON"):
        load_suite(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version = 1", 'version = "1"', r"suite\.toml: version: '1' is not of type 'integer'"),
        ("version = 1", "version = 1\nauthor = 2", r"suite\.toml: \(top level\): .*'author' was unexpected"),
        ("version = 1", "version = ", r"suite\.toml: "),
        ("toy.schema.json", "none.schema.json", r"suite\.toml: schema: no 'none\.schema\.json'"),
        ("[splits]", '[splits]\nextra = ["../x.jsonl"]', r"suite\.toml: splits\.extra\.0: "),
        ("[splits]", '[splits]\nextra = ["gone.jsonl"]', r"gone\.jsonl: No such file"),
    ],
)
def test_a_wrong_manifest_is_named_by_file_and_field(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        load_suite(write_suite(tmp_path / "bad", manifest=MANIFEST.replace(old, new)))


def test_a_broken_schema_is_named(tmp_path: Path) -> None:
    folder = write_suite(tmp_path / "bad")
    (folder / "toy.schema.json").write_text("{")
    with pytest.raises(TaskError, match=r"toy\.schema\.json: not JSON"):
        load_suite(folder)


def test_unknown_suite_split_task_and_index(toy_suite: Path) -> None:
    suite = load_suite(toy_suite)
    for ask, message in [
        (lambda: load_suite("tool_use/nothing"), "No suite 'tool_use/nothing': give a folder"),
        (lambda: load_suite([]), "No suite was named"),
        (lambda: suite.split("test"), r"no split 'test': it has \['heldout', 'train'\]"),
        (lambda: suite["nope"], "Unknown task id 'nope' in test/toy"),
        (lambda: suite[4], "index 4 is out of range: test/toy has 4 tasks"),
        (lambda: suite[-5], "index -5 is out of range"),
    ]:
        with pytest.raises(TaskError, match=message):
            ask()


def test_a_task_of_ones_own_needs_no_suite(toy_suite: Path) -> None:
    env = gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite))
    _, info = env.reset(options={"task": Task("mine", row("mine", GOLD))})
    _, reward, terminated, *_ = env.step("Done.")
    assert (info["task_id"], reward, terminated) == ("mine", 1.0, True)
    env.close()
