"""A shell that lives as long as the episode: folder, variables, functions and background jobs last."""

import codecs
import secrets
import time
from dataclasses import dataclass

from forge_envs.core.errors import SandboxError, ToolError
from forge_envs.sandbox.base import Limits, Sandbox
from forge_envs.sandbox.process import Process
from forge_envs.swe.quoting import quoted
from forge_envs.swe.shell import SHOWN_CHARS, shown

MOST_OUTPUT = 256 * 2**20
"""Bytes of output that stop a command; long before, they are counted and not kept."""

_MOST_AFTER = 2**16  # bytes after a command's mark: exit code and folder are much shorter

_OUT = 200  # the shell's own way to the host; closed while a command runs, so that no command inherits it
_START_S = 20.0
_SHELL = f"exec {_OUT}>&1 >/dev/null 2>/dev/null; exec bash --norc --noprofile --noediting -i"
_SETTINGS = "PS1= PS2= PROMPT_COMMAND=; set +H +o history; unset HISTFILE"
_ENDS = {
    "timeout": "it did not end within {timeout:g} seconds. Use a command that ends by itself and waits for no input",
    "output": "it wrote too much output",
    "memory": "the shell's processes used too much memory",
}


class Output:
    """What a command wrote: its beginning, its end, and how long it is. Bytes that are no UTF-8 become U+FFFD."""

    def __init__(self) -> None:
        self.head, self.tail, self.size, self.bytes = "", "", 0, 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, data: bytes, *, final: bool = False) -> None:
        """Take the next bytes."""
        text = self._decoder.decode(data, final)
        self.head += text[: SHOWN_CHARS - len(self.head)]
        self.tail = (self.tail + text)[-SHOWN_CHARS:]
        self.size += len(text)
        self.bytes += len(data)

    def shown(self) -> str:
        """As the agent reads it."""
        return shown(self.head, self.tail, self.size)


@dataclass(frozen=True)
class Done:
    """What came of a command.

    Args:
        text: What the agent reads.
        returncode: None where it was stopped.
        lasting: The shell goes on; else a new one was started, and everything of the old one has ended.
    """

    text: str
    returncode: int | None
    lasting: bool


class PersistentShell:
    """One bash in a sandbox, started when it is first needed.

    It is interactive without a terminal: an error of syntax, ``${x:?}`` or an unbound variable ends the command and
    not the shell. A command reads ``/dev/null``. What can't go on (a timeout, ``exit``, ``exec``, ``set -e``, a killed
    shell) ends every process of the shell; the next command has a new one in the same folder.

    Args:
        sandbox: The workspace, with bash.
        timeout_s: Seconds that a command may take.
        memory_mb: MiB for all that the shell started.
    """

    def __init__(self, sandbox: Sandbox, *, timeout_s: float = 60.0, memory_mb: int = 4096):
        self._sandbox, self._timeout_s = sandbox, timeout_s
        self._limits = Limits(cpu_s=None, memory_mb=memory_mb)
        self._process: Process | None = None
        self._folder = ""  # as bash quotes it
        self._rest = b""

    def run(self, command: str) -> Done:
        """Run a command in the shell.

        Raises:
            SandboxError: The sandbox failed.
            ToolError: There is no bash in it any more.
        """
        if "\0" in command:
            raise ToolError("a command has no zero bytes")
        note = _MEANWHILE if self._ended_meanwhile() else ""
        if self._process is None:
            self._process = self._started()
        output = Output()
        redirected = f"</dev/null >&{_OUT} 2>&1 {_OUT}>&-"
        found = self._converse(f"\\builtin eval {quoted(command)} {redirected}", output, self._timeout_s)
        if isinstance(found, int):
            return Done(f"{note}<returncode>{found}</returncode>\n{output.shown()}", found, True)
        return self._ended(found, output)

    def close(self) -> None:
        """End the shell and everything that it started. Twice is fine."""
        process, self._process, self._rest = self._process, None, b""
        if process is not None:
            process.close()

    def _ended_meanwhile(self) -> bool:
        """Whether the shell ended after its last command; what was written since then is kept."""
        data = b"" if self._process is None else self._process.receive(0)
        if data is None:
            self.close()
            return True
        self._rest += data
        return False

    def _started(self) -> Process:
        process = self._sandbox.start(["bash", "-c", _SHELL], limits=self._limits)
        self._process, self._rest = process, b""
        for folder in dict.fromkeys((self._folder, "")):
            enter = f"cd -- {folder} && " if folder else ""
            found = self._converse(f"{_SETTINGS}; {enter}true", Output(), _START_S)
            if found == 0:
                return process
            if not isinstance(found, int):
                break
        self.close()
        if self._sandbox.alive():
            raise ToolError("no shell can be started in this sandbox any more")
        raise SandboxError("The shell of an agent could not be started: its sandbox has ended.")

    def _converse(self, line: str, output: Output, timeout_s: float) -> int | str:
        """Have the shell execute one line; the exit code, or why there is none."""
        assert self._process is not None
        mark = f"<{secrets.token_hex(16)}"
        until = time.monotonic() + timeout_s
        after = f"\\builtin printf '\\n%s %d %q>\\n' '{mark}' \"$?\" \"$PWD\" >&{_OUT}; set +e; {_SETTINGS}"
        try:
            self._process.send(f"{line}\n{after}\n".encode(), timeout_s=timeout_s)
        except TimeoutError:
            return "timeout"
        begin = f"\n{mark} ".encode()
        data, self._rest = self._rest, b""
        while True:
            at = data.find(begin)
            end = data.find(b">\n", at) if at >= 0 else -1
            if end >= 0:
                output.add(data[:at], final=True)
                self._rest = data[end + 2 :]
                code, _, folder = data[at + len(begin) : end].decode(errors="replace").partition(" ")
                self._folder = folder
                return int(code) if code.isdecimal() and len(code) < 4 else 1
            keep = len(data) - at if at >= 0 else min(len(begin) - 1, len(data))
            output.add(data[: len(data) - keep])
            data = data[len(data) - keep :]
            if at >= 0 and len(data) > _MOST_AFTER:
                return "output"
            left = until - time.monotonic()
            more = self._process.receive(left) if left > 0 else b""
            if not more or output.bytes + len(data) > MOST_OUTPUT:
                output.add(data, final=True)
                return "ended" if more is None else "output" if more else "timeout"
            data += more

    def _ended(self, why: str, output: Output) -> Done:
        assert self._process is not None
        ending = self._process.ending()
        self.close()
        if why == "ended" and ending is not None and ending.ended == "memory_limit":
            why = "memory"
        if why == "ended" and ending is not None:
            if not self._sandbox.alive():
                raise SandboxError("The sandbox of an agent's shell has ended.")
            code = ending.exit_code if ending.exit_code is not None else 128 + (ending.signal or 9)
            said = f"The command ended the shell, with all that was running in it. {_NEW}"
            return Done(f"{said}\n<returncode>{code}</returncode>\n{output.shown()}", code, False)
        reason = _ENDS[why].format(timeout=self._timeout_s)
        said = f"The command was stopped, with all that was running in the shell: {reason}. {_NEW}"
        return Done(f"{said} Its output until then:\n{output.shown()}", None, False)


_MEANWHILE = "The shell had ended since the last command, and all that was running in it. This is a new one.\n"
_NEW = "The next command has a new shell in the folder of the last; variables and functions are gone."
