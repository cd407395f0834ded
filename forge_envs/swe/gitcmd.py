"""How Forge runs git: with settings of its own above those of a repository, so that nothing a repository says is run.

On the host only on folders that no agent has touched; on what an agent owned, inside a sandbox.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from forge_envs.core.errors import SandboxError

ATTRIBUTES = "* -text -ident -filter -working-tree-encoding\n"
"""Files have the bytes of their blobs, whatever the repository's .gitattributes say; goes into ``info/attributes``."""

SETTINGS: Mapping[str, str] = {
    "advice.detachedHead": "false",
    "core.askPass": "false",
    "core.attributesFile": "/dev/null",
    "core.autocrlf": "false",
    "core.editor": "false",
    "core.excludesFile": "/dev/null",
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.pager": "cat",
    "core.sshCommand": "false",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "safe.directory": "*",
    "submodule.recurse": "false",
}
"""Of every git command. A filter or a diff driver has a name of its own, so none can be ruled out here: `ATTRIBUTES`
name none, and a diff is made with ``--no-ext-diff --no-textconv``."""

_DATE = "2020-01-01T00:00:00+0000"


def environment(*, protocols: str = "none") -> dict[str, str]:
    """Environment variables that give git `SETTINGS`, above a repository's own, and no other configuration.

    Git before 2.31 does not know the variables of settings, and takes the rest.

    Args:
        protocols: What may be fetched from, in the form of ``GIT_ALLOW_PROTOCOL``.
    """
    env = {"GIT_CONFIG_COUNT": str(len(SETTINGS))}
    for at, (name, value) in enumerate(SETTINGS.items()):
        env |= {f"GIT_CONFIG_KEY_{at}": name, f"GIT_CONFIG_VALUE_{at}": value}
    return env | {
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


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
    # What serves a fetch from a folder is not given the settings of the environment.
    config = scratch / "gitconfig"
    if not config.exists():
        config.write_text(
            "".join("[{}]\n{} = {}\n".format(*name.split("."), value) for name, value in SETTINGS.items())
        )
    env = environment(protocols="file") | {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(scratch),
        "GIT_CONFIG_GLOBAL": str(config),
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
