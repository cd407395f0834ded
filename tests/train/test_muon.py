"""Muon and AdamW as one optimizer."""

import copy
from typing import Any

import torch
from forge_tiny import small_model
from transformers import get_scheduler

from forge_train.muon import MuonWithAdamW


def _backward(model: Any) -> None:
    ids = torch.arange(12).view(1, -1)
    model(input_ids=ids, labels=ids).loss.backward()


def test_every_weight_has_one_optimizer_and_both_step() -> None:
    model = copy.deepcopy(small_model())
    optimizer = MuonWithAdamW(model, lr=0.01, matrix_lr=0.03)
    names = {id(weight): name for name, weight in model.named_parameters()}
    muon, adam = ({names[id(w)] for group in part.param_groups for w in group["params"]} for part in optimizer.parts)
    assert muon | adam == set(names.values()) and not muon & adam
    assert {"model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"} <= adam
    assert "model.layers.0.self_attn.q_proj.weight" in muon and "model.layers.0.mlp.down_proj.weight" in muon
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    _backward(model)
    optimizer.step()
    assert all(not torch.equal(before[name], weight) for name, weight in model.named_parameters())
    optimizer.zero_grad()
    assert all(weight.grad is None for weight in model.parameters())


def test_a_scheduler_scales_both() -> None:
    model = copy.deepcopy(small_model())
    optimizer = MuonWithAdamW(model, lr=0.01, matrix_lr=0.03)
    optimizer.load_state_dict(optimizer.state_dict())  # as Accelerate does to every optimizer it is given
    scheduler = get_scheduler("linear", optimizer, num_warmup_steps=0, num_training_steps=4)
    _backward(model)
    optimizer.step()
    scheduler.step()
    assert [part.param_groups[0]["lr"] for part in optimizer.parts] == [0.03 * 0.75, 0.01 * 0.75]


def test_a_state_that_was_saved_goes_on_alike() -> None:
    model = copy.deepcopy(small_model())
    optimizer = MuonWithAdamW(model)
    _backward(model)
    optimizer.step()
    twin = copy.deepcopy(model)
    other = MuonWithAdamW(twin)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for one, by in ((model, optimizer), (twin, other)):
        one.zero_grad()
        _backward(one)
        by.step()
    for (name, left), (_, right) in zip(model.named_parameters(), twin.named_parameters(), strict=True):
        assert torch.equal(left, right), name
