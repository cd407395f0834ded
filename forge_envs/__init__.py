"""Agent environments as Gymnasium environments. Importing this package registers their ids and nothing more."""

from importlib import import_module
from typing import Any

from gymnasium.envs.registration import register

__version__ = "0.1.0"

ENVIRONMENTS: dict[str, str] = {
    "forge/ToolUse-v0": "forge_envs.tool_use.env:ToolUseEnv",
    "forge/CodeContest-v0": "forge_envs.code_contest.env:CodeContestEnv",
    "forge/SWE-v0": "forge_envs.swe.env:SWEEnv",
}
"""Every environment id and the class that runs it."""

_EXPORTS = {
    "Episode": "forge_envs.core.episode",
    "ForgeEnv": "forge_envs.core.env",
    "Task": "forge_envs.core.task",
    "TaskSuite": "forge_envs.core.task",
    "Verdict": "forge_envs.core.rewards",
    "bundled_suites": "forge_envs.core.task",
    "load_suite": "forge_envs.core.task",
    "tool": "forge_envs.core.tools",
    "ConfigError": "forge_envs.core.errors",
    "ForgeError": "forge_envs.core.errors",
    "GraderError": "forge_envs.core.errors",
    "PolicyError": "forge_envs.core.errors",
    "SandboxError": "forge_envs.core.errors",
    "TaskError": "forge_envs.core.errors",
    "ToolError": "forge_envs.core.errors",
}
__all__ = ["ENVIRONMENTS", "register_environment", *_EXPORTS]


def register_environment(env_id: str, entry_point: str) -> None:
    """Register a Forge environment with Gymnasium, vectorised by threads.

    Args:
        env_id: Gymnasium id such as ``mine/Chess-v0``.
        entry_point: ``module:Class`` of a `ForgeEnv`; imported when the environment is first made.
    """

    def vectorised(**kwargs: Any) -> Any:
        from forge_envs.core.vector import thread_vector

        return thread_vector(env_id)(**kwargs)

    register(env_id, entry_point=entry_point, vector_entry_point=vectorised)


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


for _id, _entry_point in ENVIRONMENTS.items():
    register_environment(_id, _entry_point)
