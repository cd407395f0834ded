"""Rows of SWE-bench and its relatives with the fields of swebench 5: what a row lacks is filled.

What is filled was read in the public sources of swebench 4.1.0 (``harness/constants/python.py``), swebench 5.0.2
(``harness/constants``, ``task/checks.py``), SWE-Gym's fork of swebench and SWE-smith (``harness/gather.py``).
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from forge_envs.core.errors import TaskError
from forge_envs.swe.diffs import reversed_diff, touched_paths

_DJANGO = "./tests/runtests.py --verbosity 2"
_SYMPY = "PYTHONWARNINGS='ignore::UserWarning,ignore::SyntaxWarning' bin/test -C --verbose"
_ASTROPY_OLD = "pytest -rA -vv -o console_output_style=classic --tb=no"
SWE_BENCH: Mapping[str, tuple[str, str]] = {
    "astropy/astropy": ("parse_log_astropy", "pytest -rA"),
    "django/django": ("parse_log_django", f"{_DJANGO} --settings=test_sqlite --parallel 1"),
    "marshmallow-code/marshmallow": ("parse_log_marshmallow", "pytest -rA"),
    "matplotlib/matplotlib": ("parse_log_matplotlib", "pytest -rA"),
    "mwaskom/seaborn": ("parse_log_seaborn", "pytest --no-header -rA"),
    "pallets/flask": ("parse_log_flask", "pytest -rA"),
    "psf/requests": ("parse_log_requests", "pytest -rA"),
    "pvlib/pvlib-python": ("parse_log_pvlib", "pytest -rA"),
    "pydata/xarray": ("parse_log_xarray", "pytest -rA"),
    "pydicom/pydicom": ("parse_log_pydicom", "pytest -rA"),
    "pylint-dev/astroid": ("parse_log_astroid", "pytest -rA"),
    "pylint-dev/pylint": ("parse_log_pylint", "pytest -rA"),
    "pytest-dev/pytest": ("parse_log_pytest", "pytest -rA"),
    "pyvista/pyvista": ("parse_log_pyvista", "pytest -rA"),
    "scikit-learn/scikit-learn": ("parse_log_scikit", "pytest -rA"),
    "sphinx-doc/sphinx": ("parse_log_sphinx", "tox --current-env -epy39 -v --"),
    "sqlfluff/sqlfluff": ("parse_log_sqlfluff", "pytest -rA"),
    "sympy/sympy": ("parse_log_sympy", _SYMPY),
}
"""Log parser and test command of each repository of SWE-bench; `_test_command` knows the versions that differ."""

SWE_GYM: Mapping[str, str] = {
    "bokeh/bokeh": "pytest -rA -n0",
    "conan-io/conan": "pytest -n0 -rA",
    "dask/dask": "pytest -n0 -rA --color=no",
    "facebookresearch/hydra": "pytest -rA --tb=long",
    "getmoto/moto": "pytest -n0 -rA",
    "iterative/dvc": "pytest -rA",
    "modin-project/modin": "pytest -n0 -rA",
    "pandas-dev/pandas": "pytest -rA --tb=long",
    "project-monai/monai": "pytest -rA",
    "pydantic/pydantic": "pytest -rA --tb=short -vv -o console_output_style=classic --no-header",
    "python/mypy": "pytest -rA -k",
}
"""Test command of each repository of SWE-Gym, in lower case; their logs are pytest's."""

FAIL_ONLY = {
    "bpmn-io/bpmn-js",
    "chartjs/Chart.js",
    "eslint/eslint",
    "markedjs/marked",
    "openlayers/openlayers",
    "processing/p5.js",
}
"""Repositories whose logs name failures only."""

_OLD_DJANGO = {"1.7", "1.8", "1.9", "1.10", "1.11", "2.0", "2.1", "2.2"}
_LOCALE = {"LANG": "en_US.UTF-8", "LC_ALL": "en_US.UTF-8", "LANGUAGE": "en_US:en"}

_NO_TESTS = (".json", ".png", "csv", ".txt", ".md", ".jpg", ".jpeg", ".pkl", ".yml", ".yaml", ".toml")
"""Ends of files in a test patch that are not given to the runner."""

_CASE = re.compile(r"\[case ([^\]]+)\]")


def completed(row: Mapping[str, Any], where: str = "row") -> dict[str, Any]:
    """The row with ``image``, ``log_parser``, ``eval_type`` and ``test_cmd`` (where no ``eval_script`` tells).

    A row of SWE-smith, whose ``patch`` is the bug, becomes one of SWE-bench: ``bug_patch`` makes the base of what
    the row's repository is at, and ``patch`` is its reverse. What a row has is never changed otherwise.

    Args:
        row: Of SWE-bench (old or 5), Verified, Lite, Multilingual, SWE-Gym, SWE-smith or a bundled suite.
        where: Names the row in errors.

    Raises:
        TaskError: The patch of a row of SWE-smith can't be reversed.
    """
    full = dict(row)
    repo, instance = str(row.get("repo") or ""), str(row.get("instance_id") or "")
    if is_smith(row):
        full |= _from_smith(row, where)
    image = row.get("image") or row.get("image_name") or row.get("docker_image") or image_name(repo, instance)
    if image:
        full["image"] = image
    known = SWE_BENCH.get(repo)
    full["log_parser"] = row.get("log_parser") or (known[0] if known else "parse_log_pytest")
    full["eval_type"] = row.get("eval_type") or ("fail_only" if repo in FAIL_ONLY else "pass_and_fail")
    if not row.get("test_cmd") and not row.get("eval_script"):
        command = _test_command(row, repo)
        if command:
            full["test_cmd"] = command
    return full


def environment_of(row: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What swebench 4 did before the tests of a row without ``eval_script``: lines of exports, and lines of setup.

    Only Django's had any: names and texts that are not ASCII need a locale, which the images of 3.0 to 3.2 lack.

    Args:
        row: Of SWE-bench.
    """
    version = str(row.get("version") or "")
    if row.get("repo") != "django/django" or version not in {*_OLD_DJANGO, "3.0", "3.1", "3.2"}:
        return [], []
    exports = [f"export {name}={value}" for name, value in _LOCALE.items()]
    if version in _OLD_DJANGO:
        return [*exports, "export PYTHONIOENCODING=utf8"], []
    return exports, ["sed -i '/en_US.UTF-8/s/^# //g' /etc/locale.gen && locale-gen"]


def is_smith(row: Mapping[str, Any]) -> bool:
    """Whether a row is one of SWE-smith, and not completed yet."""
    return str(row.get("repo") or "").startswith("swesmith/") and not row.get("bug_patch")


def image_name(repo: str, instance_id: str) -> str | None:
    """The Docker image that the makers of a row published for it; None where they are not known.

    Args:
        repo: The row's ``repo``.
        instance_id: The row's ``instance_id``.
    """
    if repo.startswith("swesmith/"):
        return f"jyangballin/swesmith.x86_64.{repo.removeprefix('swesmith/').replace('__', '_1776_')}".lower()
    if repo.lower() in SWE_GYM:
        return f"xingyaoww/sweb.eval.x86_64.{instance_id.replace('__', '_s_')}".lower()
    if repo in SWE_BENCH:
        return f"swebench/sweb.eval.x86_64.{instance_id.replace('__', '_1776_')}:latest".lower()
    return None


def _from_smith(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    bug = row.get("patch")
    if not isinstance(bug, str) or not bug:
        raise TaskError(f"{where}: patch: a row of SWE-smith has its bug there.")
    try:
        gold = reversed_diff(bug)
    except ValueError as error:
        raise TaskError(f"{where}: patch: {error}") from error
    # A base_commit of such a row is on a branch that its image does not have, and has the bug in it.
    return {"bug_patch": bug, "patch": gold, "test_patch": row.get("test_patch") or "", "base_commit": ""}


def _test_command(row: Mapping[str, Any], repo: str) -> str | None:
    """What swebench 4 or the fork of SWE-Gym ran; None leaves it to the test ids."""
    version, test_patch = str(row.get("version") or ""), str(row.get("test_patch") or "")
    if repo in SWE_BENCH:
        command = SWE_BENCH[repo][1]
        if repo == "django/django" and version == "1.9":
            command = _DJANGO
        if repo == "astropy/astropy" and version.partition(".")[0] in ("0", "1"):
            command = _ASTROPY_OLD
        return f"{command} {shlex.join(_directives(repo, test_patch))}"
    command = SWE_GYM.get(repo.lower(), "")
    if repo.lower() == "python/mypy":  # its tests are cases of data files
        return f"{command} {shlex.quote(' or '.join(_CASE.findall(test_patch)))}"
    return f"{command} {shlex.join(_directives(repo, test_patch))}" if command else None


def _directives(repo: str, test_patch: str) -> Sequence[str]:
    """What names the tests of a test patch to the runner: files, or for Django modules."""
    paths = [path for path in touched_paths(test_patch) if not path.endswith(_NO_TESTS)]
    if repo != "django/django":
        return paths
    names = [str(PurePosixPath(path).with_suffix("")) if path.endswith(".py") else path for path in paths]
    return [name.removeprefix("tests/").replace("/", ".") for name in names]
