"""The tools of the native protocols: `bash`, `str_replace_based_edit`, `submit`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from forge_envs.core.errors import ActionError, ArgumentsError, ToolError, UnknownToolError
from forge_envs.core.hooks import Reaction
from forge_envs.core.messages import Message, calls_of
from forge_envs.core.protocols import Protocol, get_protocol
from forge_envs.core.rewards import StepFacts
from forge_envs.core.tools import Toolset, tool
from forge_envs.sandbox.base import Sandbox
from forge_envs.swe import native_editor as editor
from forge_envs.swe.native_shell import PersistentShell

SUBMITTED = "The work was handed in."
MAX_CALLS = 16
"""Calls of one reply that are carried out, if nobody says otherwise."""


class NativeTools:
    """The tools of one episode.

    Args:
        sandbox: The workspace.
        timeout_s: Seconds that a command may take.
        max_calls: Calls of one reply that are carried out; those beyond are answered with an error.

    `close` ends the shell and all that it started.
    """

    def __init__(self, sandbox: Sandbox, *, timeout_s: float = 60.0, max_calls: int = MAX_CALLS):
        self._sandbox, self._max_calls = sandbox, max_calls
        self._shell = PersistentShell(sandbox, timeout_s=timeout_s)
        self._submitted = self._failed = False
        self._ran: list[bool] = []

    @property
    def close(self) -> Callable[[], None]:
        """A function that ends the shell; it does not refer to an environment."""
        return self._shell.close

    def react(self, message: Message) -> Reaction:
        """Carry out the calls of a reply, in order. What comes after `submit` is not carried out."""
        toolset = Toolset.of(self)
        results: list[Message] = []
        failed, unknown, invalid = 0, 0, 0
        self._ran.clear()
        for call, (name, arguments) in zip(message["tool_calls"], calls_of(message), strict=True):
            self._failed = False
            try:
                if len(results) >= self._max_calls:
                    raise ToolError(f"Error: not carried out, a reply makes at most {self._max_calls} calls.")
                content = toolset.call(name, arguments)
            except ToolError as error:
                self._failed = True
                unknown += isinstance(error, UnknownToolError)
                invalid += isinstance(error, ArgumentsError)
                content = f"Error: {error}" if isinstance(error, UnknownToolError | ArgumentsError) else str(error)
            failed += self._failed
            results.append({"role": "tool", "tool_call_id": call["id"], "name": name[:80], "content": content})
            if self._submitted:
                break
        facts = StepFacts(
            True,
            len(results),
            failed,
            unknown_tools=unknown,
            invalid_arguments=invalid,
            commands=len(self._ran),
            commands_ran=sum(self._ran),
        )
        return Reaction(results, self._submitted, facts)

    def schemas(self) -> list[dict[str, Any]]:
        """The tools' JSON Schemas."""
        return Toolset.of(self).schemas()

    @tool
    def bash(self, command: str) -> str:
        """Run a command in a bash shell that lasts: the folder, variables, functions and background jobs are kept for the next call. There is no network, and nothing to read from stdin. Long output is shortened.

        Args:
            command: One command or several lines of them.
        """  # noqa: E501
        done = self._shell.run(command)
        self._failed = done.returncode != 0
        self._ran.append(done.returncode is not None and done.returncode < 126)
        return done.text

    @tool
    def str_replace_based_edit(
        self,
        command: Literal["view", "create", "str_replace", "insert"],
        path: str,
        file_text: str | None = None,
        old_str: str | None = None,
        new_str: str | None = None,
        insert_line: int | None = None,
        view_range: list[int] | None = None,
    ) -> str:
        """View, create and edit files. `view` shows a file with line numbers, or the files of a folder, two levels deep. `create` makes a new file. `str_replace` replaces a text that occurs exactly once in a file, white space included. `insert` inserts lines after a line.

        Args:
            command: What to do.
            path: Absolute path of a file, or for `view` also of a folder.
            file_text: For `create`: the content of the file.
            old_str: For `str_replace`: the text to replace, with enough lines around it to be unique.
            new_str: For `str_replace`: what comes in its place; nothing by default. For `insert`: the lines to insert.
            insert_line: For `insert`: the line after which to insert; 0 is the beginning of the file.
            view_range: For `view` of a file: the first and the last line to show; -1 as the last is the end.
        """  # noqa: E501
        if command == "view":
            lines = None if view_range is None else [int(line) for line in view_range]  # JSON's 1.0 is an integer
            return editor.view(self._sandbox, path, lines)
        if command == "create":
            return editor.create(self._sandbox, path, _needed("file_text", file_text, command))
        if command == "str_replace":
            old = _needed("old_str", old_str, command)
            return editor.str_replace(self._sandbox, path, old, new_str or "")
        if insert_line is None:
            raise ToolError("Parameter `insert_line` is required for command: insert")
        return editor.insert(self._sandbox, path, int(insert_line), _needed("new_str", new_str, command))

    @tool
    def submit(self) -> str:
        """Hand in the work when it is done. After it nothing can be changed."""
        self._submitted = True
        return SUBMITTED


def native_protocol(name: str) -> Protocol:
    """A protocol in which every reply calls a tool; a reply that doesn't is malformed.

    Raises:
        ConfigError: There is no protocol of that name.
    """
    protocol = get_protocol(name)

    def parse(text: str) -> Message:
        message = protocol.parse(text)
        if "tool_calls" not in message:
            raise ActionError("your reply calls no tool: call bash, str_replace_based_edit or, when done, submit")
        return message

    return replace(protocol, parse=parse)


def _needed(name: str, value: str | None, command: str) -> str:
    if value is None:
        raise ToolError(f"Parameter `{name}` is required for command: {command}")
    return value
