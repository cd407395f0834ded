"""A repository as it comes: what it says of itself is hostile text."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_envs.swe.synthesis.project import take_project


@pytest.fixture
def little_memory() -> Iterator[None]:
    """A read without an end is an error here, before it takes the machine's memory."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + (512 << 20), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def _folder(place: Path, files: dict[str, str]) -> Path:
    folder = place / "thing-1.5"
    folder.mkdir()
    (folder / "a.py").write_text("a = 1\n")
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("name", ["PKG-INFO", "pyproject.toml"])
def test_metadata_that_are_links(tmp_path: Path, name: str, little_memory: None) -> None:
    folder = _folder(tmp_path, {})
    secret = tmp_path / "secret"
    secret.write_text('Name: secret\nVersion: 9\n[project]\nname = "secret"\n')
    for target in ("/dev/zero", str(secret)):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)
        project = take_project(folder, tmp_path / "suite")
        assert (project.name, project.version) == ("thing", "1.5")


@pytest.mark.parametrize("text", ["project = 3", "a = " + "[" * 100_000, '[project]\nname = "x', "\udc80"])
def test_metadata_that_are_broken(tmp_path: Path, text: str) -> None:
    folder = _folder(tmp_path, {})
    (folder / "pyproject.toml").write_bytes(os.fsencode(text))
    assert take_project(folder, tmp_path / "suite").name == "thing"


def test_metadata(tmp_path: Path) -> None:
    folder = _folder(tmp_path, {"pyproject.toml": '[project]\nname = "other"\nversion = "2"\n'})
    project = take_project(folder, tmp_path / "suite")
    assert (project.name, project.version) == ("other", "2")
    (folder / "PKG-INFO").write_text("Name: third\nVersion: 3\n\n" + "x" * 3_000_000)
    assert take_project(folder, tmp_path / "suite").name == "third"
