"""The whole way through: gold episodes, SFT on a part of them, multi-turn RL, and the held-out reward after each.

With no arguments, on a machine with two cores and no GPU, it builds a small model from nothing and takes some minutes:

    python examples/train_rl.py

It writes runs/<name>/: config.json, episodes-*.jsonl, metrics.jsonl, results.json, reward_curve.png and the model.
"""

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import torch

import forge_envs  # noqa: F401  (registers the environments)
from forge_train.evaluate import Interval, mean_interval, paired_interval, task_scores
from forge_train.muon import MuonWithAdamW
from forge_train.policies.scripted import ScriptedPolicy
from forge_train.policies.transformers import TransformersPolicy
from forge_train.rl.credit import turn_advantages
from forge_train.rl.groups import GroupSampler
from forge_train.rl.trainer import ForgeGRPOTrainer, grpo_config
from forge_train.rollout.engine import EngineLimits, Job, Rollout, run_episodes
from forge_train.rollout.ledger import TokenRow
from forge_train.rollout.template import Renderer
from forge_train.sft import train_sft
from forge_train.small_model import build_model, build_tokenizer


@dataclass(frozen=True)
class Settings:
    """Everything that a run depends on. Rates and sizes fit the small model; see PRETRAINED for others."""

    env: str = "forge/ToolUse-v0"
    seed: int = 0
    model: str | None = None  # a Hugging Face model; None builds the small one
    sft_tasks: int = 2000  # of the training split; RL practises on the others
    pretrain_epochs: float = 1.0  # a new model first learns to read: every token of the SFT episodes
    sft_epochs: float = 0.6  # little, so that there is room to improve
    sft_learning_rate: float = 0.01
    sft_matrix_learning_rate: float | None = 0.03  # of Muon, for the matrices of the blocks; None: AdamW for all
    sft_batch: int = 8
    rl_updates: int = 72
    rl_learning_rate: float = 1.2e-4  # constant, and falling to 0 over the last quarter
    rl_step_weights: dict[str, float] = field(default_factory=lambda: {"gold_in_order": 0.5})  # beside the outcome
    rl_credit: str = "return_to_go"
    groups: int = 16  # N: tasks per rollout batch
    groups_per_update: int = 16  # M: tasks per optimizer update
    group_size: int = 8  # G: episodes per task
    micro_batches: int = 4
    temperature: float = 1.0
    eval_temperature: float = 1.0
    eval_episodes: int = 3  # per held-out task
    eval_tasks: int | None = None
    max_turns: int = 8
    max_new_tokens: int = 48
    max_tokens: int = 800
    concurrency: int = 64
    mask_truncated: bool = False  # the paper masks; a small model must learn that rambling on earns nothing
    shuffle_rewards: bool = False


QUICK = {"rl_updates": 3, "eval_tasks": 100, "eval_episodes": 1}
PRETRAINED = {
    "pretrain_epochs": 0.0, "sft_learning_rate": 1e-5, "sft_matrix_learning_rate": None, "rl_learning_rate": 1e-6,
    "max_new_tokens": 1024, "max_tokens": 16384,
}  # fmt: skip
"""What --model changes of the defaults."""


def main() -> None:
    """Read the arguments, train, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run-name", default=time.strftime("train-rl-%Y%m%d-%H%M%S"), help="folder below runs/")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", help="a Hugging Face model to start from, instead of a small new one")
    parser.add_argument("--quick", action="store_true", help="a smoke test: few updates, few held-out tasks")
    parser.add_argument("--shuffle-rewards", action="store_true", help="control: RL with permuted rewards")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any other setting")
    arguments = parser.parse_args()
    chosen: dict[str, Any] = {**(PRETRAINED if arguments.model else {}), **(QUICK if arguments.quick else {})}
    chosen |= {name: json.loads(value) for name, value in (pair.split("=", 1) for pair in arguments.set)}
    settings = Settings(
        **{"seed": arguments.seed, "model": arguments.model, "shuffle_rewards": arguments.shuffle_rewards, **chosen}
    )
    folder = Path("runs") / arguments.run_name
    if (folder / "results.json").exists():
        parser.error(f"{folder} holds a finished run; give another --run-name.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(asdict(settings), indent=1) + "\n")
    run(settings, folder)


def run(settings: Settings, folder: Path) -> None:
    """One run from start to end."""
    started = time.monotonic()
    # A malformed reply has lost the outcome reward already (Eq 7): what follows it would only be noise.
    make = partial(gymnasium.make, settings.env, max_steps=settings.max_turns, max_faults=1)
    make_train, make_heldout = partial(make, split="train"), partial(make, split="heldout")
    limits = EngineLimits(concurrency=settings.concurrency, max_tokens=settings.max_tokens)
    with make_train() as env:
        tasks = [task.id for task in env.unwrapped.suite]
    random.Random(settings.seed).shuffle(tasks)

    model, renderer = load(settings, make_train, tasks, limits)
    rows = collect_gold(make_train, tasks[: settings.sft_tasks], limits, renderer)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(rows)} gold episodes for SFT", flush=True)

    scores = {}
    evaluate = partial(held_out, settings, make_heldout, limits, model, renderer, folder)
    scores["before"] = evaluate("before")
    fit = partial(
        train_sft, model, renderer.tokenizer, rows, output_dir=str(folder / "sft"), max_length=settings.max_tokens,
        learning_rate=settings.sft_learning_rate, batch_size=settings.sft_batch, warmup_steps=30, weight_decay=0.0,
        adam_beta2=0.98, disable_tqdm=True, logging_steps=25,
    )  # fmt: skip
    stages: list[tuple[str, dict[str, Any]]] = [
        ("SFT", {"epochs": settings.sft_epochs, "seed": settings.seed, "lr_scheduler_type": "cosine"})
    ]
    if settings.pretrain_epochs:
        constant = {"epochs": settings.pretrain_epochs, "lr_scheduler_type": "constant_with_warmup"}
        stages.insert(0, ("pretraining", {"learn": "all", "seed": settings.seed + 1, **constant}))
    for name, options in stages:
        report = fit(optimizer=optimizer_of(settings, model), **options)
        print(f"{name}: {report.steps} updates in {report.seconds:.0f} s, loss {report.losses[-1]:.3f}", flush=True)
    save(model, renderer, folder / "model-sft")
    scores["sft"] = evaluate("sft")
    make_rewarding = partial(make_train, reward="shaped", step_weights=settings.rl_step_weights)
    rewards = train_rl(settings, make_rewarding, tasks[settings.sft_tasks :], limits, model, renderer, folder)
    scores["rl"] = evaluate("rl")

    save(model, renderer, folder / "model-rl")
    summarise(settings, folder, scores, rewards, time.monotonic() - started)


def optimizer_of(settings: Settings, model: Any) -> Any:
    """Muon beside AdamW for a new model; None leaves the choice to the trainer."""
    if settings.sft_matrix_learning_rate is None:
        return None
    return MuonWithAdamW(model, lr=settings.sft_learning_rate, matrix_lr=settings.sft_matrix_learning_rate)


def sampling_threads(model: Any) -> int:
    """Two on a CPU that has them, one on a GPU."""
    return min(2, torch.get_num_threads()) if model.device.type == "cpu" else 1


def save(model: Any, renderer: Renderer, folder: Path) -> None:
    """Write the model and its tokenizer."""
    model.save_pretrained(folder)
    renderer.tokenizer.save_pretrained(folder)


def load(settings: Settings, make_env: Any, tasks: Sequence[str], limits: EngineLimits) -> tuple[Any, Renderer]:
    """The model and its renderer: from the hub, or small and new with a tokenizer trained on gold episodes."""
    if settings.model is not None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(settings.model)
        return AutoModelForCausalLM.from_pretrained(settings.model), Renderer(tokenizer)
    texts: list[str] = []
    for rollout in play_gold(make_env, tasks, limits, None):
        texts += [message["content"] for message in rollout.episode.prompt]
        for turn in rollout.episode.turns:
            texts += [turn.action or "", *(message["content"] for message in turn.observation)]
    tokenizer = build_tokenizer(texts, vocab_size=640)
    return build_model(tokenizer, seed=settings.seed), Renderer(tokenizer)


def play_gold(make_env: Any, tasks: Sequence[str], limits: EngineLimits, renderer: Renderer | None) -> list[Rollout]:
    """Gold episodes of the tasks; every one must earn 1."""
    with make_env() as env:
        env.reset()
        rollouts = run_episodes(
            make_env, ScriptedPolicy.gold(env, renderer=renderer), [Job(task) for task in tasks], limits=limits
        )
    wrong = [r.job.task for r in rollouts if r.episode.outcome != 1.0]
    if wrong:
        raise SystemExit(f"Gold does not earn 1 on {wrong[:5]}: run `forge tasks validate`.")
    return rollouts


def collect_gold(make_env: Any, tasks: Sequence[str], limits: EngineLimits, renderer: Renderer) -> list[TokenRow]:
    """Token rows of gold episodes, to train on."""
    return [row for rollout in play_gold(make_env, tasks, limits, renderer) for row in rollout.rows]


def held_out(
    settings: Settings, make_env: Any, limits: EngineLimits, model: Any, renderer: Renderer, folder: Path, stage: str
) -> dict[str, float]:
    """Mean outcome reward of each held-out task; the same seeds at every stage."""
    begun = time.monotonic()
    policy = TransformersPolicy(
        model, renderer, temperature=settings.eval_temperature, max_new_tokens=settings.max_new_tokens, name=stage,
        threads=sampling_threads(model),
    )  # fmt: skip
    with make_env() as env:
        tasks = [task.id for task in env.unwrapped.suite]
    if settings.eval_tasks is not None:
        tasks = random.Random(0).sample(tasks, settings.eval_tasks)
    jobs = [Job(task, index, seed=97) for task in tasks for index in range(settings.eval_episodes)]
    rollouts = run_episodes(make_env, policy, jobs, limits=limits)
    with (folder / f"episodes-{stage}.jsonl").open("w") as file:
        file.writelines(rollout.episode.to_json() + "\n" for rollout in rollouts)
    scores = task_scores(rollouts)
    shown = mean_interval(list(scores.values()))
    print(f"held-out reward, {stage}: {shown} ({time.monotonic() - begun:.0f} s)", flush=True)
    return scores


def train_rl(
    settings: Settings,
    make_env: Any,
    tasks: Sequence[str],
    limits: EngineLimits,
    model: Any,
    renderer: Renderer,
    folder: Path,
) -> list[tuple[int, float]]:
    """Multi-turn RL on the training split; returns (update, mean training reward) of every rollout batch."""
    policy = TransformersPolicy(
        model, renderer, temperature=settings.temperature, max_new_tokens=settings.max_new_tokens, name="rl",
        threads=sampling_threads(model),
    )  # fmt: skip
    rewards: list[tuple[int, float]] = []

    def record(step: int, rollouts: Sequence[Rollout]) -> None:
        policy.version = step
        outcomes = [r.episode.outcome for r in rollouts if r.episode.outcome is not None]
        ends = [r.episode.end.status for r in rollouts]
        rewards.append((step, sum(outcomes) / len(outcomes)))
        row = {"update": step, "reward": rewards[-1][1], **{s: ends.count(s) for s in sorted(set(ends))}}
        row["turns"] = sum(len(r.episode.turns) for r in rollouts) / len(rollouts)
        print(json.dumps(row), flush=True)
        with (folder / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        with (folder / "episodes-train.jsonl").open("a") as file:
            file.writelines(r.episode.to_json() + "\n" for r in rollouts)

    sampler = GroupSampler(
        make_env, policy, tasks, groups=settings.groups, group_size=settings.group_size, seed=settings.seed,
        limits=limits, on_rollouts=record, mask_truncated=settings.mask_truncated,
        shuffle_rewards=settings.shuffle_rewards,
    )  # fmt: skip
    config = grpo_config(
        str(folder / "rl"), max_steps=settings.rl_updates, learning_rate=settings.rl_learning_rate,
        temperature=settings.temperature, gradient_accumulation_steps=settings.micro_batches, seed=settings.seed,
        disable_tqdm=True, weight_decay=0.0, adam_beta2=0.98, warmup_steps=min(5, settings.rl_updates // 4),
        lr_scheduler_type="warmup_stable_decay",
        lr_scheduler_kwargs={"num_decay_steps": settings.rl_updates // 4, "decay_type": "linear"},
    )  # fmt: skip
    credit = partial(turn_advantages, estimator=settings.rl_credit)
    trainer = ForgeGRPOTrainer(
        model, args=config, rollout=sampler, groups_per_update=settings.groups_per_update,
        credit=credit, processing_class=renderer.tokenizer,
        old_policy="sampler",  # which is this very model
    )  # fmt: skip
    trainer.train()
    with (folder / "trainer.jsonl").open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in trainer.state.log_history)
    return rewards


def summarise(
    settings: Settings,
    folder: Path,
    scores: dict[str, dict[str, float]],
    rewards: list[tuple[int, float]],
    seconds: float,
) -> None:
    """Print the three numbers, write results.json and the plot."""
    means = {stage: mean_interval(list(found.values())) for stage, found in scores.items()}
    gain = paired_interval(scores["rl"], scores["sft"])
    results = {
        "seed": settings.seed,
        "shuffle_rewards": settings.shuffle_rewards,
        "held_out": {stage: asdict(interval) for stage, interval in means.items()},
        "rl_minus_sft": asdict(gain),
        "tasks": scores,
        "torch": torch.__version__,
        "seconds": round(seconds),
    }
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    plot(folder / "reward_curve.png", means, rewards)
    print(f"\nHeld-out outcome reward over {len(scores['sft'])} tasks, 95% bootstrap intervals")
    for stage, name in (("before", "before SFT"), ("sft", "after SFT"), ("rl", "after RL")):
        print(f"  {name:<11} {means[stage]}")
    print(f"  RL over SFT {gain} (paired)\n{seconds:.0f} s; everything is in {folder}")


def plot(path: Path, means: dict[str, Interval], rewards: list[tuple[int, float]]) -> None:
    """Training reward per rollout batch beside the held-out reward at the three stages."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[2, 1])
    left.plot([step for step, _ in rewards], [reward for _, reward in rewards], marker="o", markersize=3)
    left.set(xlabel="update", ylabel="mean outcome reward", title="RL on the training split", ylim=(0, 1))
    heights = [interval.mean for interval in means.values()]
    errors = [[i.mean - i.low for i in means.values()], [i.high - i.mean for i in means.values()]]
    right.bar(["before", "SFT", "RL"], heights, yerr=errors, capsize=4)
    right.set(title="held out", ylim=(0, 1))
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
