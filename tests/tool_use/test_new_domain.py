"""A new domain: the skeleton validates as it is written, and what `validate` finds in a wrong one."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest
from forge_toy import Notebook, call, row, write_suite
from typer.testing import CliRunner

from forge_envs import ConfigError, load_suite, tool
from forge_envs.tool_use.skeleton import write_domain
from forge_envs.validate import validate_suite
from forge_train.cli import app


def test_the_skeleton_validates_and_plays(tmp_path: Path) -> None:
    folder = tmp_path / "two words" / "store_room"
    shown = CliRunner().invoke(app, ["tasks", "new", "tool-use", str(folder)])
    assert shown.exit_code == 0, shown.output
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert files == ["store_room.py", "suite/heldout.jsonl", "suite/suite.toml", "suite/train.jsonl"]
    assert all(str(folder / file) in shown.output for file in files)
    assert sorted({task.split for task in load_suite(folder / "suite")}) == ["heldout", "train"]

    command = shown.output.strip().splitlines()[-1].removeprefix("Check it: ")
    forge = Path(sys.executable).with_name("forge")
    path = f"{forge.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and "│     3 │      0 │" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["Store", "store-room", "2nd", "class", "_x", "a.b"])
def test_a_name_that_is_no_module_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="can't name a Python module"):
        write_domain(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(ConfigError, match="exists already"):
        write_domain(tmp_path / "mine")
    shown = CliRunner().invoke(app, ["tasks", "new", "games", str(tmp_path / "x")])
    assert shown.exit_code == 2 and "use tool-use" in shown.output and not (tmp_path / "x").exists()


class Clock(Notebook):
    """A domain that depends on when it is asked."""

    @tool
    def now(self) -> str:
        """What time it is."""
        return str(time.monotonic_ns())


class Unordered(Notebook):
    """A domain that depends on the hashes of strings, which differ between processes."""

    name: ClassVar[str] = "unordered"

    @tool
    def all_tags(self) -> str:
        """All tags."""
        return ", ".join({f"tag-{n}" for n in range(50)})


def _faults(tmp_path: Path, *rows: dict[str, Any]) -> dict[str, tuple[str, str]]:
    report = validate_suite(write_suite(tmp_path / "toy", {"train": list(rows)}))
    assert report.tasks == len(rows)
    return {fault.task_id: (fault.check, fault.detail) for fault in report.faults}


@pytest.mark.parametrize(("domain", "named"), [("Clock", "now"), ("Unordered", "all_tags")])
def test_a_domain_that_does_not_repeat_itself_is_found(tmp_path: Path, domain: str, named: str) -> None:
    gold = [{"calls": [call(named)]}, {"calls": [call("tag_note", note="n1", tag="x")]}, {"say": "Done."}]
    wrong = row("wrong", gold, domain=f"{__name__}:{domain}")
    found = _faults(tmp_path, wrong, row("fine", gold[1:], domain=f"{__name__}:{domain}"))
    assert set(found) == {"wrong"} and found["wrong"][0] == "deterministic"
    assert ("another process" in found["wrong"][1]) == (domain == "Unordered")


def test_outputs_that_nobody_could_know_are_found(tmp_path: Path) -> None:
    look = {"calls": [call("tag_note", note="n1", tag="x")]}
    add = {"calls": [call("add_note", text="eggs", tags=[])]}
    told = [look, {"say": "It is in n9, or N1? Or done?"}]
    found = _faults(
        tmp_path,
        row("guessed", told, outputs=["n9"]),
        row("shown", told, outputs=["done"]),
        row("too-soon", [look, {"say": "It will be n2."}, add, {"say": "Yes."}], outputs=["n2"],
            user=[{"when": [], "say": "Go on."}]),
        row("shown-later", [look, add, {"say": "It is n2."}], outputs=["n2"]),
        row("computed", [look, {"say": "Together 1,307.5."}], outputs=["1307.5"]),
        row("asked-for", [look, {"say": "I keep your notes."}], outputs=["keep"]),
    )  # fmt: skip
    assert set(found) == {"guessed", "too-soon"}
    assert found["guessed"] == ("outputs", "gold says 'n9' before the agent could have seen it")
