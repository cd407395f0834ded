"""The user: who the agent talks to. The kinds are in `forge_envs.tool_use.users`."""

from forge_envs.tool_use.users import User, make_user
from forge_envs.tool_use.users.scripted import FALLBACK, ScriptedUser

__all__ = ["FALLBACK", "ScriptedUser", "User", "make_user"]
