"""What a model writes: code blocks, edits of a project, the text that comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_envs.code_contest.answers import check_language, code_blocks, find_program
from forge_envs.code_contest.bounded import bounded
from forge_envs.code_contest.project.edits import apply_edits, check_files
from forge_envs.code_contest.prompts import fenced
from forge_envs.code_contest.submit import program_message
from forge_envs.code_contest.task import ContestTask, Program
from forge_envs.core.errors import ActionError

BOTH = ("python", "cpp")


@pytest.mark.parametrize(
    ("text", "language", "code"),
    [
        ("```python\nprint(1)\n```", "python", "print(1)\n"),
        ("```\nprint(1)\n```", "python", "print(1)\n"),
        ("```c++\nint main() {}\n```", "cpp", "int main() {}\n"),
        ("First\n```py\na\n```\nthen\n```cpp\nb\n```\nwhich prints\n```text\n3\n```", "cpp", "b\n"),
        ("```Python3 title=x\r\na\r\n```\r\n", "python", "a\n"),
        ("  ~~~python\nx = '```'\n~~~", "python", "x = '```'\n"),
        ("````python\n```\nstill code\n```\n````", "python", "```\nstill code\n```\n"),
        ("```python\na\n```\n```python\n\n```", "python", "a\n"),
        ("inline ```python``` no block\n```python\nb\n```", "python", "b\n"),
    ],
)
def test_the_last_block_in_a_language_of_the_task_counts(text: str, language: str, code: str) -> None:
    assert find_program(text, BOTH) == Program(language, code)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no program in your reply"),
        ("print(1)", "there is no program in your reply"),
        ("```python\nprint(1)", "a block has to be closed"),
        ("```rust\nfn main() {}\n```", "the program is in rust, and this task takes python or cpp"),
        ("```text\nhello\n```", "there is no program"),
    ],
)
def test_a_reply_without_a_program_is_told_so(text: str, said: str) -> None:
    with pytest.raises(ActionError, match=said):
        find_program(text, BOTH)


@given(st.text(alphabet="`~\n ap", max_size=300))
def test_blocks_are_parts_of_the_text(text: str) -> None:
    for block in code_blocks(text):
        assert block.body in text + "\n" and block.info in text


@given(st.text(max_size=200), st.sampled_from(BOTH))
def test_a_program_survives_the_prompts_form(code: str, language: str) -> None:
    written = code.replace("\r", "").strip("\n") + "\n"
    task = ContestTask("t", "t", "stdin", "t", BOTH)
    if written.strip():
        message = program_message(task, Program(language, written))
        assert find_program(message["content"], BOTH) == Program(language, written)


def test_languages_have_more_than_one_name() -> None:
    found = [check_language(name, BOTH) for name in ("", " C++ ", "py", "Python3")]
    assert found == ["python", "cpp", "python", "python"]
    with pytest.raises(ActionError, match="'java' is not taken"):
        check_language("java", BOTH)


FILES = {"a.py": "one\ntwo\nthree\ntwo\n", "lib/b.py": "", "fixed.py": "x\n"}
EDITABLE = ("a.py", "lib/b.py")


def _at(where: str, *lines: str, language: str = "python") -> str:
    return "\n".join([where, f"```{language}", *lines, "```"])


def _change(search: str, replace: str) -> str:
    return "\n".join(
        ["<<<<<<< SEARCH", *filter(None, [search]), "=======", *filter(None, [replace]), ">>>>>>> REPLACE"]
    )


REST = "two\nthree\ntwo\n"


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        (_at("a.py", "new"), {"a.py": "new\n"}),
        (_at("**`a.py`:**\n", "new"), {"a.py": "new\n"}),
        (_at("### File: lib/b.py", "x = 1") + "\nand\n" + _at("a.py", "y"), {"lib/b.py": "x = 1\n", "a.py": "y\n"}),
        (_at("", "new", language="python a.py"), {"a.py": "new\n"}),
        (_at("b.py", "new"), {"lib/b.py": "new\n"}),
        (_at("a.py", _change("one", "1")), {"a.py": f"1\n{REST}"}),
        (_at("a.py", _change("two\nthree", ""), _change("one", "0\none")), {"a.py": "0\none\ntwo\n"}),
        (_at("lib/b.py", _change("", "x")), {"lib/b.py": "x\n"}),
        (_at("a.py", _change("one", "uno")) + "\n" + _at("a.py", _change("uno", "eins")), {"a.py": f"eins\n{REST}"}),
        (_at("For example:", "ls", language="bash") + "\n" + _at("a.py", "z"), {"a.py": "z\n"}),
    ],
)
def test_edits(text: str, edited: dict[str, str]) -> None:
    assert apply_edits(text, FILES, EDITABLE) == edited


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nothing", "there is no edit"),
        (_at("", "new"), "there is no edit"),
        (_at("fixed.py", "new"), "'fixed.py' can't be changed"),
        (_at("../a.txt", "new"), "can't be changed"),
        (_at("a.py", _change("two", "x")), "occurs 2 times in a.py"),
        (_at("a.py", _change("four", "x")), "does not occur in a.py"),
        (_at("a.py", _change("ne", "x")), "does not occur in a.py"),
        (_at("a.py", _change("", "x")), "search part for a.py is empty"),
        (_at("a.py", "<<<<<<< SEARCH", "one"), "is not closed"),
    ],
)
def test_edits_that_are_refused(text: str, said: str) -> None:
    with pytest.raises(ActionError, match=said):
        apply_edits(text, FILES, EDITABLE)


def test_one_file_needs_no_name() -> None:
    assert apply_edits(_at("", "new"), FILES, ("a.py",)) == {"a.py": "new\n"}


@pytest.mark.parametrize("given_files", [{}, {"fixed.py": "x"}, {"a.py": 1}, {"../a.py": "x"}])
def test_files_of_a_call_are_checked(given_files: dict[str, object]) -> None:
    with pytest.raises(ActionError):
        check_files(given_files, EDITABLE)


@given(st.text(alphabet="ab\n<=>` SEARCHREPLACE", max_size=300))
def test_edits_end_with_files_or_a_message(text: str) -> None:
    try:
        edited = apply_edits(f"a.py\n```python\n{text}\n```", FILES, EDITABLE)
    except ActionError as error:
        assert str(error)
    else:
        assert set(edited) <= set(EDITABLE)


@given(st.text(max_size=500), st.integers(20, 100))
def test_cut_text_says_what_is_missing(text: str, limit: int) -> None:
    shown = bounded(text, limit)
    if len(text) <= limit:
        assert shown == text
    else:
        assert f"[… {len(text) - limit} characters left out …]" in shown and len(shown) < limit + 60
        assert shown.startswith(text[: limit // 2]) and shown.endswith(text[-limit // 4 :])


@given(st.text(alphabet="`\na", max_size=50))
def test_a_programs_output_cant_close_its_block(text: str) -> None:
    (block,) = code_blocks(fenced(text))
    assert block.body.strip("\n") == text.strip("\n")
