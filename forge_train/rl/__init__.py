"""From episodes to gradients: samples, credit, the objective of Eq 5, and its TRL adapter.

Importing this package imports neither torch nor TRL; the names below load their module when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forge_train.rl.batch import Sample
    from forge_train.rl.credit import turn_advantages
    from forge_train.rl.objective import Objective, grpo_objective
    from forge_train.rl.trainer import ForgeGRPOTrainer, grpo_config

_HOMES = {
    "Sample": "batch",
    "turn_advantages": "credit",
    "Objective": "objective",
    "grpo_objective": "objective",
    "ForgeGRPOTrainer": "trainer",
    "grpo_config": "trainer",
}

__all__ = ["ForgeGRPOTrainer", "Objective", "Sample", "grpo_config", "grpo_objective", "turn_advantages"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
