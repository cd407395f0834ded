"""The driver in its sandbox, with repositories that interfere with it: only their own results may suffer."""

import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_repository import Toy
from typer.testing import CliRunner

from forge_envs.core.errors import TaskError
from forge_envs.swe.python_env import python_env
from forge_envs.swe.repository import Repository, prepare
from forge_envs.swe.synthesis import Options, runner, synthesize
from forge_envs.swe.synthesis.runner import Outcome, Run, Runner
from forge_envs.swe.workspace import Site
from forge_train.cli import app

GOOD = "from thing import one\n\n\ndef test_good():\n    assert one() == 1\n"


@pytest.fixture(scope="module")
def site(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A repository of one function and one test; `toy` skips where there is no workspace."""
    place = tmp_path_factory.mktemp("driver")
    _repository(place / "thing", {"thing.py": "def one():\n    return 1\n", "test_thing.py": GOOD})
    return Site(prepare(Repository(str(place / "thing")), cache=place / "cache"), python_env())


@pytest.fixture(scope="module")
def driver(site: Site) -> Iterator[Runner]:
    held = Runner(site, products=("thing",))
    yield held
    held.close()


def _repository(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def _among_others(driver: Runner, text: str, *, wall_s: float = 60.0) -> Outcome:
    """What came of a test file whose neighbours are well, before it and after it."""
    odd = Run({"test_thing.py": text.encode()}, ["test_thing.py"], wall_s=wall_s, detail=3)
    good = Run({}, ["test_thing.py"], wall_s=120.0)
    before, found, after = driver.run([good, odd, good])
    for one in (before, after):
        assert (one.ended, dict(one.outcomes)) == ("exited", {"test_thing.py::test_good": "PASSED"})
    return found


def _test(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return f"import os, signal, sys, time\n\n\ndef test_odd():\n{lines}"


def test_what_is_written_to_all_descriptors_reaches_no_other_result(driver: Runner) -> None:
    body = (
        "import contextlib\n"
        "for number in range(3, 4096):\n"
        "    with contextlib.suppress(OSError):\n"
        "        os.write(number, b'{}\\n[1]\\n')"
    )
    assert _among_others(driver, _test(body)).ended == "died"


def test_the_answers_cannot_be_found(driver: Runner) -> None:
    body = (
        "import pytest\n"
        "folder = f'/proc/{os.getppid()}/fd'\n"
        "with pytest.raises(OSError):\n    os.listdir(folder)\n"
        "with pytest.raises(OSError):\n    open(f'{folder}/3', 'wb')\n"
        "with pytest.raises(OSError):\n    open(f'/proc/{os.getppid()}/mem', 'r+b')\n"
        "links = [os.readlink(f'/proc/self/fd/{n}') for n in range(700) if os.path.exists(f'/proc/self/fd/{n}')]\n"
        "assert not [link for link in links if link.startswith('pipe')]"
    )
    found = _among_others(driver, _test(body))
    assert dict(found.outcomes) == {"test_thing.py::test_odd": "PASSED"}, found.failures


@pytest.mark.parametrize(
    "body",
    [
        "os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(60)",
        "os._exit(0)",
        "os.kill(os.getpid(), signal.SIGSEGV)",
        "import shutil\nshutil.rmtree('/testbed', ignore_errors=True)\nos._exit(0)",
        "os.rename('thing.py', 'test_thing.py')\nos._exit(0)",
        "os.unlink('test_thing.py')\nos.mkdir('test_thing.py')\nos._exit(0)",
    ],
)
def test_ends_that_are_the_candidates_own(driver: Runner, body: str) -> None:
    assert _among_others(driver, _test(body)).ended == "died"


@pytest.mark.parametrize(
    "answer",
    [
        'b"[1]"',
        'b"[" * 100000',
        'b"\\xff"',
        """b'{"outcomes": {"a": {}}, "failures": {"a": 3}}'""",
        'b" " * 40_000_000',
    ],
)
def test_forged_answers(driver: Runner, answer: str) -> None:
    body = f"answer = {answer}\nwhile answer:\n    answer = answer[os.write(700, answer):]\nos._exit(0)"
    assert _among_others(driver, _test(body)).ended == "died"


def test_a_test_that_does_not_end_is_killed_in_time(driver: Runner) -> None:
    for body in ("os.closerange(3, 4096)\ntime.sleep(600)", "signal.signal(15, signal.SIG_IGN)\ntime.sleep(600)"):
        began = time.monotonic()
        assert _among_others(driver, _test(body), wall_s=4.0).ended == "timeout"
        assert time.monotonic() - began < 300


def test_what_a_test_leaves_behind_is_gone(driver: Runner) -> None:
    left = (
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(600)\n"
        "    os._exit(0)\n"
        "os.wait()"
    )
    alone = "assert len([name for name in os.listdir('/proc') if name.isdigit()]) <= 1"
    began = time.monotonic()
    runs = [Run({"test_thing.py": _test(body).encode()}, ["test_thing.py"], detail=1) for body in (left, alone)]
    for found in driver.run(runs):
        assert dict(found.outcomes) == {"test_thing.py::test_odd": "PASSED"}, found.failures
    assert time.monotonic() - began < 300


def test_names_that_the_tests_replace(driver: Runner) -> None:
    body = (
        "import builtins, json\n"
        "json.dumps = lambda *a, **k: '{}'\n"
        "os.write = lambda *a: 1\n"
        "os._exit = lambda code: None\n"
        "time.monotonic = lambda: 0.0\n"
        "builtins.repr = builtins.hasattr = lambda *a: ''\n"
        "assert 0, 'as it is'"
    )
    names = "def builtin():\n    pass\n\n\ndef int(code):\n    return 0\n\n\nclass SubtestReport:\n    pass\n"
    text = f"{_test(body)}\n\n{names}"
    found = _among_others(driver, text)
    assert (found.ended, dict(found.outcomes)) == ("exited", {"test_thing.py::test_odd": "FAILED"})


def test_a_report_with_the_name_of_a_subtests(driver: Runner) -> None:
    hook = (
        "import pytest\n\n\n"
        "@pytest.hookimpl(wrapper=True)\n"
        "def pytest_runtest_makereport(item, call):\n"
        "    report = yield\n\n"
        "    class SubtestReport(type(report)):\n        pass\n\n"
        "    report.__class__ = SubtestReport\n"
        "    return report\n"
    )
    (found,) = driver.run([Run({"conftest.py": hook.encode()}, ["test_thing.py"])])
    assert dict(found.outcomes) == {"test_thing.py::test_good": "PASSED"}


def test_messages_that_cannot_be_told(driver: Runner) -> None:
    text = (
        "class Odd(Exception):\n    def __str__(self):\n        raise RuntimeError\n\n\n"
        "def test_odd():\n    raise Odd\n\n\ndef test_lone():\n    raise ValueError('\\ud800')\n"
    )
    found = _among_others(driver, text)
    assert set(found.outcomes.values()) == {"FAILED"} and len(found.outcomes) == 2
    assert str(found.failures).encode()


def test_modules_of_the_repository_do_not_run_in_the_driver(site: Site, tmp_path: Path) -> None:
    files = {name: b"import os\nos._exit(0)\n" for name in ("json.py", "sitecustomize.py", "session.py", "ctypes.py")}
    held = Runner(site)
    try:
        found = held.run([Run(files, ["test_thing.py"]), Run({}, ["test_thing.py"])])
    finally:
        held.close()
    assert [one.ended for one in found] == ["exited", "exited"] and held.lost == 0


def test_drivers_are_not_started_for_ever(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "LOST", 2)
    text = _test("os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(60)").encode()
    held = Runner(site)
    try:
        with pytest.raises(TaskError, match="ended the driver 3 times"):
            held.run([Run({"test_thing.py": text}, ["test_thing.py"])] * 5)
    finally:
        held.close()


def test_a_project_that_the_tests_python_has(toy: Toy, tmp_path: Path) -> None:
    files = {"thing/__init__.py": "def one():\n    return 1\n", "tests/test_thing.py": GOOD}
    env = tmp_path / "env"
    shutil.copytree(python_env().mounts[0].source, env, symlinks=True)
    packages = env / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    flat = _repository(tmp_path / "flat", files)
    below = _repository(tmp_path / "below", {f"src/{path}": text for path, text in files.items() if "init" in path})
    _repository(below, {"tests/test_thing.py": GOOD})
    shutil.copytree(flat / "thing", packages / "thing")
    for folder in (flat, below):
        with pytest.raises(TaskError, match=r"'thing' of .* is also installed .*site-packages/thing"):
            synthesize([folder], tmp_path / "out", Options(python=str(env), runs=2, workers=1))


def test_a_project_that_pytest_needs(toy: Toy, tmp_path: Path) -> None:
    test = "import pluggy\n\n\ndef test_it():\n    assert pluggy.HookimplMarker\n"
    held = _repository(tmp_path / "plug", {"src/pluggy/__init__.py": "a = 1\n", "tests/test_it.py": test})
    with pytest.raises(TaskError, match="'pluggy' of plug is also installed"):
        synthesize([held], tmp_path / "out", Options(runs=2, workers=1))


def test_one_of_several_that_cannot_be_used(toy: Toy, tmp_path: Path) -> None:
    broken = [_repository(tmp_path / name, {"test_it.py": "def test_it():\n    assert 0\n"}) for name in ("a", "b")]
    words = ["tasks", "synthesize", "swe", *map(str, broken), "--out", str(tmp_path / "out"), "--runs", "2"]
    done = CliRunner().invoke(app, [*words, "--workers", "1"])
    assert done.exit_code == 1
    for name in ("a", "b"):
        assert f"{name}: No test of {name} passes every time" in done.output
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [bool(one["problem"]) for one in report] == [True, True]
