"""Grading: gold, nothing, half of it, right fixes that touch tests, and errors that are nobody's zero."""

import pytest
from toy_repository import FILES, FIXED, GOLD, MORE_TEST, NEW_TEST, ROW, Toy, diff

from forge_envs import GraderError, SandboxError, Task
from forge_envs.core.rewards import Verdict
from forge_envs.swe.grading import grade
from forge_envs.swe.patch import take_patch
from forge_envs.swe.repository import Repository, prepare
from forge_envs.swe.workspace import Site, open_workspace


def judged(toy: Toy, patch: str, **row: object) -> Verdict:
    """The verdict on a patch, with some fields of the row changed."""
    task = Task(toy.task.id, {**toy.task.data, **row})
    return grade(task, {"patch": patch, "format_faults": 0}, open_workspace=toy.open, timeout_s=60)


def test_gold(toy: Toy) -> None:
    verdict = judged(toy, GOLD)
    assert verdict.reward == 1.0, verdict.details
    lists = verdict.details["tests_status"]
    assert lists["FAIL_TO_PASS"] == {"success": ROW["FAIL_TO_PASS"], "failure": []}
    assert lists["PASS_TO_PASS"] == {"success": ROW["PASS_TO_PASS"], "failure": []}
    assert judged(toy, GOLD) == verdict  # canaries have other names, the verdict does not show them


def test_format_faults_cost_the_reward_and_not_the_resolution(toy: Toy) -> None:
    verdict = grade(toy.task, {"patch": GOLD, "format_faults": 1}, open_workspace=toy.open)
    assert verdict.reward == 0.0 and verdict.details["resolved"]


def test_unrelated_change(toy: Toy) -> None:
    verdict = judged(toy, diff(FILES, {**FILES, "README.md": "Sums.\n"}))
    assert verdict.reward == 0.0 and verdict.details["problem"] is None
    assert verdict.details["tests_status"]["FAIL_TO_PASS"]["failure"] == ROW["FAIL_TO_PASS"]
    assert verdict.details["tests_status"]["PASS_TO_PASS"]["success"] == ["tests/test_core.py::test_half"]


@pytest.mark.parametrize("patch", ["", "\n", "no diff at all", GOLD.replace("return n + 2", "return n + 9")])
def test_no_patch(toy: Toy, patch: str) -> None:
    verdict = judged(toy, patch)
    assert verdict.reward == 0.0 and not verdict.details["patch_successfully_applied"]


def test_gold_without_its_last_newline(toy: Toy) -> None:
    assert judged(toy, GOLD.rstrip("\n")).reward == 1.0


@pytest.mark.parametrize(
    "also",
    [
        {"tests/test_core.py": NEW_TEST.replace("== 10", "== 10  # mine")},
        {"tests/test_more.py": "def test_mine():\n    assert True\n"},
        {"tests/test_more.py": MORE_TEST},
        {"tests/test_core.py": None},
        {"tests/test_own.py": "from calc import double\n\n\ndef test_own():\n    assert double(1) == 2\n"},
    ],
)
def test_right_fix_that_touches_tests(toy: Toy, also: dict[str, str | None]) -> None:
    """swebench resets nothing where one of the paths is new, and then fails to apply the test patch."""
    new = {path: text for path, text in {**FILES, "calc/core.py": FIXED, **also}.items() if text is not None}
    verdict = judged(toy, diff(FILES, new))
    assert verdict.reward == 1.0, verdict.details


def test_fix_that_breaks_something(toy: Toy) -> None:
    broken = FIXED.replace("n / 2", "n / 3")
    verdict = judged(toy, diff(FILES, {**FILES, "calc/core.py": broken}))
    assert verdict.reward == 0.0
    assert verdict.details["tests_status"]["PASS_TO_PASS"]["failure"] == ["tests/test_core.py::test_half"]


P2P_FILE = "from calc import half\nfrom tests.helper import near\n\n\ndef test_near():\n    assert near(half(3), 1.5)\n"
HELPER = "def near(a, b):\n    return abs(a - b) < 1e-9\n"


def test_tests_that_only_pass_to_pass_names_are_the_base_ones(toy: Toy) -> None:
    """A file that the test patch does not touch, and its helper, are restored as well, also when they were deleted."""
    files = {**FILES, "tests/test_near.py": P2P_FILE, "tests/helper.py": HELPER}
    folder = toy.folder.parent / "with-near"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    site = Site(prepare(Repository(str(folder)), cache=toy.folder.parent / "cache"), toy.site.python)
    row = {**toy.task.data, "PASS_TO_PASS": [*ROW["PASS_TO_PASS"], "tests/test_near.py::test_near"]}
    breaks = FIXED.replace("n / 2", "n // 2")
    row["test_patch"] = diff(files, {**files, "tests/test_core.py": NEW_TEST, "tests/test_more.py": MORE_TEST})

    def verdict(core: str, **changes: str | None) -> Verdict:
        new = {**files, "calc/core.py": core, **{f"tests/{name}.py": text for name, text in changes.items()}}
        patch = diff(files, {path: text for path, text in new.items() if text is not None})
        artifact = {"patch": patch, "format_faults": 0}
        return grade(Task(toy.task.id, row), artifact, open_workspace=lambda: open_workspace(site), timeout_s=60)

    stub = "def test_near():\n    pass\n"
    assert verdict(breaks).reward == 0.0
    assert verdict(breaks, test_near=stub).reward == 0.0
    assert verdict(breaks, helper="def near(a, b):\n    return True\n").reward == 0.0
    assert verdict(FIXED, test_near=stub, helper=None).reward == 1.0
    assert verdict(FIXED, test_near=None, test_own=stub).reward == 1.0


def test_endless_tests_end(toy: Toy) -> None:
    loops = FIXED + "\n\nwhile True:\n    pass\n"
    patch = diff(FILES, {**FILES, "calc/core.py": loops})
    verdict = grade(toy.task, {"patch": patch, "format_faults": 0}, open_workspace=toy.open, timeout_s=2)
    assert verdict.reward == 0.0 and verdict.details["ended"] == "wall_limit"


def test_a_long_log_is_cut_in_the_middle(toy: Toy) -> None:
    noisy = FIXED + "\n\nprint('x' * 1_000_000)\n"
    verdict = judged(toy, diff(FILES, {**FILES, "calc/core.py": noisy}), test_cmd="python -m pytest -rA -s")
    log = verdict.details["log"]
    assert verdict.reward == 1.0 and len(log) < 201_000 and "characters left out" in log
    assert "test session starts" in log[:1000] and "PASSED tests/test_more.py::test_more" in log[-1000:]


def test_trouble_is_no_zero(toy: Toy) -> None:
    def refused() -> None:
        raise SandboxError("no more")

    artifact = {"patch": GOLD, "format_faults": 0}
    with pytest.raises(GraderError, match="no more") as raised:
        grade(toy.task, artifact, open_workspace=refused)  # type: ignore[arg-type]
    assert raised.value.artifact == artifact
    with pytest.raises(GraderError, match="patch"):
        grade(toy.task, {"format_faults": 0}, open_workspace=toy.open)
    with pytest.raises(GraderError, match="does not fit its base"):
        judged(toy, GOLD, test_patch=ROW["test_patch"].replace("import half", "import quarter"))
    with pytest.raises(GraderError, match="log_parser"):
        judged(toy, GOLD, log_parser="parse_log_klingon")


def test_patch_of_the_workspace(toy: Toy) -> None:
    """What was written, committed and ignored-but-committed is in the patch; what git ignores is not."""
    with toy.open() as sandbox:
        sandbox.write("/testbed/calc/core.py", FIXED.encode())
        sandbox.write("/testbed/calc/latin.py", "# -*- coding: latin-1 -*-\nname = 'é'\n".encode("latin-1"))
        sandbox.write("/testbed/data.bin", bytes(range(256)))
        done = sandbox.run(
            "git add calc && git commit -qm work && echo x > kept.log && git add -f kept.log && git commit -qm log"
            " && echo y > left.log && echo 'a b' > 'strange \"näme\n.txt' && rm README.md && ln -s /etc/passwd link"
            " && mkdir nested && git init -q nested && echo z > nested/file",
            merge_output=True,
        )
        assert done.exit_code == 0, done.stdout
        taken = take_patch(sandbox)
    assert taken.error is None
    with toy.open() as fresh:
        fresh.write("/tmp/p", taken.patch.encode())
        done = fresh.run("git apply /tmp/p && git status --porcelain -uall && cat kept.log", merge_output=True)
        said = done.stdout.decode()
        assert done.exit_code == 0, said
        assert fresh.read("/testbed/data.bin") == bytes(range(256))
        assert fresh.read("/testbed/calc/latin.py").endswith(b"'\xe9'\n")
    assert " D README.md" in said and "link" in said and "left.log" not in said and said.endswith("x\n")
    assert judged(toy, taken.patch).reward == 1.0


def test_patch_despite_a_hostile_repository(toy: Toy) -> None:
    hostile = """
git config core.fsmonitor 'touch /tmp/ran; true'
git config core.excludesFile /tmp/all; echo '*' > /tmp/all; echo '*' > .git/info/exclude
git config filter.f.clean 'echo nothing'; git config diff.external 'echo forged'; git config core.worktree /tmp
echo '* filter=f diff=x text eol=crlf' > .git/info/attributes
git config --global core.hooksPath /tmp; printf 'garbage' > .git/index
"""
    with toy.open() as sandbox:
        sandbox.write("/testbed/calc/core.py", FIXED.encode())
        sandbox.run(hostile)
        assert take_patch(sandbox).patch == take_patch(sandbox).patch != ""
        assert judged(toy, take_patch(sandbox).patch).reward == 1.0
        assert sandbox.run("test -e /tmp/ran").exit_code == 1
        sandbox.run("rm -rf .git")
        assert judged(toy, take_patch(sandbox).patch).reward == 1.0


def test_no_patch_is_said(toy: Toy) -> None:
    with toy.open() as sandbox:
        assert take_patch(sandbox).patch == ""
        sandbox.run("head -c 30000000 /dev/urandom > big")
        taken = take_patch(sandbox)
    assert taken.patch == "" and "larger than 16 MiB" in (taken.error or "")
