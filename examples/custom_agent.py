"""A hand-written agent in a plain Gymnasium loop: no model, no trainer, no network.

    python examples/custom_agent.py --episodes 50

The agent knows three kinds of request and gives up on all others, so it scores well below 1.0.
"""

import argparse
import json
import re
from collections.abc import Sequence
from typing import Any

import gymnasium as gym


def call(name: str, **arguments: Any) -> str:
    """A tool call as raw text, the way a model would write it."""
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


def act(conversation: Sequence[dict[str, Any]]) -> str:
    """The next assistant message, from the whole conversation."""
    request = next(m["content"] for m in conversation if m["role"] == "user")
    last = conversation[-1]
    shelf = re.search(r"shelf .*?((?:The|A) [A-Z]\w+ [A-Z]\w+)", request)
    loan = re.search(r"\bL\d+\b", request)
    renew = re.search(r"renew|extend|longer", request)
    if last["role"] == "user" and shelf:
        return call("find_book", title=shelf[1])
    if last["role"] == "user" and loan:
        return call("renew_loan" if renew else "return_loan", loan=loan[0])
    if last["role"] == "tool" and last["content"].startswith("Error"):
        # A refused renewal often leaves one thing to do: take the book back.
        return call("return_loan", loan=loan[0]) if loan and last["name"] == "renew_loan" else "That is not possible."
    if last["role"] == "tool":
        return f"Done: {last['content']}"
    return "I can't help with that."


def main() -> None:
    """Play held-out tasks of the library and print the mean outcome reward."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=20, help="how many held-out tasks (default 20)")
    parser.add_argument("--show", action="store_true", help="print each conversation")
    options = parser.parse_args()

    env = gym.make("forge_envs:forge/ToolUse-v0", suite="tool_use/library", split="heldout", render_mode="ansi")
    rewards = []
    for index in range(options.episodes):
        observation, info = env.reset(seed=0, options={"task": index})
        conversation = list(observation)
        reward, over = 0.0, False
        while not over:
            action = act(conversation)
            observation, reward, terminated, truncated, info = env.step(action)
            conversation += [{"role": "assistant", "content": action}, *observation]
            over = terminated or truncated
        rewards.append(float(reward))
        if options.show:
            print(f"--- {info['task_id']}: {reward}\n{env.render()}")
    env.close()
    print(f"{len(rewards)} episodes, mean outcome reward {sum(rewards) / len(rewards):.2f}")


if __name__ == "__main__":
    main()
