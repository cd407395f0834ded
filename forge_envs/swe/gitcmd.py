"""Git on the host, with a configuration of our own; only ever on folders that no agent has touched."""

import subprocess
from pathlib import Path

from forge_envs.core.errors import SandboxError

ATTRIBUTES = "* -text -ident -filter -working-tree-encoding\n"
"""Files have the bytes of their blobs, whatever the repository's .gitattributes say; goes into ``info/attributes``."""

_CONFIG = "[safe]\n\tdirectory = *\n[advice]\n\tdetachedHead = false\n[core]\n\tautocrlf = false\n\tfsmonitor = false\n"
_DATE = "2020-01-01T00:00:00+0000"


def git(*arguments: str, folder: Path, scratch: Path, stdin: bytes = b"", timeout_s: float = 600.0) -> bytes:
    """Run git and give what it printed.

    Args:
        arguments: Of git.
        folder: Where it runs.
        scratch: A folder for its configuration.
        stdin: What it reads.
        timeout_s: Seconds on the clock.

    Raises:
        SandboxError: Git is not installed, failed, or took too long; with its message.
    """
    config = scratch / "gitconfig"
    if not config.exists():
        config.write_text(_CONFIG)
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(scratch),
        "LC_ALL": "C",
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "forge",
        "GIT_COMMITTER_NAME": "forge",
        "GIT_AUTHOR_EMAIL": "forge@localhost",
        "GIT_COMMITTER_EMAIL": "forge@localhost",
        "GIT_AUTHOR_DATE": _DATE,
        "GIT_COMMITTER_DATE": _DATE,
    }
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=env, input=stdin, capture_output=True, timeout=timeout_s, check=False
        )
    except FileNotFoundError as error:
        raise SandboxError("SWE tasks need git, which is not installed here.") from error
    except subprocess.TimeoutExpired as error:
        raise SandboxError(f"git {arguments[0]} took more than {timeout_s:.0f} s.") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()[-500:]
        raise SandboxError(f"git {' '.join(arguments)[:100]} failed: {said}")
    return done.stdout
