"""Policies in this process: the script, and sampling from a `transformers` model."""

import asyncio
import dataclasses
import threading
from typing import Any

import pytest
import torch
from forge_tiny import renderer, small_model
from transformers import GenerationConfig

from forge_envs.core.errors import PolicyError
from forge_train.policies.base import Reply, Request
from forge_train.policies.scripted import ScriptedPolicy
from forge_train.policies.transformers import TransformersPolicy


def requests(count: int = 6) -> list[Request]:
    """Prompts of different lengths."""
    chosen = renderer("small")
    prompts = [[{"role": "user", "content": "note n1 " * (1 + 3 * i)}] for i in range(count)]
    ids = [tuple(chosen.prompt(p, [], lambda m: m["content"])) for p in prompts]  # type: ignore[arg-type]
    return [Request((), (), ids[i], 100 + i, f"t{i}", 0) for i in range(count)]


def ask(policy: Any, asked: list[Request]) -> list[Reply]:
    """All at once, in an event loop of their own."""

    async def run() -> list[Reply]:
        try:
            return await asyncio.gather(*(policy.act(request) for request in asked))
        finally:
            await policy.aclose()

    return asyncio.run(run())


def logprobs(request: Request, reply: Reply, temperature: float) -> torch.Tensor:
    """Of the reply's ids, from one forward pass without a cache."""
    ids = torch.tensor([[*request.ids, *reply.ids]])
    with torch.no_grad():
        logits = small_model()(input_ids=ids, use_cache=False).logits[0, :-1].float()
    chosen = (logits / temperature).log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0]
    return chosen[len(request.ids) - 1 :]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_logprobs_are_those_of_the_model_at_that_temperature(temperature: float) -> None:
    policy = TransformersPolicy(small_model(), renderer("small"), temperature=temperature, max_new_tokens=24)
    policy.version = 3
    asked = requests()
    for request, reply in zip(asked, ask(policy, asked), strict=True):
        assert len(reply.ids) == len(reply.logprobs) > 0 and reply.version == 3
        assert torch.tensor(reply.logprobs).allclose(logprobs(request, reply, temperature), atol=1e-4)
        assert reply.action == renderer("small").text(reply.ids)


def test_the_models_own_generation_config_changes_nothing() -> None:
    policy = TransformersPolicy(small_model(), renderer("small"), max_new_tokens=16)
    asked, kept = requests(3), small_model().generation_config
    plain = ask(policy, asked)
    shaped = GenerationConfig(repetition_penalty=3.0, no_repeat_ngram_size=1, suppress_tokens=[5, 6], min_new_tokens=15)
    small_model().generation_config = shaped
    try:
        assert [r.ids for r in ask(policy, asked)] == [r.ids for r in plain]
        assert small_model().generation_config is shaped
    finally:
        small_model().generation_config = kept


def test_replies_do_not_depend_on_the_batch() -> None:
    asked = requests()
    together, pairs, alone = (
        ask(TransformersPolicy(small_model(), renderer("small"), max_new_tokens=16, max_batch=n), asked)
        for n in (64, 2, 1)
    )
    for one, two, three in zip(together, pairs, alone, strict=True):
        assert one.ids == two.ids == three.ids
        assert one.logprobs == pytest.approx(three.logprobs, abs=1e-4)
    other = ask(TransformersPolicy(small_model(), renderer("small"), max_new_tokens=16), asked[::-1])
    assert [r.ids for r in other[::-1]] == [r.ids for r in together]


def test_seeds_decide_what_is_sampled() -> None:
    policy = TransformersPolicy(small_model(), renderer("small"), max_new_tokens=8)
    (request,) = requests(1)
    many = [dataclasses.replace(request, seed=seed) for seed in (1, 2, 3, 2**63 - 1, 1)]
    before = torch.get_rng_state()
    replies = ask(policy, many)
    assert replies[0].ids == replies[4].ids and len({reply.ids for reply in replies}) == 4
    assert replies[0].logprobs == pytest.approx(replies[4].logprobs, abs=1e-4)
    assert torch.equal(before, torch.get_rng_state())


def test_sampling_follows_the_models_distribution() -> None:
    """First tokens of many seeds against the probabilities: Pearson's statistic, pooled to the likely tokens."""
    policy = TransformersPolicy(small_model(), renderer("small"), temperature=0.4, max_new_tokens=1, max_batch=1024)
    (request,) = requests(1)
    count = 1024
    drawn = [r.ids[0] for r in ask(policy, [dataclasses.replace(request, seed=s) for s in range(count)])]
    with torch.no_grad():
        logits = small_model()(input_ids=torch.tensor([request.ids])).logits[0, -1]
    chances = (logits / 0.4).softmax(-1)
    top = chances.topk(8).indices.tolist()
    expected = [count * float(chances[i]) for i in top] + [count * (1 - float(chances[top].sum()))]
    seen = [drawn.count(i) for i in top] + [sum(i not in top for i in drawn)]
    statistic = sum((s - e) ** 2 / max(e, 1e-9) for s, e in zip(seen, expected, strict=True))
    assert statistic < 27.9  # 99.95% of chi-squared with 8 degrees of freedom


def test_temperature_zero_is_greedy() -> None:
    policy = TransformersPolicy(small_model(), renderer("small"), temperature=0.0, max_new_tokens=12)
    asked = [dataclasses.replace(request, seed=seed) for seed in (1, 2) for request in requests(2)]
    replies = ask(policy, asked)
    assert [r.ids for r in replies[:2]] == [r.ids for r in replies[2:]]
    for request, reply in zip(asked[:2], replies[:2], strict=True):
        ids = list(request.ids)
        for token in reply.ids:
            with torch.no_grad():
                assert int(small_model()(input_ids=torch.tensor([ids])).logits[0, -1].argmax()) == token
            ids.append(token)
        assert torch.tensor(reply.logprobs).allclose(logprobs(request, reply, 1.0), atol=1e-4)


def test_a_reply_ends_with_the_stop_token_or_at_the_limit() -> None:
    stop = renderer("small").stop_id
    policy = TransformersPolicy(small_model(), renderer("small"), temperature=3.0, max_new_tokens=300)
    replies = ask(policy, [dataclasses.replace(requests(1)[0], seed=seed) for seed in range(12)])
    stopped = [reply for reply in replies if reply.ids[-1] == stop]
    assert stopped and all(reply.ids.count(stop) == 1 for reply in stopped)
    for reply in replies:
        assert len(reply.ids) <= 300 and (reply.ids[-1] == stop or len(reply.ids) == 300)
        assert "<|im_end|>" not in reply.action


def test_a_policy_works_in_two_event_loops_and_leaves_no_thread() -> None:
    policy = TransformersPolicy(small_model(), renderer("small"), max_new_tokens=4)
    first, second = ask(policy, requests(3)), ask(policy, requests(3))
    assert [reply.ids for reply in first] == [reply.ids for reply in second]
    assert not [t for t in threading.enumerate() if t.name.startswith("forge-generate")]
    asyncio.run(policy.aclose())


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_reply_and_give_the_model_back(threads: int) -> None:
    asked = [dataclasses.replace(request, seed=seed) for seed in range(5) for request in requests(4)]
    model = small_model()
    one = TransformersPolicy(model, renderer("small"), max_new_tokens=8)
    many = TransformersPolicy(model, renderer("small"), max_new_tokens=8, max_batch=6, threads=threads)
    before = model.generation_config
    model.train()
    try:
        assert [reply.ids for reply in ask(many, asked)] == [reply.ids for reply in ask(one, asked)]
        assert model.training and model.generation_config is before
    finally:
        model.eval()
    assert not [t for t in threading.enumerate() if t.name.startswith("forge-generate")]


def test_the_models_mode_is_given_back_and_dropout_is_off() -> None:
    model = small_model()
    policy = TransformersPolicy(model, renderer("small"), max_new_tokens=4)
    model.train()
    try:
        ask(policy, requests(1))
        assert model.training
        model.eval()
        ask(policy, requests(1))
        assert not model.training
    finally:
        model.eval()


def test_a_model_that_fails_is_a_policy_error() -> None:
    policy = TransformersPolicy(small_model(), renderer("small"), max_new_tokens=4)
    bad = dataclasses.replace(requests(1)[0], ids=(10**6,))
    with pytest.raises(PolicyError, match="transformers"):
        ask(policy, [bad])
    assert ask(policy, requests(1))[0].ids


def test_a_request_that_gave_up_does_not_disturb() -> None:
    policy = TransformersPolicy(small_model(), renderer("small"), max_new_tokens=4)

    async def run() -> Reply:
        given_up = asyncio.create_task(policy.act(requests(2)[0]))
        await asyncio.sleep(0)
        given_up.cancel()
        reply = await policy.act(requests(2)[1])
        await policy.aclose()
        return reply

    assert asyncio.run(run()).ids


def test_a_script_that_ends_early_is_a_policy_error() -> None:
    policy = ScriptedPolicy(lambda task: ["only"])
    asked = Request((), (), (), 0, "t", 0)
    assert ask(policy, [asked]) == [Reply("only")]
    with pytest.raises(PolicyError, match="only 1 turns"):
        ask(policy, [dataclasses.replace(asked, turn=1)])
    with_ids = ScriptedPolicy(lambda task: ["only"], renderer=renderer("small"))
    (reply,) = ask(with_ids, [asked])
    assert reply.ids == tuple(renderer("small").action("only")) and reply.logprobs == (0.0,) * len(reply.ids)
