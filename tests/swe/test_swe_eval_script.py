"""Eval scripts of rows: exports reach the tests, setup is for containers, the rest is left out."""

import pytest
from toy_repository import GOLD, ROW, TEST_PATCH, Toy

from forge_envs import Task
from forge_envs.swe.eval_script import EvalScript, needed_setup, read_eval_script
from forge_envs.swe.grading import grade
from forge_envs.swe.task import SWETask

SCRIPT = f"""#!/bin/bash
set -uxo pipefail
source /opt/miniconda3/bin/activate
conda activate testbed
cd /testbed
sed -i '/en_US.UTF-8/s/^# //g' /etc/locale.gen && locale-gen
export LANG=en_US.UTF-8
export MARK='a b' PYTHONIOENCODING=utf8
git config --global --add safe.directory /testbed
git status
source /opt/miniconda3/bin/activate
conda activate testbed
python -m pip install -v --no-use-pep517 \\
  --no-build-isolation -e .
git checkout {"1" * 40} tests/test_core.py
git apply -v - <<'EOF_114329324912'
{TEST_PATCH}
export FORGED=1
EOF_114329324912
: '>>>>> Start Test Output'
test "$MARK" = 'a b' -a -z "${{FORGED:-}}" && python -m pytest -rA tests/test_core.py tests/test_more.py
: '>>>>> End Test Output'
git checkout {"1" * 40} tests/test_core.py
"""


def test_parts() -> None:
    found = read_eval_script(SCRIPT)
    assert found.exports == ("export LANG=en_US.UTF-8", "export MARK='a b' PYTHONIOENCODING=utf8")
    sed, install = found.setup
    assert sed.endswith("locale-gen") and install.split()[-3:] == ["--no-build-isolation", "-e", "."]
    assert (found.command or "").startswith('test "$MARK"')
    assert read_eval_script("pytest") == read_eval_script("") == EvalScript()
    task = SWETask.from_row({**ROW, "eval_script": SCRIPT})
    assert (task.exports, task.setup, task.test_command) == (found.exports, found.setup, found.command)


def test_an_install_in_place_is_for_compiled_files() -> None:
    for in_place in (
        "python -m pip install -e .[test] --verbose",
        "pip install --editable .",
        "python setup.py develop",
    ):
        assert needed_setup([in_place], ["a/b.py", "README"]) == []
        assert needed_setup([in_place], ["a/b.py", "a/c.pyx"]) == needed_setup([in_place], ["setup.cfg"]) == [in_place]
    assert needed_setup(["python -m pip install .", "locale-gen"], []) == ["python -m pip install .", "locale-gen"]


@pytest.mark.parametrize("given", [{}, {"test_cmd": "test $PYTHONIOENCODING = utf8 && python -m pytest -rA tests"}])
def test_exports_reach_the_tests(toy: Toy, given: dict[str, str]) -> None:
    task = Task(toy.task.id, {**toy.task.data, "eval_script": SCRIPT, **given})
    verdict = grade(task, {"patch": GOLD, "format_faults": 0}, open_workspace=toy.open, timeout_s=60)
    assert verdict.reward == 1.0, verdict.details
