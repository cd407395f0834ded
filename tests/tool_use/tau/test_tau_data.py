"""Loading: upstream's repository drops in, its Python is read and never run, and faults are named."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from forge_tau import DATA

from forge_envs.core.errors import ConfigError, TaskError
from forge_envs.tool_use.tau.data import load_tasks, load_world
from forge_envs.tool_use.tau.upstream_source import read_schemas, read_tasks


def python_tasks(rows: list[dict[str, Any]]) -> str:
    """Rows as upstream writes them."""
    parts = []
    for row in rows:
        actions = ", ".join("Action(name={name!r}, kwargs={kwargs!r})".format(**action) for action in row["actions"])
        told = "annotator='0', user_id={user_id!r}, instruction={instruction!r}, outputs={outputs!r}".format(**row)
        parts.append(f"    Task({told},\n        actions=[{actions}],\n    ),\n")
    return f"from tau_bench.types import Action, Task\n\nTASKS_TEST = [\n{''.join(parts)}]\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder laid out as a checkout of upstream's repository."""
    home = tmp_path / "tau_bench/envs/retail"
    (home / "tools").mkdir(parents=True)
    shutil.copytree(DATA / "retail/db", home / "data")
    shutil.copy(DATA / "retail/wiki.md", home / "wiki.md")
    rows = json.loads((DATA / "retail/tasks_test.json").read_text())
    (home / "tasks_test.py").write_text(python_tasks(rows), encoding="utf-8")
    for schema in json.loads((DATA / "retail/tools.json").read_text()):
        source = f"class Tool:\n    @staticmethod\n    def get_info():\n        return {schema!r}\n"
        (home / "tools" / f"{schema['function']['name']}.py").write_text(source, encoding="utf-8")
    return tmp_path


def test_a_checkout_of_upstream_drops_in(checkout: Path) -> None:
    ours, theirs = load_tasks(DATA, "retail", "test"), load_tasks(checkout, "retail", "test")
    assert [(t.instruction, t.actions, t.outputs) for t in ours.values()] == [
        (t.instruction, t.actions, t.outputs) for t in theirs.values()
    ]
    assert list(theirs) == [str(position) for position in range(len(theirs))]
    world = load_world(checkout, "retail")
    assert world.database == load_world(DATA, "retail").database and world.policy == load_world(DATA, "retail").policy
    by_name = sorted(load_world(DATA, "retail").schemas, key=lambda schema: schema["function"]["name"])
    assert world.schemas == by_name


def test_a_checkout_of_tau2_drops_in(tmp_path: Path) -> None:
    home = tmp_path / "data/tau2/domains/retail"
    shutil.copytree(DATA / "tau2/retail", home)
    shutil.copytree(DATA / "tau2/user_simulator", tmp_path / "data/tau2/user_simulator")
    world = load_world(tmp_path, "retail", "tau2")
    assert world.user_guidelines == (DATA / "tau2/user_simulator/simulation_guidelines.md").read_text()
    assert list(load_tasks(tmp_path, "retail", "test", "tau2")) == list(load_tasks(DATA, "retail", "test", "tau2"))


@pytest.mark.parametrize(
    "source",
    [
        "TASKS = [Task(instruction=open('/etc/passwd').read())]",
        "TASKS = [Task(actions=[Action(name=__import__('os').getcwd())])]",
        "TASKS = [Task(instruction=f'{1}')]",
        "TASKS = make()",
        "TASKS = [",
        "",
    ],
)
def test_python_that_is_no_literal_is_refused_and_not_run(source: str, tmp_path: Path) -> None:
    file = tmp_path / "tasks_test.py"
    file.write_text(source)
    with pytest.raises(TaskError, match=r"tasks_test\.py"):
        read_tasks(file)


def test_a_schema_that_is_no_literal_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tool.py"
    file.write_text("class T:\n    def get_info():\n        return {'a': print('ran')}\n")
    with pytest.raises(TaskError, match="not a literal"):
        read_schemas([file])


def test_loading_twice_gives_one_object() -> None:
    assert load_world(DATA, "retail") is load_world(str(DATA), "retail", "v1")
    assert load_tasks(DATA, "airline")["0"] is load_tasks(DATA, "airline", "test")["0"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda home: (home / "db/users.json").write_text("{"), r"users\.json: not JSON"),
        (lambda home: (home / "db/users.json").unlink(), r"users\.json: No such file"),
        (
            lambda home: (home / "tasks_test.json").write_text('[{"index": 0}]'),
            r"tasks_test\.json: a task has no field",
        ),
        (lambda home: (home / "tasks_test.json").unlink(), "has no split 'test'"),
        (lambda home: (home / "wiki.md").unlink(), "holds no tau-bench v1 data of retail"),
    ],
)
def test_faults_of_the_data_are_named(change: Any, text: str, tmp_path: Path) -> None:
    shutil.copytree(DATA / "retail", tmp_path / "retail", copy_function=shutil.copyfile)
    (tmp_path / "retail").chmod(0o755)
    (tmp_path / "retail/db").chmod(0o755)
    change(tmp_path / "retail")
    with pytest.raises((ConfigError, TaskError), match=text):
        load_tasks(tmp_path, "retail", "test")


def test_tau2_data_that_breaks_its_models_is_named(tmp_path: Path) -> None:
    shutil.copytree(DATA / "tau2/retail", tmp_path / "retail", copy_function=shutil.copyfile)
    (tmp_path / "retail").chmod(0o755)
    (tmp_path / "retail/db.json").write_text('{"users": {}, "orders": {}, "products": {"a": {}}}')
    with pytest.raises(TaskError, match=r"db\.json: .* validation error"):
        load_world(tmp_path, "retail", "tau2")
