"""`forge eval`: episodes of a policy on a split, a table, and a record that a second call resumes."""

import json
import os
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import Progress

from forge_envs.core.env import ForgeEnv
from forge_envs.core.episode import Episode
from forge_envs.core.errors import ConfigError
from forge_envs.core.task import Task
from forge_train.cli_play import make_env
from forge_train.cli_text import make_table, plain
from forge_train.evaluate import mean_interval
from forge_train.policies.base import Policy
from forge_train.policies.scripted import ScriptedPolicy
from forge_train.rollout.engine import EngineLimits, Job, Rollout, run_episodes
from forge_train.rollout.store import EpisodeStore


@dataclass(frozen=True, kw_only=True)
class EvalOptions:
    """The options of `forge eval`, as its help describes them."""

    env_id: str
    policy: str
    model: str | None
    base_url: str | None
    suite: tuple[str, ...]
    split: str
    limit: int | None
    k: int
    concurrency: int
    temperature: float
    max_tokens: int
    seed: int
    out: Path | None


def evaluate(console: Console, options: EvalOptions) -> None:
    """Run the evaluation, or the rest of one that was stopped, and print its table.

    Raises:
        ConfigError: An option does not exist, or the folder holds another evaluation.
        typer.Exit: With status 1 if an episode failed, 130 if it was stopped with Ctrl-C.
    """
    folder = options.out or Path("runs") / time.strftime("eval-%Y%m%d-%H%M%S")
    make = partial(make_env, options.env_id, suite=options.suite, split=options.split)
    with make() as env:
        base = env.unwrapped
        assert isinstance(base, ForgeEnv)
        tasks = base.suite.tasks[: options.limit]
        jobs = [Job(task.id, index, options.seed) for task in tasks for index in range(options.k)]
        policy, max_ids = make_policy(options, base)
        _claim(folder, {**_recorded(options), "suite_hash": base.suite.hash})
        store = EpisodeStore(folder)
        left = store.remaining(jobs)
        if len(left) < len(jobs):
            console.print(f"{len(jobs) - len(left)} of {len(jobs)} episodes are in {plain(folder)} already.")
        limits = EngineLimits(concurrency=options.concurrency, max_tokens=max_ids)
        try:
            rollouts = _run(make, policy, left, limits, store)
        except KeyboardInterrupt:
            console.print(f"Stopped. The same command with --out {plain(folder)} goes on from here.")
            raise typer.Exit(130) from None
    wanted = {job.id for job in jobs}
    episodes = [episode for episode in store.episodes() if episode.id in wanted]
    failed = [r.episode for r in rollouts if r.episode.end.status == "failed"]
    _print_report(console, tasks, episodes, failed, seed=options.seed)
    console.print(f"Episodes: {plain(folder / 'episodes.jsonl')}", highlight=False)
    if failed:
        raise typer.Exit(1)


def make_policy(options: EvalOptions, env: ForgeEnv) -> tuple[Policy, int | None]:
    """The policy that `--policy` names, and how many ids an episode may have (None: no limit).

    Raises:
        ConfigError: There is none of that name, or it needs an option or an extra that is missing.
    """
    kind, _, where = options.policy.partition(":")
    if kind == "gold" and not where:
        return ScriptedPolicy.gold(env), None
    if kind == "noop" and not where:
        return ScriptedPolicy(lambda task_id: [""] * env.max_steps, name="noop"), None
    try:
        if kind == "openai" and not where:
            return _openai_policy(options), None
        if kind == "transformers" and where:
            return _transformers_policy(options, Path(where))
    except ImportError as error:
        raise ConfigError(f"--policy {kind} needs an extra: pip install 'forge-agents[train]' ({error}).") from error
    raise ConfigError(f"Unknown policy {options.policy!r}: use gold, noop, openai or transformers:DIR.")


def _openai_policy(options: EvalOptions) -> Policy:
    from forge_train.policies.openai import OpenAIPolicy

    key = os.environ.get("OPENAI_API_KEY")
    if options.model is None:
        raise ConfigError("--policy openai needs --model, the name under which the endpoint serves it.")
    if options.base_url is None and not key:
        raise ConfigError("--policy openai needs --base-url, or OPENAI_API_KEY in the environment.")
    # A server of one's own takes any key, but the client insists on one.
    sampling: dict[str, Any] = {"temperature": options.temperature, "max_tokens": options.max_tokens}
    return OpenAIPolicy(options.model, base_url=options.base_url, api_key=key or "none", **sampling)


def _transformers_policy(options: EvalOptions, folder: Path) -> tuple[Policy, int | None]:
    if not (folder / "config.json").is_file():
        raise ConfigError(f"{folder} holds no model: name a folder with config.json, weights and tokenizer.")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from forge_train.policies.transformers import TransformersPolicy
    from forge_train.rollout.template import Renderer

    model = AutoModelForCausalLM.from_pretrained(folder).to("cuda" if torch.cuda.is_available() else "cpu")
    renderer = Renderer(AutoTokenizer.from_pretrained(folder))
    positions = getattr(model.config, "max_position_embeddings", None)
    new = options.max_tokens if positions is None else min(options.max_tokens, positions // 2)
    policy = TransformersPolicy(
        model, renderer, temperature=options.temperature, max_new_tokens=new, name=f"transformers:{folder.name}"
    )
    return policy, None if positions is None else positions - new


def _recorded(options: EvalOptions) -> dict[str, Any]:
    """What decides an evaluation's outcome; the rest may change when it is resumed."""
    skipped = ("out", "concurrency", "limit", "k", "base_url")
    return {key: value for key, value in asdict(options).items() if key not in skipped and value is not None}


def _claim(folder: Path, config: dict[str, Any]) -> None:
    """Write `config.toml`, or check that the folder belongs to the same evaluation."""
    path = folder / "config.toml"
    config = json.loads(json.dumps(config))
    if path.exists():
        differing = [k for k, v in config.items() if tomllib.loads(path.read_text(encoding="utf-8")).get(k) != v]
        if differing:
            raise ConfigError(f"{folder} holds an evaluation with another {differing[0]}: choose another --out.")
        return
    if (folder / "episodes.jsonl").exists():
        raise ConfigError(f"{folder} holds the episodes of another run: choose another --out.")
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in config.items()]
    path.write_text("".join(lines), encoding="utf-8")


def _run(
    make: Callable[[], Any], policy: Policy, jobs: Sequence[Job], limits: EngineLimits, store: EpisodeStore
) -> list[Rollout]:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("episodes", total=len(jobs))

        def keep(rollout: Rollout) -> None:
            store.write(rollout)
            progress.advance(bar)

        return run_episodes(make, policy, jobs, limits=limits, on_rollout=keep)


def _print_report(
    console: Console, tasks: Sequence[Task], episodes: Sequence[Episode], failed: Sequence[Episode], *, seed: int
) -> None:
    outcomes: dict[str, list[float]] = {}
    for episode in episodes:
        if episode.outcome is not None:
            outcomes.setdefault(episode.task_id, []).append(episode.outcome)
    groups: dict[tuple[str, object], list[list[float]]] = {}
    for task in tasks:
        if task.id in outcomes:
            groups.setdefault((task.suite, task.difficulty), []).append(outcomes[task.id])
    rows = [_row(suite, level, found, seed) for (suite, level), found in sorted(groups.items(), key=str)]
    if outcomes:
        rows.append(_row("all", "", list(outcomes.values()), seed))
    console.print(make_table("Outcome reward", ("suite", "difficulty", "tasks", "episodes", "mean", "95%"), rows))
    truncated = sum(e.end.status == "truncated" for e in episodes)
    malformed = sum(any(turn.fault for turn in e.turns) for e in episodes)
    console.print(f"{truncated} truncated, {malformed} with malformed replies, {len(failed)} failed (not scored).")
    for episode in failed[:3]:
        console.print(f"  {plain(episode.id)}: {plain(episode.end.error)}", highlight=False)


def _row(suite: str, difficulty: object, found: Sequence[Sequence[float]], seed: int) -> tuple[object, ...]:
    means = [sum(rewards) / len(rewards) for rewards in found]
    spread = mean_interval(means, seed=seed)
    episodes = sum(map(len, found))
    return suite, difficulty, len(found), episodes, spread.mean, f"{spread.low:.3f} to {spread.high:.3f}"
