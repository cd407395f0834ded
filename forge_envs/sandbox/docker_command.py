"""How a command is handed to a container: through a shell that sets its folder and its limits."""

import math
import time
from collections.abc import Callable, Sequence

from forge_envs.core.errors import ConfigError
from forge_envs.sandbox.base import Limits

_RUN = 'cd "$1" || exit 126; ulimit -c 0; ulimit -f "$2"; [ "$3" = - ] || ulimit -t "$3"; shift 4; '
_SCRIPT = 'if command -v bash >/dev/null; then exec bash "$@"; else exec sh "$@"; fi'
_MAX_ARGUMENT = 100_000


def command_line(
    command: Sequence[str] | str,
    *,
    limits: Limits,
    folder: str,
    merge_output: bool,
    write: Callable[[str, bytes], None],
) -> list[str]:
    """The arguments of an exec.

    Args:
        command: Arguments, or a script.
        limits: CPU seconds and size of files are the shell's to set.
        folder: Absolute; where it starts.
        merge_output: stderr goes into stdout.
        write: Writes a file in the container, for a script that is too long for an argument.

    Raises:
        ConfigError: There is no program, or a zero byte.
    """
    if isinstance(command, str):
        if "\0" in command:
            raise ConfigError("A script may not contain a zero byte.")
        argv, text = ["-c", command], _SCRIPT
        if len(command.encode()) > _MAX_ARGUMENT:
            argv = [f"/tmp/.forge-script-{time.monotonic_ns()}"]
            write(argv[0], command.encode())
    else:
        argv, text = list(command), 'exec "$@"'
        if not argv or any("\0" in part for part in argv):
            raise ConfigError("A command needs a program, and no argument may contain a zero byte.")
    cpu = "-" if limits.cpu_s is None else str(math.ceil(limits.cpu_s) + 1)
    shell = _RUN + text + (" 2>&1" if merge_output else "")
    return ["/bin/sh", "-c", shell, "sh", folder, str(limits.file_mb * 2048), cpu, "-", *argv]
