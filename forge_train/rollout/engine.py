"""The rollout engine: many episodes at once, none of which can stop the others."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from forge_envs.core.episode import End, Episode, Turn
from forge_envs.core.errors import (
    ConfigError,
    ContextError,
    GraderError,
    PolicyError,
    SandboxError,
    SimulatorError,
    TaskError,
)
from forge_train.policies.base import Policy, Reply, Request
from forge_train.rollout.env_thread import EnvThread
from forge_train.rollout.ledger import Ledger, TokenRow


@dataclass(frozen=True)
class Job:
    """One episode to run.

    Args:
        task: Task id.
        index: Which of the task's episodes; (task, mode, turn, index) names it.
        seed: Of reset, and with the turn of every sample.
        mode: Reward mode; None means the environment's own.
        turn: Gold turn, for step-wise episodes.
    """

    task: str
    index: int = 0
    seed: int = 0
    mode: str | None = None
    turn: int | None = None

    @property
    def group(self) -> str:
        """Episodes of one group share an identical prompt: same task, mode and turn."""
        mode = f"@{self.mode}" if self.mode else ""
        return f"{self.task}{mode}" + (f":{self.turn}" if self.turn is not None else "")

    @property
    def id(self) -> str:
        """The episode's id."""
        return f"{self.group}#{self.index}"


@dataclass(frozen=True)
class Rollout:
    """A finished job: the episode, and its tokens if the policy deals in tokens."""

    job: Job
    episode: Episode
    rows: tuple[TokenRow, ...] = ()


@dataclass(frozen=True)
class EngineLimits:
    """What bounds a run.

    Args:
        concurrency: Episodes in flight, each with an environment of its own.
        max_tokens: Ids of an episode before it is truncated with ``max_context``; None means no limit.
        reset_timeout: Seconds for `reset`; `step_timeout` for `step` with its grading; `policy_timeout` for a reply;
            `close_timeout` for closing all environments at the end.
    """

    concurrency: int = 32
    max_tokens: int | None = None
    reset_timeout: float = 300.0
    step_timeout: float = 600.0
    policy_timeout: float = 600.0
    close_timeout: float = 60.0


def run_episodes(
    make_env: Callable[[], Any],
    policy: Policy,
    jobs: Sequence[Job],
    *,
    limits: EngineLimits | None = None,
    on_rollout: Callable[[Rollout], None] | None = None,
) -> list[Rollout]:
    """Run every job and return the rollouts in the order of the jobs.

    An episode that fails is returned with ``end.status == "failed"``; it never stops the others.

    Args:
        make_env: Makes one environment; called up to `limits.concurrency` times.
        policy: Answers for all episodes. Its connections and threads are closed at the end; it can be used again.
        jobs: What to run; their ids must differ.
        limits: Bounds; None means the defaults.
        on_rollout: Called as each episode finishes, from this thread.

    Raises:
        ConfigError: Two jobs have the same id, or the concurrency is below 1.
    """
    if len({job.id for job in jobs}) != len(jobs):
        raise ConfigError("Two jobs have the same id; give each episode of a task its own index.")
    if limits is not None and limits.concurrency < 1:
        raise ConfigError(f"concurrency is {limits.concurrency}; give at least 1.")
    return asyncio.run(_run(make_env, policy, jobs, limits or EngineLimits(), on_rollout or (lambda rollout: None)))


async def _run(
    make_env: Callable[[], Any],
    policy: Policy,
    jobs: Sequence[Job],
    limits: EngineLimits,
    on_rollout: Callable[[Rollout], None],
) -> list[Rollout]:
    waiting = list(enumerate(jobs))[::-1]
    finished: dict[int, Rollout] = {}
    threads: list[EnvThread] = []

    async def work() -> None:
        while waiting:
            thread = EnvThread(make_env)
            threads.append(thread)
            try:
                while waiting and not thread.stuck:
                    position, job = waiting.pop()
                    finished[position] = await _episode(thread, policy, job, limits)
                    on_rollout(finished[position])
            finally:
                thread.stop()

    try:
        await asyncio.gather(*(work() for _ in range(min(limits.concurrency, len(jobs)))))
    finally:
        await policy.aclose()
        until = time.monotonic() + limits.close_timeout
        for thread in threads:
            thread.join(until - time.monotonic())
    return [finished[position] for position in range(len(jobs))]


async def _episode(thread: EnvThread, policy: Policy, job: Job, limits: EngineLimits) -> Rollout:
    record = _Record(job, policy.name)
    try:
        await _play(thread, policy, job, limits, record)
    except (TaskError, SandboxError, SimulatorError, GraderError, PolicyError) as error:
        boundary = type(error).__name__.removesuffix("Error").lower()
        if isinstance(error, GraderError):
            record.artifact = error.artifact
        record.end = End("failed", boundary=boundary, error=f"{type(error).__name__}: {error}")
    except Exception as error:  # the episode's own environment code raised; the batch goes on
        record.end = End("failed", boundary="environment", error=f"{type(error).__name__}: {error}")
    return record.rollout()


async def _play(thread: EnvThread, policy: Policy, job: Job, limits: EngineLimits, record: "_Record") -> None:
    def reset(env: Any) -> Any:
        turn = {} if job.turn is None else {"turn": job.turn}
        return env.reset(seed=job.seed, options={"task": job.task, "reward": job.mode or thread.mode, **turn})

    prompt, info = await thread.call(reset, limits.reset_timeout)
    record.started(thread.env.unwrapped, prompt, info)
    ledger = None if policy.renderer is None else Ledger(policy.renderer, thread.env.unwrapped.protocol.render)
    record.ledger = ledger
    if ledger is not None:
        ledger.start(prompt, info["tools"])
    messages, tools, first = list(prompt), info["tools"], info.get("turn", 0)
    while True:
        taken = len(record.turns)
        ids = () if ledger is None else ledger.ids
        if limits.max_tokens is not None and len(ids) >= limits.max_tokens:
            return await _cut(thread, limits, record)
        seed = _sampling_seed(job, taken)
        begun = time.monotonic()
        try:
            reply = await _ask(policy, Request(messages, tools, ids, seed, job.task, first + taken), limits)
        except ContextError:
            return await _cut(thread, limits, record)
        thought = time.monotonic()
        if ledger is not None:
            ledger.sampled(reply.ids, reply.logprobs, reply.version, reply.action)
        step = await thread.call(partial(_step, action=reply.action), limits.step_timeout)
        observation, reward, terminated, truncated, info = step
        acted = await thread.call(lambda env: env.unwrapped.messages, limits.step_timeout)
        messages = acted
        seconds = {"policy": thought - begun, "environment": time.monotonic() - thought}
        record.turns.append(
            Turn(
                action=reply.action if isinstance(reply.action, str) else None,
                message=acted[-1 - len(observation)],
                observation=observation,
                reward=reward,
                components=info["reward_components"],
                fault=info.get("fault"),
                seconds=seconds,
            )
        )
        if terminated or truncated:
            record.ended(info, End("truncated", info["truncation"]) if truncated else End("completed"))
            return
        if ledger is not None and info["tools"] != tools:
            ledger.start(messages, info["tools"])
        elif ledger is not None:
            ledger.observed(observation)
        tools = info["tools"]


async def _cut(thread: EnvThread, limits: EngineLimits, record: "_Record") -> None:
    """End the episode because the conversation no longer fits the policy's context; it is graded as it stands."""
    step = await thread.call(lambda env: env.unwrapped.truncate("max_context"), limits.step_timeout)
    record.ended(step[4], End("truncated", reason="max_context"))


def _sampling_seed(job: Job, turn: int) -> int:
    """Differs for every turn of every episode, and is the same in every process."""
    digest = hashlib.blake2b(f"{job.seed}/{job.id}/{turn}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def _step(env: Any, action: Any) -> Any:
    return env.step(action)


async def _ask(policy: Policy, request: Request, limits: EngineLimits) -> Reply:
    try:
        reply = await asyncio.wait_for(policy.act(request), limits.policy_timeout)
    except TimeoutError:
        raise PolicyError(f"{policy.name} gave no reply within {limits.policy_timeout:g} s.") from None
    except PolicyError:
        raise
    except Exception as error:
        raise PolicyError(f"{policy.name}: {type(error).__name__}: {error}") from error
    if not isinstance(reply, Reply):
        raise PolicyError(f"{policy.name} returned {type(reply).__name__}; a policy returns a Reply.")
    return reply


class _Record:
    """What is known of an episode so far; whatever happens, it can be turned into a rollout."""

    def __init__(self, job: Job, policy: str):
        self.job, self.turns, self.ledger = job, [], None  # type: Job, list[Turn], Ledger | None
        self.end = End("failed", boundary="environment", error="never started")
        self.artifact: Any = None
        self._base = Episode(
            id=job.id, env_id="", suite="", suite_hash="", task_id=job.task, mode=job.mode or "", seed=job.seed,
            policy=policy, prompt=(), tools=(), turns=(), end=self.end, turn=job.turn,
        )  # fmt: skip
        self._verdict: Any = None

    def started(self, env: Any, prompt: Any, info: Any) -> None:
        self._base = replace(
            self._base, env_id=env.spec.id if env.spec else type(env).__name__, suite=env.suite.name,
            suite_hash=env.suite.hash, mode=info["reward_mode"], turn=info.get("turn"), prompt=prompt,
            tools=tuple(info["tools"]),
        )  # fmt: skip

    def ended(self, info: Any, end: End) -> None:
        self.end, self.artifact, self._verdict = end, info["artifact"], info["verdict"]

    def rollout(self) -> Rollout:
        outcome = None if self._verdict is None else self._verdict["reward"]
        episode = replace(
            self._base, turns=tuple(self.turns), end=self.end, artifact=self.artifact, outcome=outcome,
            verdict=self._verdict,
        )  # fmt: skip
        return Rollout(self.job, episode, () if self.ledger is None else self.ledger.rows())
