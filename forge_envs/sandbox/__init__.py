"""Sandboxes for untrusted programs: `open_sandbox(SandboxSpec(...))` gives one, `Pool` keeps some warm."""

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.base import ExecResult, Limits, Mount, Sandbox, SandboxSpec, Snapshot
from forge_envs.sandbox.pool import Pool, open_sandbox

__all__ = [
    "ExecResult",
    "Limits",
    "Mount",
    "Pool",
    "Sandbox",
    "SandboxError",
    "SandboxSpec",
    "Snapshot",
    "open_sandbox",
]
