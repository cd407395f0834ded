"""New tasks of software engineering from any Python repository whose tests pass."""

from forge_envs.swe.synthesis.options import Options
from forge_envs.swe.synthesis.report import Yield
from forge_envs.swe.synthesis.synthesize import synthesize

__all__ = ["Options", "Yield", "synthesize"]
