"""Progress of a free-running episode towards gold: which of its calls were made, how far its state is from the goal."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from forge_envs.core.messages import Message, calls_of
from forge_envs.core.rewards import Progress
from forge_envs.core.task import Task
from forge_envs.tool_use.benchmarks import Attended, Benchmark
from forge_envs.tool_use.grading import typed

Call = tuple[str, Mapping[str, Any]]


@runtime_checkable
class Stateful(Protocol):
    """A benchmark's session with a state that can be compared."""

    def state(self) -> Any:
        """The state now; may be the live one."""


def measure_progress(made: Sequence[Call], gold: Sequence[Message], states: tuple[Any, Any, Any] | None) -> Progress:
    """How far an episode is.

    Args:
        made: The agent's calls so far, in order, failed ones included.
        gold: Gold's messages, in order.
        states: The state now, the initial one, and the one that gold reaches; None where there is none to compare.
    """
    wanted = [call for message in gold for call in calls_of(message)]
    near = None if states is None else closeness(*states)
    return Progress(matched_in_order(made, wanted), matched_as_set(made, wanted), near)


def benchmark_ends(benchmark: Benchmark, task: Task) -> tuple[Any, Any] | None:
    """The initial state of a benchmark's task and the one that gold reaches; None where its sessions have no state."""
    start, goal = benchmark.session(task), benchmark.session(task)
    if not (isinstance(start, Stateful) and isinstance(goal, Stateful)):
        return None
    for session in (start, goal):
        if isinstance(session, Attended):
            session.set_user(None)  # gold needs no model to talk to
        session.start()
    for message in benchmark.gold(task):
        goal.react(message)
    return start.state(), goal.state()


def matched_in_order(made: Sequence[Call], gold: Sequence[Call]) -> float:
    """The share of gold's calls found in `made` in gold's order, with any calls between them; 1 where gold has none.

    A call matches by ExactMatch of Eq 8: the tool and every argument, with types. Range [0, 1].
    """
    found = 0
    for call in map(typed, made):
        if found < len(gold) and call == typed(gold[found]):
            found += 1
    return found / len(gold) if gold else 1.0


def matched_as_set(made: Sequence[Call], gold: Sequence[Call]) -> float:
    """The share of gold's calls found in `made` in any order, each once; 1 where gold has none. Range [0, 1]."""
    unmatched = [typed(call) for call in gold]
    for call in map(typed, made):
        if call in unmatched:
            unmatched.remove(call)
    return 1.0 - len(unmatched) / len(gold) if gold else 1.0


def closeness(state: Any, start: Any, goal: Any) -> float:
    """1 minus the distance to the goal as a share of the start's distance (or of one value, if that is none).

    1 exactly where the grader finds the states equal. Range [0, 1].
    """
    return 1.0 - min(1.0, distance(state, goal) / max(1, distance(start, goal)))


def distance(one: Any, other: Any) -> int:
    """How many values differ between two JSON values; a value that only one of them has counts with all it holds."""
    if one == other:
        return 0
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        both = one.keys() & other.keys()
        alone = [side[key] for side in (one, other) for key in side.keys() - both]
        return sum(distance(one[key], other[key]) for key in both) + sum(map(_size, alone))
    if isinstance(one, list) and isinstance(other, list):
        longer, shared = max(one, other, key=len), min(len(one), len(other))
        return sum(map(distance, one, other)) + sum(map(_size, longer[shared:]))
    return max(_size(one), _size(other))


def _size(value: Any) -> int:
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return max(1, sum(map(_size, parts)))
