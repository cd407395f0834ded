"""Grading of tool use: the state that the agent left against the state that gold leaves, and what it told the user."""

import contextlib
import copy
from collections.abc import Mapping, Sequence
from typing import Any

from forge_envs.core.errors import GraderError, ToolError
from forge_envs.core.messages import Message, assistant, calls_of, tool_call
from forge_envs.core.rewards import Verdict
from forge_envs.core.task import Task
from forge_envs.tool_use.domain import load_domain


def grade(task: Task, artifact: Mapping[str, Any]) -> Verdict:
    """Eq 7 of the paper: 1 if every reply was well-formed and the task is done, else 0.

    Done means that the final state equals the state after the gold calls, and that each of the task's `outputs` occurs
    in something the agent said. Outputs follow tau-bench's rule: lower case, commas removed from the agent's text.

    Args:
        task: A tool-use task.
        artifact: ``state`` (the final state), ``said`` (the agent's texts) and ``format_faults`` (malformed replies).

    Returns:
        A verdict with components ``format_correct``, ``state_match`` and ``outputs_match``.

    Raises:
        GraderError: The artifact is incomplete.
    """
    try:
        state, said, faults = artifact["state"], artifact["said"], artifact["format_faults"]
    except KeyError as error:
        raise GraderError(f"The artifact has no {error}.", dict(artifact)) from error
    goal = gold_state(task)
    differing = sorted(key for key in {*goal, *state} if goal.get(key) != state.get(key))
    unsaid = [output for output in task.data["outputs"] if not _occurs(output, said)]
    parts = {
        "format_correct": float(faults == 0),
        "state_match": float(not differing),
        "outputs_match": float(not unsaid),
    }
    return Verdict(float(all(parts.values())), parts, {"differing": differing, "unsaid": unsaid})


def unreachable_outputs(task: Task, gold: Sequence[Message], seen: Sequence[Sequence[Message]]) -> list[str]:
    """The outputs that no agent could know: gold says them before they occur in anything that the agent saw.

    Numbers are let pass, because they may be computed from what was seen.

    Args:
        task: A tool-use task.
        gold: Its gold messages.
        seen: The messages before each of them.
    """
    unknown: list[str] = []
    for output in task.data["outputs"]:
        turn = next((i for i, message in enumerate(gold) if _occurs(output, [message["content"]])), None)
        before = [message["content"] for messages in seen[: (turn or 0) + 1] for message in messages]
        if turn is not None and not _occurs(output, before) and not output.replace(".", "", 1).isdecimal():
            unknown.append(output)
    return unknown


def _occurs(output: str, texts: Sequence[str]) -> bool:
    """The rule of tau-bench: lower case, commas removed from what was said."""
    return any(output.lower() in text.lower().replace(",", "") for text in texts)


def gold_state(task: Task) -> dict[str, Any]:
    """The state after the task's gold calls, from a fresh copy of its initial state.

    A gold call may be refused, in tasks that teach an agent to recover; it then changes nothing (as in tau-bench).
    """
    domain = load_domain(task.data["domain"])(copy.deepcopy(task.data["state"]))
    tools = domain.toolset()
    for turn in task.data["gold"]:
        for call in turn.get("calls", []):
            with contextlib.suppress(ToolError):
                tools.call(call["name"], call["arguments"])
    return domain.state


def gold_messages(task: Task) -> list[Message]:
    """The gold turns as assistant messages."""
    return [
        assistant(
            turn.get("say", ""),
            [tool_call(c["name"], c["arguments"], f"gold_{i}_{j}") for j, c in enumerate(turn.get("calls", []))],
        )
        for i, turn in enumerate(task.data["gold"])
    ]


def exact_match(message: Message, gold: Message) -> bool:
    """ExactMatch of Eq 8: the same calls in the same order, each with the same tool and every argument equal.

    Values are equal with their types: 1, 1.0 and True differ. Text beside the calls does not count. Where gold is a
    message to the user, the turn matches if and only if it makes no call (the paper does not say; an option of ours).
    """
    return typed(calls_of(message)) == typed(calls_of(gold))


def typed(value: Any) -> Any:
    """A JSON value in a form whose equality also compares types: 1, 1.0 and True differ."""
    if isinstance(value, Mapping):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [typed(item) for item in value]
    return type(value), value
