"""BFCL's tasks as episodes of ``forge/ToolUse-v0`` (upstream's loop: model_handler/base_handler.py)."""

import keyword
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forge_envs.core.errors import GraderError
from forge_envs.core.hooks import Reaction
from forge_envs.core.messages import Message, calls_of
from forge_envs.core.rewards import StepFacts, Verdict
from forge_envs.core.task import Task
from forge_envs.tool_use.benchmarks import Benchmark, Session
from forge_envs.tool_use.bfcl import gold as golden
from forge_envs.tool_use.bfcl.backend import make_backends, state_of
from forge_envs.tool_use.bfcl.categories import is_multi_turn, language_of
from forge_envs.tool_use.bfcl.data import Entry, load_long_context, uses_long_context
from forge_envs.tool_use.bfcl.evaluator import execute
from forge_envs.tool_use.bfcl.grading import grade_calls
from forge_envs.tool_use.bfcl.multi_turn import check_turns
from forge_envs.tool_use.bfcl.rules import Result, rules_of
from forge_envs.tool_use.bfcl.tools import offered_name, tool_schemas
from forge_envs.tool_use.grading import typed

MORE_TOOLS = "I have updated some more functions you can choose from. What about now?"
"""What the user says in the turn that brings the withheld functions (upstream: constants/default_prompts.py)."""

MAX_STEPS_OF_TURN = 20
"""A turn with more replies that call something is ended, and with it the episode (upstream: MAXIMUM_STEP_LIMIT)."""

_REFUSED_ARGUMENTS = re.compile(r"Error during execution: \w+\.\w+\(\) (missing|got|takes)")


class SingleTurn:
    """An episode of one reply: what it calls is graded, nothing is executed."""

    def __init__(self, task: Task):
        self._row, self._category = task.data["entry"], task.data["category"]
        self._calls: list[dict[str, Any]] = []

    def start(self) -> Sequence[Message]:
        return [_message(message) for message in self._row["question"][0]]

    def tools(self) -> list[dict[str, Any]]:
        return tool_schemas(self._row["function"], language_of(self._category))

    def react(self, message: Message) -> Reaction:
        self._calls = _calls(message)
        known = {offered_name(doc["name"]) for doc in self._row["function"]}
        unknown = sum(offered_name(name) not in known for call in self._calls for name in call)
        facts = StepFacts(True, len(self._calls), unknown, unknown_tools=unknown)
        return Reaction([], done=True, facts=facts)

    def artifact(self) -> dict[str, Any]:
        return {"calls": self._calls}


class MultiTurn:
    """A dialogue on stateful backends; a reply without calls gives the word back to the user."""

    def __init__(self, task: Task):
        self._row = task.data["entry"]
        self._backends = make_backends(self._row["involved_classes"], self._row["initial_config"], _extra(task))
        self._docs = list(self._row["function"])
        self._turns: list[list[list[str]]] = [[]]

    def start(self) -> Sequence[Message]:
        return self._user_says()

    def tools(self) -> list[dict[str, Any]]:
        return tool_schemas(self._docs)

    def react(self, message: Message) -> Reaction:
        if "tool_calls" not in message:
            if len(self._turns) == len(self._row["question"]):
                return Reaction([], done=True)
            self._turns.append([])
            return Reaction(self._user_says())
        offered = {doc["name"] for doc in self._docs}
        made, results, unknown, failed, invalid = [], [], 0, 0, 0
        for call, (name, arguments) in zip(message["tool_calls"], calls_of(message), strict=True):
            if name in offered:
                source = call_source(name, arguments)
                made.append(source)
                content = execute(source, self._backends)
            else:  # The text a model reads for a name that does not exist, without ever reading it as code.
                unknown, content = unknown + 1, f"Error during execution: name '{name[:80]}' is not defined"
            failed += content.startswith(("Error during execution:", '{"error":'))
            invalid += _REFUSED_ARGUMENTS.match(content) is not None
            results.append(_result(call["id"], name, content))
        self._turns[-1].append(made)
        facts = StepFacts(True, len(results), failed, unknown_tools=unknown, invalid_arguments=invalid)
        return Reaction(results, done=len(self._turns[-1]) > MAX_STEPS_OF_TURN, facts=facts)

    def artifact(self) -> dict[str, Any]:
        forced = len(self._turns[-1]) > MAX_STEPS_OF_TURN
        # As upstream records it: a model that had to be stopped has fewer turns than gold.
        turns = self._turns[:-1] if forced else self._turns
        return {"turns": [[list(step) for step in steps if step] for steps in turns]}

    def state(self) -> dict[str, Any]:
        """The live state, as far as the checker compares it; step components measure its distance to gold's."""
        return {name: state_of(backend) for name, backend in self._backends.items()}

    def _user_says(self) -> list[Message]:
        turn = len(self._turns) - 1
        self._docs += self._row["missed_function"].get(str(turn), [])
        said = [_message(message) for message in self._row["question"][turn]]
        return said or [{"role": "user", "content": MORE_TOOLS}]


def start_session(task: Task) -> Session:
    """The episode of a task."""
    return MultiTurn(task) if is_multi_turn(task.data["category"]) else SingleTurn(task)


def grade(task: Task, artifact: Mapping[str, Any]) -> Verdict:
    """Eq 7 of the paper: 1 if every reply was well-formed and BFCL's checker says valid, else 0.

    Args:
        task: A task of `forge_envs.tool_use.bfcl.suite`; its ``compat`` names the rules.
        artifact: ``calls`` of a single-turn episode or ``turns`` of a multi-turn one, and ``format_faults``.

    Returns:
        A verdict with components ``format_correct`` and ``valid``; the details name the error.

    Raises:
        GraderError: The artifact is incomplete.
    """
    try:
        result, faults = _check(task, artifact), artifact["format_faults"]
    except KeyError as error:
        raise GraderError(f"The artifact has no {error}.", dict(artifact)) from error
    parts = {"format_correct": float(faults == 0), "valid": float(result.valid)}
    details = {"error_type": result.error_type, "detail": result.detail}
    return Verdict(float(all(parts.values())), parts, details)


def gold_messages(task: Task) -> list[Message]:
    """The gold turns as assistant messages."""
    return golden.gold_messages(task.data["entry"], task.data["gold"], task.data["category"])


def matches(task: Task, message: Message, gold: Message) -> bool:
    """ExactMatch of Eq 8.

    A single-turn message matches if the checker accepts it, which knows more than one right answer. A turn of a
    multi-turn task matches if it makes the same calls in the same order with equal arguments.
    """
    if is_multi_turn(task.data["category"]):
        return bool(typed(calls_of(message)) == typed(calls_of(gold)))
    return _check(task, {"calls": _calls(message)}).valid


def call_source(name: str, arguments: Mapping[str, Any]) -> str:
    """A call as the expression that `execute` takes. Names of arguments are only written where they are names."""
    plain = all(key.isidentifier() and not keyword.iskeyword(key) for key in arguments)
    inside = ", ".join(f"{key}={value!r}" for key, value in arguments.items()) if plain else f"**{dict(arguments)!r}"
    return f"{name}({inside})"


def _check(task: Task, artifact: Mapping[str, Any]) -> Result:
    data, rules = task.data, rules_of(task.data.get("compat", "strict"))
    if is_multi_turn(data["category"]):
        return check_turns(data["entry"], data["gold"], artifact["turns"], rules=rules, extra=_extra(task))
    entry = Entry(data["entry"]["id"], data["category"], data["entry"], data["gold"])
    return grade_calls(entry, artifact["calls"], rules=rules, dots="either")


def _extra(task: Task) -> Mapping[str, Any] | None:
    row = task.data["entry"]
    return load_long_context(Path(task.data["folder"])) if uses_long_context(row["id"]) else None


def _calls(message: Message) -> list[dict[str, Any]]:
    return [{name: arguments} for name, arguments in calls_of(message)]


def _message(message: Mapping[str, Any]) -> Message:
    return {"role": message["role"], "content": message["content"]}


def _result(call_id: str, name: str, content: str) -> Message:
    return {"role": "tool", "tool_call_id": call_id, "name": name[:80], "content": content}


BENCHMARK = Benchmark(start_session, grade, gold_messages, matches)
