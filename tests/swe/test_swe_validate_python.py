"""`forge tasks validate --python`, and options of `forge tasks synthesize` that go together."""

from pathlib import Path

from typer.testing import CliRunner

from forge_envs.validate import validate_suite
from forge_train.cli import app


def test_a_suites_tests_run_with_the_python_that_is_given(tmp_path: Path) -> None:
    details = [fault.detail for fault in validate_suite("swe/bundled", python=tmp_path).faults]
    assert details and all("no virtual environment" in detail and str(tmp_path) in detail for detail in details)


def test_other_environments_take_no_python(tmp_path: Path) -> None:
    (fault,) = validate_suite("tool_use/library", python=tmp_path).faults
    assert fault.check == "load" and "runs no tests" in fault.detail


def test_strategies_are_known(tmp_path: Path) -> None:
    words = ["tasks", "synthesize", "swe", str(tmp_path), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*words, "--strategy", "magic"])
    assert done.exit_code == 2 and "magic" in done.output


def test_an_endpoint_needs_a_model(tmp_path: Path) -> None:
    words = ["tasks", "synthesize", "swe", str(tmp_path), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*words, "--endpoint", "http://127.0.0.1:1/v1"])
    assert done.exit_code == 2 and "--model" in done.output
