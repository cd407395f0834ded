"""Four rows of SWE-bench, run for real on both backends, and swebench's own report on the same logs.

Needs the rows, clones of their repositories in the folder FORGE_SWE_MIRRORS (``pallets__flask.git``,
``sympy__sympy.git``), a package index, and for the comparison FORGE_SWEBENCH_PYTHON (`swebench_oracle`). The pinned
packages are those of the rows' README; on Python 3.11 they need no conda.
"""

import fcntl
import functools
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker_images as images
import pytest
from swebench_oracle import REASON, Oracle, oracle_python

from forge_envs.core.cache_folder import default_folder
from forge_envs.core.task import Task
from forge_envs.sandbox.docker_engine import client, remove_unless_gone
from forge_envs.swe.docker_prepare import prepared_images, remove_image
from forge_envs.swe.grading import TestRun, details_of, run_tests
from forge_envs.swe.rows import swe_rows
from forge_envs.swe.sites import site_of
from forge_envs.swe.sources import prepared_for
from forge_envs.swe.task import SWETask
from forge_envs.swe.workspace import AnySite, open_workspace

ROWS = Path(__file__).parents[2] / "../shared/data/swebench/rows.jsonl"
FLASK = "itsdangerous==2.1.2 MarkupSafe==2.1.1 Werkzeug==2.3.7"
PACKAGES = {
    "pallets__flask-5063": f"{FLASK} Jinja2==3.1.2 click==8.1.3 pytest==7.2.2 python-dotenv==0.21.0 blinker==1.5",
    "pallets__flask-4045": f"{FLASK} Jinja2==3.0.1 click==8.0.1 pytest==6.2.5",
    "sympy__sympy-22914": "mpmath==1.3.0",
    "sympy__sympy-24066": "mpmath==1.3.0",
}
MIRRORS = os.environ.get("FORGE_SWE_MIRRORS")
# What is beside a repair and must not matter: a file of notes.
NOTES = "diff --git a/NOTES b/NOTES\nnew file mode 100644\n--- /dev/null\n+++ b/NOTES\n@@ -0,0 +1 @@\n+x\n"

pytestmark = [
    pytest.mark.skipif(not ROWS.is_file(), reason="the rows of SWE-bench are not here"),
    pytest.mark.skipif(not MIRRORS, reason="FORGE_SWE_MIRRORS names no folder of clones"),
    pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the pinned packages are for Python 3.11"),
]


@functools.cache
def rows() -> dict[str, dict[str, Any]]:
    return {row["instance_id"]: row for row in swe_rows(ROWS)}


def venv_of(name: str) -> Path:
    """The row's virtual environment, made once; the repository is imported from /testbed."""
    packages = PACKAGES[name].split()
    folder = default_folder() / "swe" / "test-envs" / "-".join([name, *packages[-2:]])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder / "venv"], check=True)
            pip = [folder / "venv" / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            done = subprocess.run([*pip, *packages], capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"no package index: {done.stderr[-200:]}")
            (folder / "venv" / "lib" / "python3.11" / "site-packages" / "testbed.pth").write_text("/testbed/src\n")
            (folder / "done").touch()
    return folder / "venv"


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle | None]:
    one = Oracle() if oracle_python() else None
    yield one
    if one is not None:
        one.close()


@pytest.fixture(params=["local", "docker"])
def backend(request: pytest.FixtureRequest) -> str:
    reason = images.why_no_docker() if request.param == "docker" else ""
    if reason and os.environ.get("FORGE_TEST_DOCKER") == "1":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    return str(request.param)


@pytest.fixture(params=PACKAGES)
def task(request: pytest.FixtureRequest) -> Task:
    if request.param not in rows():
        pytest.skip("the row is not among the rows here")
    return Task(request.param, rows()[request.param])


@pytest.fixture
def site(backend: str, task: Task) -> Iterator[AnySite]:
    venv = venv_of(task.id)
    if backend == "local":
        yield site_of(task, mirrors=MIRRORS, python=venv)
        return
    image = SWETask.from_row(task.data).image
    assert image == f"swebench/sweb.eval.x86_64.{task.id.replace('__', '_1776_')}:latest"
    api = client()
    if api.images(image):
        pytest.skip(f"{image} is here already, and is not this test's")
    prepared = prepared_for(task, mirrors=MIRRORS)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        images.conda_env(archive, venv / "lib" / "python3.11" / "site-packages")
        archive.add(prepared.folder, "testbed", filter=images.of_root)
    script = "cd /testbed; git config user.name a; git config user.email a@b; git commit -q --allow-empty -m later"
    script += "; git tag later; git reset -q --hard HEAD~1; git commit -q --allow-empty -m SWE-bench"
    images.make_image(image, buffer.getvalue(), script)
    try:
        yield site_of(task, sandbox="docker")
    finally:
        for one in prepared_images():
            if one["source"] == image:
                remove_image(one["image"])
        remove_unless_gone(api.remove_image, image, force=True)


def test_gold_resolves_and_nothing_does_not(task: Task, site: AnySite, oracle: Oracle | None) -> None:
    about = SWETask.from_row(task.data)

    def run(patch: str) -> TestRun:
        return run_tests(about, patch, open_workspace=lambda: open_workspace(site), timeout_s=900)

    gold = run(about.patch)
    assert gold.problem is None and gold.resolved, (gold.problem, gold.lists.f2p_failure, gold.lists.p2p_failure)
    base = run(NOTES)
    assert base.problem is None and base.applied and not base.resolved
    assert base.lists.f2p_failure and not base.lists.p2p_failure
    empty = run("")
    assert not empty.applied and not empty.resolved
    if oracle is None:
        pytest.skip(f"resolved as it should be; swebench was not asked: {REASON}")
    for patch, mine in ((about.patch, gold), (NOTES, base)):
        # swebench's eval script writes the markers; the exit code stands after them.
        log = f"+ : '>>>>> Start Test Output'\n{mine.log}\n+ : '>>>>> End Test Output'\n"
        theirs = oracle.ask("report", row=task.data, patch=patch, log=log)[task.id]
        status = {kind: theirs["tests_status"][kind] for kind in ("FAIL_TO_PASS", "PASS_TO_PASS")}
        assert theirs["resolved"] == mine.resolved
        assert status == details_of(mine, patch)["tests_status"]
