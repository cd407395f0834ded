"""The text protocol of one bash block: what is read back is what was written, whatever stands around it."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_envs.core.errors import ActionError
from forge_envs.swe.bash_block import BASH_BLOCK, block, commands_of

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=80)
NEAR = st.text(st.sampled_from("`bash \n\r'\"\\$x"), max_size=40)
FENCES = st.lists(st.sampled_from(["```", "```bash", "bash", "\n", " ", "ls", "x"]), max_size=14).map("".join)


@given(TEXT | NEAR | FENCES)
def test_a_command_is_read_back(command: str) -> None:
    (read,) = commands_of(block("Look at it.", command))
    assert read == command or (read.startswith("eval $'") and "\n" not in read and "\n```" in f"\n{command}")


@given(NEAR | FENCES | TEXT)
@settings(max_examples=20, deadline=None)
def test_bash_runs_what_was_meant(text: str) -> None:
    command = f"cat <<'END_OF_IT'\n{text}\n```\nEND_OF_IT"
    (read,) = commands_of(block("Write a fence.", command))
    done = subprocess.run(["bash", "-c", read], capture_output=True, check=True, timeout=20)
    assert done.stdout == f"{text}\n```\n".encode()


@given(st.lists(FENCES | TEXT | NEAR, max_size=4), st.lists(st.sampled_from(["ls", "cat x", "a\nb"]), max_size=3))
def test_every_reply_is_read_or_refused(around: list[str], commands: list[str]) -> None:
    reply = "".join([*around, *(f"\n```bash\n{command}\n```\n" for command in commands)])
    found = commands_of(reply)
    if len(found) == 1 and found[0].strip() and "<think>" not in reply:
        assert commands_of(BASH_BLOCK.parse(reply)["content"]) == [found[0]]
    else:
        with pytest.raises(ActionError):
            BASH_BLOCK.parse(reply)


@given(st.lists(st.sampled_from(["ls", "cat x", "a\nb", "echo '```bash'"]), max_size=4))
def test_blocks_are_counted(commands: list[str]) -> None:
    text = "\n\n".join(block(f"Number {i}.", command) for i, command in enumerate(commands))
    assert commands_of(text) == commands


@pytest.mark.parametrize(
    ("reply", "commands"),
    [
        ("```bash\nls\n```", ["ls"]),
        ("a ```bash  \nls\n``` b", ["ls"]),
        ("```bash ls```", []),
        ("```bash\nls```", []),
        ("```bash\nls", []),
        ("```sh\nls\n```", []),
        ("```bash -x\nls\n```", []),
        ("```bash\n\n```", [""]),
        ("```bash\n```bash\nls\n```", [""]),
        ("```bash\necho '```'\n```", ["echo '```'"]),
        ("```bash\nls\r\n```", ["ls\r"]),
    ],
)
def test_forms(reply: str, commands: list[str]) -> None:
    assert commands_of(reply) == commands


def test_masses_are_read_in_no_time() -> None:
    for piece in ("```bash\n", "```bash\nx\n```\n", "```bash x\n", "\n```", "```bash"):
        assert len(commands_of(piece * 20_000)) <= 20_000
