"""The seeded generator of the bundled tool-use suites; `python -m forge_envs.tool_use.synthesis` runs it."""

from forge_envs.tool_use.synthesis import courier, library
from forge_envs.tool_use.synthesis.build import Suite, Template, build_rows, render_suite, write_suite

SUITES: dict[str, Suite] = {"library": library.SUITE, "courier": courier.SUITE}
"""The bundled suites by domain."""

__all__ = ["SUITES", "Suite", "Template", "build_rows", "render_suite", "write_suite"]
