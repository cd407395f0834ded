"""What of this machine a worker may see: the interpreter, packages, toolchains. Nothing of the project."""

import importlib.util
import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

import forge_envs
from forge_envs.core.errors import ConfigError
from forge_envs.sandbox.judge.types import JudgeSpec
from forge_envs.sandbox.linux.rootfs import SYSTEM_FOLDERS

PACKAGES = "/packages"
"""Where workers of tier A see third-party packages."""


def interpreter() -> str:
    """The interpreter that workers use: the real one behind a virtual environment, so that ABIs agree."""
    return os.path.realpath(sys.executable)


def describe(spec: JudgeSpec) -> dict[str, Any]:
    """The `roots`, `packages` and `hidden` of a worker's configuration.

    Raises:
        ConfigError: A toolchain folder does not exist.
    """
    for folder in spec.toolchains:
        if not os.path.isabs(folder) or not os.path.isdir(folder):
            raise ConfigError(f"JudgeSpec.toolchains: {folder!r} is not the absolute path of a folder")
    prefixes = {os.path.realpath(prefix) for prefix in (sys.base_prefix, sys.base_exec_prefix)}
    roots = sorted({folder for folder in (*prefixes, *spec.toolchains) if not _in_system(folder)})
    project = Path(forge_envs.__file__).parents[1]
    sites = {path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages")}
    sites |= {
        sysconfig.get_path(kind, vars={"base": sys.base_prefix, "platbase": sys.base_exec_prefix})
        for kind in ("purelib", "platlib")
    }
    sites |= {"/usr/lib/python3/dist-packages", str(project)}
    hidden = sorted(path for path in sites if os.path.isdir(path))
    return {"roots": roots, "packages": _packages(spec.packages), "hidden": hidden}


def _in_system(folder: str) -> bool:
    return any(folder == system or folder.startswith(f"{system}/") for system in SYSTEM_FOLDERS)


def _packages(names: tuple[str, ...]) -> dict[str, str]:
    """Name below /packages to folder or file on the host, with the shared libraries that wheels put beside."""
    found = {}
    for name in names:
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.origin:
            continue
        place = Path(spec.origin).parent if spec.submodule_search_locations else Path(spec.origin)
        found[place.name] = str(place)
        libraries = place.with_name(f"{name}.libs")
        if libraries.is_dir():
            found[libraries.name] = str(libraries)
    return found
