"""The native editor: what it does to bytes, what it says, and where it may reach; on both backends."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_native_shell import _open

from forge_envs.core.errors import ToolError
from forge_envs.sandbox import Sandbox
from forge_envs.swe import native_editor as editor


@pytest.fixture(scope="module", params=["local", "docker"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with _open(request.param) as opened:
        yield opened


def sh(sandbox: Sandbox, script: str) -> str:
    """What a script of the sandbox's own user prints."""
    done = sandbox.run(script, merge_output=True)
    assert done.exit_code == 0, done.stdout
    return done.stdout.decode()


def test_create_view_replace_insert(sandbox: Sandbox) -> None:
    path = "/tmp/new/deep/a.py"
    assert editor.create(sandbox, path, "one\ntwo\nthree") == f"File created successfully at: {path}"
    assert editor.view(sandbox, path) == (
        f"Here's the result of running `cat -n` on {path}:\n     1\tone\n     2\ttwo\n     3\tthree\n"
    )
    assert editor.view(sandbox, path, [2, -1]).endswith(f"{path}:\n     2\ttwo\n     3\tthree\n")
    assert editor.view(sandbox, path, [2, 2]).endswith(f"{path}:\n     2\ttwo\n")
    said = editor.str_replace(sandbox, path, "two\nth", "2\nTH")
    assert said.startswith(f"The file {path} has been edited.") and "     2\t2\n     3\tTHree\n" in said
    said = editor.insert(sandbox, path, 3, "four")
    assert "     4\tfour\n" in said
    editor.insert(sandbox, path, 0, "zero\n")
    assert sandbox.read(path) == b"zero\none\n2\nTHree\nfour"
    assert sh(sandbox, f"echo more >> {path}; mv {path} {path}2; rm {path}2; echo mine") == "mine\n"


@pytest.mark.parametrize(
    ("path", "make", "said"),
    [
        ("relative.py", "true", "not an absolute path"),
        ("/tmp/e/nothing", "true", "The path /tmp/e/nothing does not exist. Please provide a valid path."),
        ("/tmp/e/folder", "mkdir /tmp/e/folder", "is a directory and only the `view` command can be used"),
        ("/tmp/e/binary", "printf 'a\\0b' > /tmp/e/binary", "binary"),
        ("/tmp/e/pipe", "mkfifo /tmp/e/pipe", "no file and no folder"),
        ("/tmp/e/loop", "ln -s loop /tmp/e/loop", "a link to nothing"),
        ("/dev/zero", "true", "no file and no folder"),
        ("/tmp/e/large", "head -c 16777217 /dev/zero | tr '\\0' a > /tmp/e/large", "larger than"),
    ],
)
def test_what_can_not_be_edited(sandbox: Sandbox, path: str, make: str, said: str) -> None:
    sh(sandbox, f"rm -rf /tmp/e; mkdir /tmp/e; {make}")
    for call in (
        lambda: editor.str_replace(sandbox, path, "a", "b"),
        lambda: editor.insert(sandbox, path, 0, "b"),
    ):
        with pytest.raises(ToolError, match=said):
            call()


def test_what_is_there_is_not_created_again(sandbox: Sandbox) -> None:
    sh(sandbox, "echo x > /tmp/there; ln -sf nothing /tmp/dangling; mkdir -p /tmp/folder")
    for path in ("/tmp/there", "/tmp/folder"):
        with pytest.raises(ToolError, match=f"File already exists at: {path}. Cannot overwrite"):
            editor.create(sandbox, path, "y")
    for path in ("/tmp/dangling", "/tmp/there/below", "relative"):
        with pytest.raises(ToolError):
            editor.create(sandbox, path, "y")
    assert sh(sandbox, "cat /tmp/there; ls /tmp/nothing 2>&1 | wc -l") == "x\n1\n"


def test_modes_links_and_odd_names(sandbox: Sandbox) -> None:
    name = '/tmp/o/it\'s "a" $name\n-x'
    sandbox.write(name, b"#!/bin/sh\necho old\n")
    sh(sandbox, 'cd /tmp/o; for f in *; do chmod 751 "$f"; ln -s "$f" link; done; ln -s . round')
    editor.str_replace(sandbox, "/tmp/o/round/link", "echo old", "echo new")
    assert sandbox.read(name) == b"#!/bin/sh\necho new\n"
    assert sh(sandbox, "cd /tmp/o; readlink link | wc -l; stat -L -c %a link; ./link") == "2\n751\nnew\n"


def test_no_link_leads_to_the_host(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> None:
    target = tmp_path_factory.mktemp("host") / "secret"
    target.write_text("of the host")
    sh(sandbox, f"rm -rf /tmp/way; ln -s '{target}' /tmp/way; ln -sfn / /tmp/top; ln -sfn /proc/1/root /tmp/root")
    up = "/tmp/" + "../" * 40
    for path in ("/tmp/way", f"{up}{target}", f"/tmp/top{target}", f"/tmp/root{target}"):
        for call in (
            lambda path=path: editor.view(sandbox, path),
            lambda path=path: editor.str_replace(sandbox, path, "of", "by"),
            lambda path=path: editor.create(sandbox, path + "2", "x"),
        ):
            try:
                assert "of the host" not in call()
            except ToolError as error:
                assert "of the host" not in str(error)
    assert target.read_text() == "of the host" and [one.name for one in target.parent.iterdir()] == ["secret"]


def test_what_may_not_be_written(sandbox: Sandbox) -> None:
    if sandbox.spec.backend == "docker":
        pytest.skip("The container's user is root there.")
    for path in ("/usr/bin/env2", "/usr/x/y", "/proc/x"):
        with pytest.raises(ToolError, match="can't be"):
            editor.create(sandbox, path, "x")
    sh(sandbox, "echo x > /tmp/locked; chmod 444 /tmp/locked; echo y > /tmp/hidden; chmod 0 /tmp/hidden")
    with pytest.raises(ToolError, match="permission"):
        editor.str_replace(sandbox, "/tmp/locked", "x", "z")
    with pytest.raises(ToolError, match="can't be read"):
        editor.view(sandbox, "/tmp/hidden")
    with pytest.raises(ToolError, match="permission"):
        editor.insert(sandbox, "/usr/bin/env", 0, "x")


def test_a_folder(sandbox: Sandbox) -> None:
    sh(sandbox, "rm -rf /tmp/f; mkdir -p /tmp/f/.hidden/x /tmp/f/a/b/c /tmp/f/.seen; touch /tmp/f/z /tmp/f/.seen/y")
    said = editor.view(sandbox, "/tmp/f/")
    assert said.split(":\n")[1] == "/tmp/f/\n/tmp/f/a\n/tmp/f/a/b\n/tmp/f/z\n"
    assert "/tmp/f/.seen/y\n" in editor.view(sandbox, "/tmp/f/.seen")
    with pytest.raises(ToolError, match="view_range"):
        editor.view(sandbox, "/tmp/f", [1, 2])
    sh(sandbox, "mkdir /tmp/many; cd /tmp/many; seq 3000 | xargs touch")
    said = editor.view(sandbox, "/tmp/many")
    assert said.endswith("(there are more)\n") and len(said) < 30_000


def test_views_are_bounded(sandbox: Sandbox) -> None:
    sandbox.write("/tmp/long", b"".join(b"line %d\n" % i for i in range(1, 9_001)))
    said = editor.view(sandbox, "/tmp/long")
    assert len(said) < 17_000 and said.endswith("to 9000 of 9000 are not shown; use `view_range`)\n")
    assert "  8999\tline 8999\n" in editor.view(sandbox, "/tmp/long", [8_990, 9_999])
    sandbox.write("/tmp/wide", b"x" * 1_000_000)
    assert len(editor.view(sandbox, "/tmp/wide")) < 17_000
    for wrong in ([0, 2], [9_001, -1], [5, 4], [1], [1, 2, 3], [-1, 3]):
        with pytest.raises(ToolError, match="Invalid `view_range`"):
            editor.view(sandbox, "/tmp/long", wrong)
    sandbox.write("/tmp/empty", b"")
    assert editor.view(sandbox, "/tmp/empty").endswith(":\n") and editor.view(sandbox, "/tmp/empty", [1, -1])


def test_endings_and_bytes(sandbox: Sandbox) -> None:
    sandbox.write("/tmp/crlf", b"a\r\nb \xe9\xff\r\nc\r\n")
    assert "     2\tb \ufffd\ufffd\n     3\tc\n" in editor.view(sandbox, "/tmp/crlf")
    editor.str_replace(sandbox, "/tmp/crlf", "c\n", "c\nd\n")
    editor.str_replace(sandbox, "/tmp/crlf", "a\nb", "A\nB")
    editor.insert(sandbox, "/tmp/crlf", 1, "new")
    assert sandbox.read("/tmp/crlf") == b"A\r\nnew\r\nB \xe9\xff\r\nc\r\nd\r\n"


def test_messages() -> None:
    with pytest.raises(ToolError, match=r"^No replacement was performed, old_str `x y` did not appear verbatim in /f"):
        editor.replaced(b"x  y", "x y", "z", "/f")
    with pytest.raises(ToolError) as raised:
        editor.replaced(b"ab\nab\n\nab", "ab", "z", "/f")
    assert str(raised.value) == (
        "No replacement was performed. Multiple occurrences of old_str `ab` in lines [1, 2, 4]. Please ensure it is"
        " unique"
    )
    with pytest.raises(ToolError) as raised:
        editor.replaced(b"", "x" * 100_000, "z", "/f")
    assert len(str(raised.value)) < 1_200
    with pytest.raises(ToolError, match="within the range"):
        editor.inserted(b"a\n", 2, "x")


LETTERS = st.text("ab\n", max_size=12)
ANY = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(LETTERS | ANY, LETTERS | ANY, LETTERS | ANY)
def test_replacing_is_what_python_says(text: str, old: str, new: str) -> None:
    starts = [i for i in range(len(text)) if text.startswith(old, i)] if old else []
    if len(starts) != 1 or old == new or ("\r\n" in text and text.count("\n") == text.count("\r\n")):
        if len(starts) != 1:
            with pytest.raises(ToolError):
                editor.replaced(text.encode(), old, new, "/f")
        return
    found, line = editor.replaced(text.encode(), old, new, "/f")
    assert found.decode() == text[: starts[0]] + new + text[starts[0] + len(old) :]
    assert line == 1 + text[: starts[0]].count("\n")


@given(st.binary(max_size=30), st.text("xy", min_size=1, max_size=3), ANY, st.binary(max_size=30))
def test_other_bytes_stay_as_they_are(before: bytes, old: str, new: str, after: bytes) -> None:
    mark = f"<{old}>"
    content = before + mark.encode() + after
    if content.count(mark.encode()) != 1 or new == mark or b"\r\n" in content:
        return
    assert editor.replaced(content, mark, new, "/f")[0] == before + new.encode() + after


@given(st.lists(st.text("ab", max_size=3), max_size=5), st.booleans(), st.text("xy", min_size=1), st.integers(0, 5))
def test_inserting_is_what_python_says(lines: list[str], closed: bool, new: str, after: int) -> None:
    text = "\n".join(lines) + ("\n" if closed and lines else "")
    have = text.split("\n")
    if have[-1] == "":
        have.pop()
    if after > len(have):
        with pytest.raises(ToolError, match="insert_line"):
            editor.inserted(text.encode(), after, new)
        return
    done = editor.inserted(text.encode(), after, new).decode()
    rows = done.split("\n")
    assert [*have[:after], new, *have[after:]] == (rows[:-1] if rows[-1] == "" else rows)
    assert done.endswith("\n") == text.endswith("\n") or not text or after == len(have)


@given(st.lists(st.text("abé", max_size=3), min_size=1, max_size=4), st.integers(0, 4), st.text("x\n", min_size=1))
def test_files_of_crlf_stay_so(lines: list[str], after: int, new: str) -> None:
    content = "".join(f"{line}\r\n" for line in lines).encode()
    done = editor.inserted(content, min(after, len(lines)), new)
    assert done.count(b"\n") == done.count(b"\r\n")
    replaced, _ = editor.replaced(b"<>\r\n" + content, "<>\n", f"{new}\n", "/f")
    assert replaced.count(b"\n") == replaced.count(b"\r\n")
