"""What the distribution promises: few dependencies, the tasks inside the wheel, one version, a licence."""

import re
import tomllib
from pathlib import Path

import pytest

import forge_envs

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HOSTS = re.compile(r"\b(pypi\.org|pythonhosted\.org|download\.pytorch\.org)\b")


def test_the_core_has_six_dependencies() -> None:
    names = {re.split(r"[<>=!~ \[]", line)[0] for line in PROJECT["dependencies"]}
    assert names == {"gymnasium", "jsonschema", "docstring-parser", "pydantic", "typer", "rich"}


def test_the_version_is_one() -> None:
    assert PROJECT["version"] == forge_envs.__version__
    assert f"## {forge_envs.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_licence_is_apache_2() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in (ROOT / "LICENSE").read_text()


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_links_of_the_documentation_lead_somewhere(name: str) -> None:
    page = ROOT / name
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert all((page.parent / target).exists() for target in targets)


def test_build_files_name_no_registry() -> None:
    files = ["pyproject.toml", "Makefile", ".pre-commit-config.yaml", ".ci/run"]
    assert not [name for name in files if HOSTS.search((ROOT / name).read_text())]


def test_the_wheel_holds_the_tasks(tmp_path: Path) -> None:
    built = pytest.importorskip("hatchling.builders.wheel", reason="hatchling is not installed here")
    (path,) = built.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    import zipfile

    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
    for file in (ROOT / "tasks").rglob("*.*"):
        assert f"forge_envs/_tasks/{file.relative_to(ROOT / 'tasks')}" in names
    assert "forge_train/cli.py" in names and not any(name.startswith(("tests/", "examples/")) for name in names)


def test_test_files_have_names_of_their_own() -> None:
    """Pytest imports them by their base name, and one worker may import two of the same."""
    names = [path.name for path in Path(__file__).parent.rglob("*.py") if path.name != "conftest.py"]
    assert sorted(names) == sorted(set(names))
