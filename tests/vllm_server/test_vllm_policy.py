"""`OpenAIPolicy` plays ToolUse-v0 against a real vLLM server: calls, stops, limits, and a server that dies."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from forge_vllm import MAX_LENGTH, VLLMServer

from forge_envs.core.errors import ContextError, PolicyError
from forge_envs.core.messages import calls_of
from forge_train.policies.base import Reply, Request
from forge_train.policies.openai import OpenAIPolicy
from forge_train.rollout.engine import EngineLimits, Job, Rollout, run_episodes
from forge_train.rollout.store import EpisodeStore

CALL = r'<tool_call>\n\{"name": "tag_note", "arguments": \{"note": "n[1-9]", "tag": "[a-z]{1,3}"\}\}\n</tool_call>'


def written_as(**constraint: Any) -> dict[str, Any]:
    """Sampling that lets the random model write only what a constraint allows."""
    return {"extra_body": {"structured_outputs": constraint}, "max_tokens": 200}


def policy_of(server: VLLMServer, **options: Any) -> OpenAIPolicy:
    """A policy that asks the server."""
    return OpenAIPolicy(server.model, **{**server.connection(timeout=120.0, retries=0, max_tokens=24), **options})


@pytest.fixture
def toy(toy_suite: Path) -> Callable[..., Callable[[], Any]]:
    """Makes makers of the toy environment."""

    def maker(**options: Any) -> Callable[[], Any]:
        return lambda: gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), split=None, max_steps=4, **options)

    return maker


def ask(policy: OpenAIPolicy, text: str = "Hi.", *, seed: int = 1) -> Reply:
    """One request in an event loop of its own."""

    async def run() -> Reply:
        try:
            return await policy.act(Request([{"role": "user", "content": text}], [], (), seed, "t", 0))
        finally:
            await policy.aclose()

    return asyncio.run(run())


def ends(rollouts: list[Rollout]) -> list[tuple[str, str | None]]:
    """Status, and the limit or the boundary."""
    return [(r.episode.end.status, r.episode.end.reason or r.episode.end.boundary) for r in rollouts]


def test_native_calls_are_carried_out(vllm_server: VLLMServer, toy: Any) -> None:
    policy = policy_of(vllm_server, **written_as(regex=CALL))
    rollouts = run_episodes(toy(), policy, [Job("add", index) for index in range(3)])
    assert ends(rollouts) == [("truncated", "max_steps")] * 3
    for episode in (rollout.episode for rollout in rollouts):
        assert episode.outcome == 0.0 and len(episode.turns) == 4
        for turn in episode.turns:
            ((name, arguments),) = calls_of(turn.message)
            (answer,) = turn.observation
            assert turn.fault is None and turn.action is None and name == "tag_note"
            assert answer["tool_call_id"] == turn.message["tool_calls"][0]["id"]
            done = arguments["note"] == "n1"
            assert answer["content"] == ("done" if done else f"Error: no note {arguments['note']!r}")
    texts = {json.dumps([calls_of(turn.message) for turn in r.episode.turns]) for r in rollouts}
    assert len(texts) == 3  # every episode samples with seeds of its own


def test_raw_text_is_read_by_the_environments_protocol(vllm_server: VLLMServer, toy: Any) -> None:
    policy = policy_of(vllm_server, native_tools=False, **written_as(regex=CALL))
    (rollout,) = run_episodes(toy(tools_in_prompt=True), policy, [Job("add")])
    assert all(turn.observation[0]["role"] == "user" for turn in rollout.episode.turns)
    assert all(turn.message["content"].startswith("<tool_call>") for turn in rollout.episode.turns)
    assert not any(turn.fault for turn in rollout.episode.turns)
    python = policy_of(vllm_server, native_tools=False, **written_as(regex=r"\[tag_note\(note='n1', tag='[a-z]'\)\]"))
    (rollout,) = run_episodes(toy(tools_in_prompt=True, protocol="python"), python, [Job("add")])
    assert {t.observation[0]["content"] for t in rollout.episode.turns} == {"tag_note returned: done"}


def test_a_reply_cut_at_its_longest_is_told_so(vllm_server: VLLMServer, toy: Any) -> None:
    """The model may write no more than a part of a call: the agent reads that it is not closed, nothing fails."""
    policy = policy_of(vllm_server, **{**written_as(regex=CALL), "max_tokens": 12})
    (rollout,) = run_episodes(toy(), policy, [Job("add")])
    assert ends([rollout]) == [("truncated", "max_steps")] and rollout.episode.outcome == 0.0
    assert all("not closed" in str(turn.fault) for turn in rollout.episode.turns)


def test_any_text_ends_an_episode_as_it_should(vllm_server: VLLMServer, toy: Any) -> None:
    jobs = [Job(task, index) for task in ("add", "ask", "decline") for index in range(4)]
    rollouts = run_episodes(toy(), policy_of(vllm_server), jobs)
    assert {r.episode.end.status for r in rollouts} <= {"completed", "truncated"}
    assert all(r.episode.outcome in (0.0, 1.0) for r in rollouts)
    declined = [
        r.episode for r in rollouts if r.episode.task_id == "decline" and not any(t.fault for t in r.episode.turns)
    ]
    assert declined and all(episode.outcome == 1.0 for episode in declined)  # whatever is said, nothing was done


def test_one_seed_one_reply(vllm_server: VLLMServer) -> None:
    first, again, other = (ask(policy_of(vllm_server), seed=seed).action.content for seed in (5, 5, 6))
    assert first == again != other


def test_too_long_a_conversation_is_a_truncation(vllm_server: VLLMServer, toy: Any) -> None:
    for text in ("word " * MAX_LENGTH, "7 " * 20 * MAX_LENGTH):  # counted in tokens, and refused before counting
        with pytest.raises(ContextError, match="maximum context length"):
            ask(policy_of(vllm_server), text)
    padded = toy()

    def long_tools() -> Any:
        env = padded()
        env.unwrapped._tools = lambda: [{"type": "function", "function": {
            "name": "word_" * MAX_LENGTH, "description": "x", "parameters": {"type": "object", "properties": {}}
        }}]  # fmt: skip
        return env

    (rollout,) = run_episodes(long_tools, policy_of(vllm_server), [Job("add")])
    assert ends([rollout]) == [("truncated", "max_context")] and rollout.episode.outcome == 0.0


def test_a_slow_reply_fails_its_episode(vllm_server: VLLMServer, toy: Any) -> None:
    slow = policy_of(vllm_server, timeout=0.02, max_tokens=1500, extra_body={"ignore_eos": True})
    (rollout,) = run_episodes(toy(), slow, [Job("add")])
    assert ends([rollout]) == [("failed", "policy")] and rollout.episode.outcome is None
    assert "APITimeoutError" in str(rollout.episode.end.error)
    waited = EngineLimits(policy_timeout=0.05)
    patient = policy_of(vllm_server, max_tokens=1500, extra_body={"ignore_eos": True})
    (rollout,) = run_episodes(toy(), patient, [Job("add")], limits=waited)
    assert ends([rollout]) == [("failed", "policy")] and "no reply within 0.05 s" in str(rollout.episode.end.error)


def test_what_the_server_does_not_know_fails_the_episode(vllm_server: VLLMServer, toy: Any) -> None:
    unknown = OpenAIPolicy("no-such-model", **vllm_server.connection(retries=0))
    with pytest.raises(PolicyError, match="NotFoundError") as caught:
        ask(unknown)
    assert not isinstance(caught.value, ContextError)
    (rollout,) = run_episodes(toy(), unknown, [Job("add")])
    assert ends([rollout]) == [("failed", "policy")]


class KillsServer(OpenAIPolicy):
    """Ends the server before its second request is answered."""

    def __init__(self, server: VLLMServer, **options: Any):
        super().__init__(server.model, **server.connection(retries=1, timeout=30.0), **options)
        self._server, self.asked = server, 0

    async def act(self, request: Request) -> Reply:
        """One chat completion; the second one from a dead server."""
        self.asked += 1
        if self.asked == 2:
            await asyncio.to_thread(self._server.kill)
        return await super().act(request)


@pytest.mark.kills_vllm
def test_a_server_that_dies_fails_the_episode_and_scores_nothing(
    vllm_server: VLLMServer, toy: Any, tmp_path: Path
) -> None:
    store = EpisodeStore(tmp_path / "run")
    policy = KillsServer(vllm_server, **written_as(regex=CALL))
    jobs = [Job("add"), Job("ask")]
    limits = EngineLimits(concurrency=1)
    rollouts = run_episodes(toy(), policy, jobs, limits=limits, on_rollout=store.write)
    assert ends(rollouts) == [("failed", "policy")] * 2
    assert [len(r.episode.turns) for r in rollouts] == [1, 0]
    assert all(r.episode.outcome is None and r.episode.reward == 0.0 for r in rollouts)
    assert "APIConnectionError" in str(rollouts[0].episode.end.error)
    assert list(store.episodes()) == [] and store.remaining(jobs) == jobs  # in the sidecar, to be run again
