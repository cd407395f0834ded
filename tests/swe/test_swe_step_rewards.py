"""Step rewards of SWE-v0: what each turn earns, when hidden tests run, and that an agent learns nothing of it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from toy_repository import CORE, FIXED, ROW, Toy

from forge_envs import ConfigError, GraderError
from forge_envs.core.task import Task
from forge_envs.swe.bash_block import block
from forge_envs.swe.env import DEFAULT_WEIGHTS, SWEEnv
from forge_envs.swe.pool import open_capped
from forge_envs.swe.progress import check_turns, reproduces
from forge_envs.swe.prompts import SUBMIT
from forge_envs.swe.task import SWETask

ONES = dict.fromkeys(DEFAULT_WEIGHTS, 1.0)
BROKEN = FIXED.replace("n / 2", "n / 3")
REPRODUCE = "from calc.core import double\n\n\ndef test_five():\n    assert double(5) == 10\n"
PYTEST = "python -m pytest -q -rA -p no:cacheprovider"


def put(path: str, text: str) -> str:
    """A command that writes a file."""
    return f"cat > {path} <<'END'\n{text}END"


class ToyEnv(SWEEnv):
    """SWE-v0 whose every task is in the toy repository; the tests count its workspaces."""

    def __init__(self, toy: Toy, **options: Any):
        super().__init__(**{"reward": "shaped", "step_weights": ONES, **options})
        self._toy = toy

    def _finder(self, task: Task) -> Any:
        site = self._toy.site
        return lambda: site


@pytest.fixture
def env(toy: Toy) -> Iterator[ToyEnv]:
    with ToyEnv(toy, check_every=[2, 3, 4]) as made:
        made.reset(options={"task": toy.task})
        yield made


def earned(env: SWEEnv, command: str) -> dict[str, float]:
    """What one command earns, by component; fails where the reward is not their sum."""
    *_, reward, terminated, truncated, info = env.step(block("Go on.", command))
    assert reward == pytest.approx(sum(info["reward_components"].values()))
    assert terminated or truncated or not {"verdict", "artifact"} & set(info)
    return {name: value for name, value in info["reward_components"].items() if value}


def test_commands_that_ran(env: ToyEnv) -> None:
    assert earned(env, "grep nothing README.md") == {"command_ran": 1.0}
    assert earned(env, "no-such-program") == {}
    assert earned(env, "kill -9 $$") == {}
    assert env.step("no command")[1] == 0.0


def test_fixed_broken_and_repaired(env: ToyEnv) -> None:
    assert earned(env, put("calc/core.py", BROKEN)) == {"command_ran": 1.0}, "no check after turn 1"
    assert earned(env, "true") == {"command_ran": 1.0, "f2p_fraction": 1.0, "no_p2p_broken": -1.0}
    assert earned(env, put("calc/core.py", CORE)) == {"command_ran": 1.0, "f2p_fraction": -1.0, "no_p2p_broken": 1.0}
    assert earned(env, "true") == {"command_ran": 1.0}
    last = earned(env, f"{put('calc/core.py', FIXED)}\n{SUBMIT}")
    assert last == {"command_ran": 1.0, "f2p_fraction": 1.0, "outcome": 1.0}, "the last turn is always checked"


def test_the_last_turn_is_checked_and_graded_by_one_run(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def counting(site: Any, boots: int) -> Any:
        opened.append(site)
        return open_capped(site, boots=boots)

    monkeypatch.setattr("forge_envs.swe.env.open_capped", counting)
    half = FIXED.replace("return n * 2", "return n * 2 if n == 7 else n")
    with ToyEnv(toy, check_every=0, max_steps=2) as env:
        env.reset(options={"task": toy.task})
        assert earned(env, put("calc/core.py", half)) == {"command_ran": 1.0} and len(opened) == 1
        *_, truncated, info = env.step(block("Look.", "ls"))
        assert truncated and info["reward_components"]["f2p_fraction"] == 0.5 and len(opened) == 2
        fixed = info["verdict"]["details"]["tests_status"]["FAIL_TO_PASS"]
        assert info["verdict"]["reward"] == 0.0 and fixed["success"] == ["tests/test_more.py::test_more"]


def test_a_reproduced_failure_pays_once(env: ToyEnv) -> None:
    lie = "echo 'FAILED tests/test_core.py::test_half - oh'; echo 'FAILED tests/test_no.py::test_five'"
    assert earned(env, lie) == {"command_ran": 1.0}
    outside = f"mkdir -p /tmp/o && {put('/tmp/o/test_o.py', REPRODUCE)}\n{PYTEST} /tmp/o/test_o.py"
    assert earned(env, outside) == {"command_ran": 1.0}
    found = f"{put('tests/test_five.py', REPRODUCE)}\n{PYTEST} tests/test_five.py"
    assert earned(env, found) == {"command_ran": 1.0, "test_reproduced": 1.0}
    assert earned(env, found) == {"command_ran": 1.0}


@pytest.mark.parametrize(
    ("body", "good"),
    [
        ("assert double(5) == 10", True),
        ("assert double(5) == 11", False),
        ("assert double(2) == 4", False),
        ("import os, pathlib; p = pathlib.Path('/tmp/seen'); was = p.exists(); p.touch(); assert was", False),
        ("import os; print('PASSED tests/test_mine.py::test_mine'); os._exit(0)", False),
    ],
)
def test_what_reproduces_a_failure(toy: Toy, body: str, good: bool) -> None:
    text = f"from calc.core import double\n\n\ndef test_mine():\n    {body}\n"
    task = SWETask.from_row(ROW)
    files = {"tests/test_mine.py": text.encode()}
    assert reproduces(task, ["tests/test_mine.py::test_mine"], files, open_workspace=toy.open) is good


def test_the_agent_learns_nothing(toy: Toy) -> None:
    look = "find /testbed /tmp /home/forge /var/tmp | sort; git status --porcelain; ps -e --no-headers | wc -l"
    seen = []
    for every in (0, 1):
        with ToyEnv(toy, check_every=every) as env:
            env.reset(options={"task": toy.task})
            env.step(block("Repair.", put("calc/core.py", FIXED)))
            observation, *_, info = env.step(block("Look.", look))
            assert info.pop("reward_components")["f2p_fraction"] == 0.0
            again, *_ = env.step(block("Look.", "grep -rlE 'test_doubl[e]' /testbed /base.git /tmp /home /tools"))
            seen.append(json.dumps([observation, again, info]))
    assert seen[0] == seen[1] and "test_double" not in seen[0]


def test_nothing_is_checked_that_is_not_asked_for(toy: Toy) -> None:
    task = Task("x", {**toy.task.data, "test_patch": "diff --git a/x b/x\nnonsense\n"})
    with ToyEnv(toy, check_every=1, step_weights={"command_ran": 0.5}) as env:
        env.reset(options={"task": task})
        assert earned(env, put("calc/core.py", FIXED)) == {"command_ran": 0.5}
    with ToyEnv(toy, check_every=1) as env:
        env.reset(options={"task": task})
        with pytest.raises(GraderError, match="checked at turn 1") as raised:
            env.step(block("Repair.", put("calc/core.py", FIXED)))
        assert raised.value.artifact is not None and "n * 2" in raised.value.artifact["patch"]


def test_an_episode_of_the_bundled_suite() -> None:
    weights = {"f2p_fraction": 1.0, "no_p2p_broken": 1.0, "shaping_f2p": 1.0}
    with SWEEnv(reward="shaped", step_weights=weights, check_every=1) as env:
        env.reset(options={"task": "forge__rota-31"})
        first, last = env.gold_actions()
        _, reward, *_, info = env.step(first)
        assert info["reward_components"] == {"f2p_fraction": 1.0, "no_p2p_broken": 0.0, "shaping_f2p": 1.0}
        _, reward, terminated, _, info = env.step(last)
        assert terminated and reward == 0.0, "the potential is paid back"
        assert info["reward_components"] == {
            "f2p_fraction": 0.0, "no_p2p_broken": 0.0, "shaping_f2p": -1.0, "outcome": 1.0
        }  # fmt: skip


def test_wrong_turns() -> None:
    assert check_turns([3, 3, 1]) == frozenset({1, 3}) and check_turns(0) == 0
    for wrong in (-1, [0], ["2"], True, [1.5]):
        with pytest.raises(ConfigError, match="check_every"):
            SWEEnv(check_every=wrong)  # type: ignore[arg-type]
