"""The new domain, end to end: check its tasks, then play gold in each of the three reward modes.

python examples/add_domain/run.py
"""

import sys
from pathlib import Path
from typing import Any

import gymnasium as gym

import forge_envs  # noqa: F401  registers the ids
from forge_envs.validate import validate_suite

SUITE = Path(__file__).resolve().parent / "suite"
WEIGHTS = {"arguments_valid": 0.05, "gold_in_order": 0.2, "shaping_state": 0.1}


def play(env: gym.Env[Any, Any], task: str, actions: list[str], **options: Any) -> list[float]:
    """The reward of each turn."""
    env.reset(seed=0, options={"task": task, **options})
    rewards, ended = [], False
    while actions and not ended:
        _, reward, terminated, truncated, _ = env.step(actions.pop(0))
        rewards.append(round(float(reward), 2))
        ended = terminated or truncated
    return rewards


def main() -> int:
    """Validate the suite and show what gold earns."""
    report = validate_suite(SUITE)
    for fault in report.faults:
        print(f"{fault.task_id} {fault.check}: {fault.detail}")
    print(f"{report.tasks} tasks checked, {len(report.faults)} faults")

    # Tasks name the domain as `cloakroom:Cloakroom`; any importable module will do, and this one is beside the script.
    env = gym.make("forge/ToolUse-v0", suite=str(SUITE), split=None, step_weights=WEIGHTS)
    inner: Any = env.unwrapped
    for task in inner.suite:
        gold = inner.gold_actions(task)
        shown = [("outcome", play(env, task.id, gold[:], reward="outcome"))]
        shown += [("shaped", play(env, task.id, gold[:], reward="shaped"))]
        turns = inner.scored_turns(task)
        each = [play(env, task.id, [gold[turn]], reward="stepwise", turn=turn)[0] for turn in turns]
        shown += [(f"stepwise, turns {turns}", each)]
        print(task.id, *(f"{mode}: {rewards}" for mode, rewards in shown), sep="\n  ")
    env.close()
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
