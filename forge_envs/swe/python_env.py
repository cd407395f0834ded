"""The Python that tests run with: a virtual environment that sandboxes see read-only."""

import compileall
import configparser
import hashlib
import os
import shutil
import sys
import tempfile
import venv
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from forge_envs.core.cache_folder import default_folder
from forge_envs.core.errors import ConfigError
from forge_envs.sandbox.base import Mount

INSIDE = "/venv"
_SCRIPT = "#!{python}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"


@dataclass(frozen=True)
class PythonEnv:
    """A virtual environment, as a sandbox sees it.

    Args:
        prefix: Its folder inside.
        mounts: What makes it appear there: itself and the interpreter that it stands on.
    """

    prefix: str
    mounts: tuple[Mount, ...]


def python_env(folder: str | Path | None = None) -> PythonEnv:
    """A virtual environment for a task's tests.

    Args:
        folder: A prepared virtual environment, seen inside under its own path; None means one with this process's
            Python and pytest and nothing else, made when first needed.

    Raises:
        ConfigError: The folder is no virtual environment, or pytest is not installed.
    """
    if folder is None:
        made = _bare_env(None)
        return PythonEnv(INSIDE, (Mount(str(made), INSIDE), *_interpreter(made)))
    path = Path(folder).absolute()
    return PythonEnv(str(path), (Mount(str(path), str(path)), *_interpreter(path)))


def _interpreter(env: Path) -> tuple[Mount, ...]:
    """The installation that a virtual environment's Python is a link to, unless it is among the system folders."""
    if not (env / "pyvenv.cfg").is_file() or not (env / "bin" / "python").exists():
        raise ConfigError(f"{str(env)!r} is no virtual environment: it needs pyvenv.cfg and bin/python.")
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string("[venv]\n" + (env / "pyvenv.cfg").read_text(encoding="utf-8"))
    found = {Path(parser["venv"]["home"]).parent, (env / "bin" / "python").resolve().parent.parent}
    return tuple(Mount(str(path), str(path)) for path in sorted(found) if path.parts[1] not in ("usr", "opt"))


@lru_cache(maxsize=4)
def _bare_env(cache: Path | None) -> Path:
    """A virtual environment with pytest, copied from what this process would import; its scripts say `INSIDE`."""
    needed = _needed("pytest")
    names = sorted(f"{one.metadata['Name']}=={one.version}" for one in needed.values())
    about = "\0".join(["2", sys.version, sys.base_prefix, *names])
    place = (cache or default_folder()) / "swe" / "python"
    target = place / hashlib.sha256(about.encode()).hexdigest()[:32]
    if target.is_dir():
        return target
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=place) as scratch:
        made = Path(scratch) / "venv"
        venv.EnvBuilder(symlinks=True, with_pip=False).create(made)
        site = made / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
        for one in needed.values():
            _copy(one, site)
        compileall.compile_dir(site, quiet=2, stripdir=str(made), prependdir=INSIDE)
        for entry in needed["pytest"].entry_points.select(group="console_scripts"):
            script = made / "bin" / entry.name
            script.write_text(_SCRIPT.format(python=f"{INSIDE}/bin/python", module=entry.module, function=entry.attr))
            script.chmod(0o755)
        try:
            os.rename(made, target)
        except OSError:  # another process was quicker
            if not target.is_dir():
                raise
    return target


def _needed(name: str, found: dict[str, Distribution] | None = None) -> dict[str, Distribution]:
    """A distribution and what it requires here, by name."""
    found = {} if found is None else found
    try:
        one = distribution(name)
        from packaging.requirements import Requirement
    except (PackageNotFoundError, ImportError) as error:
        raise ConfigError("Running a task's tests needs pytest: install it beside forge_envs.") from error
    found[name] = one
    for text in one.requires or []:
        wanted = Requirement(text)
        if wanted.name not in found and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
            _needed(wanted.name, found)
    return found


def _copy(one: Distribution, site: Path) -> None:
    if not one.files:
        raise ConfigError(f"{one.metadata['Name']} has no list of its files: install pytest with pip.")
    for file in one.files:
        if ".." in file.parts or file.is_absolute() or file.suffix == ".pyc":
            continue
        target = site / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(file.locate()), target)
