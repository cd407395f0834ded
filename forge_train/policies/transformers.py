"""A policy in this process: tokens in, tokens out, batched over the episodes that wait."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from forge_envs.core.errors import PolicyError
from forge_train.policies.base import Reply, Request
from forge_train.policies.prefix_cache import PrefixCache, batch_cache, reusable, row_states
from forge_train.rollout.template import Renderer


class TransformersPolicy:
    """Samples from a `transformers` causal language model.

    Requests that arrive together are generated together. Each row has a generator of its own, seeded by its request,
    so a reply does not depend on which other episodes happen to be in its batch (up to floating-point noise). What was
    computed for a conversation is used again in its next turn, until `aclose`: weights change between runs only.

    Args:
        model: The model; shared with the trainer, so new weights need no copy.
        renderer: Its tokenizer and template.
        temperature: Of sampling; 0 is greedy. The distribution is never truncated: no top-p, top-k or min-p.
        max_new_tokens: Per turn.
        max_batch: Rows generated at once, by all threads together.
        threads: How many batches are generated side by side. With a small model on a CPU most of the time passes
            between its operations: two threads with half of the cores each are faster than one with all of them.
        window: Seconds without a new request after which a batch starts.
        cached_bytes: Bound of what is kept between turns, see `PrefixCache`; 0 computes each conversation anew.
        name: Recorded in episodes.
    """

    def __init__(
        self,
        model: Any,
        renderer: Renderer,
        *,
        temperature: float = 1.0,
        max_new_tokens: int = 256,
        max_batch: int = 64,
        threads: int = 1,
        window: float = 0.004,
        cached_bytes: int = 2 * 2**30,
        name: str = "transformers",
    ):
        self.model, self.renderer, self.name = model, renderer, name
        self.temperature, self.max_new_tokens = temperature, max_new_tokens
        self.max_batch, self.threads, self.window = max_batch, threads, window
        self.version = 0
        self._prefixes = PrefixCache(cached_bytes)
        self._reuse = cached_bytes > 0
        self._waiting: list[tuple[Request, asyncio.Future[Reply]]] = []
        self._pumps: list[asyncio.Task[None]] = []
        self._pool: ThreadPoolExecutor | None = None
        self._generating = 0
        self._before: tuple[bool, Any] = (False, None)

    async def act(self, request: Request) -> Reply:
        """The next turn, sampled with the request's seed."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        self._pumps = [pump for pump in self._pumps if not pump.done()]
        if len(self._pumps) < self.threads:
            self._pumps.append(asyncio.get_running_loop().create_task(self._serve()))
        return await future

    async def aclose(self) -> None:
        """End the generating threads; the model stays with its owner."""
        for pump in self._pumps:
            await pump
        self._pumps = []
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        self._prefixes.clear()

    async def _serve(self) -> None:
        most = -(-self.max_batch // self.threads)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(
                self.threads, thread_name_prefix="forge-generate", initializer=_share_cores, initargs=(self.threads,)
            )
        while self._waiting:
            before = -1
            while len(self._waiting) != before and len(self._waiting) < most:
                before = len(self._waiting)
                await asyncio.sleep(self.window)
            # Rows of like length waste little padding.
            self._waiting.sort(key=lambda pair: len(pair[0].ids))
            share = min(most, -(-len(self._waiting) // (self.threads - self._generating)))
            batch, self._waiting = self._waiting[:share], self._waiting[share:]
            if not batch:  # another thread took them
                continue
            requests = [request for request, _ in batch]
            try:
                with self._sampling():
                    replies = await asyncio.get_running_loop().run_in_executor(self._pool, self._generate, requests)
            except Exception as error:
                failure = PolicyError(f"{self.name}: {type(error).__name__}: {error}")
                failure.__cause__ = error
                for _, future in batch:
                    if not future.done():
                        future.set_exception(failure)
                continue
            for (_, future), reply in zip(batch, replies, strict=True):
                if not future.done():
                    future.set_result(reply)

    @contextlib.contextmanager
    def _sampling(self) -> Iterator[None]:
        """The model as sampling wants it, until the last batch is done."""
        if self._generating == 0:
            self._before = (self.model.training, self.model.generation_config)
            self.model.eval()
            # `generate` fills what a given configuration leaves open from the model's own: a repetition penalty, say.
            self.model.generation_config = _config(self.renderer.stop_id, self.max_new_tokens)
        self._generating += 1
        try:
            yield
        finally:
            self._generating -= 1
            if self._generating == 0:
                training, self.model.generation_config = self._before
                self.model.train(training)

    def _generate(self, requests: Sequence[Request]) -> list[Reply]:
        import torch

        stop = self.renderer.stop_id
        sampler = _Sampler([r.seed for r in requests], self.temperature)
        with torch.no_grad():
            self._prefill_shared([r.ids for r in requests])
            found = [self._prefixes.find(r.ids) for r in requests]
            known = max(length for length, _ in found)
            ids, mask = self._padded([r.ids for r in requests], [length for length, _ in found])
            grown = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                past_key_values=batch_cache(found, room=ids.shape[1] - known + self.max_new_tokens),
                logits_processor=[sampler],
                generation_config=_config(stop, self.max_new_tokens),
            )
        sampled = grown.sequences[:, ids.shape[1] :].cpu()
        chosen = sampler.logprobs()
        replies = [self._reply(sampled[row].tolist(), chosen[row].tolist(), stop) for row in range(len(requests))]
        self._remember([r.ids + reply.ids for r, reply in zip(requests, replies, strict=True)], mask, grown)
        return replies

    def _padded(self, rows: Sequence[tuple[int, ...]], known: Sequence[int]) -> tuple[Any, Any]:
        """Ids and mask, each (rows, known part + new part); both parts are padded on the left."""
        import torch

        split = max(known)
        width = split + max(len(ids) - length for ids, length in zip(rows, known, strict=True))
        ids = torch.full((len(rows), width), self.renderer.stop_id, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, (values, length) in enumerate(zip(rows, known, strict=True)):
            tokens = torch.tensor(values)
            for start, end in ((split - length, split), (width - len(values) + length, width)):
                ids[row, start:end], tokens = tokens[: end - start], tokens[end - start :]
                mask[row, start:end] = 1
        return ids.to(self.model.device), mask.to(self.model.device)

    def _prefill_shared(self, rows: Sequence[tuple[int, ...]]) -> None:
        """Compute once what several conversations begin with: the prompt that the members of a group share."""
        counts = Counter(ids[:-1] for ids in rows if not self._prefixes.find(ids)[0]) if self._reuse else {}
        shared = [ids for ids, count in counts.items() if count > 1 and ids]
        if not shared:
            return
        ids, mask = self._padded(shared, [0] * len(shared))
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        cache = self.model.base_model(
            input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True
        ).past_key_values
        self._reuse = reusable(cache)
        if self._reuse:
            for row, prompt in enumerate(shared):
                self._prefixes.keep(prompt, row_states(cache, row, mask[row].bool()))

    def _remember(self, rows: Sequence[tuple[int, ...]], mask: Any, grown: Any) -> None:
        """Keep the states of each conversation up to its last computed token."""
        import torch

        cache = grown.past_key_values
        self._reuse = self._reuse and reusable(cache)
        if not self._reuse:
            return
        computed = cache.get_seq_length()
        columns = torch.nn.functional.pad(mask, (0, max(0, computed - mask.shape[1])), value=1).bool()
        for row, ids in enumerate(rows):
            places = columns[row].nonzero().squeeze(-1)[: len(ids)]
            self._prefixes.keep(ids[: len(places)], row_states(cache, row, places))

    def _reply(self, ids: list[int], logprobs: list[float], stop: int) -> Reply:
        length = ids.index(stop) + 1 if stop in ids else len(ids)
        kept = tuple(ids[:length])
        return Reply(self.renderer.text(kept), kept, tuple(logprobs[:length]), self.version)


def _share_cores(threads: int) -> None:
    """Each generating thread gets its part of the threads that operations use; the setting is a thread's own."""
    import torch

    torch.set_num_threads(max(1, torch.get_num_threads() // threads))


def _config(stop: int, max_new_tokens: int) -> Any:
    from transformers import GenerationConfig

    return GenerationConfig(
        do_sample=False, max_new_tokens=max_new_tokens, eos_token_id=stop, pad_token_id=stop,
        return_dict_in_generate=True,
    )  # fmt: skip


class _Sampler:
    """A logits processor that turns greedy search into seeded sampling, and keeps the log-probabilities.

    Adding Gumbel noise to log-probabilities and taking the maximum draws from the softmax (the Gumbel-max trick).
    """

    def __init__(self, seeds: Sequence[int], temperature: float):
        import torch

        self.temperature = temperature
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._chosen: list[Any] = []

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        import torch

        logprobs = torch.log_softmax(scores.float() / (self.temperature or 1.0), dim=-1)
        drawn = logprobs
        if self.temperature > 0:
            uniform = torch.stack([torch.rand(scores.shape[-1], generator=g) for g in self._generators])
            drawn = logprobs - torch.log(-torch.log(uniform.clamp(1e-20, 1 - 1e-7))).to(logprobs.device)
        # The search that follows takes the maximum.
        self._chosen.append(logprobs.gather(-1, drawn.argmax(-1, keepdim=True)))
        return drawn

    def logprobs(self) -> Any:
        """Log-probability of each sampled id, shape (rows, new tokens)."""
        import torch

        return torch.cat(self._chosen, dim=1).cpu()
