"""``forge/SWE-v0``: what is particular to software engineering."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from forge_envs.core.env import ForgeEnv
from forge_envs.core.errors import ConfigError, TaskError
from forge_envs.core.hooks import Reaction
from forge_envs.core.messages import Message
from forge_envs.core.rewards import Progress, StepFacts, Verdict
from forge_envs.core.task import Task
from forge_envs.sandbox.base import Backend, Isolation, Sandbox
from forge_envs.swe.bash_block import BASH_BLOCK, commands_of
from forge_envs.swe.grading import grade
from forge_envs.swe.native_tools import MAX_CALLS, NativeTools, native_protocol
from forge_envs.swe.patch import Taken, take_patch
from forge_envs.swe.pool import BOOTS, WorkspacePool, open_capped, opener, shared_pool
from forge_envs.swe.progress import TestChecks, check_turns
from forge_envs.swe.prompts import gold_messages, native_gold, native_opening, opening
from forge_envs.swe.shell import run_command
from forge_envs.swe.sites import site_of
from forge_envs.swe.store import check_budget, keep_within
from forge_envs.swe.task import SWETask
from forge_envs.swe.workspace import AnySite

DEFAULT_WEIGHTS = {"command_ran": 0.001, "test_reproduced": 0.1, "f2p_fraction": 0.3, "no_p2p_broken": 0.1}
"""Of ``reward="shaped"``: what an episode of 200 turns earns on the way is less than the outcome."""


class SWEEnv(ForgeEnv):
    """An agent repairs a repository with shell commands; hidden tests decide.

    The protocol is that of mini-swe-agent-plus: a reply holds one block of bash, a command whose output begins with a
    sentinel submits. With ``protocol="hermes"`` or another of `forge_envs.core.protocols.PROTOCOLS` it is tool calls:
    `bash` with a shell that lasts, `str_replace_based_edit` and `submit`. What is graded is the difference between the
    work tree and the base commit, in a fresh workspace; an episode that is truncated is graded as it stands.

    Args:
        sandbox: ``local``, or ``docker`` for containers of the task's image (`forge_envs.swe.sites.site_of`).
        image: With ``docker``: the image in place of the row's own, a name or a template.
        network: With ``docker``: give containers a network.
        python: A prepared virtual environment for the repository's tests; None means pytest and nothing else.
        mirrors: A folder of clones, for rows that name a repository of GitHub (`forge_envs.swe.sources.locate`).
        command_timeout: Seconds that a command may take.
        max_calls: Tool calls of one reply that are carried out; those beyond are answered with an error.
        test_timeout: Seconds that the tests may take.
        test_workers: Processes of pytest-xdist, for tasks that have been found to stand it (`SWETask.xdist`).
        isolation: ``auto``: workspaces need namespaces, and there is no way around them.
        disk_mb: MiB that an agent may write, held in memory.
        check_every: With ``reward="shaped"`` and a component that looks at them, the hidden tests run after every so
            many turns (0: none), or after these turns, and after the last (`forge_envs.swe.progress`).
        warm: Workspaces that this process keeps open ahead, for graders and for the next episode of the same task; all
            environments with the same number share them (`forge_envs.swe.pool`).
        boots: Workspaces of this process that may start at the same moment.
        disk_gb: GB that prepared repositories (or, with ``docker``, images) may take; beyond it the oldest that nobody
            uses are removed (`forge_envs.swe.store`). None: no limit.
        **options: Those of `ForgeEnv`; `max_steps` is 200 by default, `protocol` ``bash_block``.
    """

    default_suite: ClassVar[Sequence[str]] = ("swe/bundled",)

    def __init__(
        self,
        *,
        sandbox: Backend = "local",
        image: str | None = None,
        network: bool = False,
        python: str | Path | None = None,
        mirrors: str | Path | None = None,
        command_timeout: float = 60.0,
        max_calls: int = MAX_CALLS,
        test_timeout: float = 1800.0,
        test_workers: int = 1,
        isolation: Isolation = "auto",
        disk_mb: int = 1024,
        check_every: int | Sequence[int] = 10,
        warm: int = 0,
        boots: int = BOOTS,
        disk_gb: float | None = None,
        **options: Any,
    ):
        if options.get("reward") == "stepwise":
            raise ConfigError('A repair has no gold turns to match, so reward="stepwise" does not apply to it.')
        native = (protocol := options.pop("protocol", BASH_BLOCK.name)) != BASH_BLOCK.name
        if options.get("tools_in_prompt") and not native:
            raise ConfigError(
                "Replies with a ```bash block call no tools: leave out tools_in_prompt, or give protocol."
            )
        if not command_timeout > 0 or not test_timeout > 0:
            raise ConfigError("command_timeout and test_timeout are seconds, more than 0.")
        if max_calls < 1:
            raise ConfigError(f"max_calls is {max_calls}: a reply makes at least 1 call.")
        if test_workers < 1:
            raise ConfigError(f"test_workers is {test_workers}: tests run in at least 1 process.")
        if warm < 0 or boots < 1:
            raise ConfigError("warm is at least 0, and boots at least 1.")
        if disk_gb is not None:
            check_budget(disk_gb)
        check_turns(check_every)
        if sandbox not in ("local", "docker"):
            raise ConfigError(f'sandbox: {sandbox!r} is none of "local" and "docker".')
        given = {"protocol": protocol} if native else {}
        super().__init__(**{"max_steps": 200, "step_weights": DEFAULT_WEIGHTS, **options, **given})
        self.protocol = native_protocol(protocol) if native else BASH_BLOCK
        self._native: NativeTools | None = None
        named = options.get("suite") or self.default_suite
        self._suites: list[str | Path] = [named] if isinstance(named, str | Path) else list(named)
        self._backend: Backend = sandbox
        self._image, self._network = image, network
        self._python, self._mirrors = python, mirrors
        self.command_timeout, self.test_timeout, self._test_workers = command_timeout, test_timeout, test_workers
        self._max_calls = max_calls
        self._isolation: Isolation = isolation
        self._disk_mb = disk_mb
        self._check_every = check_every
        self._warm, self._boots, self._disk_gb = warm, boots, disk_gb
        self._pool: WorkspacePool | None = None
        self._checks: TestChecks | None = None
        self._submitted = False
        self._sandbox: Sandbox | None = None
        self._taken: Taken | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[Message, ...], dict[str, Any]]:
        """As `ForgeEnv.reset`. Workspaces that were opened ahead live on from one episode to the next."""
        pool = self._pool
        result = super().reset(seed=seed, options=options)
        del pool
        return result

    def close(self) -> None:
        """End the episode and its workspace; the last environment that lets go of a pool ends that, too."""
        super().close()
        self._sandbox = self._native = self._checks = self._pool = None

    def _start(self, task: Task) -> Sequence[Message]:
        about = SWETask.from_row(task.data, task.id)
        self._taken, self._submitted = None, False
        site, open_one = opener(self._finder(task), self._opening())
        self._checks = TestChecks(
            about,
            components=self.rubric.weights,
            open_workspace=open_one,
            every=self._check_every,
            timeout_s=self.test_timeout,
            workers=self._test_workers,
        )
        self._sandbox = open_one()
        if self._disk_gb is not None:
            keep_within(site, self._disk_gb)
        if self.protocol is BASH_BLOCK:
            return opening(about, self.command_timeout)
        self._native = NativeTools(self._sandbox, timeout_s=self.command_timeout, max_calls=self._max_calls)
        return native_opening(about, self.command_timeout)

    def _tools(self) -> list[dict[str, Any]]:
        return [] if self._native is None else self._native.schemas()

    def _react(self, message: Message) -> Reaction:
        if self._native is not None:
            reaction = self._native.react(message)
            self._submitted = reaction.done
            if self._checks is not None:
                self._checks.saw("\n".join(result["content"] for result in reaction.messages))
            return reaction
        if "tool_calls" in message:
            told = "Error: there are no tools here. Write one command in a ```bash block."
            calls = message["tool_calls"]
            answers: list[Message] = [
                {"role": "tool", "tool_call_id": call["id"], "name": call["function"]["name"][:80], "content": told}
                for call in calls
            ]
            return Reaction(answers, facts=StepFacts(False, len(calls), len(calls), unknown_tools=len(calls)))
        (command,) = commands_of(message["content"])
        seen = run_command(self._workspace(), command, timeout_s=self.command_timeout)
        self._submitted = seen.submitted
        if self._checks is not None:
            self._checks.saw(seen.text)
        ran = seen.returncode is not None and seen.returncode < 126
        facts = StepFacts(True, calls=1, failed_calls=int(seen.returncode != 0), commands=1, commands_ran=int(ran))
        return Reaction([] if seen.submitted else [{"role": "user", "content": seen.text}], seen.submitted, facts)

    def _progress(self) -> Progress | None:
        if self._checks is None:
            return None
        ended = self._submitted or self._limit() is not None
        return self._checks.measure(self._workspace, turn=self._steps, ended=ended, format_faults=self._faults)

    def _artifact(self) -> dict[str, Any]:
        if self._native is not None:
            self._native.close()  # nothing goes on writing
        if self._taken is None:
            self._taken = take_patch(self._workspace())
        return {"patch": self._taken.patch, "patch_error": self._taken.error}

    def _grade(self, task: Task, artifact: Mapping[str, Any]) -> Verdict:
        _, opening = opener(self._finder(task), self._opening())
        run = self._checks.run_of(artifact["patch"]) if self._checks is not None else None
        return grade(
            task, artifact, open_workspace=opening, timeout_s=self.test_timeout, workers=self._test_workers, run=run
        )

    def _gold(self, task: Task) -> Sequence[Message]:
        about = SWETask.from_row(task.data, task.id)
        if not about.patch:
            raise TaskError(f"Task {task.id!r} has no gold patch.")
        return gold_messages(about) if self.protocol is BASH_BLOCK else native_gold(about)

    def _scored_turns(self, gold: Sequence[Message]) -> list[int]:
        return []

    def _release(self) -> Callable[[], None] | None:
        return None if self._sandbox is None else partial(_end, self._native, self._sandbox)

    def _finder(self, task: Task) -> Callable[[], AnySite]:
        return partial(
            site_of,
            task,
            sandbox=self._backend,
            suites=self._suites,
            mirrors=self._mirrors,
            python=self._python,
            image=self._image,
            isolation=self._isolation,
            disk_mb=self._disk_mb,
            network=self._network,
        )

    def _opening(self) -> Callable[[AnySite], Sandbox]:
        if not self._warm:
            return partial(open_capped, boots=self._boots)
        if self._pool is None:
            self._pool = shared_pool(warm=self._warm, boots=self._boots)
        return self._pool.take

    def _workspace(self) -> Sandbox:
        assert self._sandbox is not None
        return self._sandbox


def _end(native: NativeTools | None, sandbox: Sandbox) -> None:
    """Stop what an episode started; not a method, because the finalizer must not refer to the environment."""
    try:
        if native is not None:
            native.close()
    finally:
        sandbox.close()
