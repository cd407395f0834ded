"""mini-swe-agent, as it comes from PyPI, works on a task of Forge; a scripted model stands in for a language model.

    pip install forge-agents pytest mini-swe-agent
    python examples/mini_swe_agent.py --task forge__rota-31

`ForgeEnvironment` is all that lies between the two: it has the methods of mini-swe-agent's `Environment` protocol and
turns each command into one `step`. So the workspace, its limits, the patch and the reward are the environment's; what
mini-swe-agent is told of a task is the issue, and nothing else.
"""

import argparse
import platform
import re
from pathlib import Path
from typing import Any

import gymnasium as gym
import yaml
from minisweagent import package_dir
from minisweagent.agents.default import DefaultAgent
from minisweagent.exceptions import LimitsExceeded, Submitted
from minisweagent.models.test_models import DeterministicModel, make_output

from forge_envs.swe.bash_block import block, commands_of

_SHOWN = re.compile(r"<returncode>(\d+)</returncode>\n(.*)", re.DOTALL)


class ForgeEnvironment:
    """An episode of ``forge/SWE-v0`` behind mini-swe-agent's `Environment` protocol.

    Args:
        env: Made with the default protocol; the episode is started here.
        task: Task id, or None for one drawn by `seed`.
        seed: Of the episode.

    `reward` and `info` are those of the last step.
    """

    def __init__(self, env: gym.Env[Any, Any], *, task: str | None = None, seed: int | None = None):
        self.env = env
        self.config = {"task": task, "seed": seed}
        env.reset(seed=seed, options=None if task is None else {"task": task})
        self.issue: str = env.unwrapped.task.data["problem_statement"]  # type: ignore[attr-defined]
        self.reward, self.info = 0.0, dict[str, Any]()

    def execute(self, action: dict[str, Any], cwd: str = "") -> dict[str, Any]:
        """Run ``action["command"]`` in a new shell in the repository.

        Raises:
            Submitted, LimitsExceeded: The episode has ended, and was graded.
        """
        command = f"cd {cwd} && {action['command']}" if cwd else action["command"]
        messages, reward, terminated, truncated, self.info = self.env.step(block("", command))
        self.reward = float(reward)
        if terminated or truncated:
            patch = self.info["artifact"]["patch"]
            status = "Submitted" if terminated else "LimitsExceeded"
            ended = {"role": "exit", "content": patch, "extra": {"exit_status": status, "submission": patch}}
            raise Submitted(ended) if terminated else LimitsExceeded(ended)
        text = messages[0]["content"]
        found = _SHOWN.match(text)
        if found is None:  # a limit stopped it; the text says which one
            return {"output": text, "returncode": -1, "exception_info": text.split("\n", 1)[0]}
        shown = found[2].removeprefix("<output>\n").removesuffix("</output>")
        return {"output": shown, "returncode": int(found[1]), "exception_info": ""}

    def get_template_vars(self, **kwargs: Any) -> dict[str, Any]:
        """What mini-swe-agent's templates may name."""
        return {**platform.uname()._asdict(), **kwargs}

    def serialize(self) -> dict[str, Any]:
        """For mini-swe-agent's trajectory file."""
        verdict = {"reward": self.reward, "verdict": self.info.get("verdict")}
        return {"info": {"config": {"environment": self.config}, "forge": verdict}}


def scripted(env: gym.Env[Any, Any]) -> DeterministicModel:
    """mini-swe-agent's own model for tests, with a script: look around, try something, apply gold, hand it in."""
    apply, _ = env.unwrapped.gold_actions()  # type: ignore[attr-defined]
    commands = ["pwd && ls", "git log --oneline && no_such_program", *commands_of(apply), "git diff --stat"]
    turns = [make_output("Look.", [{"command": commands[0]}, {"command": commands[1]}])]
    turns += [make_output("Go on.", [{"command": command}]) for command in commands[2:]]
    turns.append(make_output("The work is done.", [{"command": "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"}]))
    return DeterministicModel(outputs=turns, cost_per_call=0.0)


def main() -> None:
    """Solve one task and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="forge__rota-31", help="id of a bundled task (default forge__rota-31)")
    parser.add_argument("--trajectory", type=Path, help="where mini-swe-agent writes its trajectory")
    options = parser.parse_args()

    templates = yaml.safe_load((package_dir / "config" / "mini.yaml").read_text())["agent"]
    env = gym.make("forge_envs:forge/SWE-v0", split=None)
    try:
        bridge = ForgeEnvironment(env, task=options.task)
        agent = DefaultAgent(
            scripted(env),
            bridge,
            system_template=templates["system_template"],
            instance_template=templates["instance_template"],
            cost_limit=0.0,
            output_path=options.trajectory,
        )
        ended = agent.run(bridge.issue)
    finally:
        env.close()
    for message in agent.messages[2:]:
        print(f"[{message['role']}] {message['content'][:400]}")
    changed = ended["submission"].count("diff --git ")
    print(f"{ended['exit_status']} after {agent.n_calls} turns: {changed} files changed, reward {bridge.reward:.1f}")


if __name__ == "__main__":
    main()
