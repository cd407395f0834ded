"""The bundled suites by domain."""

from dataclasses import dataclass

from forge_envs.tool_use.synthesis import courier, library
from forge_envs.tool_use.synthesis.build import Template


@dataclass(frozen=True)
class Suite:
    """A domain with its templates.

    Args:
        domain: Name of the domain.
        description: One sentence for suite.toml.
        templates: Templates with their counts.
    """

    domain: str
    description: str
    templates: tuple[Template, ...]


SUITES: dict[str, Suite] = {
    "library": Suite("library", "A library desk: look-ups, loans, holds, fines and contact details.", library.TEMPLATES),
    "courier": Suite(
        "courier", "A courier's service desk: deliveries, redirects, depots, refunds and claims.", courier.TEMPLATES
    ),
}
