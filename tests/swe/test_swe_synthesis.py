"""The whole way on a bundled repository: tasks that load, that gold solves, and that a second run finds again."""

import json
from pathlib import Path

import pytest
from toy_repository import Toy

from forge_envs.core.errors import ConfigError, TaskError
from forge_envs.core.task import load_suite
from forge_envs.swe.synthesis import Options, synthesize
from forge_envs.swe.task import SWETask
from forge_envs.validate import validate_suite

ROTA = Path(__file__).parents[2] / "tasks" / "swe" / "bundled" / "repos" / "rota"


@pytest.fixture(scope="module")
def made(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite of a few tasks; `toy` skips where there is no workspace."""
    out = tmp_path_factory.mktemp("synthesis") / "made"
    (counts,) = synthesize([ROTA], out, Options(limit=3, runs=2, checks=1))
    assert sum(counts.tasks.values()) == 3
    assert sum(counts.tried.values()) == 3 + sum(counts.refused.values())
    return out


def test_the_suite_is_valid(made: Path) -> None:
    report = validate_suite(made)
    assert report.tasks == 3
    assert not report.faults


def test_what_an_agent_reads_does_not_give_the_bug_away(made: Path) -> None:
    for task in load_suite(str(made)):
        row = SWETask.from_row(task.data)
        assert row.fail_to_pass and row.pass_to_pass
        changed = [
            line[1:].strip() for line in row.patch.split("\n") if line[:1] in "+-" and line[:3] not in ("+++", "---")
        ]
        assert not any(line in row.problem_statement for line in changed if len(line) > 12)
        assert not any(path in row.problem_statement for path in ("rota/interval.py", "rota/calendars.py"))


def test_a_second_run_takes_up_what_the_first_has_found(made: Path) -> None:
    before = (made / "train.jsonl").read_bytes()
    journal = made / "journal" / "rota.jsonl"
    lines = journal.read_bytes().split(b"\n")
    # As a killed run leaves it: the last lines are missing, one is cut.
    journal.write_bytes(b"\n".join([*lines[:-2], lines[-2][:40]]))
    synthesize([ROTA], made, Options(limit=3, runs=2, checks=1))
    assert (made / "train.jsonl").read_bytes() == before
    known = [json.loads(line) for line in journal.read_text().split("\n") if line]
    assert len({(one["key"], one["kind"]) for one in known}) == len(known)


def test_what_cannot_be_used_is_said(toy: Toy, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="no such folder"):
        synthesize([tmp_path / "nowhere"], tmp_path / "out")
    with pytest.raises(ConfigError, match="2 or more runs"):
        synthesize([ROTA], tmp_path / "out", Options(runs=1))
    (tmp_path / "failing").mkdir()
    (tmp_path / "failing" / "test_it.py").write_text("def test_it():\n    assert 0\n")
    with pytest.raises(TaskError, match="No test of failing passes every time"):
        synthesize([tmp_path / "failing"], tmp_path / "out", Options(runs=2, workers=1))
