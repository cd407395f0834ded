"""The new environment and its suite, end to end: check the tasks, then play them with an agent that searches.

python examples/add_task/run.py
"""

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym

from forge_envs.core.messages import assistant, tool_call
from forge_envs.validate import validate_suite

HERE = Path(__file__).resolve().parent


def plan(panel: dict[str, Any], goal: set[str]) -> list[str]:
    """The shortest set of switches whose flips lead to the goal: flips commute, and two of one cancel."""
    for count in range(len(panel["links"]) + 1):
        for chosen in itertools.combinations(panel["links"], count):
            on = set(panel["on"])
            for switch in chosen:
                on ^= {switch, *panel["links"][switch]}
            if on == goal:
                return list(chosen)
    raise ValueError(f"No flips lead to {sorted(goal)}.")


def main() -> int:
    """Validate the suite, play its held-out tasks, and say what came out."""
    report = validate_suite(HERE / "suite")
    for fault in report.faults:
        print(f"{fault.task_id} {fault.check}: {fault.detail}")
    print(f"{report.tasks} tasks checked, {len(report.faults)} faults")

    # The part before the colon is a module to import: the file `switches.py` beside this one registers the id.
    env = gym.make("switches:examples/Switches-v0", suite=str(HERE / "suite"), split="heldout")
    rewards = []
    for index in range(len(env.get_wrapper_attr("suite"))):
        observation, _ = env.reset(seed=0, options={"task": index})
        wanted = observation[-1]["content"].partition(": ")[2].rstrip(".")
        observation, *_ = env.step(assistant("", [tool_call("read_panel", {}, "look")]))
        switches = plan(json.loads(observation[-1]["content"]), set(wanted.split(", ")) - {"no switch"})
        if switches:
            env.step(assistant("", [tool_call("flip_switch", {"switch": s}, f"flip_{s}") for s in switches]))
        rewards.append(float(env.step("The panel is set.")[1]))
    env.close()
    print(f"{len(rewards)} held-out episodes, mean outcome reward {sum(rewards) / len(rewards):.2f}")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
