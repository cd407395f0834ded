"""Mock and simulated tools: rules, replies of a model, the record that repeats them, and a simulator that fails."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from forge_lamps import SPECS, Backend, DreamtLamps, Lamps, play
from forge_toy import call, row, write_suite

from forge_envs import ConfigError, GraderError, ToolError
from forge_envs.core.errors import SimulatorError
from forge_envs.tool_use.call_cache import CallCache
from forge_envs.tool_use.env import ToolUseEnv
from forge_envs.tool_use.mock import check_spec
from forge_envs.tool_use.simulated import Simulator, chat_endpoint
from forge_train.policies.scripted import ScriptedPolicy
from forge_train.rollout.engine import Job, run_episodes

STATE = {"lamps": {"hall": 3, "desk": 0}}
GOLD = [
    {"calls": [call("read_lamp", lamp="hall")]},
    {"calls": [call("dim_lamp", lamp="attic", level=1)]},
    {"calls": [call("dim_lamp", lamp="hall", level=7)]},
    {"say": "It is brighter now."},
]


@pytest.fixture
def backend() -> Iterator[Backend]:
    """A chat endpoint that plays the lamps."""
    made = Backend()
    yield made
    made.stop()


@pytest.fixture
def dreamt(backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the simulator of the simulated domain."""

    def use(**options: Any) -> CallCache:
        cache = options.setdefault("cache", CallCache(tmp_path / "calls.jsonl"))
        complete = chat_endpoint("m", base_url=backend.url, api_key="none", timeout=5.0, max_tokens=200)
        simulator = Simulator(**{"complete": complete, "name": "m", **options})
        monkeypatch.setattr(DreamtLamps, "simulator", simulator, raising=False)
        return cache

    return use


def _env(tmp_path: Path, domain: str, **options: Any) -> ToolUseEnv:
    folder = tmp_path / "suite"
    if not folder.exists():
        write_suite(folder, {"train": [row("lamps", GOLD, domain=f"forge_lamps:{domain}", state=STATE)]})
    return ToolUseEnv(suite=str(folder), **options)


def _play_gold(env: ToolUseEnv) -> tuple[float, list[str]]:
    env.reset(options={"task": "lamps"})
    texts: list[str] = []
    reward = 0.0
    for action in env.gold_actions():
        observation, reward, *_ = env.step(action)
        texts += [message["content"] for message in observation]
    return reward, texts


TOLD = ['{"level": 3, "said": "It is hall."}', "Error: no lamp attic", "done"]


def test_rules_answer_and_change_the_state(tmp_path: Path) -> None:
    env = _env(tmp_path, "Lamps")
    assert _play_gold(env) == (1.0, TOLD)
    assert [tool["function"]["name"] for tool in env.reset()[1]["tools"]] == ["read_lamp", "dim_lamp"]
    assert STATE == {"lamps": {"hall": 3, "desk": 0}}


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("dim_lamp", {"lamp": "hall", "level": 10}, "dim_lamp: nothing found for these arguments"),
        ("dim_lamp", {"lamp": "{level}", "level": 1}, r"no lamp \{level\}"),
        ("read_lamp", {"lamp": "$state"}, r"no lamp \$state"),
        ("dim_lamp", {"lamp": "hall", "level": "9"}, "invalid arguments"),
        ("dim_lamp", {"lamp": "hall"}, "'level' is a required property"),
        ("dim_lamp", {"lamp": "hall", "level": 1, "x": 1}, "Additional properties"),
    ],
)
def test_rules_refuse(name: str, arguments: dict[str, Any], told: str) -> None:
    domain = Lamps({"lamps": {"hall": 3}})
    with pytest.raises(ToolError, match=told):
        domain.toolset().call(name, arguments)
    assert domain.state == {"lamps": {"hall": 3}}


def test_an_argument_keeps_its_type_and_is_never_a_template() -> None:
    spec = {
        "name": "echo",
        "description": "Say it again.",
        "parameters": {"properties": {"x": {}, "y": {}}},
        "rules": [{"result": ["{x}", "<{x}>", {"y": "{y}"}], "set": [[["{x}", "seen"], "{y}"]]}],
    }

    class Echo(Lamps):
        specs: ClassVar[Any] = [spec]

    domain = Echo({})
    told = domain.toolset().call("echo", {"x": "{y}", "y": [1, {"$state": []}]})
    assert json.loads(told) == ["{y}", "<{y}>", {"y": [1, {"$state": []}]}]
    assert domain.state == {"{y}": {"seen": [1, {"$state": []}]}}
    domain.toolset().call("echo", {"x": [1]})
    assert domain.state["[1]"] == {"seen": None}


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({"result": 1, "then": 2}, "unknown key 'then'"),
        ({"result": 1, "error": "x"}, "give either 'result' or 'error'"),
        ({"when": {}}, "give either 'result' or 'error'"),
        ({"error": "no {room}"}, r"\{room\} is none of its parameters"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError, match=f"Rule 1 of mock tool 'read_lamp': {fault}"):
        check_spec({**SPECS[0], "rules": [rule]})


def test_a_model_plays_the_backend(tmp_path: Path, backend: Backend, dreamt: Any) -> None:
    dreamt(mode="live", cache=None)
    assert _play_gold(_env(tmp_path, "DreamtLamps")) == (1.0, TOLD)
    system, user = backend.bodies[2]["messages"]
    assert '"name": "dim_lamp"' in system["content"] and "rules" not in system["content"]
    request = json.loads(user["content"])
    assert request["state"] == STATE and request["call"]["arguments"] == {"lamp": "hall", "level": 7}
    assert [earlier.get("error") for earlier in request["earlier"]] == [None, "no lamp attic"]
    assert (backend.bodies[2]["temperature"], backend.bodies[2]["max_tokens"]) == (0.0, 200)


def test_what_was_recorded_is_repeated(tmp_path: Path, backend: Backend, dreamt: Any) -> None:
    cache = dreamt(mode="record")
    assert _play_gold(_env(tmp_path, "DreamtLamps")) == (1.0, TOLD)
    assert len(backend.bodies) == 3  # gold, which decides success, is the same three calls
    recorded = [json.loads(line) for line in cache.path.read_text().splitlines()]
    assert [(line["name"], line["arguments"]["lamp"]) for line in recorded] == [
        ("read_lamp", "hall"),
        ("dim_lamp", "attic"),
        ("dim_lamp", "hall"),
    ]
    backend.answer = lambda body: "something else"
    dreamt(mode="record", cache=CallCache(cache.path))
    assert _play_gold(_env(tmp_path, "DreamtLamps")) == (1.0, TOLD)
    dreamt(mode="replay", complete=None, cache=CallCache(cache.path))
    assert _play_gold(_env(tmp_path, "DreamtLamps")) == (1.0, TOLD)
    assert len(backend.bodies) == 3


def test_a_call_that_was_never_recorded_is_no_fault_of_the_agent(tmp_path: Path, dreamt: Any) -> None:
    dreamt(mode="record")
    _play_gold(_env(tmp_path, "DreamtLamps"))
    dreamt(mode="replay", complete=None)
    env = _env(tmp_path, "DreamtLamps")
    env.reset()
    with pytest.raises(SimulatorError, match=r"No recorded answer to .*desk"):
        env.step('<tool_call>{"name": "read_lamp", "arguments": {"lamp": "desk"}}</tool_call>')


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I am not sure.",
        "[]",
        "{}",
        '{"result": 1, "error": "x"}',
        '{"error": ""}',
        '{"result": {"brightness": 3}}',
        '{"result": {"level": 3}, "set": [["lamps", 1]]}',
        '{"result": {"level": NaN}}',
        "[" * 5000,
    ],
)
def test_an_unusable_answer_is_asked_for_again(tmp_path: Path, backend: Backend, dreamt: Any, answer: str) -> None:
    cache = dreamt(mode="record")
    replies = [answer, answer]
    backend.answer = lambda body: replies.pop() if replies else play(body)
    env = _env(tmp_path, "DreamtLamps")
    env.reset()
    gold = env.gold_actions()
    assert env.step(gold[0])[0][0]["content"] == TOLD[0]
    assert len(backend.bodies) == 3 and "can't be used" in backend.bodies[1]["messages"][-1]["content"]
    backend.answer = lambda body: answer
    with pytest.raises(SimulatorError, match="'read_lamp' gave 3 unusable answers"):
        env.step(gold[0])
    assert len(cache.path.read_text().splitlines()) == 1


@pytest.mark.parametrize("how", ["status", "gone", "nothing usable"])
def test_a_failing_simulator_fails_the_episode_and_scores_nothing(
    tmp_path: Path, backend: Backend, dreamt: Any, how: str
) -> None:
    complete = chat_endpoint("m", base_url="http://127.0.0.1:9/v1", api_key="none", timeout=1.0)
    dreamt(mode="record", **({"complete": complete} if how == "gone" else {}))
    backend.status = 500 if how == "status" else 200
    backend.answer = (lambda body: "?") if how == "nothing usable" else play
    env = _env(tmp_path, "DreamtLamps")
    (rollout,) = run_episodes(lambda: _env(tmp_path, "DreamtLamps"), ScriptedPolicy.gold(env), [Job("lamps")])
    end = rollout.episode.end
    assert (end.status, end.boundary) == ("failed", "simulator") and "read_lamp" in str(end.error)
    assert rollout.episode.outcome is None and rollout.episode.turns == ()


def test_a_simulator_that_fails_while_grading_keeps_the_artifact(tmp_path: Path, dreamt: Any) -> None:
    cache = dreamt(mode="record")
    env = _env(tmp_path, "DreamtLamps")
    env.reset()
    for action in env.gold_actions()[:-1]:
        env.step(action)
    cache.path.unlink()
    dreamt(mode="replay", complete=None, cache=CallCache(cache.path))
    with pytest.raises(GraderError, match="No recorded answer") as caught:
        env.step(env.gold_actions()[-1])
    assert caught.value.artifact is not None and caught.value.artifact["state"]["lamps"]["hall"] == 7


def test_threads_and_processes_keep_the_first_answer(tmp_path: Path, python: Any) -> None:
    path = tmp_path / "deep" / "calls.jsonl"
    caches = [CallCache(path) for _ in range(4)]
    kept: list[Any] = []

    def keep(number: int) -> None:
        for key in range(20):
            kept.append((key, caches[number % 4].keep(str(key), {"result": number}, {"name": "f"})))

    threads = [threading.Thread(target=keep, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(key, answer["result"]) for key, answer in kept}) == 20
    assert len(path.read_text().splitlines()) == 20
    code = (
        "import sys; from forge_envs.tool_use.call_cache import CallCache; cache = CallCache(sys.argv[1])\n"
        "print(cache.keep('3', {'result': 'late'}, {})['result'], cache.keep('new', {'result': 'x'}, {})['result'])"
    )
    assert python(code, str(path)).split() == [str(caches[0].get("3")["result"]), "x"]
    assert caches[0].get("new") == {"result": "x"} and caches[1].get("no such") is None


def test_a_record_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text('{"key": "a", "answer": 1}\nnot json\n')
    with pytest.raises(SimulatorError, match=r"calls.jsonl holds a line that is no recorded answer: b'not json'"):
        CallCache(path).get("a")
    path.write_text('{"key": "a", "answer": {"result": 1}}\n{"key": "b", "ans')  # cut off while written
    assert CallCache(path).get("a") == {"result": 1} and CallCache(path).get("b") is None
    assert CallCache(path).keep("b", {"result": 2}, {}) == {"result": 2} and CallCache(path).get("b") == {"result": 2}


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"mode": "dream"}, "Unknown simulator mode 'dream'"),
        ({"mode": "replay"}, "needs a cache"),
        ({"mode": "live"}, "needs `complete`"),
    ],
)
def test_a_simulator_says_what_it_lacks(options: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        Simulator(**options)
