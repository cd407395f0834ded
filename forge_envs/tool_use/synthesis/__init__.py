"""The seeded generator of the bundled tool-use suites; `python -m forge_envs.tool_use.synthesis` runs it."""

from forge_envs.tool_use.synthesis.build import Template, build_rows, render_suite, write_suite
from forge_envs.tool_use.synthesis.suites import SUITES, Suite

__all__ = ["SUITES", "Suite", "Template", "build_rows", "render_suite", "write_suite"]
