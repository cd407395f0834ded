"""The agent's work as a diff, taken inside its sandbox with a git configuration that it can't touch."""

from dataclasses import dataclass

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.base import ExecResult, Limits, Sandbox
from forge_envs.swe.gitcmd import environment
from forge_envs.swe.workspace import BASE_GIT, TESTBED

MAX_PATCH = 16 * 2**20
"""Bytes; a larger diff is no patch."""

CLEAN_GIT = {**environment(), "GIT_LITERAL_PATHSPECS": "1", "HOME": "/nonexistent"}
"""Environment of every git command that Forge runs in a sandbox."""

DISK_FULL = 97
"""Exit code of a script that failed where no more could be written."""

ROOM_MB = 64
"""A failure where less than so many MiB are left is one for want of room; what needs more is beyond `MAX_PATCH`."""

# A git folder of our own beside the agent's: its configuration, index, hooks, excludes and commits play no part, only
# the work tree does. What it committed although .gitignore names it is added by name.
_SCRIPT = (
    r"""
set -e
held= short=
room() {
    code=$?
    if [ "$code" -ne 0 ] || [ -n "$short" ]; then
        for place in @TESTBED@ /tmp; do
            set -- $(stat -f -c '%S %a %c %d' "$place" 2>/dev/null)
            if [ "$#" -ne 4 ]; then continue; fi
            if [ "$(($1 * $2 / 1048576))" -lt @ROOM@ ]; then code=@FULL@; fi
            if [ "$3" -ne 0 ] && [ "$4" -lt 64 ]; then code=@FULL@; fi
        done
    fi
    if [ -n "$held" ]; then rm -rf "$held"; fi
    exit "$code"
}
add() {  # files that can't be read are left out, but not files for which there was no room
    if said=$(git add "$@" 2>&1); then return; fi
    printf '%s\n' "$said" >&2
    case "$said" in *"No space left on device"*) short=yes ;; esac
}
trap room EXIT
held=$(mktemp -d)
mkdir -p "$held/git/objects/info"
for part in HEAD config info packed-refs refs shallow; do
    if [ -e "@BASE@/$part" ]; then cp -r "@BASE@/$part" "$held/git/$part"; fi
done
chmod -R u+w "$held"
echo "@BASE@/objects" > "$held/git/objects/info/alternates"
if [ -n "$AS_BINARY" ]; then echo '* -diff' >> "$held/git/info/attributes"; fi
cd @TESTBED@
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
(git -c core.fsmonitor=false -c core.worktree=@TESTBED@ --git-dir=@TESTBED@/.git ls-files -z || true) \
    2>/dev/null | sort -z > "$held/committed"
export GIT_DIR="$held/git" GIT_WORK_TREE=@TESTBED@
git config --unset core.worktree || true
git read-tree HEAD
add -A --ignore-errors .
git ls-files -z --others --ignored --exclude-standard | sort -z | comm -z -12 - "$held/committed" > "$held/ignored"
if [ -s "$held/ignored" ]; then
    add -f --ignore-errors --pathspec-from-file="$held/ignored" --pathspec-file-nul
fi
git diff --cached --binary --full-index --no-ext-diff --no-textconv --no-color --no-renames \
    --src-prefix=a/ --dst-prefix=b/ --ignore-submodules=all HEAD
""".replace("@BASE@", BASE_GIT)
    .replace("@TESTBED@", TESTBED)
    .replace("@FULL@", str(DISK_FULL))
    .replace("@ROOM@", str(ROOM_MB))
)

# MiB of files that came after the container. Times of change can't be set, and a link to a program is not followed.
_OWN_FILES = (
    "find / -xdev -type f -cnewer /.forge/sh -print0 2>/dev/null | du -cm --files0-from=- 2>/dev/null | tail -n 1"
)


@dataclass(frozen=True)
class Taken:
    """What `take_patch` found.

    Args:
        patch: A git diff against the commit at reset; empty where nothing changed, and where there is an error.
        error: Why there is no patch, although the sandbox works, which is what the agent did: a work tree that git
            can't read, a diff beyond `MAX_PATCH`, a disk that its files fill. None where all went well.
    """

    patch: str
    error: str | None = None


def take_patch(sandbox: Sandbox, *, timeout_s: float = 120.0) -> Taken:
    """The difference between the work tree and the commit at reset.

    New, committed and binary files are in it; so are committed files that .gitignore names. Where a text that is not
    UTF-8 has changed, the whole diff is in git's binary form, so that a patch is always text.

    Args:
        sandbox: The agent's workspace.
        timeout_s: Seconds on the clock.

    Raises:
        SandboxError: The sandbox failed, git ran out of time or memory in it, or the engine's disk is full although
            the agent's files are fewer than `SandboxSpec.disk_mb`.
    """
    limits = Limits(cpu_s=timeout_s, wall_s=timeout_s, memory_mb=2048, output_bytes=MAX_PATCH)
    for as_binary in ("", "yes"):
        done = sandbox.run(_SCRIPT, limits=limits, cwd="/", env={**CLEAN_GIT, "AS_BINARY": as_binary})
        if done.ended == "output_limit":
            return Taken("", f"no diff could be taken: it is larger than {MAX_PATCH >> 20} MiB")
        if done.exit_code == DISK_FULL:
            if _filled_it(sandbox):
                return Taken("", "no diff could be taken: the workspace's disk is full")
            raise SandboxError("No diff could be taken in the workspace: the disk that the engine uses is full.")
        if (trouble := ended_by_trouble(done)) is not None:
            raise SandboxError(f"No diff could be taken in the workspace: {trouble}.")
        if done.exit_code != 0:
            said = done.stderr.decode(errors="replace").strip()[-300:]
            return Taken("", f"no diff could be taken (exit code {done.exit_code}): {said}")
        try:
            return Taken(done.stdout.decode())
        except UnicodeDecodeError:
            continue
    return Taken("", "the diff holds bytes that are not UTF-8")


def _filled_it(sandbox: Sandbox) -> bool:
    """Whether a full disk is the agent's doing. A local workspace has a disk of its own; containers share one, and it
    is the agent's doing there if its files would have filled a local one."""
    if sandbox.spec.backend == "local":
        return True
    done = sandbox.run(_OWN_FILES, limits=Limits(cpu_s=60, wall_s=120), cwd="/", env=CLEAN_GIT)
    size = done.stdout.partition(b"\t")[0]
    return size.isdigit() and int(size) >= sandbox.spec.disk_mb


def ended_by_trouble(done: ExecResult) -> str | None:
    """Why the outcome of git says nothing about what it was given; None where it came to its end by itself."""
    if done.ended != "exited":
        return done.ended.replace("_", " ")
    if done.exit_code is not None and done.exit_code > 128:  # 128 is git's own; a shell adds signals to that
        return f"it was ended by signal {done.exit_code - 128}"
    return None
