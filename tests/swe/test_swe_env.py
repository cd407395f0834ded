"""SWE-v0: gold, doing nothing, the protocol, limits, and what an agent is shown."""

import json
import pickle
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from gymnasium.utils.env_checker import check_env
from toy_repository import FIXED, GOLD, ROW, Toy

from forge_envs import ConfigError, GraderError, TaskError
from forge_envs.core.messages import assistant, tool_call
from forge_envs.core.task import Task
from forge_envs.core.vector import ThreadVectorEnv
from forge_envs.swe.bash_block import block
from forge_envs.swe.env import SWEEnv
from forge_envs.swe.prompts import SUBMIT
from forge_envs.swe.repository import Repository, prepare

EDIT = f"cat > calc/core.py <<'END'\n{FIXED}END"


@pytest.fixture(scope="module")
def suite(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A suite of one task."""
    folder = tmp_path_factory.mktemp("suite")
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
    with SWEEnv(suite=suite) as made:
        yield made


def says(env: SWEEnv, command: str) -> str:
    """What a command's observation says."""
    observation, *_ = env.step(block("Try.", command))
    return str(observation[0]["content"])


def test_checker(suite: str) -> None:
    with SWEEnv(suite=suite) as env:
        check_env(env, skip_render_check=True)


def test_gold(env: SWEEnv) -> None:
    env.reset(seed=1)
    first, last = env.gold_actions()
    observation, reward, terminated, truncated, info = env.step(first)
    assert (reward, terminated, truncated) == (0.0, False, False) and "verdict" not in info
    assert observation[0]["content"] == "<returncode>0</returncode>\n<output>\n</output>"
    observation, reward, terminated, truncated, info = env.step(last)
    assert (observation, reward, terminated, truncated) == ((), 1.0, True, False), info["verdict"]
    assert info["verdict"]["details"]["resolved"]
    json.dumps(info)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("head -c 17000000 /dev/urandom > data.bin", "larger than 16 MiB"),
        ("cat /dev/zero > /tmp/full", "disk is full"),
        ("cat /dev/zero > big.bin", "disk is full"),
        (
            "head -c 5000000 /dev/urandom > new; df -k --output=avail /tmp | tail -n 1 > n;"
            " head -c $(($(cat n) - 2048))K /dev/zero > /tmp/fill",
            "disk is full",
        ),
        ("mkdir n; cd n; seq 100000 | xargs touch", "disk is full"),
    ],
)
def test_a_workspace_that_gives_no_diff(suite: str, command: str, said: str) -> None:
    """What the agent did to it: the episode comes to its end, earns nothing, and the verdict says why."""
    with SWEEnv(suite=suite, disk_mb=64) as env:
        env.reset()
        env.step(block("Repair.", EDIT))
        env.step(block("Fill.", command))
        _, reward, terminated, _, info = env.step(block("Done.", "echo MINI_SWE_AGENT_FINAL_OUTPUT"))
        assert (reward, terminated) == (0.0, True)
        assert info["artifact"]["patch"] == "" and said in info["artifact"]["patch_error"], info["artifact"]
        details = info["verdict"]["details"]
        assert said in details["problem"] and not details["patch_exists"] and not details["resolved"]


def test_a_file_that_cant_be_read_and_little_room(suite: str) -> None:
    """It is left out of the diff; what it is called is no sign of a full disk while there is room."""
    with SWEEnv(suite=suite, disk_mb=128) as env:
        env.reset()
        env.step(block("Repair.", EDIT))
        env.step(block("Hide.", 'f=\'No space left on device\'; echo x > "$f"; chmod 0 "$f"'))
        _, reward, _, _, info = env.step(block("Done.", "echo MINI_SWE_AGENT_FINAL_OUTPUT"))
        assert reward == 1.0 and info["artifact"]["patch_error"] is None, info["artifact"]


def test_doing_nothing_and_the_step_limit(suite: str) -> None:
    with SWEEnv(suite=suite, max_steps=2) as env:
        env.reset()
        env.step("")
        _, reward, terminated, truncated, info = env.step("Hm.")
        assert (reward, terminated, truncated, info["truncation"]) == (0.0, False, True, "max_steps")
        assert info["verdict"]["details"]["problem"] == "the patch is empty" and info["format_faults"] == 2
        env.reset()
        env.step(block("Repair.", EDIT))
        _, reward, terminated, truncated, info = env.step(block("Look.", "ls"))
        assert (reward, terminated, truncated) == (1.0, False, True), "the work so far is graded"


def test_the_same_again_and_nothing_is_kept(env: SWEEnv) -> None:
    env.reset(seed=3)
    first = says(env, "git status --porcelain; ls -a /testbed /home/forge /tmp | sort; env | sort")
    says(env, "rm -rf .git calc; echo x > /home/forge/x; mkdir /tmp/y; echo 'exit 3' > ~/.bashrc; touch /etc/z")
    observation, _ = env.reset(seed=3)
    again = says(env, "git status --porcelain; ls -a /testbed /home/forge /tmp | sort; env | sort")
    assert again == first
    assert ROW["problem_statement"] in observation[1]["content"]


def test_what_the_agent_sees_of_the_row(env: SWEEnv) -> None:
    observation, info = env.reset()
    shown = json.dumps([*observation, info])
    for secret in ("HINT", "test_double", "test_more", "n * 2"):
        assert secret not in shown
    assert "fatal" not in (said := says(env, "git log --all --format=%s; git fsck --unreachable; git reflog; git tag"))
    assert said == "<returncode>0</returncode>\n<output>\nbase\n</output>"
    pattern = "def test_doubl[e]|def test_mor[e]|n [*] 2"
    found = says(env, f"grep -srlE '{pattern}' /testbed /base.git /tools /home /tmp /var /run /etc /dev/shm; echo $?")
    assert found == "<returncode>0</returncode>\n<output>\n1\n</output>"
    for folder in ("/testbed/.git", "/base.git"):
        objects = f"git --git-dir={folder} cat-file --batch-all-objects --batch --buffer"
        assert "def half" in says(env, objects)
        assert says(env, f"{objects} | grep -acE '{pattern}'").endswith("<output>\n0\n</output>")
    assert says(env, "cat /proc/*/cmdline /proc/*/environ | tr '\\0' '\\n' | grep -c test_doubl[e]").endswith(
        "0\n</output>"
    )


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ("ls", "has 0"),
        (block("a", "ls") + "\n" + block("b", "ls"), "has 2"),
        (block("a", " "), "empty"),
        ("```bash\nls", "has 0"),
        ("```bash " * 20_000, "characters"),
        ("```bash\n" * 10_000, "has 5000"),
        (f"<think>{block('a', 'ls')}</think>", "has 0"),
    ],
)
def test_malformed_replies(env: SWEEnv, reply: str, fault: str) -> None:
    env.reset()
    observation, _, terminated, truncated, info = env.step(reply)
    assert fault in observation[0]["content"] and not terminated and not truncated and info["format_faults"] == 1


def test_commands(env: SWEEnv) -> None:
    env.reset()
    assert says(env, "cd /tmp; export A=1; pwd") == "<returncode>0</returncode>\n<output>\n/tmp\n</output>"
    assert says(env, "pwd; echo $A; exit 3") == "<returncode>3</returncode>\n<output>\n/testbed\n\n</output>"
    assert says(env, "kill -9 $$") == "<returncode>137</returncode>\n<output>\n</output>"
    long = says(env, "echo start; head -c 100000 /dev/zero | tr '\\0' x; echo; echo end >&2")
    assert "<output_head>\nstart\nxx" in long and long.endswith("xx\nend\n\n</output_tail>") and len(long) < 11_000
    assert "<elided_chars>\n90011 characters elided" in long
    assert says(env, "printf 'a\\xff\\0b'") == "<returncode>0</returncode>\n<output>\na\ufffd\0b</output>"
    assert "END" in says(env, "cat <<'X'\nEND\nX")


def test_a_command_that_does_not_end(suite: str) -> None:
    with SWEEnv(suite=suite, command_timeout=1.0) as env:
        env.reset()
        said = says(env, "echo before; (setsid sleep 1000 &) ; sleep 1000")
        assert said.startswith("The command was stopped after 1 seconds") and "before" in said
        assert says(env, "pgrep -c sleep; echo done") == "<returncode>0</returncode>\n<output>\n0\ndone\n</output>"


def test_the_editor(env: SWEEnv) -> None:
    env.reset()
    edit = "old=$(cat <<'EOF'\n{}\nEOF\n)\nnew=$(cat <<'EOF'\n{}\nEOF\n)\n"
    edit += 'edit_via_str_replace calc/core.py -- "$old" "$new"'
    assert "<returncode>2<" in says(env, edit.format("n - 2", "n * 2"))
    assert "[1, 5]" in (twice := says(env, edit.format("def ", "DEF "))) and "<returncode>3<" in twice
    assert "<returncode>1<" in says(env, "edit_via_str_replace nothing -- a b")
    assert "<returncode>1<" in says(env, "edit_via_str_replace calc/core.py -- '' b")
    assert "<returncode>0<" in says(env, "edit_via_str_replace calc/core.py --dry-run -- 'n + 2' x; git diff --quiet")
    done = says(env, edit.format("def double(n):\n    return n + 2", "def double(n):\n    return n * 2"))
    assert "     2\t    return n * 2\n" in done and "<returncode>0<" in done
    _, reward, terminated, _, info = env.step(block("Done.", SUBMIT))
    assert (reward, terminated) == (1.0, True)
    assert info["artifact"]["patch"].count("diff --git") == 1, "the editor is not part of the patch"


def test_submitting(env: SWEEnv) -> None:
    env.reset()
    assert not env.step(block("Not so.", "echo x; echo MINI_SWE_AGENT_FINAL_OUTPUT"))[2]
    assert not env.step(block("Nor so.", "echo MINI_SWE_AGENT_FINAL_OUTPUT; false"))[2]
    assert env.step(block("But so.", "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"))[2]
    with pytest.raises(ConfigError, match="over"):
        env.step("x")


def test_chat_messages(env: SWEEnv) -> None:
    env.reset()
    observation, *_ = env.step(assistant("", [tool_call("bash", {"command": "ls"}, "c1")]))
    assert observation[0]["role"] == "tool" and "no tools" in observation[0]["content"]
    assert "core.py" in env.step(assistant(block("Look.", "ls calc")))[0][0]["content"]


def test_wrong_options(suite: str, env: SWEEnv) -> None:
    for options in ({"reward": "stepwise"}, {"protocol": "xml"}, {"tools_in_prompt": True}, {"command_timeout": 0}):
        with pytest.raises(ConfigError):
            SWEEnv(suite=suite, **options)
    task = env.suite[0]
    with pytest.raises(ConfigError, match="mirrors"):
        env.reset(options={"task": Task("x", {k: v for k, v in task.data.items() if k != "repository"})})
    with pytest.raises(TaskError, match="base_commit"):
        env.reset(options={"task": Task("x", {**task.data, "base_commit": "1" * 40})})
    with pytest.raises(ConfigError, match="over"):
        env.step("x")


def test_a_grader_that_fails_keeps_the_work(env: SWEEnv) -> None:
    task = env.suite[0]
    env.reset(options={"task": Task("x", {**task.data, "test_patch": "diff --git a/x b/x\nnonsense\n"})})
    env.step(block("Repair.", EDIT))
    with pytest.raises(GraderError) as raised:
        env.step(block("Done.", SUBMIT))
    assert raised.value.artifact is not None and raised.value.artifact["patch"].count("\n") == GOLD.count("\n") + 1


def test_many_at_once(suite: str) -> None:
    make = partial(SWEEnv, suite=suite)
    pickle.dumps(make)
    envs: Any = ThreadVectorEnv([make, make])
    try:
        envs.reset(seed=1)
        commands = [block("Mine.", f"echo {i} > mine; cat mine") for i in range(2)]
        observations, *_ = envs.step(commands)
        assert [o[0]["content"].split("\n")[2] for o in observations] == ["0", "1"]
    finally:
        envs.close()
