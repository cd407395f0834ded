"""`forge play`: a person in the place of the agent."""

from collections.abc import Sequence
from typing import Any

import gymnasium
from rich.console import Console

import forge_envs
from forge_envs.core.errors import ActionError, ConfigError
from forge_envs.core.messages import assistant, decode_json, tool_call
from forge_train.cli_text import make_table, plain, print_message, print_tools

HELP = "Type a reply, or: /call TOOL {json arguments}   /tools   /help   /quit"


def play_episode(
    console: Console, env_id: str, *, task: str | None, suite: Sequence[str] | None, split: str, seed: int
) -> None:
    """Run one episode with replies from standard input; ends with the verdict, or when the input ends.

    Args:
        console: Where everything is shown.
        env_id: Gymnasium id.
        task: A task id; None draws one.
        suite: Suites or folders; None or empty means the environment's own.
        split: Which tasks to draw from; ``all`` means every split.
        seed: Of the reset.
    """
    with make_env(env_id, suite=suite, split=split) as env:
        observation, info = env.reset(seed=seed, options={} if task is None else {"task": task})
        console.print(f"[bold]{plain(info['task_id'])}[/] in {plain(env_id)}")
        print_tools(console, info["tools"])
        console.print(HELP, style="dim", markup=False)
        over = False
        while not over:
            for message in observation:
                print_message(console, message)
            action = _ask(console, info["tools"])
            if action is None:
                console.print("Stopped before the end: nothing was graded.")
                return
            observation, _, terminated, truncated, info = env.step(action)
            over = terminated or truncated
        for message in observation:
            print_message(console, message)
        verdict = info["verdict"]
        ended = f"truncated: {info['truncation']}" if truncated else "finished"
        console.print(f"[bold]{ended}, reward {verdict['reward']:.1f}[/]")
        console.print(make_table("Verdict", ("component", "value"), list(verdict["components"].items())))
        for name, value in verdict["details"].items():
            console.print(f"{plain(name)}: {plain(value)}", highlight=False)


def make_env(env_id: str, *, suite: Sequence[str] | None, split: str) -> gymnasium.Env[Any, Any]:
    """`gymnasium.make` with errors that say what to change.

    Raises:
        ConfigError: No such environment, or not a Forge environment.
    """
    options: dict[str, Any] = {"split": None if split == "all" else split}
    if suite:
        options["suite"] = list(suite)
    try:
        env = gymnasium.make(env_id, disable_env_checker=True, **options)
    except (gymnasium.error.Error, ModuleNotFoundError) as error:
        raise ConfigError(f"No environment {env_id!r}: `forge list` prints the ids ({error}).") from error
    except TypeError as error:
        raise ConfigError(f"{env_id!r} is not a Forge environment: {error}") from error
    if not isinstance(env.unwrapped, forge_envs.ForgeEnv):
        raise ConfigError(f"{env_id!r} is not a Forge environment: its class is {type(env.unwrapped).__name__}.")
    return env


def _ask(console: Console, tools: Sequence[Any]) -> Any:
    """The next action; None if the person leaves."""
    while True:
        try:
            line = console.input("[bold]you>[/] ", emoji=False).strip()
        except (EOFError, KeyboardInterrupt):
            console.print()
            return None
        command, _, rest = line.partition(" ")
        if command == "/quit":
            return None
        if command == "/help":
            console.print(HELP, style="dim", markup=False)
        elif command == "/tools":
            print_tools(console, tools)
        elif command == "/call":
            name, _, arguments = rest.strip().partition(" ")
            try:
                decoded = decode_json(arguments.strip() or "{}")
                if not name or not isinstance(decoded, dict):
                    raise ActionError('write /call TOOL {"argument": "value"}')
                return assistant("", [tool_call(name, decoded, "call_0")])
            except ActionError as error:
                console.print(f"[red]{plain(error)}[/]")
        elif command.startswith("/"):
            console.print(HELP, style="dim", markup=False)
        else:
            return line
