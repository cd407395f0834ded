"""Predictions as swebench reads and writes them (``get_predictions_from_file`` of 5.0.2)."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forge_envs.core.episode import Episode
from forge_envs.core.errors import TaskError
from forge_envs.core.task import Task
from forge_envs.swe.task import SWETask


@dataclass(frozen=True)
class Prediction:
    """What a model made of one task.

    Args:
        instance_id: SWE-bench's id.
        patch: ``model_patch``; None where the file says so.
        model: ``model_name_or_path``.
    """

    instance_id: str
    patch: str | None
    model: str = ""


def read_predictions(source: str | Path, tasks: Iterable[Task] = ()) -> dict[str, Prediction]:
    """Predictions by instance id.

    Args:
        source: A ``.json`` file (a list, or an object by id), a JSON Lines file, or ``gold``: the tasks' own patches.
        tasks: What ``gold`` stands for.

    Raises:
        TaskError: The file can't be read or holds something else, or an instance occurs twice.
    """
    if str(source) == "gold":
        gold = [SWETask.from_row(task.data, task.id) for task in tasks]
        return {task.id: Prediction(task.id, task.patch, "gold") for task in gold}
    found: dict[str, Prediction] = {}
    for where, line in _objects(Path(source)):
        one = _prediction(line, where)
        if one.instance_id in found:
            raise TaskError(f"{where}: instance_id: {one.instance_id!r} occurs twice.")
        found[one.instance_id] = one
    return found


def prediction_line(prediction: Prediction) -> str:
    """One line of a predictions file."""
    return json.dumps(
        {
            "instance_id": prediction.instance_id,
            "model_name_or_path": prediction.model,
            "model_patch": prediction.patch,
        }
    )


def predictions_of(episodes: Iterable[Episode], *, model: str | None = None) -> Iterator[Prediction]:
    """Predictions of recorded episodes of ``forge/SWE-v0``: of each task the first patch that is not empty, if any.

    Args:
        episodes: As they were recorded.
        model: ``model_name_or_path`` of all of them; None means the name of each episode's policy.

    Raises:
        TaskError: An episode was graded on something else than a patch.
    """
    found: dict[str, Prediction] = {}
    for episode in episodes:
        if episode.artifact is None:
            continue
        patch = episode.artifact.get("patch")
        if not isinstance(patch, str):
            raise TaskError(f"Episode {episode.id!r}: artifact: no patch, so it is no episode of forge/SWE-v0.")
        earlier = found.get(episode.task_id)
        if earlier is None or (patch.strip() and not (earlier.patch or "").strip()):
            found[episode.task_id] = Prediction(episode.task_id, patch, model or episode.policy)
    yield from found.values()


def _objects(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        text = path.read_bytes().decode()
        if path.suffix == ".json":
            held = json.loads(text)
            rows = list(held.values()) if isinstance(held, dict) else held
            if not isinstance(rows, list):
                raise TaskError(f"{path}: expected a list of predictions, or an object of them by instance id.")
            yield from ((f"{path}: prediction {number}", row) for number, row in enumerate(rows, start=1))
            return
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield f"{path}:{number}", json.loads(line)
    except (OSError, ValueError, RecursionError) as error:
        raise TaskError(f"{path}: {error}") from error


def _prediction(line: Any, where: str) -> Prediction:
    if not isinstance(line, dict) or not isinstance(line.get("instance_id"), str):
        raise TaskError(f"{where}: expected an object with an instance_id.")
    patch, model = line.get("model_patch"), line.get("model_name_or_path") or ""
    if not isinstance(patch, str | None) or not isinstance(model, str):
        raise TaskError(f"{where}: model_patch and model_name_or_path: expected texts.")
    return Prediction(line["instance_id"], patch, model)
