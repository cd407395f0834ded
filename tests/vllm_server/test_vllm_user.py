"""A user that a model on a real vLLM server plays, and an agent on the same server."""

from pathlib import Path
from typing import Any

import pytest
from forge_vllm import VLLMServer

from forge_envs.core.errors import SimulatorError
from forge_envs.tool_use.env import ToolUseEnv
from forge_train.policies.openai import OpenAIPolicy
from forge_train.policies.scripted import ScriptedPolicy
from forge_train.rollout.engine import Job, run_episodes


def _user(server: VLLMServer, *choices: str, **options: Any) -> dict[str, Any]:
    """A user that can only say one of some texts."""
    extra = {"extra_body": {"structured_outputs": {"choice": list(choices)}}}
    return {"model": server.model, **server.connection(timeout=60.0), "max_tokens": 60, "extra": extra, **options}


def _env(suite: Path, user: dict[str, Any], **options: Any) -> ToolUseEnv:
    return ToolUseEnv(suite=str(suite), split=None, user=user, **options)


def test_a_served_model_opens_and_answers(vllm_server: VLLMServer, toy_suite: Path) -> None:
    env = _env(toy_suite, _user(vllm_server, "Tag note n1."))
    first, _ = env.reset(options={"task": "ask"})
    assert first[1] == {"role": "user", "content": "Tag note n1."}
    said, reward, terminated, *_ = env.step("Which note? ###STOP###")
    assert said == ({"role": "user", "content": "Tag note n1."},) and not terminated and reward == 0.0


def test_the_user_leaves_in_its_own_words_only(vllm_server: VLLMServer, toy_suite: Path) -> None:
    """Two texts to choose from at temperature 1: sooner or later the model says the one that ends the dialogue."""
    env = _env(toy_suite, _user(vllm_server, "Go on.", "Thank you. ###STOP###"), max_steps=60)
    for seed in range(60):  # the model may also choose to leave before it says anything
        try:
            env.reset(seed=seed, options={"task": "decline"})
            break
        except SimulatorError:
            continue
    for _ in range(60):
        said, reward, terminated, truncated, _ = env.step("I can't do that.")
        if terminated or truncated:
            break
    assert terminated and said == () and reward == 1.0
    assert all(m["content"] == "Go on." for m in env.messages if m["role"] == "user")


def test_a_user_that_leaves_at_once_or_says_nothing_is_a_failure(vllm_server: VLLMServer, toy_suite: Path) -> None:
    with pytest.raises(SimulatorError, match="left before it said anything"):
        _env(toy_suite, _user(vllm_server, "###STOP###")).reset(options={"task": "ask"})
    thinking = _user(vllm_server, "<think>What do I want?")
    (rollout,) = run_episodes(
        lambda: _env(toy_suite, thinking), ScriptedPolicy.gold(_env(toy_suite, thinking)), [Job("ask")]
    )
    end = rollout.episode.end
    assert (end.status, end.boundary) == ("failed", "simulator") and rollout.episode.outcome is None


def test_agent_and_user_on_one_server(vllm_server: VLLMServer, toy_suite: Path) -> None:
    user = _user(vllm_server, "Note n1.", "The one about milk.")
    policy = OpenAIPolicy(vllm_server.model, **vllm_server.connection(timeout=60.0), max_tokens=16)
    jobs = [Job("ask", index) for index in range(4)]
    rollouts = run_episodes(lambda: _env(toy_suite, user, max_steps=3), policy, jobs)
    assert [r.episode.end.status for r in rollouts] == ["truncated"] * 4
    heard = {m["content"] for r in rollouts for t in r.episode.turns if not t.fault for m in t.observation}
    assert heard <= {"Note n1.", "The one about milk."} and heard
