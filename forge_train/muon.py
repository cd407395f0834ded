"""Muon for the matrices of a model, AdamW for everything else, as one optimizer."""

from collections.abc import Callable
from typing import Any

import torch


class MuonWithAdamW(torch.optim.Optimizer):
    """PyTorch's Muon on the weight matrices of the blocks, AdamW on embeddings, output layer and norms.

    That division is Muon's own (Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024). A
    model trained from nothing needs about half the updates; for a checkpoint that AdamW made, stay with AdamW.

    Args:
        model: Its embeddings are modules of `torch.nn.Embedding`, its output layer is what ``get_output_embeddings``
            gives.
        lr: Peak learning rate of AdamW; a scheduler scales both alike.
        matrix_lr: Peak learning rate of Muon.
        betas: Of AdamW.
    """

    def __init__(
        self, model: Any, *, lr: float = 0.01, matrix_lr: float = 0.03, betas: tuple[float, float] = (0.9, 0.98)
    ):
        ends = [one for one in model.modules() if isinstance(one, torch.nn.Embedding)]
        ends += [end for end in [model.get_output_embeddings()] if end is not None]
        outside = {id(weight) for end in ends for weight in end.parameters()}
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        matrices = [weight for weight in weights if weight.ndim == 2 and id(weight) not in outside]
        others = [weight for weight in weights if weight.ndim != 2 or id(weight) in outside]
        self.parts: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Muon(matrices, lr=matrix_lr, weight_decay=0.0),
            torch.optim.AdamW(others, lr=lr, betas=betas, weight_decay=0.0),
        )
        super().__init__([{"params": weights}], {})
        # The very dictionaries of the parts, so that a scheduler which sets "lr" in them reaches both.
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of both parts."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The states of both parts."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]
