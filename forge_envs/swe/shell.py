"""One command of an agent, and what it reads of its outcome."""

from dataclasses import dataclass

from forge_envs.sandbox.base import ExecResult, Limits, Sandbox

SHOWN_CHARS = 10_000
"""Output of this many characters or more is shown as its first and its last half of that."""

SENTINELS = ("MINI_SWE_AGENT_FINAL_OUTPUT", "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT")
"""First line of the output of a command that submits."""

_ENDS = {
    "cpu_limit": "The command was stopped: it used too much CPU time.",
    "memory_limit": "The command was stopped: it used too much memory.",
    "output_limit": "The command was stopped: it wrote too much output.",
}


@dataclass(frozen=True)
class Observation:
    """What came of a command.

    Args:
        text: What the agent reads.
        returncode: Of the shell; None where a limit ended it.
        submitted: The command succeeded and its output began with one of `SENTINELS`.
    """

    text: str
    returncode: int | None
    submitted: bool


def run_command(sandbox: Sandbox, command: str, *, timeout_s: float = 60.0, memory_mb: int = 4096) -> Observation:
    """Run a command in a fresh shell; nothing that it started is left when this returns.

    Args:
        sandbox: The workspace.
        command: For bash.
        timeout_s: Seconds on the clock.
        memory_mb: MiB.

    Raises:
        SandboxError: The sandbox failed.
    """
    if "\0" in command:
        return Observation("<returncode>1</returncode>\n<output>\nA command has no zero bytes.\n</output>", 1, False)
    limits = Limits(cpu_s=None, wall_s=timeout_s, memory_mb=memory_mb)
    done = sandbox.run(command, limits=limits, merge_output=True)
    output = done.stdout.decode(errors="replace")
    code = _returncode(done)
    if done.ended == "wall_limit":
        said = (
            f"The command was stopped after {timeout_s:g} seconds, with all that it had started. Its output until then"
            " is below. Use a command that ends by itself and waits for no input."
        )
        return Observation(f"{said}\n{_shown(output)}", None, False)
    if code is None:
        return Observation(f"{_ENDS[done.ended]} Its output until then:\n{_shown(output)}", None, False)
    first = output.lstrip().split("\n", 1)[0].strip()
    return Observation(f"<returncode>{code}</returncode>\n{_shown(output)}", code, code == 0 and first in SENTINELS)


def _returncode(done: ExecResult) -> int | None:
    if done.ended == "exited":
        return done.exit_code
    return 128 + (done.signal or 0) if done.ended == "signaled" else None


def _shown(output: str) -> str:
    return shown(output, output, len(output))


def shown(head: str, tail: str, size: int) -> str:
    """Output as the agent reads it: whole, or its beginning and its end.

    Args:
        head: The first `SHOWN_CHARS` characters of it, or more.
        tail: The last `SHOWN_CHARS` characters of it, or more.
        size: Characters of the whole output.
    """
    if size < SHOWN_CHARS:
        return f"<output>\n{head}</output>"
    half = SHOWN_CHARS // 2
    return (
        "<warning>\nThe output is too long to be shown. Use a command that prints less: grep, head, tail or sed, or"
        " write it to a file and read parts of that.\n</warning>\n"
        f"<output_head>\n{head[:half]}\n</output_head>\n"
        f"<elided_chars>\n{size - SHOWN_CHARS} characters elided\n</elided_chars>\n"
        f"<output_tail>\n{tail[-half:]}\n</output_tail>"
    )
