"""The multi-turn checkers (upstream: eval_checker/multi_turn_eval/multi_turn_checker.py, eval_runner.py)."""

from collections.abc import Mapping, Sequence
from typing import Any

from forge_envs.tool_use.bfcl.backend import make_backends, make_sharing_backends, state_of
from forge_envs.tool_use.bfcl.evaluator import execute
from forge_envs.tool_use.bfcl.rules import VALID, Result, Rules


def check_turns(
    entry: Mapping[str, Any],
    gold: Sequence[Sequence[str]],
    turns: Any,
    *,
    rules: Rules,
    extra: Mapping[str, Any] | None = None,
) -> Result:
    """Play a model's calls and the gold calls side by side, and compare after every turn.

    After a turn in which gold calls something, the model has called something too, every public attribute of every
    backend is equal, and every answer that gold got in this turn is among the answers that the model got so far, as
    often. Order, arguments, extra reads and extra failing calls are free.

    Args:
        entry: The entry, with `initial_config` and `involved_classes`.
        gold: Its ground truth: call strings by turn.
        turns: The model's call strings by turn and step.
        rules: The rules.
        extra: Long-context material, if the entry uses it.

    Returns:
        Valid, or upstream's error type; ``multi_turn:silent_turn_state_mismatch`` is ours.
    """
    if not _are_turns(turns):
        return Result(False, "multi_turn:inference_error", "the output is no list of turns of steps of call strings")
    if len(turns) != len(gold):
        return Result(False, "multi_turn:force_terminated", f"{len(turns)} turns, not {len(gold)}")
    classes, config = entry["involved_classes"], entry["initial_config"]
    if rules.shared_objects:
        model, goal = make_sharing_backends(classes, config, extra)
    else:
        model, goal = make_backends(classes, config, extra), make_backends(classes, config, extra)
    owner = f"model_eval_{entry['id']}" if rules.calls_in_texts else None
    goal_owner = f"model_ground_truth_eval_{entry['id']}" if rules.calls_in_texts else None
    answers: list[str] = []
    for turn, (steps, wanted) in enumerate(zip(turns, gold, strict=True)):
        answers += [execute(call, model, owner=owner) for step in steps for call in step]
        expected = [execute(call, goal, owner=goal_owner) for call in wanted]
        if not wanted:
            if not rules.silence_is_free and (name := differing(model, goal)):
                return Result(False, "multi_turn:silent_turn_state_mismatch", f"turn {turn}: {name}")
            continue
        # One step without calls is no step; two such steps are two (upstream: is_empty_execute_response).
        if not steps or (len(steps) == 1 and not steps[0]):
            return Result(False, "multi_turn:empty_turn_model_response", f"turn {turn}")
        if name := differing(model, goal):
            return Result(False, "multi_turn:instance_state_mismatch", f"turn {turn}: {name}")
        if missing := missing_answers(expected, answers):
            detail = f"turn {turn}: {len(missing)} missing, first {missing[0][:200]!r}"
            return Result(False, "multi_turn:execution_response_mismatch", detail)
    return VALID


def differing(model: Mapping[str, Any], goal: Mapping[str, Any]) -> str | None:
    """The first class whose public attributes differ; None if all are equal."""
    for name, instance in goal.items():
        other = state_of(model[name])
        for attribute, value in state_of(instance).items():
            if other[attribute] != value:
                return f"{name}.{attribute}"
    return None


def missing_answers(expected: Sequence[str], answers: Sequence[str]) -> list[str]:
    """The expected answers that do not occur among the answers, each occurrence used once."""
    left = list(answers)
    missing = []
    for answer in expected:
        if answer in left:
            left.remove(answer)
        else:
            missing.append(answer)
    return missing


def _are_turns(turns: Any) -> bool:
    return type(turns) is list and all(
        type(steps) is list and all(type(step) is list and all(type(call) is str for call in step) for step in steps)
        for steps in turns
    )
