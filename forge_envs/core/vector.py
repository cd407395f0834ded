"""A vector environment of threads: chat environments wait for tools, not for the interpreter."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from forge_envs.core.errors import ConfigError


class ThreadVectorEnv(VectorEnv[Any, Any, Any]):
    """Steps environments at once, one thread each. Autoreset is disabled: episodes end at different turns.

    Args:
        env_fns: One function for each environment.

    An environment whose episode is over is left alone by `step` (it gets no message and a reward of 0, and stays
    terminated or truncated) until ``reset(options={"reset_mask": mask})`` starts it anew.
    """

    def __init__(self, env_fns: Sequence[Callable[[], gymnasium.Env[Any, Any]]]):
        self.envs = [make() for make in env_fns]
        self.num_envs = len(self.envs)
        self.metadata = {**self.envs[0].metadata, "autoreset_mode": AutoresetMode.DISABLED}
        self.render_mode = self.envs[0].render_mode
        self.single_action_space = self.envs[0].action_space
        self.single_observation_space = self.envs[0].observation_space
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._terminated = np.zeros(self.num_envs, dtype=np.bool_)
        self._truncated = np.zeros(self.num_envs, dtype=np.bool_)
        self._observations: list[Any] = [()] * self.num_envs
        self._threads: ThreadPoolExecutor | None = None

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Reset all environments, or those of ``options["reset_mask"]``.

        Args:
            seed: One for each environment, or one number n for n, n+1, ...
            options: Passed on to each environment, without ``reset_mask``; a list of them gives each its own, and
                resets all.

        Raises:
            ConfigError: A list or a mask has not one element for each environment.
        """
        shared = {} if isinstance(options, list) else dict(options or {})
        mask = np.asarray(shared.pop("reset_mask", np.ones(self.num_envs, dtype=np.bool_)), dtype=np.bool_)
        if mask.shape != (self.num_envs,):
            raise ConfigError(f"reset_mask has shape {mask.shape}; give one boolean for each of {self.num_envs}.")
        chosen = options if isinstance(options, list) else [shared] * self.num_envs
        counted = np.ndim(seed) == 0 and seed is not None
        seeds = [int(seed) + i for i in range(self.num_envs)] if counted else seed or [None] * self.num_envs
        for name, each in (("options", chosen), ("seed", seeds)):
            if len(each) != self.num_envs:
                raise ConfigError(f"{name} has {len(each)} elements; give one for each of {self.num_envs}.")
        wanted = np.flatnonzero(mask).tolist()
        jobs = [(i, partial(self.envs[i].reset, seed=seeds[i], options=dict(chosen[i]))) for i in wanted]
        infos: dict[str, Any] = {}
        for i, (observation, info) in self._run(jobs):
            self._observations[i] = observation
            self._terminated[i] = self._truncated[i] = False
            infos = self._add_info(infos, info, i)
        return tuple(self._observations), infos

    def step(self, actions: Sequence[Any]) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step every environment whose episode is running; `actions` has one element for each environment."""
        if len(actions) != self.num_envs:
            raise ConfigError(f"step got {len(actions)} actions; give one for each of {self.num_envs} environments.")
        running = np.flatnonzero(~(self._terminated | self._truncated)).tolist()
        rewards = np.zeros(self.num_envs, dtype=np.float64)
        self._observations = [()] * self.num_envs
        infos: dict[str, Any] = {}
        for i, result in self._run([(i, partial(self.envs[i].step, actions[i])) for i in running]):
            self._observations[i], rewards[i], self._terminated[i], self._truncated[i], info = result
            infos = self._add_info(infos, info, i)
        return tuple(self._observations), rewards, self._terminated.copy(), self._truncated.copy(), infos

    def render(self) -> tuple[Any, ...]:
        """What each environment renders."""
        return tuple(env.render() for env in self.envs)

    def close_extras(self, **kwargs: Any) -> None:
        """Close every environment and end the threads."""
        self._run([(i, env.close) for i, env in enumerate(self.envs)])
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None

    def _run(self, jobs: Sequence[tuple[Any, Callable[[], Any]]]) -> list[tuple[int, Any]]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.num_envs, thread_name_prefix="forge-env")
        futures = [(int(i), self._threads.submit(job)) for i, job in jobs]
        return [(i, future.result()) for i, future in futures]


def thread_vector(env_id: str) -> Callable[..., ThreadVectorEnv]:
    """The `vector_entry_point` of an environment id: makes `num_envs` of it, each in its own thread."""

    def make(num_envs: int, **kwargs: Any) -> ThreadVectorEnv:
        return ThreadVectorEnv([lambda: gymnasium.make(env_id, **kwargs) for _ in range(num_envs)])

    return make
