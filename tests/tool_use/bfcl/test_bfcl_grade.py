"""`forge grade bfcl`: lines in, verdicts out, scores on standard error."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from forge_envs import TaskError
from forge_envs.tool_use.bfcl.data import Entry
from forge_envs.tool_use.bfcl.gold import gold_calls
from forge_envs.tool_use.bfcl.grading import Grader, scores
from forge_train.cli import app


def _grade(lines: list[Any], data: Path, folder: Path, *options: str) -> tuple[int, list[dict[str, Any]], str]:
    file = folder / "outputs.jsonl"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
    done = CliRunner().invoke(app, ["grade", "bfcl", str(file), "--data", str(data), *options])
    try:
        return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()], done.stderr
    except ValueError:
        return done.exit_code, [], done.output


def test_every_kind_of_line(data: Path, entries: Callable[[str], list[Entry]], tmp_path: Path) -> None:
    simple = entries("simple_python")[0]
    # In prompting mode upstream drops arguments without a name, so gold with such arguments fails there.
    named = (e for e in entries("multi_turn_base") if all("=" in c or "()" in c for turn in e.gold for c in turn))
    turns = next(named)
    calls = gold_calls(simple.row, simple.gold, simple.category)
    (name, given), *_ = calls[0].items()
    raw = f"[{name}({', '.join(f'{k}={v!r}' for k, v in given.items())})]"
    gold_turns = [[list(calls)] if calls else [] for calls in turns.gold]
    grader = Grader(data)
    fc_turns = [[[{"no_such": "{}"}]], *([[]] for _ in turns.gold[1:])]
    lines = [
        {"id": simple.id, "category": "simple_python", "model_output": calls},
        {"id": simple.id, "raw_output": raw, "mode": "prompt"},
        {"id": simple.id, "raw_output": [{name: json.dumps(given)}], "mode": "fc"},
        {"id": simple.id, "raw_output": "Sorry.", "mode": "prompt"},
        {"id": simple.id, "model_output": "text"},
        {"id": turns.id, "category": "multi_turn_base", "model_turns": gold_turns},
        {"id": turns.id, "raw_output": [[f"[{', '.join(calls)}]", "Done."] for calls in turns.gold], "mode": "prompt"},
        {"id": turns.id, "raw_output": fc_turns, "mode": "fc"},
        {"id": "irrelevance_0", "model_output": []},
    ]
    fc_error = grader.grade(lines[7]).error_type
    assert fc_error is not None and fc_error.startswith("multi_turn:")
    expected = [
        None,
        None,
        None,
        "ast_decoder:decoder_failed",
        "ast_decoder:decoder_wrong_output_format",
        None,
        None,
        fc_error,
        None,
    ]
    for options in (["--compat", "upstream"], []):
        code, verdicts, about = _grade(lines, data, tmp_path, *options)
        assert code == 0
        assert [verdict["error_type"] for verdict in verdicts] == expected, about
        assert all(verdict["valid"] is (verdict["error_type"] is None) for verdict in verdicts)
        assert [verdict["id"] for verdict in verdicts] == [line["id"] for line in lines]
        assert "simple_python" in about and "0.6000" in about


def test_verdicts_go_to_a_file(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "verdicts.jsonl"
    code, printed, _ = _grade([{"id": "irrelevance_0", "model_output": []}], data, tmp_path, "--out", str(out))
    assert (code, printed) == (0, [])
    assert json.loads(out.read_text()) == {"id": "irrelevance_0", "valid": True, "error_type": None}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "outputs.jsonl:1: not JSON"),
        ("[]", "outputs.jsonl:1: not a JSON object"),
        ({}, "a line names its entry"),
        ({"id": "simple_python_1000000"}, "'simple_python_1000000' is not in"),
        ({"id": "what_0"}, "Unknown BFCL category 'what'"),
        ({"id": "simple_python_0"}, "a line has decoded calls there"),
        ({"id": "simple_python_0", "raw_output": "[]", "mode": "x"}, "mode: 'x' is unknown"),
        ({"id": "multi_turn_base_0"}, "a line of a multi-turn entry has its calls there"),
    ],
)
def test_a_wrong_line_is_named(line: Any, message: str, data: Path, tmp_path: Path) -> None:
    code, _, shown = _grade([line], data, tmp_path)
    assert code == 2 and message in shown.replace("\n", "")


def test_the_names_of_functions_with_dots(data: Path, entries: Callable[[str], list[Entry]]) -> None:
    entry = next(entry for entry in entries("simple_python") if "." in next(iter(entry.gold[0])))
    (name, given), *_ = gold_calls(entry.row, entry.gold, entry.category)[0].items()
    grader = Grader(data, compat="upstream")
    for flag, valid in ((None, True), (False, True), (True, False)):
        more = {} if flag is None else {"underscore_to_dot": flag}
        assert grader.grade({"id": entry.id, "model_output": [{name: given}], **more}).valid is valid
        under = {"id": entry.id, "model_output": [{name.replace(".", "_"): given}], **more}
        assert grader.grade(under).valid is (not valid)
    for written in (name, name.replace(".", "_")):
        assert grader.grade({"id": entry.id, "raw_output": [{written: given}], "mode": "fc"}).valid


def test_odd_turns_are_judged_and_not_raised(data: Path) -> None:
    grader = Grader(data)
    for turns in (None, 5, "text", [], [[]], [[["ls()"]]] * 4, [[[5]], [], [], []], [["ls()"], [], [], []], {"a": 1}):
        result = grader.grade({"id": "multi_turn_base_0", "model_turns": turns})
        assert not result.valid and result.error_type.startswith("multi_turn:")
        raw = grader.grade({"id": "multi_turn_base_0", "raw_output": turns, "mode": "prompt"})
        assert not raw.valid


def test_scores_are_by_category() -> None:
    table, means = scores([("irrelevance", True), ("irrelevance", False), ("parallel", True)])
    assert table == {"irrelevance": (1, 2), "parallel": (1, 1)} and means == {}


def test_a_line_without_a_category_takes_it_from_the_id(data: Path) -> None:
    grader = Grader(data)
    assert grader.entry("live_multiple_0-0-0").category == "live_multiple"
    with pytest.raises(TaskError, match="is not in"):
        grader.entry("live_multiple_0-0-0", "live_simple")
