"""The command line: what it shows, what it refuses, and that it starts without torch."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from forge_toy import ROWS, row, write_suite
from typer.testing import CliRunner

from forge_envs import ConfigError, Task, validate
from forge_envs.validate import validate_suite
from forge_train.cli import app
from forge_train.cli_text import plain

ENV = "forge/ToolUse-v0"


def run(*arguments: str, status: int = 0, typed: str = "") -> str:
    """Call the command; give what it wrote."""
    result = CliRunner().invoke(app, list(arguments), input=typed, env={"COLUMNS": "200"})
    assert result.exit_code == status, result.output
    return result.output


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """The toy suite's folder."""
    return write_suite(tmp_path / "toy")


def test_list_shows_environments_and_bundled_suites() -> None:
    shown = run("list")
    assert ENV in shown and "tool_use/library" in shown and "tool_use/courier" in shown


def test_list_shows_the_tasks_of_a_suite(toy: Path) -> None:
    shown = run("list", str(toy))
    assert all(task["id"] in shown for tasks in ROWS.values() for task in tasks)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["list", "no/such"], "no/such"),
        (["eval", "forge/Nope-v0"], "forge/Nope-v0"),
        (["eval", "no_such_module:x/Y-v0"], "no_such_module"),
        (["eval", "CartPole-v1"], "not a Forge environment"),
        (["eval", ENV, "--policy", "magic"], "transformers:DIR"),
        (["eval", ENV, "--policy", "openai"], "--model"),
        (["eval", ENV, "--policy", "transformers:no/such"], "config.json"),
        (["eval", ENV, "--split", "dev"], "dev"),
        (["play", ENV, "--task", "no-such-task"], "no-such-task"),
    ],
)
def test_a_users_mistake_is_one_sentence_and_status_2(arguments: list[str], named: str, tmp_path: Path) -> None:
    shown = run(*arguments, *(["--out", str(tmp_path / "run")] if arguments[0] == "eval" else []), status=2)
    assert named in shown and "Traceback" not in shown and len(shown.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_validate_accepts_a_sound_suite(toy: Path) -> None:
    assert validate_suite(toy).faults == ()
    run("tasks", "validate", str(toy))


WRONG = {
    "gold": row("wrong", ROWS["heldout"][0]["gold"], outputs=["never said"]),
    "noop": row("wrong", ROWS["heldout"][0]["gold"], noop_reward=0.5),
    "load": {**ROWS["heldout"][0], "id": 7},
}


@pytest.mark.parametrize("check", sorted(WRONG))
def test_validate_names_the_fault_and_fails(check: str, tmp_path: Path) -> None:
    folder = write_suite(tmp_path / "toy", {"train": [*ROWS["train"], WRONG[check]]})
    assert check in {fault.check for fault in validate_suite(folder).faults}
    assert "fault" in run("tasks", "validate", str(folder), status=1)


def test_validate_finds_gold_that_stops_early_or_goes_on_too_long(tmp_path: Path) -> None:
    gold = ROWS["heldout"][0]["gold"]
    rows = [row("early", gold[:-1]), row("late", [*gold, {"say": "Anything else?"}])]
    details = {f.task_id: f.detail for f in validate_suite(write_suite(tmp_path / "toy", {"train": rows})).faults}
    assert "goes on after" in details["early"] and "before the last gold turn" in details["late"]


def test_validate_refuses_a_double_id(tmp_path: Path) -> None:
    folder = write_suite(tmp_path / "toy", {"train": [ROWS["train"][0]] * 2})
    assert "twice" in validate_suite(folder).faults[0].detail


def evaluate(toy: Path, out: Path, *arguments: str, status: int = 0) -> list[dict[str, object]]:
    """Evaluate on the toy suite; give the recorded episodes."""
    run("eval", ENV, "--suite", str(toy), "--split", "train", "--out", str(out), *arguments, status=status)
    return [json.loads(line) for line in (out / "episodes.jsonl").read_text().splitlines()]


def test_eval_of_gold_and_of_nothing(toy: Path, tmp_path: Path) -> None:
    gold = evaluate(toy, tmp_path / "gold", "--k", "2")
    assert len(gold) == 6 and {episode["outcome"] for episode in gold} == {1.0}
    nothing = evaluate(toy, tmp_path / "noop", "--policy", "noop")
    assert {e["task_id"]: e["outcome"] for e in nothing} == {t["id"]: t["noop_reward"] for t in ROWS["train"]}


def test_eval_goes_on_where_it_stopped(toy: Path, tmp_path: Path) -> None:
    evaluate(toy, tmp_path / "run", "--limit", "1")
    first = (tmp_path / "run" / "episodes.jsonl").read_text()
    assert len(evaluate(toy, tmp_path / "run")) == 3
    assert (tmp_path / "run" / "episodes.jsonl").read_text().startswith(first)


def test_eval_keeps_another_evaluations_folder(toy: Path, tmp_path: Path) -> None:
    evaluate(toy, tmp_path / "run")
    evaluate(toy, tmp_path / "run", "--policy", "noop", status=2)


def test_play_reaches_the_verdict(toy: Path) -> None:
    typed = '/tools\n/call rate_note {bad\n/call rate_note {"note": "n1", "stars": 4}\n[bold]Done.\n'
    shown = run("play", ENV, "--suite", str(toy), "--task", "rate", typed=typed)
    assert "reward 1.0" in shown and "not valid JSON" in shown


def test_play_ends_with_its_input(toy: Path) -> None:
    assert "nothing was graded" in run("play", ENV, "--suite", str(toy), "--task", "rate", typed="/help\n")


def test_play_shows_hostile_text_as_text(tmp_path: Path) -> None:
    hostile = "[red]x[/red] [/] \x1b[2J\u202e :smile:"
    task = row("hostile", [{"say": "No."}], instruction=hostile, noop_reward=1.0)
    shown = run("play", ENV, "--suite", str(write_suite(tmp_path / "toy", {"train": [task]})), typed="/quit\n")
    assert "[red]x[/red] [/]" in shown and ":smile:" in shown and "\x1b[2J" not in shown and "\u202e" not in shown


def test_plain_keeps_line_breaks_and_no_other_control() -> None:
    assert plain("a\n\tb\x00\x07\x9b\r") == "a\n\tb" + "\N{REPLACEMENT CHARACTER}" * 4


def test_the_command_loads_nothing_of_the_trainer(toy: Path) -> None:
    heavy = ("torch", "transformers", "trl", "datasets", "openai")
    script = (
        "import sys; from forge_train.cli import app\n"
        "for words in (['list'], ['tasks', 'validate', sys.argv[1]]):\n"
        "    app(words, standalone_mode=False)\n"
        f"found = [name for name in {heavy!r} if name in sys.modules]\n"
        "sys.exit(str(found) if found else 0)"
    )
    paths = [str(Path(__file__).parent / "core"), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, "-c", script, str(toy)], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_validate_may_draw_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[str] = []

    def seen(env: Any, task: Task, digests: dict[str, str]) -> list[tuple[str, str]]:
        played.append(task.id)
        return []

    monkeypatch.setattr(validate, "_check_task", seen)
    assert [validate_suite("tool_use/library", sample=5, seed=seed).tasks for seed in (0, 0, 1)] == [5, 5, 5]
    assert len(set(played[:5])) == 5 and played[:5] == played[5:10] != played[10:]
    assert validate_suite("swe/bundled", sample=100).tasks == 6
    with pytest.raises(ConfigError, match="sample is 0"):
        validate_suite("tool_use/library", sample=0)
