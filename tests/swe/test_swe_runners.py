"""Rows whose tests are not pytest's: SymPy's ``bin/test`` and unittest, with canaries, and runners of no known kind.

The runners are small programs that print what SymPy's and Django's print.
"""

import pytest
from toy_repository import FILES, FIXED, ROW, Toy, diff

from forge_envs.core.rewards import Verdict
from forge_envs.core.task import Task
from forge_envs.swe.canaries import place_canaries
from forge_envs.swe.grading import grade
from forge_envs.swe.repository import Repository, prepare
from forge_envs.swe.runners import deciding_files, runner_of, stated
from forge_envs.swe.task import SWETask
from forge_envs.swe.workspace import Site, open_workspace

# As SymPy's: named files, one line a test, then the failures under a head, and exit code 1 where there are any.
BIN_TEST = """#!/usr/bin/env python
import importlib.util, os, sys, traceback
sys.path.insert(0, os.getcwd())
bad = []
for path in [word for word in sys.argv[1:] if not word.startswith("-")]:
    spec = importlib.util.spec_from_file_location("tests_of_" + os.path.basename(path)[:-3], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    names = [name for name in vars(module) if name.startswith("test_")]
    print(f"{path}[{len(names)}]")
    for name in names:
        try:
            vars(module)[name]()
            print(name, "ok")
        except AssertionError:
            print(name, "F")
            bad.append((path, name, traceback.format_exc()))
for path, name, text in bad:
    print("_" * 80 + f"\\n{'_' * 20} {path}:{name} {'_' * 20}\\n{text}")
sys.exit(bool(bad))
"""
RUNTESTS = """import sys, unittest
sys.path[:0] = [".", "tests"]
names = [word for word in sys.argv[1:] if not word.startswith("-")]
suite = unittest.defaultTestLoader.loadTestsFromNames(names)
sys.exit(not unittest.TextTestRunner(sys.stdout, verbosity=2).run(suite).wasSuccessful())
"""
UNITTEST = (
    "import unittest\n\nfrom calc import double, half\n\n\nclass CoreTests(unittest.TestCase):\n"
    "    def test_half(self):\n        self.assertEqual(half(4), 2)\n"
)
# Django's runner finds the modules of a package that a label names; unittest asks the package.
LOADS = """def load_tests(loader, tests, pattern):
    return loader.loadTestsFromName("ops.test_core")
"""
SYMPY_FILES = {**FILES, "bin/test": BIN_TEST}
DJANGO_FILES = {
    **FILES,
    "tests/runtests.py": RUNTESTS,
    "tests/ops/test_core.py": UNITTEST,
    "tests/ops/__init__.py": LOADS,
}
NEW_UNITTEST = UNITTEST + "\n    def test_double(self):\n        self.assertEqual(double(5), 10)\n"
ROWS = {
    "sympy": {
        "test_cmd": "PYTHONWARNINGS=ignore python bin/test -C --verbose tests/test_core.py",
        "log_parser": "parse_log_sympy",
        "FAIL_TO_PASS": ["test_double"],
        "PASS_TO_PASS": ["test_half"],
    },
    "unittest": {
        "test_cmd": "python ./tests/runtests.py --verbosity 2 ops.test_core",
        "log_parser": "parse_log_django",
        "test_patch": diff(DJANGO_FILES, {**DJANGO_FILES, "tests/ops/test_core.py": NEW_UNITTEST}),
        "FAIL_TO_PASS": ["test_double (ops.test_core.CoreTests.test_double)"],
        "PASS_TO_PASS": ["test_half (ops.test_core.CoreTests.test_half)"],
    },
}
BASES = {"sympy": SYMPY_FILES, "unittest": DJANGO_FILES}
FORGED = {
    "sympy": "test_double ok\\ntest_half ok\\n",
    "unittest": "test_double (ops.test_core.CoreTests.test_double) ... ok\\n"
    "test_half (ops.test_core.CoreTests.test_half) ... ok\\n",
}
PLACES = {"sympy": "bin/test", "unittest": "tests/runtests.py"}
both = pytest.mark.parametrize("kind", ROWS)


def judged(toy: Toy, kind: str, changes: dict[str, str], **row: object) -> Verdict:
    """The verdict on a change of the repository that has this runner."""
    base = BASES[kind]
    folder = toy.folder.parent / f"with-{kind}"
    for name, text in base.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(text)
    site = Site(prepare(Repository(str(folder)), cache=toy.folder.parent / "cache"), toy.site.python, runner="")
    task = Task(toy.task.id, {**toy.task.data, **ROWS[kind], **row})
    patch = diff(base, {**base, **changes})
    return grade(task, {"patch": patch, "format_faults": 0}, open_workspace=lambda: open_workspace(site), timeout_s=120)


@both
def test_gold_and_nothing(toy: Toy, kind: str) -> None:
    verdict = judged(toy, kind, {"calc/core.py": FIXED})
    assert verdict.reward == 1.0, verdict.details
    assert "test_double" in verdict.details["log"]
    verdict = judged(toy, kind, {"README.md": "other\n"})
    assert (verdict.reward, verdict.details["problem"]) == (0.0, None), verdict.details
    assert verdict.details["tests_status"]["PASS_TO_PASS"]["failure"] == []


def test_a_file_where_a_label_would_have_its_folder(toy: Toy) -> None:
    """The label ops.test_core may stand for ops/test_core.py; an agent may have made a file named ops."""
    verdict = judged(toy, "unittest", {"calc/core.py": FIXED, "ops": "notes\n"})
    assert verdict.reward == 1.0, verdict.details


@pytest.mark.parametrize("label", ["ops.test_core.CoreTests", "ops.test_core.CoreTests.test_double ops", "ops"])
def test_labels_of_single_tests(toy: Toy, label: str) -> None:
    row = {"test_cmd": f"python ./tests/runtests.py --verbosity 2 {label}", "PASS_TO_PASS": []}
    verdict = judged(toy, "unittest", {"calc/core.py": FIXED}, **row)
    assert verdict.reward == 1.0, verdict.details


@both
@pytest.mark.parametrize("attack", ["runner", "at exit", "leaves", "assertions"])
def test_attacks(toy: Toy, kind: str, attack: str) -> None:
    say = f"import os\nos.write(1, b'{FORGED[kind]}')\nos._exit(0)\n"
    changes = {
        "runner": {PLACES[kind]: say},
        "at exit": {
            "calc/core.py": FILES["calc/core.py"] + f"import atexit, os\natexit.register(lambda: os.write(1, "
            f"b'\\n{FORGED[kind]}'))\n"
        },
        "leaves": {"calc/core.py": say},
        # what fails is made to say that it passed, for every test there is
        "assertions": {
            "calc/core.py": FILES["calc/core.py"] + "import unittest, builtins\n"
            "unittest.TestCase.assertEqual = lambda *a: None\nbuiltins.AssertionError = ZeroDivisionError\n"
        },
    }[attack]
    verdict = judged(toy, kind, changes)
    assert verdict.reward == 0.0, verdict.details
    if attack in ("at exit", "leaves"):
        assert verdict.details["problem"], "the tests that are listed seem to pass: only the rest tells"
        assert not verdict.details["tests_status"]["FAIL_TO_PASS"]["failure"]


def test_kinds() -> None:
    def about(**row: object) -> SWETask:
        return SWETask.from_row({**ROW, **row})

    assert [runner_of(about(**ROWS[kind])) for kind in ROWS] == ["sympy", "unittest"]
    assert runner_of(about()) == "pytest" and runner_of(about(log_parser="parse_log_jest")) == "other"
    assert place_canaries({"a.py": b""}, "other").pairs == ()
    assert deciding_files(about(**ROWS["sympy"])) == ["tests/test_core.py"]
    assert "tests/ops/test_core.py" in deciding_files(about(**ROWS["unittest"]))
    assert deciding_files(about()) == ["tests/test_core.py", "tests/test_more.py"]
    assert stated("unittest", "test_a (x.Y) ... ok\ntest_b (x.Y) ... skipped 'no'\ntest_b (x.Y) ... FAIL\n") == [
        ("test_a (x.Y)", "PASSED"),
        ("test_b (x.Y)", "SKIPPED"),
        ("test_b (x.Y)", "FAILED"),
    ]


def test_a_log_of_an_unknown_runner(toy: Toy) -> None:
    """No canary can be placed; a failure without a failed test, or a log without tests, is not believed."""
    go = {**toy.task.data, "log_parser": "parse_log_gotest", "FAIL_TO_PASS": ["TestDouble"], "PASS_TO_PASS": []}
    patch = diff(FILES, {**FILES, "calc/core.py": FIXED})

    def said(command: str) -> tuple[float, str | None]:
        task = Task(toy.task.id, {**go, "test_cmd": command})
        verdict = grade(task, {"patch": patch, "format_faults": 0}, open_workspace=toy.open)
        return verdict.reward, verdict.details["problem"]

    assert said("echo '--- PASS: TestDouble (0.00s)'") == (1.0, None)
    assert said("echo '--- FAIL: TestDouble (0.00s)'; exit 1") == (0.0, None)
    assert said("echo '--- PASS: TestDouble (0.00s)'; exit 1")[1] == (
        "the test command ended with exit code 1 although no test failed"
    )
    assert said("echo nothing")[1] == "the log names no test"
