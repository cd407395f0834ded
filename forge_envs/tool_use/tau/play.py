"""tau-bench's tasks as episodes of ``forge/ToolUse-v0``."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from forge_envs.core.errors import GraderError
from forge_envs.core.hooks import Reaction
from forge_envs.core.messages import Message, assistant, calls_of, tool_call
from forge_envs.core.rewards import StepFacts, Verdict
from forge_envs.core.task import Task
from forge_envs.tool_use.benchmarks import Benchmark
from forge_envs.tool_use.grading import typed
from forge_envs.tool_use.tau.data import TauTask, load_tasks
from forge_envs.tool_use.tau.grading import differing_records, gold_changes, judge, open_backend
from forge_envs.tool_use.users import make_user
from forge_envs.tool_use.users.hearing import without_thoughts

DROPPED = "Error: only the first tool call of a message is carried out; make this one in a message of its own"
"""What an agent reads instead of a further call's result. Upstream's loop cuts such calls out of the message."""


class TauSession:
    """An episode: the agent talks to a user and works on the database, until the user leaves.

    Without `set_user` the user is scripted: it says the whole instruction and leaves at the agent's first text.

    Args:
        task: A task of `forge_envs.tool_use.tau.suite`.
    """

    def __init__(self, task: Task):
        self._task = tau_task(task)
        self._version = self._task.world.version
        self._backend = open_backend(self._task.world)
        self._said: list[str] = []
        self._done = False
        self.set_user(None)

    def set_user(self, spec: Mapping[str, Any] | None) -> None:
        """Who plays the user, as `make_user` takes it; call it before `start`."""
        world = self._task.world
        self._user = make_user(
            spec,
            instruction=self._task.instruction,
            guidelines=world.user_guidelines,
            stop_tokens=world.version.stop_tokens,
        )

    def start(self) -> Sequence[Message]:
        """The policy, and the user's first message."""
        policy = self._task.world.policy
        return [{"role": "system", "content": policy}, {"role": "user", "content": self._user.open()}]

    def tools(self) -> list[dict[str, Any]]:
        """Upstream's schemas; a new object on every call."""
        schemas: list[dict[str, Any]] = json.loads(json.dumps(self._task.world.schemas))
        return schemas

    def react(self, message: Message) -> Reaction:
        """Carry out calls, or pass a text on to the user."""
        calling = "tool_calls" in message
        if not calling or (self._version.said_beside_calls and message["content"]):
            self._said.append(without_thoughts(message["content"]))
        if not calling:
            answer = self._user.answer(message["content"])
            self._done = answer is None
            return Reaction([] if answer is None else [{"role": "user", "content": answer}], done=self._done)
        results: list[Message] = []
        failed = unknown = invalid = 0
        for number, (call, (name, arguments)) in enumerate(zip(message["tool_calls"], calls_of(message), strict=True)):
            if self._done or (number and self._version.one_call):
                content, broken = DROPPED, True
            else:
                answered = self._backend.call(name, arguments)
                content, broken = answered.text, answered.failed
                unknown += not self._backend.has(name)
                invalid += self._backend.has(name) and self._backend.fault(name, arguments) is not None
                self._done = name in self._version.terminating
            failed += broken
            results.append({"role": "tool", "tool_call_id": call["id"], "name": name[:80], "content": content})
        facts = StepFacts(True, len(results), failed, unknown_tools=unknown, invalid_arguments=invalid)
        return Reaction(results, done=self._done, facts=facts)

    def state(self) -> dict[str, Any]:
        """The records that gold writes and those that the agent changed, by table and key, as they are now."""
        world, goal, reached = self._task.world, gold_changes(self._task), self._backend.tables.changes()
        changed = [name.split("/", 1) for name in differing_records(world, {}, reached)]
        keys = {(table, key) for table, records in goal.items() for key in records} | {(t, k) for t, k in changed}
        tables = self._backend.tables
        return {f"{t}/{k}": tables.read(t, k) for t, k in sorted(keys) if tables.has(t, k)}

    def artifact(self) -> dict[str, Any]:
        """What was written to the database, what was said, and whether the dialogue ended."""
        return {"changes": self._backend.tables.changes(), "said": list(self._said), "done": self._done}


def tau_task(task: Task) -> TauTask:
    """The benchmark's task behind a suite's task; its data is loaded once for each folder."""
    folder, domain, version = task.data["world"]
    split, task_id = task.data["task"]
    return load_tasks(folder, domain, split, version)[task_id]


def grade(task: Task, artifact: Mapping[str, Any]) -> Verdict:
    """Eq 7 of the paper: 1 if every reply was well-formed and upstream's rule says 1, else 0.

    Args:
        task: A task of `forge_envs.tool_use.tau.suite`.
        artifact: ``changes`` (the records written), ``said``, ``done`` and ``format_faults``.

    Returns:
        A verdict with components ``format_correct``, ``done`` (upstream scores only dialogues that ended), ``db_match``
        and ``outputs_match``. The details name records that differ, outputs that were not said, and how many assertions
        upstream would have given to a language model.

    Raises:
        GraderError: The artifact is incomplete.
    """
    try:
        changes, said = artifact["changes"], artifact["said"]
        done, faults = artifact["done"], artifact["format_faults"]
    except KeyError as error:
        raise GraderError(f"The artifact has no {error}.", dict(artifact)) from error
    found = judge(tau_task(task), changes, said)
    parts = {
        "format_correct": float(faults == 0),
        "done": float(done),
        "db_match": float(found.db_match),
        "outputs_match": float(found.outputs_match),
    }
    details = {"differing": list(found.differing), "unsaid": list(found.unsaid), "unjudged": found.unjudged}
    return Verdict(found.reward * float(done and faults == 0), parts, details)


def gold_messages(task: Task) -> list[Message]:
    """The gold turns as assistant messages."""
    return [
        assistant(
            turn.get("say", ""),
            [tool_call(c["name"], c["arguments"], f"gold_{i}_{j}") for j, c in enumerate(turn.get("calls", []))],
        )
        for i, turn in enumerate(task.data["gold"])
    ]


def matches(task: Task, message: Message, gold: Message) -> bool:
    """ExactMatch of Eq 8: the same call with equal arguments, types included."""
    return bool(typed(calls_of(message)) == typed(calls_of(gold)))


BENCHMARK = Benchmark(session=TauSession, grade=grade, gold=gold_messages, matches=matches)
"""tau-bench, both versions, for `forge_envs.tool_use.benchmarks`."""
