"""A turn of an in-process model computes only what is new, and samples what it would have sampled anyway."""

import asyncio
import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
import torch
from forge_tiny import renderer, small_model

from forge_train.policies.base import Reply, Request
from forge_train.policies.prefix_cache import PrefixCache
from forge_train.policies.transformers import TransformersPolicy


@contextmanager
def counted_tokens() -> Iterator[list[int]]:
    """Tokens, padding included, that the model is run on."""
    seen: list[int] = []
    hook = small_model().model.embed_tokens.register_forward_hook(
        lambda module, args, out: seen.append(args[0].numel())
    )
    try:
        yield seen
    finally:
        hook.remove()


def two_turns(policy: TransformersPolicy, first: Sequence[Request], news: Sequence[tuple[int, ...]]) -> list[Reply]:
    async def both() -> list[Reply]:
        answers = await asyncio.gather(*(policy.act(r) for r in first))
        second = [
            dataclasses.replace(r, ids=r.ids + a.ids + new, seed=r.seed + 100, turn=1)
            for r, a, new in zip(first, answers, news, strict=True)
        ]
        answers += await asyncio.gather(*(policy.act(r) for r in second))
        await policy.aclose()
        return answers

    return asyncio.run(both())


def conversations(*, members: int) -> tuple[list[Request], list[tuple[int, ...]]]:
    random = torch.Generator().manual_seed(3)

    def draw(count: int) -> tuple[int, ...]:
        return tuple(torch.randint(20, 200, (count,), generator=random).tolist())

    prompts = [draw(90), draw(41), draw(63)]
    first = [
        Request(messages=(), tools=(), ids=prompt, seed=10 * i + j, task_id=str(i), turn=0)
        for i, prompt in enumerate(prompts)
        for j in range(members)
    ]
    return first, [draw(5 + 3 * i) for i in range(len(first))]


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("cached_bytes", [2**30, 400_000])
def test_replies_are_those_of_a_policy_that_keeps_nothing(members: int, cached_bytes: int) -> None:
    first, news = conversations(members=members)
    plain, kept = (
        two_turns(TransformersPolicy(small_model(), renderer("small"), max_new_tokens=9, cached_bytes=n), first, news)
        for n in (0, cached_bytes)
    )
    for one, other in zip(plain, kept, strict=True):
        assert one.ids == other.ids
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def test_a_second_turn_and_a_shared_prompt_cost_only_what_is_new() -> None:
    first, news = conversations(members=4)
    with counted_tokens() as plain:
        two_turns(TransformersPolicy(small_model(), renderer("small"), max_new_tokens=2, cached_bytes=0), first, news)
    with counted_tokens() as kept:
        two_turns(TransformersPolicy(small_model(), renderer("small"), max_new_tokens=2), first, news)
    assert plain[0] == 12 * 90
    assert kept[:2] == [3 * 89, 12]
    assert sum(kept) < 0.5 * sum(plain)


def test_nothing_outlives_the_run() -> None:
    first, news = conversations(members=2)
    policy = TransformersPolicy(small_model(), renderer("small"), max_new_tokens=3)
    with counted_tokens() as once:
        two_turns(policy, first, news)
    with counted_tokens() as twice:
        two_turns(policy, first, news)
    assert once == twice


def test_the_least_recently_used_goes_first() -> None:
    def states(tokens: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        return [(torch.zeros(1, tokens, 2), torch.zeros(1, tokens, 2))]  # 16 bytes a token

    cache = PrefixCache(160)
    cache.keep((1, 2, 3, 4), states(4))
    cache.keep((5, 6, 7, 8), states(4))
    assert cache.find((1, 2, 3, 4, 9))[0] == 4
    cache.keep((1, 2), states(2))
    cache.keep((9,), states(1))
    assert cache.find((5, 6, 7, 8, 1))[0] == 0
    assert cache.find((1, 2, 3, 4))[0] == 2
