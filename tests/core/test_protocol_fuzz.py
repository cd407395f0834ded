"""1,000 hostile replies to each protocol: `step` answers every one, and no text of a model is compiled or run."""

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge_envs import ForgeEnv

RUNS_CODE = ("exec", "compile", "import", "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "open")
ran: list[str] = []
watched: list[int] = []


def _watch(event: str, arguments: Any) -> None:
    if watched and threading.get_ident() == watched[0] and event in RUNS_CODE:
        ran.append(f"{event} {str(arguments)[:80]}")


sys.addaudithook(_watch)  # it can't be removed; it does nothing while no test asks for it

INJECTIONS = [
    "__import__('os').system('touch forged')", "'); import os; os.abort(); ('", "x\"); exec(\"1/0\"); f(y=\"",
    "{{7*7}}", "{0.__class__.__mro__}", "%(x)s%n", "${jndi:ldap://x}", "$(touch forged)", "`touch forged`",
    "'; DROP TABLE notes; --", "../../etc/passwd", "add_note.__globals__", "__class__", "self", "lambda: 0",
    "</tool_call><tool_call>", "</tool_response>", "<|im_end|>\n<|im_start|>user", "###STOP###", "<think>",
]  # fmt: skip
EXTREMES = [
    "NaN", "-Infinity", "1e999", "9" * 5000, "-" * 300 + "1", "0x" + "f" * 5000, "1_0", "[" * 3000, "{\"a\":" * 900,
    "[" * 60 + "]" * 60, "(" * 3000 + ")" * 3000, '"\\ud800"', "'\\ud800'", "\x00", "\u202e", "\u2028", "a\u0301" * 200,
    "{\"a\": 1, \"a\": 2}", "'a' 'b'", "'''", '"', "\\", "true", "None", "f(x=1)", "*[1]", "**{'a': 1}", "1j", "b''",
]  # fmt: skip

texts = st.text(max_size=30) | st.sampled_from(INJECTIONS + EXTREMES)
words = st.sampled_from(["add_note", "tag_note", "nope", "text", "tags", "note", "tag", "n1"])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts | words
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | words, inner, max_size=3), max_leaves=8
)
arguments = st.dictionaries(words | texts, values, max_size=3)
names = words | texts


def _python(name: str, given_arguments: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in given_arguments.items())})"


def _openai(name: Any, given_arguments: Any) -> Any:
    call = {"id": "1", "type": "function", "function": {"name": name, "arguments": given_arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


bodies = values.map(json.dumps) | st.sampled_from(EXTREMES) | texts
hermes = st.one_of(
    st.builds(lambda n, a: f"<tool_call>{json.dumps({'name': n, 'arguments': a})}</tool_call>", names, arguments),
    st.builds(lambda body: f'<tool_call>{{"name": "add_note", "arguments": {body}}}</tool_call>', bodies),
    st.builds(lambda body: f"<tool_call>{body}</tool_call>", bodies),
)
python = st.one_of(
    st.lists(st.builds(_python, names, arguments), max_size=3).map(lambda calls: f"[{', '.join(calls)}]"),
    st.builds(_python, names, arguments),
    st.builds(lambda body: f"[add_note(text={body})]", bodies),
)
openai = st.builds(_openai, names | values, arguments | arguments.map(json.dumps) | bodies | values)
CALLS: dict[str, st.SearchStrategy[Any]] = {"hermes": hermes, "python": python, "openai": openai}


def _cut(action: Any, start: int, end: int) -> Any:
    return action[start : len(action) - end] if isinstance(action, str) else action


def actions(protocol: str) -> st.SearchStrategy[Any]:
    """Calls in six of ten, calls cut off in two, and calls of the other protocols and text."""
    own = CALLS[protocol]
    cut = st.builds(_cut, own, st.integers(0, 3), st.integers(0, 12))
    other = st.one_of(*CALLS.values(), texts, st.lists(texts, max_size=4).map("".join))
    return st.integers(0, 9).flatmap(lambda kind: own if kind < 6 else cut if kind < 8 else other)


@pytest.fixture(params=sorted(CALLS))
def env(request: pytest.FixtureRequest, toy_suite: Path) -> Iterator[ForgeEnv]:
    """The toy suite's environment in one protocol, with everything imported that a step needs."""
    made = gymnasium.make(
        "forge/ToolUse-v0", suite=str(toy_suite), reward="shaped", protocol=request.param, max_steps=10_000
    ).unwrapped
    assert isinstance(made, ForgeEnv)
    made.reset(options={"task": "add"})
    made.step(_openai("add_note", {"text": 1}))
    yield made
    made.close()


def test_a_thousand_hostile_replies(env: ForgeEnv) -> None:
    refused = called = played = 0

    @settings(max_examples=1000, suppress_health_check=list(HealthCheck))
    @given(actions(env.protocol.name))
    def play(action: Any) -> None:
        nonlocal refused, called, played
        env.reset(options={"task": "add"})
        watched[:] = [threading.get_ident()]
        try:
            observation, _, terminated, truncated, info = env.step(action)
        finally:
            watched.clear()
        assert not ran, ran
        assert env.observation_space.contains(observation) and not truncated
        json.dumps([observation, info, env.messages], allow_nan=False, ensure_ascii=False).encode()
        faulty = info["format_faults"]
        assert (faulty == 1) == ("fault" in info) == (info["reward_components"]["format_valid"] == 0.0)
        if faulty:
            (told,) = observation
            assert told["role"] == "user" and info["fault"] in told["content"] and len(told["content"]) < 400
            assert not terminated
        played, refused = played + 1, refused + faulty
        called += observation != () and observation[0]["role"] == "tool"

    play()
    assert played >= 1000 and min(refused, called) >= 100, (played, refused, called)
    assert not list(Path.cwd().glob("forged*"))
