"""Patches and commands that try to be paid without a repair, or to reach the host. None does. See docs/swe.md."""

import os
from pathlib import Path

import pytest
from toy_repository import FILES, FIXED, Toy, diff

from forge_envs.core.rewards import Verdict
from forge_envs.swe.grading import grade
from forge_envs.swe.logs import parser_of, test_lists
from forge_envs.swe.patch import take_patch
from forge_envs.swe.shell import run_command
from forge_envs.swe.task import SWETask

FORCE = """
import pytest

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if {condition}:
        report.outcome = "passed"
"""
FORGED = ("tests/test_core.py::test_double", "tests/test_more.py::test_more", "tests/test_core.py::test_half")
LINES = "".join(f"PASSED {test}\\n" for test in FORGED)
# pytest keeps the true output under another number while it captures.
SAY_AND_LEAVE = f"""import os
for number in (1, *range(3, 30)):
    try:
        os.write(number, b'{LINES}')
    except OSError:
        pass
os._exit(0)
"""
INIT = FILES["calc/__init__.py"]
PATCH_REPORTS = """
import _pytest.runner as runner
real = runner.TestReport.from_item_and_call.__func__

def forged(cls, item, call):
    report = real(cls, item, call)
    {condition}
    return report

runner.TestReport.from_item_and_call = classmethod(forged)
"""
EVERYTHING = 'report.outcome = "passed"'
KNOWN_FILES = (
    'report.outcome = "passed" if "test_core" in item.nodeid or "test_more" in item.nodeid else report.outcome'
)
DROP_UNKNOWN = """
import _pytest.main as main
real_items = main.Session.genitems

def forged_items(self, node):
    return (item for item in real_items(self, node) if item.name == "test_half")

main.Session.genitems = forged_items
"""
AT_EXIT = f"import atexit, os\natexit.register(lambda: os.write(1, b'\\n{LINES}'))\n"

PATCHES: dict[str, dict[str, str | None]] = {
    "conftest forces passed": {"conftest.py": FORCE.format(condition="True")},
    "conftest beside the tests": {
        "tests/conftest.py": FORCE.format(condition='"test_core" in item.nodeid or "test_more" in item.nodeid')
    },
    "conftest prints and leaves": {"conftest.py": SAY_AND_LEAVE},
    "replaced runner: module beside the tests": {"pytest.py": SAY_AND_LEAVE},
    "replaced runner: package": {"pytest/__init__.py": "", "pytest/__main__.py": SAY_AND_LEAVE},
    "replaced part of the runner": {"pluggy.py": SAY_AND_LEAVE, "_pytest/__init__.py": SAY_AND_LEAVE},
    "shadowed standard library": {"argparse.py": SAY_AND_LEAVE},
    "edited test file": {"tests/test_core.py": "def test_double():\n    pass\n\n\ndef test_half():\n    pass\n"},
    "stub of a new test file": {"tests/test_more.py": "def test_more():\n    pass\n"},
    "tests deleted": {"tests/test_core.py": None},
    "tests are a file": {"tests/test_core.py": None, "tests": "nothing\n"},
    "sitecustomize": {"sitecustomize.py": SAY_AND_LEAVE, "usercustomize.py": SAY_AND_LEAVE},
    "pth file": {"evil.pth": "import os; os._exit(0)\n"},
    "package patches reports": {"calc/__init__.py": INIT + PATCH_REPORTS.format(condition=EVERYTHING)},
    "package patches known files": {"calc/__init__.py": INIT + PATCH_REPORTS.format(condition=KNOWN_FILES)},
    "package drops unknown tests": {"calc/__init__.py": INIT + DROP_UNKNOWN},
    "package prints and leaves": {"calc/__init__.py": SAY_AND_LEAVE},
    "package prints at exit": {"calc/__init__.py": INIT + AT_EXIT},
    "plugin through pyproject": {
        "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-p evil"\npythonpath = ["."]\n',
        "evil.py": FORCE.format(condition="True"),
    },
    "configuration of other names": {
        "pytest.ini": "[pytest]\naddopts = -p evil\n",
        "tox.ini": "[pytest]\naddopts = -p evil\n",
        "setup.cfg": "[tool:pytest]\naddopts = -p evil\n",
        "evil.py": FORCE.format(condition="True"),
    },
    "entry point": {
        "evil.dist-info/METADATA": "Metadata-Version: 2.1\nName: evil\nVersion: 1\n",
        "evil.dist-info/entry_points.txt": "[pytest11]\nevil = evil\n",
        "evil.py": FORCE.format(condition="True"),
    },
    "setup.py": {"setup.py": SAY_AND_LEAVE},
}


def judged(toy: Toy, patch: str) -> Verdict:
    return grade(toy.task, {"patch": patch, "format_faults": 0}, open_workspace=toy.open, timeout_s=30)


@pytest.mark.parametrize("name", PATCHES)
def test_patch_earns_nothing(toy: Toy, name: str) -> None:
    new = {path: text for path, text in {**FILES, **PATCHES[name]}.items() if text is not None}
    verdict = judged(toy, diff(FILES, new))
    assert verdict.reward == 0.0, verdict.details["log"]
    assert verdict.details["patch_successfully_applied"], "the attack was not even tried"
    if name.startswith("package"):  # these run, because tests import them: only canaries and contradictions tell
        assert verdict.details["problem"] is not None


HARMLESS = {
    "edited test file": "any grader writes the test file anew",
    "stub of a new test file": "the test patch does not apply over it",
    "tests deleted": "any grader writes the test file anew",
    "tests are a file": "the test patch does not apply over it",
    "sitecustomize": "the site is set up before the folder is searched",
    "pth file": "the folder is not a site",
    "package drops unknown tests": "against canaries only: it leaves what passes anyway",
    "setup.py": "nobody installs the repository",
}
"""Attacks that a plain grader survives too, and why."""


def plainly_resolved(toy: Toy, patch: str) -> bool:
    """What a grader says that applies the patch, resets old test files, applies the test patch and reads the log."""
    task = SWETask.from_row(toy.task.data)
    with toy.open() as sandbox:
        sandbox.write("/tmp/model", patch.encode())
        sandbox.write("/tmp/tests", task.test_patch.encode())
        done = sandbox.run(
            "git apply /tmp/model && git checkout -q HEAD -- tests/test_core.py && git apply /tmp/tests\n"
            + task.test_command,
            merge_output=True,
        )
    statuses = parser_of(task.log_parser)(done.stdout.decode(errors="replace"))
    return test_lists(task.fail_to_pass, task.pass_to_pass, statuses).resolved


@pytest.mark.parametrize("name", [name for name in PATCHES if name not in HARMLESS])
def test_the_attack_works_without_the_defence(toy: Toy, name: str) -> None:
    """So that the test above can fail."""
    new = {path: text for path, text in {**FILES, **PATCHES[name]}.items() if text is not None}
    assert plainly_resolved(toy, diff(FILES, new))


def test_a_plain_grader_knows_a_repair(toy: Toy) -> None:
    assert plainly_resolved(toy, diff(FILES, {**FILES, "calc/core.py": FIXED}))
    assert not plainly_resolved(toy, diff(FILES, {**FILES, "README.md": "x\n"}))


def test_a_repair_beside_harmless_changes_still_counts(toy: Toy) -> None:
    """What is reset must not cost an honest agent its reward."""
    also = {
        "conftest.py": "",
        "pyproject.toml": FILES["pyproject.toml"] + "\n",
        "setup.py": "",
        "calc/notes.pth": "x\n",
    }
    assert judged(toy, diff(FILES, {**FILES, **also, "calc/core.py": FIXED})).reward == 1.0


def test_links_in_a_patch_lead_nowhere(toy: Toy, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("untouched")
    head = "diff --git a/{0} b/{0}\nnew file mode 120000\n--- /dev/null\n+++ b/{0}\n@@ -0,0 +1 @@\n+{1}\n"
    end = "\\ No newline at end of file\n"
    through = "diff --git a/out/x b/out/x\nnew file mode 100644\n--- /dev/null\n+++ b/out/x\n@@ -0,0 +1 @@\n+x\n"
    for patch in (
        head.format("out", tmp_path) + end + through,
        head.format("tests/test_more.py", target) + end,
        "diff --git a/../x b/../x\nnew file mode 100644\n--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n",
        "diff --git a/.git/hooks/post-checkout b/.git/hooks/post-checkout\nnew file mode 100755\n--- /dev/null\n"
        "+++ b/.git/hooks/post-checkout\n@@ -0,0 +1 @@\n+exit 1\n",
    ):
        assert judged(toy, patch).reward == 0.0
    assert target.read_text() == "untouched" and sorted(os.listdir(tmp_path)) == ["target"]


@pytest.mark.parametrize(
    "command",
    [
        "echo 'raise SystemExit' > /venv/lib/python3*/site-packages/pytest/__init__.py",
        'python -c \'import pytest; open(pytest.__file__, "a").write("x")\'',
        "echo x > /venv/lib/python3.11/site-packages/evil.pth",
        "echo x > /usr/lib/python3/evil.pth",
        "echo x > /tools/edit_via_str_replace",
        "echo x > /base.git/HEAD",
        "python -m pip download --no-deps calc || pip download calc",
        "timeout 5 bash -c 'exec 3<>/dev/tcp/1.1.1.1/80'",
        "mount -t tmpfs none /venv",
        "cat /etc/shadow",
        "mknod /tmp/disk b 8 0",
    ],
)
def test_command_is_refused(toy: Toy, command: str) -> None:
    with toy.open() as sandbox:
        assert run_command(sandbox, command, timeout_s=20).returncode not in (0, None), command


def test_what_is_left_outside_of_the_repository_is_not_graded(toy: Toy) -> None:
    """The agent's environment is not the grader's, whatever it did to its home folder, its Python or its shell."""
    with toy.open() as sandbox:
        seen = run_command(
            sandbox,
            "mkdir -p ~/.local/lib/python3.11/site-packages /testbed/build && cd ~/.local/lib/python3.11/site-packages"
            " && echo 'import os; os._exit(0)' > evil.pth && cp evil.pth sitecustomize.py"
            " && echo 'exit 0' | tee ~/.bashrc ~/.profile ~/.bash_profile && cp evil.pth /testbed/build/x.py",
        )
        assert seen.returncode == 0, seen.text
        taken = take_patch(sandbox)
    assert taken.patch == "" and taken.error is None


def test_bombs_end_and_the_workspace_lives(toy: Toy) -> None:
    with toy.open() as sandbox:
        run_command(sandbox, ":(){ :|:& };:; sleep 100", timeout_s=2)
        assert run_command(sandbox, "echo alive").text.endswith("alive\n</output>")
        eaten = run_command(
            sandbox, "python -c 'x = [bytearray(2**26) for _ in range(1000)]'", timeout_s=20, memory_mb=256
        )
        assert eaten.returncode != 0
        run_command(sandbox, "(setsid nohup sleep 1000 >/dev/null 2>&1 &); setsid python -m http.server 8000 &")
        assert run_command(sandbox, "pgrep -c 'sleep|python'").text.endswith("0\n</output>")
        run_command(sandbox, "yes > endless; rm endless; echo x > README.md", timeout_s=20)
        assert take_patch(sandbox).patch.count("diff --git") == 1


def test_git_of_the_host_never_runs_what_an_agent_configured(toy: Toy, tmp_path: Path) -> None:
    mark = f"/tmp/forge-mark-{tmp_path.name}-{os.getpid()}"
    with toy.open() as sandbox:
        sandbox.write("/testbed/calc/core.py", FIXED.encode())
        sandbox.write("/testbed/.gitattributes", b"* filter=mark diff=mark\n")
        for key in ("core.fsmonitor", "filter.mark.clean", "filter.mark.smudge", "diff.mark.textconv", "core.editor"):
            sandbox.run(["git", "config", key, f"touch {mark}; cat"])
        for hook in ("pre-commit", "post-checkout", "post-index-change"):
            sandbox.write(f"/testbed/.git/hooks/{hook}", f"#!/bin/sh\ntouch {mark}\n".encode(), mode=0o755)
        taken = take_patch(sandbox)
    assert judged(toy, taken.patch).reward == 1.0
    assert not Path(mark).exists()
