"""SWE-v0 with tool calls: gold, doing nothing, faults, limits, and what is graded."""

import json
import re
from collections.abc import Iterator
from typing import Any

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env
from toy_repository import FIXED, GOLD, ROW, Toy

from forge_envs import ConfigError
from forge_envs.core.messages import assistant, tool_call
from forge_envs.core.task import load_suite
from forge_envs.swe.bash_block import block
from forge_envs.swe.env import SWEEnv
from forge_envs.swe.repository import Repository, prepare

EDIT = {
    "command": "str_replace",
    "path": "/testbed/calc/core.py",
    "old_str": "def double(n):\n    return n + 2",
    "new_str": "def double(n):\n    return n * 2",
}
BUNDLED = load_suite("swe/bundled")


@pytest.fixture(scope="module")
def suite(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A suite of one task."""
    folder = tmp_path_factory.mktemp("native")
    (folder / "repos").mkdir()
    (folder / "repos" / "calc").symlink_to(toy.folder)
    (folder / "suite.toml").write_text(
        'name = "swe/toy"\nenv = "forge/SWE-v0"\nversion = 1\nschema = "any.schema.json"\ndescription = "A toy."\n'
        'license = "Apache-2.0"\n[splits]\ntrain = ["train.jsonl"]\n'
    )
    (folder / "any.schema.json").write_text('{"type": "object"}')
    head = prepare(Repository(str(toy.folder))).head
    row = {**ROW, "id": ROW["instance_id"], "repository": "repos/calc", "base_commit": head}
    (folder / "train.jsonl").write_text(json.dumps(row) + "\n")
    return str(folder)


@pytest.fixture
def env(suite: str) -> Iterator[SWEEnv]:
    with SWEEnv(suite=suite, protocol="openai") as made:
        yield made


def call(name: str, **arguments: Any) -> Any:
    """A chat message with one call."""
    return assistant("", [tool_call(name, arguments, "c1")])


def says(env: SWEEnv, name: str, **arguments: Any) -> str:
    """A tool's result."""
    (result,), *_ = env.step(call(name, **arguments))
    assert result["role"] == "tool"
    return str(result["content"])


@pytest.mark.parametrize("protocol", ["hermes", "openai"])
def test_checker(suite: str, protocol: str) -> None:
    with SWEEnv(suite=suite, protocol=protocol) as env:
        check_env(env, skip_render_check=True)


@pytest.mark.parametrize("protocol", ["hermes", "python"])
@pytest.mark.parametrize("in_prompt", [False, True])
def test_gold(suite: str, protocol: str, in_prompt: bool) -> None:
    with SWEEnv(suite=suite, protocol=protocol, tools_in_prompt=in_prompt) as env:
        observation, info = env.reset(seed=1)
        names = [tool["function"]["name"] for tool in info["tools"]]
        assert names == ([] if in_prompt else ["bash", "str_replace_based_edit", "submit"])
        assert ("str_replace_based_edit" in observation[0]["content"]) == in_prompt
        assert ROW["problem_statement"] in observation[1]["content"] and "HINT" not in json.dumps([observation, info])
        first, last = env.gold_actions()
        observation, reward, terminated, _, info = env.step(first)
        assert (reward, terminated) == (0.0, False) and "<returncode>0<" in observation[0]["content"]
        assert observation[0]["role"] == ("user" if in_prompt else "tool")
        _, reward, terminated, truncated, info = env.step(last)
        assert (reward, terminated, truncated) == (1.0, True, False), info["verdict"]
        json.dumps(info)


@pytest.mark.parametrize("task", [task.id for task in BUNDLED])
def test_gold_and_nothing_on_the_bundled_suite(toy: Toy, task: str) -> None:
    with SWEEnv(split=None, protocol="hermes") as env:
        env.reset(options={"task": task})
        for action in env.gold_actions():
            _, reward, terminated, _, info = env.step(action)
        assert (reward, terminated) == (1.0, True), info["verdict"]
        env.reset(options={"task": task})
        _, reward, terminated, _, info = env.step(call("submit"))
        assert (reward, terminated) == (0.0, True)


def test_an_agent_at_work(env: SWEEnv) -> None:
    env.reset()
    assert "/testbed/calc/core.py\n" in says(env, "str_replace_based_edit", command="view", path="/testbed")
    assert says(env, "bash", command="cd calc; export N=5; sleep 1240 &").startswith("<returncode>0<")
    assert says(env, "bash", command="pwd; echo $N").endswith("<output>\n/testbed/calc\n5\n</output>")
    assert "has been edited" in says(env, "str_replace_based_edit", **EDIT)
    made = {"command": "create", "path": "/testbed/notes.txt", "file_text": "é\r\n"}
    assert says(env, "str_replace_based_edit", **made) == "File created successfully at: /testbed/notes.txt"
    assert "10" in says(env, "bash", command="cd ..; python -c 'import calc; print(calc.double(5))'")
    observation, reward, terminated, truncated, info = env.step(call("submit"))
    assert (reward, terminated, truncated) == (1.0, True, False), info["verdict"]
    assert observation[0]["role"] == "tool" and info["format_faults"] == 0
    assert set(re.findall(r"^diff --git a/(\S+)", info["artifact"]["patch"], re.M)) == {"calc/core.py", "notes.txt"}


def test_several_calls_of_one_reply(env: SWEEnv) -> None:
    env.reset()
    calls = [
        tool_call("bash", {"command": "A=1"}, "a"),
        tool_call("str_replace_based_edit", EDIT, "b"),
        tool_call("submit", {}, "c"),
        tool_call("bash", {"command": "git checkout ."}, "d"),
    ]
    observation, reward, terminated, *_ = env.step(assistant("All of it.", calls))
    assert [message["tool_call_id"] for message in observation] == ["a", "b", "c"], "nothing happens after submit"
    assert (reward, terminated) == (1.0, True)


def test_calls_beyond_the_most(suite: str) -> None:
    """They are answered, each with an error, and not carried out; `submit` is no exception."""
    counting = [tool_call("bash", {"command": "echo x >> /tmp/n"}, f"c{number}") for number in range(20)]
    with SWEEnv(suite=suite, protocol="openai") as env:
        env.reset()
        observation, _, terminated, *_ = env.step(assistant("", [*counting, tool_call("submit", {}, "last")]))
        assert not terminated and [one["tool_call_id"] for one in observation][-1] == "last"
        assert all(one["content"].startswith("<returncode>0<") for one in observation[:16])
        told = "Error: not carried out, a reply makes at most 16 calls."
        assert [one["content"] for one in observation[16:]] == [told] * 5
        assert says(env, "bash", command="wc -l < /tmp/n").endswith("<output>\n16\n</output>")
    with SWEEnv(suite=suite, protocol="openai", max_calls=1) as env:
        env.reset()
        assert len(env.step(assistant("", counting[:2]))[0]) == 2
        assert says(env, "bash", command="wc -l < /tmp/n").endswith("<output>\n1\n</output>")
    with pytest.raises(ConfigError, match="max_calls"):
        SWEEnv(suite=suite, protocol="openai", max_calls=0)


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("shell", {}, "Error: unknown tool 'shell'; the tools are bash, str_replace_based_edit, submit"),
        ("bash", {}, "Error: invalid arguments for bash: 'command' is a required property"),
        ("bash", {"command": 1}, "Error: invalid arguments for bash['command']"),
        ("bash", {"command": "ls", "x": 1}, "Error: invalid arguments for bash: Additional properties"),
        ("bash", {"command": "\0"}, "zero bytes"),
        ("submit", {"x": 1}, "Error: invalid arguments for submit"),
        ("str_replace_based_edit", {"command": "undo", "path": "/x"}, "Error: invalid arguments"),
        ("str_replace_based_edit", {"command": "create", "path": "/x"}, "Parameter `file_text` is required"),
        ("str_replace_based_edit", {"command": "str_replace", "path": "/x"}, "Parameter `old_str` is required"),
        ("str_replace_based_edit", {"command": "insert", "path": "/x"}, "Parameter `insert_line` is required"),
        ("str_replace_based_edit", {"command": "view", "path": "/\0"}, "not an absolute path"),
        ("str_replace_based_edit", {"command": "view", "path": "/testbed/README.md", "view_range": [1.0, 9e99]}, "1\t"),
        ("str_replace_based_edit", {**EDIT, "old_str": "nothing"}, "did not appear verbatim in /testbed/calc/core.py."),
    ],
)
def test_wrong_calls(env: SWEEnv, name: str, arguments: dict[str, Any], said: str) -> None:
    env.reset()
    (result,), reward, terminated, truncated, info = env.step(call(name, **arguments))
    assert said in result["content"] and result["role"] == "tool", result
    assert (reward, terminated, truncated, info["format_faults"]) == (0.0, False, False, 0)


@pytest.mark.parametrize("reply", ["I am done.", "", block("Look.", "ls"), {"role": "assistant", "content": "Hm."}])
def test_a_reply_without_a_call(env: SWEEnv, reply: Any) -> None:
    env.reset()
    observation, reward, terminated, truncated, info = env.step(reply)
    assert "calls no tool" in observation[0]["content"] and observation[0]["role"] == "user"
    assert (reward, terminated, truncated, info["format_faults"]) == (0.0, False, False, 1) and info["fault"]
    env.step(call("str_replace_based_edit", **EDIT))
    _, reward, terminated, _, info = env.step(call("submit"))
    assert (reward, terminated) == (0.0, True) and info["verdict"]["details"]["resolved"], "Eq 7 wants the format too"


def test_limits(suite: str) -> None:
    with SWEEnv(suite=suite, protocol="openai", max_steps=2, command_timeout=1.0) as env:
        env.reset()
        said = says(
            env, "bash", command=f"cat > calc/core.py <<'END'\n{FIXED}END\necho x; (setsid sleep 1241 &); sleep 60"
        )
        assert "within 1 seconds" in said and said.endswith("<output>\nx\n</output>")
        _, reward, terminated, truncated, info = env.step(call("bash", command="pgrep sleep"))
        assert (reward, terminated, truncated) == (1.0, False, True), "the work so far is graded"
        assert info["truncation"] == "max_steps" and info["artifact"]["patch"].count("\n") == GOLD.count("\n") + 1


def test_nothing_of_an_episode_is_kept_and_the_same_again(env: SWEEnv) -> None:
    env.reset(seed=3)
    look = "git status --porcelain; ls -a /testbed ~ /tmp | sort; env | sort; ps -e 2>/dev/null | wc -l"
    first = says(env, "bash", command=look)
    says(env, "bash", command="export X=1; rm -rf .git calc; touch /tmp/y; echo 'exit 3' > ~/.bashrc; sleep 1242 &")
    env.reset(seed=3)
    assert says(env, "bash", command=look) == first
    env.close()
    env.close()
    with pytest.raises(ConfigError, match="over"):
        env.step(call("bash", command="ls"))


def test_background_writers_end_before_the_patch_is_taken(env: SWEEnv) -> None:
    env.reset()
    says(env, "bash", command="(while :; do date +%N > /testbed/ticks; done) & sleep 0.2")
    *_, info = env.step(call("submit"))
    assert info["artifact"]["patch_error"] is None and "ticks" in info["artifact"]["patch"]


def test_shaped_rewards(suite: str) -> None:
    weights = {"calls_succeeded": 0.5, "f2p_fraction": 1.0}
    with SWEEnv(suite=suite, protocol="openai", reward="shaped", step_weights=weights, check_every=1) as env:
        env.reset()
        env.step(call("bash", command="cd calc; B=2; sleep 1243 &"))
        _, _, _, _, info = env.step(call("str_replace_based_edit", **EDIT))
        assert info["reward_components"] == {"calls_succeeded": 0.5, "f2p_fraction": 1.0}
        assert "sleep 1243" in says(env, "bash", command="jobs; echo $B"), "the check leaves the shell alone"


def test_options(suite: str) -> None:
    for options in ({"protocol": "xml"}, {"protocol": "openai", "tools_in_prompt": True}, {"tools_in_prompt": True}):
        with pytest.raises(ConfigError):
            SWEEnv(suite=suite, **options)


def test_many_at_once(toy: Toy, suite: str) -> None:
    envs: Any = gymnasium.make_vec("forge_envs:forge/SWE-v0", num_envs=2, suite=suite, protocol="openai")
    try:
        envs.reset(seed=1)
        for _ in range(2):
            observations, *_ = envs.step([call("bash", command=f"A=${{A}}{i}; echo $A; cd /tmp") for i in range(2)])
        assert ["00" in observations[0][0]["content"], "11" in observations[1][0]["content"]] == [True, True]
    finally:
        envs.close()
