"""Agreement with upstream's own packages, where FORGE_TAU_PYTHON names a Python that has them.

``tau_bench`` (v1) and ``tau2`` must be importable there, and TAU2_DATA_DIR must name tau2's data folder. Forge itself
never imports either.
"""

import json
import os
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from forge_tau import DATA, PARTS, tasks
from forge_tau_episodes import episodes

from forge_envs.tool_use.tau.data import TauTask
from forge_envs.tool_use.tau.grading import differing_records, open_backend
from forge_envs.tool_use.tau.offline import grade_episode

PYTHON = os.environ.get("FORGE_TAU_PYTHON", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="set FORGE_TAU_PYTHON to a Python that has tau_bench and tau2")
Ask = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Plays an episode on upstream's packages."""
    worker = Path(__file__).with_name("forge_tau_oracle.py")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    log = tmp_path_factory.mktemp("oracle") / "stderr"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [PYTHON, str(worker)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
            cwd=log.parent,
        ) as process,
    ):
        assert process.stdin is not None and process.stdout is not None

        def ask(request: dict[str, Any]) -> dict[str, Any]:
            process.stdin.write(json.dumps(request) + "\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            line = process.stdout.readline()  # type: ignore[union-attr]
            assert line, f"the oracle died: {log.read_text()[-2000:]}"
            answer: dict[str, Any] = json.loads(line)
            return answer

        yield ask
        process.stdin.close()


def compare(task: TauTask, steps: list[dict[str, Any]], oracle: Ask, **options: Any) -> None:
    """Our observations, state and verdict against upstream's."""
    world = task.world
    named = {"version": world.version.name, "domain": world.domain}
    gold = [{"name": action.name, "kwargs": dict(action.arguments)} for action in task.actions]
    about = {"actions": gold, "outputs": list(task.outputs), "basis": sorted(task.basis), "steps": steps}
    theirs = oracle({**named, **about, **options})
    played = open_backend(world)
    for step, observed in zip(steps, theirs["observations"], strict=False):
        if step["name"] != "respond":
            answer = played.call(step["name"], step["kwargs"]).text
            assert same_words(answer, observed), (task.id, step, answer, observed)
    assert differing_records(world, theirs["changes"], played.tables.changes()) == (), (task.id, steps)
    ours = grade_episode({**named, "split": task.split, "task_id": task.id, "steps": steps}, DATA)
    for name in ("reward", "done", *(("db_match", "outputs_match") if theirs["done"] else ())):
        assert ours[name] == theirs[name], (task.id, name, steps)


def same_words(ours: str, theirs: str) -> bool:
    """Word for word, but for the version of pydantic in the address that its errors end with."""
    address = re.compile(r"https://errors\.pydantic\.dev/[^/]*/")
    return address.sub("", ours) == address.sub("", theirs)


@pytest.mark.parametrize("part", PARTS)
def test_changed_episodes_agree(part: tuple[str, str, str], oracle: Ask) -> None:
    drawn = tasks(*part)
    rng = random.Random(11)
    for task in drawn if len(drawn) < 100 else drawn[::10]:
        for steps in episodes(task, drawn, rng, 5):
            compare(task, steps, oracle)


@pytest.mark.parametrize("part", PARTS)
def test_gold_agrees_by_upstreams_own_hash(part: tuple[str, str, str], oracle: Ask) -> None:
    rng = random.Random(12)
    drawn = tasks(*part)
    for task in rng.sample(drawn, 3):
        for steps in episodes(task, drawn, rng, 3):
            compare(task, steps, oracle, full=True)
