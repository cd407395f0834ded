"""``forge/CodeContest-v0``: what is particular to programming contests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from forge_envs.code_contest.answers import find_program
from forge_envs.code_contest.grading import grade, judge_program, public_tests, run_project, workspace_opener
from forge_envs.code_contest.pools import SharedPool, shared_pool
from forge_envs.code_contest.project.edits import apply_edits
from forge_envs.code_contest.prompts import Feedback, fenced, opening, told
from forge_envs.code_contest.quarantine import without_quarantined
from forge_envs.code_contest.submit import SubmitFiles, SubmitProgram, gold_message
from forge_envs.code_contest.task import ContestTask, Program
from forge_envs.core.env import ForgeEnv, Reaction
from forge_envs.core.errors import ActionError, ConfigError, GraderError, SandboxError, ToolError
from forge_envs.core.messages import Message, calls_of
from forge_envs.core.rewards import StepFacts, Verdict
from forge_envs.core.task import Task
from forge_envs.core.tools import Toolset
from forge_envs.sandbox.base import Isolation, SandboxSpec

FEEDBACK = ("tests", "errors", "verdict")


@dataclass(frozen=True)
class _Tried:
    """What the public tests said: the share that passed, whether that is all, and what the agent reads."""

    share: float
    passed: bool
    text: str


class CodeContestEnv(ForgeEnv):
    """An agent hands in programs; failing public tests are told to it, hidden ones decide.

    A program is the last code block of a reply, or the argument of the tool `submit`; in project mode a reply holds
    edits. The episode ends when a submission passes the public tests, or with the last of `max_turns` submissions. A
    reply without a program is told so; it costs a step, not a submission.

    Args:
        max_turns: Submissions of an episode.
        feedback: ``tests``, ``errors`` or ``verdict``; see `forge_envs.code_contest.prompts.Feedback`.
        repair: The paper's two-turn mode: the same as ``max_turns=2, feedback="errors"``.
        workers: Judge workers that all environments of this process share; None is one per core.
        isolation: ``auto``, or ``none`` for a machine that allows no isolation.
        **options: Those of `ForgeEnv`. Step components besides the common ones: ``public_passed`` and ``improvement``.
    """

    default_suite: ClassVar[Sequence[str]] = ("code_contest/bundled",)

    def __init__(
        self,
        *,
        max_turns: int = 3,
        feedback: Feedback = "tests",
        repair: bool = False,
        workers: int | None = None,
        isolation: Isolation = "auto",
        **options: Any,
    ):
        if options.get("reward") == "stepwise":
            raise ConfigError('A program has no gold turns to match, so reward="stepwise" does not apply to it.')
        if feedback not in FEEDBACK:
            raise ConfigError(f"Unknown feedback {feedback!r}: use one of {list(FEEDBACK)}.")
        if max_turns < 1:
            raise ConfigError(f"max_turns is {max_turns}; give at least 1.")
        options.setdefault("step_weights", {"format_valid": 0.05, "improvement": 0.2})
        options.setdefault("max_steps", 10)
        super().__init__(**options)
        self.suite = without_quarantined(self.suite, options.get("suite") or self.default_suite)
        self.max_turns = 2 if repair else max_turns
        self.feedback: Feedback = "errors" if repair else feedback
        self._workers, self._isolation = workers, isolation
        self._open_sandbox = workspace_opener(SandboxSpec(profile="workspace", isolation=isolation))
        self._shared: SharedPool | None = None
        self._contest: ContestTask | None = None
        self._program: Program | None = None
        self._submissions = 0
        self._best = 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[Message, ...], dict[str, Any]]:
        """As `ForgeEnv.reset`. The judge workers live on from one episode to the next."""
        shared = shared_pool(workers=self._workers, isolation=self._isolation)
        result = super().reset(seed=seed, options=options)
        self._shared = shared
        return result

    def close(self) -> None:
        """End the episode and let go of the judge workers; the last environment that does so ends them."""
        super().close()
        self._shared = None

    def _start(self, task: Task) -> Sequence[Message]:
        self._contest = ContestTask.from_row(task.data)
        self._program, self._submissions, self._best = None, 0, 0.0
        return opening(self._contest)

    def _tools(self) -> list[dict[str, Any]]:
        return Toolset.of(self._desk()).schemas()

    def _react(self, message: Message) -> Reaction:
        if "tool_calls" in message:
            return self._called(message)
        contest = self._running()
        try:
            if contest.project is not None:
                files = self._files()
                edited = apply_edits(message["content"], files, contest.project.editable)
                program = Program(contest.project.language, files={**files, **edited})
            else:
                program = find_program(message["content"], contest.languages)
        except ActionError as error:
            return Reaction([{"role": "user", "content": f"Error: {error}."}], facts=StepFacts(False))
        tried = self._try(program)
        done = tried is None or tried.passed or self._submissions >= self.max_turns
        return Reaction([] if done or tried is None else [_said(tried.text)], done, self._facts(tried))

    def _called(self, message: Message) -> Reaction:
        """Every call is answered; the last program that was handed in counts."""
        desk = self._desk()
        toolset = Toolset.of(desk)
        results: list[Message] = []
        failed = 0
        for call, (name, arguments) in zip(message.get("tool_calls", []), calls_of(message), strict=True):
            try:
                content = toolset.call(name, arguments)
            except ToolError as error:
                content, failed = f"Error: {error}", failed + 1
            results.append({"role": "tool", "tool_call_id": call["id"], "name": name[:80], "content": content})
        if desk.program is None:
            return Reaction(results, facts=StepFacts(True, len(results), failed))
        tried = self._try(desk.program)
        done = tried is None or tried.passed or self._submissions >= self.max_turns
        if tried is not None and not done:
            last = max(i for i, result in enumerate(results) if not result["content"].startswith("Error: "))
            results[last]["content"] = tried.text
        return Reaction(results, done, self._facts(tried, len(results), failed))

    def _try(self, program: Program) -> _Tried | None:
        """Run the public tests; None where nothing would come of it, because grading follows at once."""
        self._program = program
        self._submissions += 1
        if self._submissions >= self.max_turns and self.mode != "shaped":
            return None
        try:
            return self._public(program)
        except SandboxError as error:
            # Not the model's fault: the program goes with the error, so that it can be judged again.
            artifact = {**self._artifact(), "format_faults": self._faults}
            raise GraderError(f"The public tests can't be run: {error}", artifact) from error

    def _public(self, program: Program) -> _Tried:
        contest = self._running()
        if contest.project is not None:
            result = run_project(contest, program, contest.project.public_tests, open_sandbox=self._open_sandbox)
            share = result.passed / result.total if result.total else 0.0
            said = f"{result.passed} of {result.total} public tests pass ({result.verdict})."
            shown = f"{said}\n\n{fenced(result.output)}" if result.output and self.feedback != "verdict" else said
            return _Tried(share, result.verdict == "AC", shown)
        tests = public_tests(contest)
        if not tests:
            return _Tried(0.0, True, "")
        assert self._shared is not None
        judgement = judge_program(contest, program, tests, stop_at_first_failure=False, pool=self._shared.pool)
        share = sum(result.verdict == "AC" for result in judgement.tests) / len(tests)
        return _Tried(share, judgement.verdict == "AC", told(contest, judgement, tests, self.feedback))

    def _facts(self, tried: _Tried | None, calls: int = 0, failed: int = 0) -> StepFacts:
        share = tried.share if tried is not None else 0.0
        gain = max(0.0, share - self._best)
        self._best = max(self._best, share)
        return StepFacts(True, calls, failed, public_passed=share, improvement=gain)

    def _artifact(self) -> dict[str, Any]:
        if self._program is None:
            return {"program": None, "submissions": self._submissions}
        given = {"files": dict(self._program.files)} if self._program.files else {"code": self._program.code}
        return {"program": {"language": self._program.language, **given}, "submissions": self._submissions}

    def _grade(self, task: Task, artifact: Mapping[str, Any]) -> Verdict:
        pool = self._shared.pool if self._shared is not None else None
        return grade(task, artifact, pool=pool, open_sandbox=self._open_sandbox)

    def _gold(self, task: Task) -> Sequence[Message]:
        return [gold_message(ContestTask.from_row(task.data))]

    def _scored_turns(self, gold: Sequence[Message]) -> list[int]:
        return []

    def _running(self) -> ContestTask:
        assert self._contest is not None
        return self._contest

    def _files(self) -> dict[str, str]:
        """The editable files as they are now."""
        project = self._running().project
        assert project is not None
        start = {path: project.files.get(path, "") for path in project.editable}
        return {**start, **(self._program.files if self._program is not None else {})}

    def _desk(self) -> SubmitProgram | SubmitFiles:
        contest = self._running()
        if contest.project is not None:
            return SubmitFiles(contest.project, self._files())
        return SubmitProgram(contest.languages)


def _said(text: str) -> Message:
    return {"role": "user", "content": text}
