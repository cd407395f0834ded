"""CodeContest-v0: gold, doing nothing, feedback, the reward modes, and hidden tests that stay hidden."""

import json
import pickle
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from forge_envs import ConfigError, GraderError, SandboxError, TaskError
from forge_envs.code_contest.env import CodeContestEnv
from forge_envs.code_contest.grading import grade
from forge_envs.code_contest.quarantine import FILE, write_quarantine
from forge_envs.code_contest.task import ContestTask, Program, Project, write_suite
from forge_envs.core.messages import assistant, tool_call

SECRET = "7319406528"
DOUBLE = ContestTask(
    id="double",
    title="Double",
    mode="stdin",
    statement="Print twice the number.",
    languages=("python", "cpp"),
    public_tests=({"stdin": "1\n", "expected": "2\n"}, {"stdin": "-4\n", "expected": "-8\n"}),
    hidden_tests=({"stdin": f"{SECRET}\n", "expected": f"{2 * int(SECRET)}\n"}, {"stdin": "0\n", "expected": "0\n"}),
    time_limit_s=1.0,
    memory_limit_mb=128,
    solutions=(Program("python", "print(2 * int(input()))\n"),),
)
TRIPLE = replace(
    DOUBLE,
    id="triple",
    mode="function",
    fn_name="triple",
    statement="Return three times the number.",
    languages=("python",),
    checker={"type": "json_equal"},
    public_tests=({"args": [1], "expected": 3},),
    hidden_tests=({"args": [int(SECRET)], "expected": 3 * int(SECRET)},),
    solutions=(Program("python", "def triple(n):\n    return 3 * n\n"),),
)
PUBLIC_TEST = """import unittest
from two import two

class TwoTest(unittest.TestCase):
    def test_two(self):
        self.assertEqual(two(), 2)
"""
HIDDEN_TEST = f"""import unittest
from two import two

class HiddenTest{SECRET}(unittest.TestCase):
    def test_factor(self):
        self.assertEqual(two({SECRET}), 2 * {SECRET})
"""
EXERCISE = replace(
    DOUBLE,
    id="two",
    mode="project",
    statement="Return two times the factor.",
    languages=("python",),
    public_tests=(),
    hidden_tests=(),
    time_limit_s=5.0,
    memory_limit_mb=256,
    project=Project(
        "python",
        {"two.py": "def two():\n    return 3\n", "data.txt": "fixed\n"},
        ("two.py",),
        {"two_test.py": PUBLIC_TEST},
        {"two_more_test.py": HIDDEN_TEST},
    ),
    solutions=(Program("python", files={"two.py": "def two(factor=1):\n    return 2 * factor\n"}),),
)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A suite of three small tasks."""
    folder = tmp_path_factory.mktemp("contest")
    write_suite({"train": [DOUBLE, TRIPLE, EXERCISE]}, folder, name="code_contest/toy", description="Toys.")
    return str(folder)


@pytest.fixture(scope="module")
def env(suite: str) -> Iterator[CodeContestEnv]:
    """One environment for the tests of this file."""
    made = CodeContestEnv(suite=suite, workers=1)
    made.reset(options={"task": "double"})
    try:
        made.step("```python\nprint(2 * int(input()))\n```")
    except (SandboxError, GraderError) as error:
        pytest.skip(f"This machine allows no isolation: {error}")
    yield made
    made.close()


def _python(code: str) -> str:
    return f"```python\n{code}\n```"


def _play(env: CodeContestEnv, task: str, *actions: Any, **options: Any) -> list[Any]:
    env.reset(options={"task": task, **options})
    return [env.step(action) for action in actions]


def test_gold_earns_one(env: CodeContestEnv) -> None:
    for task in env.suite:
        ((observation, reward, terminated, truncated, info),) = _play(env, task.id, *env.gold_actions(task))
        assert (observation, reward, terminated, truncated) == ((), 1.0, True, False), (task.id, info)
        assert info["reward_components"] == {"outcome": 1.0}
        assert info["verdict"]["components"] == {"format_correct": 1.0, "tests_passed": 1.0}


def test_doing_nothing_earns_nothing(env: CodeContestEnv) -> None:
    for task in env.suite:
        results = _play(env, task.id, *[""] * env.max_steps)
        assert "Error: there is no" in results[0][0][0]["content"]
        _, reward, terminated, truncated, info = results[-1]
        assert (reward, terminated, truncated, info["truncation"]) == (0.0, False, True, "max_steps")
        assert info["artifact"]["program"] is None and info["verdict"]["details"] == {"verdict": None}


def test_failing_public_tests_are_told_and_a_second_program_counts(env: CodeContestEnv) -> None:
    first, second = _play(env, "double", _python("print(3 * int(input()))"), _python("print(2 * int(input()))"))
    (message,) = first[0]
    assert message["role"] == "user" and "passes 0 of 2 public tests" in message["content"]
    assert "Public test 1: wrong answer" in message["content"] and "Expected:\n```\n2\n```" in message["content"]
    assert "Your output:\n```\n3\n```" in message["content"]
    assert first[1] == 0.0 and not first[2]
    assert second[1] == 1.0 and second[2]


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (_python("print(1"), "was never closed"),
        (_python("int('x')"), "ValueError: invalid literal"),
        (_python("while True: pass"), "time limit exceeded (more than 1 s)"),
        (_python("x = bytearray(10 ** 9)"), "memory limit exceeded (more than 128 MiB)"),
        ("```rust\nfn main() {}\n```", "Error: the program is in rust, and this task takes python or cpp."),
        ("print(2 * int(input()))", "Error: there is no program in your reply"),
    ],
)
def test_what_went_wrong_is_told(env: CodeContestEnv, action: str, said: str) -> None:
    ((observation, reward, terminated, _, _),) = _play(env, "double", action)
    assert said in observation[0]["content"] and len(observation[0]["content"]) < 8000
    assert reward == 0.0 and not terminated


def test_long_output_is_cut_and_says_so(env: CodeContestEnv) -> None:
    ((observation, *_),) = _play(env, "double", _python("print('x' * 100_000)"))
    text = observation[0]["content"]
    assert "characters left out" in text and len(text) < 10_000


def test_the_paper_s_repair_mode_shows_errors_and_no_test(suite: str, env: CodeContestEnv) -> None:
    repairing = CodeContestEnv(suite=suite, workers=1, repair=True)
    raising = _python("n = int(input())\nprint(3 * n)\nraise RuntimeError('oh')")
    repairing.reset(options={"task": "double"})
    observation, *_ = repairing.step(raising)
    text = observation[0]["content"]
    assert "RuntimeError: oh" in text and "Input" not in text and "Expected" not in text
    observation, reward, terminated, *_ = repairing.step(raising)
    assert (observation, reward, terminated) == ((), 0.0, True)
    repairing.reset(options={"task": "double"})
    observation, *_ = repairing.step(_python("print('wrong')"))
    assert "wrong answer" in observation[0]["content"] and "-8" not in observation[0]["content"]
    repairing.close()


def test_a_tool_call_does_the_same(env: CodeContestEnv) -> None:
    def call(**arguments: Any) -> Any:
        return assistant("", [tool_call("submit", arguments, "c1")])

    wrong, right = _play(env, "double", call(code="print(1)"), call(code="print(2 * int(input()))", language="py"))
    assert wrong[0][0]["role"] == "tool" and "passes 0 of 2 public tests" in wrong[0][0]["content"]
    assert right[1] == 1.0 and right[0][0]["content"] == "Handed in."
    ((observation, _, terminated, *_),) = _play(env, "double", call(code="x", language="cobol"))
    assert observation[0]["content"].startswith("Error: the language 'cobol' is not taken") and not terminated
    (result,) = _play(env, "two", call(files={"two.py": "def two(n=1):\n    return 2 * n\n"}))
    assert result[1] == 1.0
    ((observation, *_),) = _play(env, "two", call(files={"two_test.py": ""}))
    assert "can't be changed" in observation[0]["content"]


def test_the_last_turn_is_graded_whatever_it_is(suite: str, env: CodeContestEnv) -> None:
    single = CodeContestEnv(suite=suite, workers=1, max_turns=1)
    for action, verdict, failed in [
        (_python("print(2)"), "WA", "public 2"),
        (_python(f"n = int(input())\nprint(2 * n if n != {SECRET} else 0)"), "WA", "hidden 1"),
        (_python("print(1"), "CE", None),
    ]:
        single.reset(options={"task": "double"})
        observation, reward, terminated, _, info = single.step(action)
        assert (observation, reward, terminated) == ((), 0.0, True)
        assert info["verdict"]["details"]["verdict"] == verdict and info["verdict"]["details"].get("failed") == failed
    single.close()


def test_a_project_keeps_its_files_from_turn_to_turn(env: CodeContestEnv) -> None:
    first = "two.py\n```python\n<<<<<<< SEARCH\n    return 3\n=======\n    return 4\n>>>>>>> REPLACE\n```"
    second = "two.py\n```python\n<<<<<<< SEARCH\n    return 4\n=======\n    return 2\n>>>>>>> REPLACE\n```"
    one, two = _play(env, "two", first, second)
    assert "0 of 1 public tests pass (WA)" in one[0][0]["content"] and "4 != 2" in one[0][0]["content"]
    # The public test passes now and the hidden one does not: the episode is over, without the outcome.
    assert (two[1], two[2]) == (0.0, True) and two[4]["verdict"]["details"]["verdict"] == "WA"
    ((observation, *_),) = _play(env, "two", "data.txt\n```\nother\n```")
    assert "'data.txt' can't be changed" in observation[0]["content"]


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos._exit(0)",
        "raise SystemExit(0)",
        "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\n\ndef two(n=1):\n    return 0",
        "import unittest\nunittest.TestCase.run = lambda *a: None\n\ndef two(n=1):\n    return 0",
        "import unittest\nunittest.defaultTestLoader.loadTestsFromModule = lambda m: unittest.TestSuite()\ntwo = None",
        "import sys\nsys.modules['two_test'] = sys\ntwo = lambda n=1: 0",
        "import glob\nopen(glob.glob('.*')[0], 'a').write('{\"end\": true}')\nimport os\nos._exit(0)",
        "class Two(int):\n    __eq__ = lambda s, o: False\n\ndef two(n=1):\n    return 3",
    ],
)
def test_a_project_can_t_talk_its_way_out(env: CodeContestEnv, code: str) -> None:
    artifact = {"program": {"language": "python", "files": {"two.py": code + "\n"}}, "format_faults": 0}
    verdict = grade(EXERCISE.task(), artifact)
    assert verdict.reward == 0.0 and verdict.details["verdict"] in ("RE", "WA")


def test_shaped_rewards_pay_for_public_tests(suite: str, env: CodeContestEnv) -> None:
    weights = {"format_valid": 0.1, "public_passed": 1.0, "improvement": 10.0}
    shaped = CodeContestEnv(suite=suite, workers=1, reward="shaped", step_weights=weights)
    half, worse, right = "print(2)", "print(5)", "print(2 * int(input()))"
    results = _play(shaped, "double", "no program", *map(_python, (half, worse, right)))
    parts = [result[4]["reward_components"] for result in results]
    assert parts[0] == {"format_valid": 0.0, "public_passed": 0.0, "improvement": 0.0}
    assert parts[1] == {"format_valid": 0.1, "public_passed": 0.5, "improvement": 5.0}
    assert parts[2] == {"format_valid": 0.1, "public_passed": 0.0, "improvement": 0.0}
    assert parts[3] == {"format_valid": 0.1, "public_passed": 1.0, "improvement": 5.0, "outcome": 1.0}
    assert all(result[1] == pytest.approx(sum(part.values())) for result, part in zip(results, parts, strict=True))
    shaped.close()


def test_hidden_tests_stay_hidden(env: CodeContestEnv) -> None:
    """Everything that leaves the environment, of an episode whose programs print what they can find."""
    spying = """
import glob, os, sys
print(sys.stdin.read(), sys.argv, os.environ, file=sys.stderr)
for path in glob.glob("/*") + glob.glob("*") + glob.glob("/tmp/*"):
    try:
        print(path, open(path, errors="replace").read()[:5000], file=sys.stderr)
    except OSError:
        pass
import traceback; traceback.print_stack()
print(globals(), file=sys.stderr)
"""
    walk = "import glob\nfor p in glob.glob('**', recursive=True):\n    print(p, open(p).read())\n"
    in_project = f"two.py\n{_python(walk + spying)}"
    for task, actions in [
        ("double", [_python(spying)] * 2 + [_python("print(2 * int(input()))")]),
        ("double", [_python(spying)] * 3),
        ("triple", [_python(spying)] * 3),
        ("two", [in_project] * 3),
    ]:
        first, info = env.reset(options={"task": task})
        left = [first, info]
        over = False
        for action in actions:
            *result, info = env.step(action)
            left += [result, info]
            over = result[2] or result[3]
            if over:
                break
        assert over
        left += [env.messages, env.render()]
        assert SECRET not in json.dumps(left) and str(2 * int(SECRET)) not in json.dumps(left), task


def test_a_grader_s_failure_keeps_the_program(suite: str, env: CodeContestEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise SandboxError("no worker")

    monkeypatch.setattr("forge_envs.code_contest.grading.judge", broken)
    program = _python("print(2 * int(input()))")
    with pytest.raises(GraderError, match="no worker") as caught:
        _play(env, "double", program)
    assert caught.value.artifact is not None and "int(input())" in caught.value.artifact["program"]["code"]
    single = CodeContestEnv(suite=suite, workers=1, max_turns=1)
    with pytest.raises(GraderError) as caught:
        _play(single, "double", program)
    single.close()
    monkeypatch.undo()
    assert caught.value.artifact is not None
    assert grade(DOUBLE.task(), caught.value.artifact).reward == 1.0
    with pytest.raises(GraderError, match="no 'program'"):
        grade(DOUBLE.task(), {})


def test_a_malformed_reply_costs_the_outcome(env: CodeContestEnv) -> None:
    bad, good = _play(env, "double", "<tool_call>", _python("print(2 * int(input()))"))
    assert not bad[2] and (good[1], good[2]) == (0.0, True)
    assert good[4]["verdict"]["components"] == {"format_correct": 0.0, "tests_passed": 1.0}


@pytest.mark.parametrize("mode", ["outcome", "shaped"])
def test_the_checker_has_no_complaint(suite: str, mode: str, env: CodeContestEnv) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = gymnasium.make("forge/CodeContest-v0", suite=suite, reward=mode, workers=1).unwrapped
        check_env(made)
        made.close()


@pytest.mark.parametrize("mode", ["default", "sync", "async"])
def test_vector_modes(suite: str, mode: str, env: CodeContestEnv) -> None:
    disabled = {"autoreset_mode": AutoresetMode.DISABLED}
    options: dict[str, Any] = {
        "default": {},
        "sync": {"vectorization_mode": "sync", "vector_kwargs": disabled},
        "async": {"vectorization_mode": "async", "vector_kwargs": {**disabled, "shared_memory": False}},
    }[mode]
    envs = gymnasium.make_vec("forge/CodeContest-v0", num_envs=2, suite=suite, workers=1, **options)
    try:
        envs.reset(seed=3, options={"task": "double"})
        _, rewards, terminated, *_ = envs.step((_python("print(2 * int(input()))"), _python("print(1)")))
        assert rewards.tolist() == [1.0, 0.0] and terminated.tolist() == [True, False]
    finally:
        envs.close()


def test_same_seed_same_episode(suite: str, env: CodeContestEnv) -> None:
    def played() -> list[Any]:
        made = CodeContestEnv(suite=suite, workers=1)
        seen: list[Any] = []
        for seed in range(4):
            seen.append(made.reset(seed=seed))
            for action in (_python("import sys\nsys.exit(4)"), "two.py\n```python\nx\n```", *made.gold_actions()):
                *result, info = made.step(action)
                seen += [result, info]
                if result[2] or result[3]:
                    break
        made.close()
        return seen

    assert json.dumps(played()) == json.dumps(played())


def test_environments_share_their_workers_and_the_last_one_ends_them(suite: str, env: CodeContestEnv) -> None:
    one, other = CodeContestEnv(suite=suite, workers=1), CodeContestEnv(suite=suite, workers=1)
    one.reset(seed=0)
    other.reset(seed=0)
    assert one._shared is other._shared is env._shared is not None
    one.close()
    one.close()
    assert one._shared is None
    other.reset(options={"task": "double"})
    assert other.step(_python("print(2 * int(input()))"))[1] == 1.0
    other.close()


def test_options_are_picklable_and_making_starts_nothing(suite: str) -> None:
    spec = gymnasium.make("forge/CodeContest-v0", suite=suite, repair=True, isolation="auto").spec
    assert spec is not None
    made = gymnasium.make(spec.id, **pickle.loads(pickle.dumps(spec.kwargs))).unwrapped
    assert isinstance(made, CodeContestEnv)
    assert (made.max_turns, made.feedback, made._shared) == (2, "errors", None)
    made.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"reward": "stepwise"}, "does not apply"),
        ({"feedback": "all"}, "Unknown feedback 'all'"),
        ({"max_turns": 0}, "max_turns is 0"),
    ],
)
def test_wrong_options_are_named(suite: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        CodeContestEnv(suite=suite, **options)


def test_stepwise_mode_is_refused_at_reset_too(suite: str) -> None:
    made = CodeContestEnv(suite=suite)
    with pytest.raises((ConfigError, TaskError)):
        made.reset(options={"task": "double", "reward": "stepwise"})
    made.close()


def test_tasks_in_quarantine_are_not_drawn(tmp_path: Path) -> None:
    write_suite({"train": [DOUBLE, TRIPLE]}, tmp_path, name="code_contest/toy", description="Toys.")
    write_quarantine(tmp_path / FILE, [{"task_id": "double", "reason": "flaky"}])
    assert [task.id for task in CodeContestEnv(suite=str(tmp_path)).suite] == ["triple"]
    write_quarantine(tmp_path / FILE, [{"task_id": name, "reason": "flaky"} for name in ("double", "triple")])
    with pytest.raises(TaskError, match=r"Every task .* is in quarantine\.jsonl"):
        CodeContestEnv(suite=str(tmp_path))
    (tmp_path / FILE).write_text("{}\n")
    with pytest.raises(TaskError, match=r"quarantine\.jsonl:1"):
        CodeContestEnv(suite=str(tmp_path))
    write_quarantine(tmp_path / FILE, [])
    assert len(CodeContestEnv(suite=str(tmp_path)).suite) == 2
