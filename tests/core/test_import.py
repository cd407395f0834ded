"""What `import forge_envs` costs and loads."""

import json
from collections.abc import Callable
from statistics import median

import forge_envs

TIMED = """
import sys, time
start = time.process_time()
import {module}
print(time.process_time() - start)
"""

HEAVY = {
    "torch",
    "transformers",
    "trl",
    "vllm",
    "docker",
    "swebench",
    "pydantic",
    "jsonschema",
    "openai",
    "forge_train",
}


def test_the_import_costs_little_more_than_gymnasium(python: Callable[..., str]) -> None:
    # Processor time, and the two in turn: what else runs on the machine must not decide.
    seconds: dict[str, list[float]] = {"gymnasium": [], "forge_envs": []}
    for _ in range(7):
        for module, spent in seconds.items():
            spent.append(float(python(TIMED.format(module=module))))
    assert median(seconds["forge_envs"]) <= 1.5 * median(seconds["gymnasium"]), seconds


def test_the_import_loads_nothing_heavy(python: Callable[..., str]) -> None:
    loaded = json.loads(python("import forge_envs, json, sys; print(json.dumps(sorted(sys.modules)))"))
    assert "gymnasium" in loaded
    assert not HEAVY & set(loaded)


def test_an_episode_needs_nothing_of_the_trainer(toy_suite: object, python: Callable[..., str]) -> None:
    code = """
import json, sys, gymnasium, forge_envs
env = gymnasium.make("forge/ToolUse-v0", suite=sys.argv[1])
env.reset(seed=0)
env.step("Done.")
env.close()
print(json.dumps(sorted(sys.modules)))
"""
    loaded = json.loads(python(code, str(toy_suite)))
    assert not {"torch", "transformers", "trl", "vllm", "docker", "swebench", "forge_train"} & set(loaded)


def test_every_public_name_exists() -> None:
    for name in forge_envs.__all__:
        assert getattr(forge_envs, name) is not None
    assert not hasattr(forge_envs, "nothing")
