"""Applying and resetting: what an image brings along stays, a repository that is a runner, and trouble that is no 0."""

import base64
import hashlib
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from toy_repository import FILES, FIXED, GOLD, Toy, diff

from forge_envs import GraderError, SandboxError, Task
from forge_envs.core.rewards import Verdict
from forge_envs.sandbox.base import ExecResult, Limits, Sandbox
from forge_envs.swe import applying
from forge_envs.swe.applying import apply_patch, reset_tests
from forge_envs.swe.grading import grade
from forge_envs.swe.infrastructure import decides
from forge_envs.swe.patch import ended_by_trouble, take_patch
from forge_envs.swe.workspace import open_workspace

BUILT = {"calc/speed.so": "built", "calc.egg-info/PKG-INFO": "built", "build/x.pth": "built", "calc/x.pyc": "built"}
CHECK = " && ".join(f"grep -qx built {path}" for path in BUILT) + " && python -m pytest -rA"


def image(toy: Toy) -> Sandbox:
    """A workspace of an image where products were built in place, which git ignores."""
    sandbox = toy.open()
    for path, text in BUILT.items():
        sandbox.write(f"/testbed/{path}", text.encode())
    sandbox.run("printf '*.so\\n*.egg-info/\\n*.pyc\\n' >> .git/info/exclude")
    return sandbox


def judged(toy: Toy, artifact: str, opened: Callable[[], Sandbox], **row: object) -> Verdict:
    task = Task(toy.task.id, {**toy.task.data, **row})
    return grade(task, {"patch": artifact, "format_faults": 0}, open_workspace=opened, timeout_s=60)


def test_what_the_image_built_stays(toy: Toy) -> None:
    verdict = judged(toy, GOLD, lambda: image(toy), test_cmd=CHECK)
    assert verdict.reward == 1.0, verdict.details


def test_what_a_patch_does_to_it_is_undone(toy: Toy) -> None:
    """Also where git would not show it: the files are ignored."""
    changed = {path: "forged" for path in BUILT}
    new = {"evil.egg-info/entry_points.txt": "[pytest11]\nevil = evil\n", "calc/evil.so": "forged\n"}
    lines = {path: text + "\n" for path, text in changed.items()}
    patch = GOLD + diff({path: text + "\n" for path, text in BUILT.items()}, lines) + diff({}, new)

    def opened() -> Sandbox:
        sandbox = image(toy)
        for path, text in BUILT.items():
            sandbox.write(f"/testbed/{path}", f"{text}\n".encode())
        return sandbox

    check = f"test ! -e calc/evil.so && test ! -e evil.egg-info/entry_points.txt && {CHECK}"
    verdict = judged(toy, patch, opened, test_cmd=check)
    assert verdict.reward == 1.0, verdict.details


def test_paths_of_a_patch_are_those_that_git_reads(toy: Toy) -> None:
    """A renamed and a deleted file are named, and a name with a tab and a line break is one name."""
    moved = (
        "diff --git a/README.md b/tests/conftest.py\nsimilarity index 100%\nrename from README.md\n"
        "rename to tests/conftest.py\n"
    )
    odd = (
        diff({}, {"odd": "x\n"})
        .replace("a/odd b/odd", '"a/o\\td\\nd" "b/o\\td\\nd"')
        .replace("+++ b/odd", '+++ "b/o\\td\\nd"')
    )
    with toy.open() as sandbox:
        changed = apply_patch(sandbox, moved + odd + diff(FILES, {k: v for k, v in FILES.items() if k != ".gitignore"}))
        assert changed is not None and sorted(changed) == [".gitignore", "README.md", "o\td\nd", "tests/conftest.py"]
        assert reset_tests(sandbox, changed, hidden=["README.md/x"], tests=[".gitignore", "none"], product=())
        said = sandbox.run("git status --porcelain -z; ls /tmp -A", merge_output=True).stdout.decode()
    assert said == " D README.md\0?? o\td\nd\0", said


def test_a_repository_that_is_a_runner() -> None:
    """Pygments' own repository is no copy that stands in the way of pytest's."""
    for path in ("pygments/lexer.py", "packaging/version.py", "_pytest/x.py", "pytest.py", "py.py", "conftest.py"):
        assert decides(path, {"calc/core.py", "src/pygments/x.py"})
    product = {"pygments/lexers/c.py", "tests/conftest.py"}
    assert not decides("pygments/lexers/new.py", product) and not decides("tests/conftest.py", product)
    assert decides("packaging/version.py", product) and decides("conftest.py", product)
    assert not decides("pytest.py", {"_pytest/x.py"}) and not decides("_pytest/a.py", {"pytest.py"})
    assert not decides("docs/pygments/x.py", ()) and not decides("pygments.txt", ())


def test_a_fix_in_such_a_repository(toy: Toy) -> None:
    """The gold patch changes one file of packaging/, the agent another one and a new one."""
    base = {**FILES, "packaging/__init__.py": "", "packaging/core.py": "VALUE = 1\n"}
    gold = diff(base, {**base, "packaging/core.py": "VALUE = 2\n"})
    mine = {"packaging/__init__.py": "from packaging.new import VALUE\n", "packaging/new.py": "VALUE = 2\n"}

    def opened() -> Sandbox:
        sandbox = toy.open()
        made = sandbox.run(
            "mkdir packaging; touch packaging/__init__.py; echo 'VALUE = 1' > packaging/core.py; git add -A;"
            " git commit -qm base",
            merge_output=True,
        )
        assert made.exit_code == 0, made.stdout
        return sandbox

    patch = diff(base, {**base, **mine, "calc/core.py": FIXED})
    check = "grep -rq 'new import' packaging && ls packaging | grep -q new && echo '--- PASS: B (0.00s)'"
    row = {"FAIL_TO_PASS": ["B"], "PASS_TO_PASS": [], "log_parser": "parse_log_gotest", "test_cmd": check}
    assert judged(toy, patch, opened, **row, patch=gold).reward == 1.0
    assert judged(toy, patch, opened, **row).reward == 0.0


def test_trouble_is_no_zero(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    big = bytes(8 * 2**20)
    small = zlib.compress(big)
    lines = []
    for start in range(0, len(small), 52):
        part = small[start : start + 52]
        sign = chr(ord("A") + len(part) - 1) if len(part) <= 26 else chr(ord("a") + len(part) - 27)
        lines.append(sign + base64.b85encode(part, pad=True).decode())
    body = "\n".join(lines)
    patch = (
        "diff --git a/big b/big\nnew file mode 100644\nindex 0000000000000000000000000000000000000000.."
        f"{'1' * 40}\nGIT binary patch\nliteral {len(big)}\n{body}\n\nliteral 0\nHcmV?d00001\n\n"
    )
    digest = hashlib.sha1(b"blob %d\0" % len(big) + big).hexdigest()
    patch = patch.replace("1" * 40, digest)
    with toy.open() as sandbox:
        assert apply_patch(sandbox, patch) == ["big"]
    site = replace(toy.site, disk_mb=4)
    with pytest.raises(GraderError, match="the disk is full"):
        judged(toy, patch, lambda: open_workspace(site))
    monkeypatch.setattr(applying, "_GIT", Limits(wall_s=0.001))
    with pytest.raises(GraderError, match="wall limit"):
        judged(toy, GOLD, toy.open)
    with toy.open() as sandbox, pytest.raises(SandboxError, match="limit"):
        reset_tests(sandbox, [], hidden=[], tests=[], product=())


def test_how_git_ended() -> None:
    ended = ExecResult(b"", b"", 1, None, "exited", 0, 0, 0, "A")
    assert ended_by_trouble(ended) is None and ended_by_trouble(replace(ended, exit_code=128)) is None
    assert ended_by_trouble(replace(ended, exit_code=137)) == "it was ended by signal 9"
    assert ended_by_trouble(replace(ended, ended="memory_limit", exit_code=None)) == "memory limit"


def test_no_patch_because_of_trouble(toy: Toy) -> None:
    with toy.open() as sandbox:
        sandbox.write("/testbed/calc/core.py", FIXED.encode())
        with pytest.raises(SandboxError, match="wall limit"):
            take_patch(sandbox, timeout_s=0.001)
        assert take_patch(sandbox).patch == GOLD or "n * 2" in take_patch(sandbox).patch
    with open_workspace(replace(toy.site, disk_mb=4)) as sandbox:
        sandbox.write("/testbed/calc/core.py", FIXED.encode())
        sandbox.run("cat /dev/zero > /testbed/build.log")
        taken = take_patch(sandbox)
    assert taken.patch == "" and "disk is full" in (taken.error or "")
