"""Patches in a fresh workspace: applying them, and undoing what one did to the tests and to what runs them."""

import re
from collections.abc import Collection, Iterable

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.base import ExecResult, Limits, Sandbox
from forge_envs.swe.infrastructure import decides
from forge_envs.swe.patch import CLEAN_GIT, DISK_FULL, ended_by_trouble
from forge_envs.swe.runners import Runner
from forge_envs.swe.workspace import TESTBED

_GIT = Limits(cpu_s=120, wall_s=240, memory_mb=2048)
_BEFORE = "/tmp/.before"

# A script that fails says whether there was room: what programs say of that may hold names of a patch.
_ROOM = r"""
code=$?
if [ "$code" -ne 0 ]; then
    for place in @TESTBED@/.git /tmp; do
        head -c 1048576 /dev/zero 2>/dev/null > "$place/.room" || code=@FULL@
        rm -f "$place/.room"
    done
fi
exit "$code"
""".replace("@TESTBED@", TESTBED).replace("@FULL@", str(DISK_FULL))

# Prints the paths that git says it changes, after keeping those that are there and not committed (an image has files
# that its repository ignores); then what has gone or changed of the commit, which names renamed files too.
_APPLY = r"""
cd @TESTBED@ || exit 90
git apply --numstat -z /tmp/.patch 2>/dev/null > /tmp/.paths || exit $?
while IFS= read -r -d '' line; do
    path="${line#*$'\t'*$'\t'}"
    if { [ -f "$path" ] || [ -L "$path" ]; } && ! git cat-file -e "HEAD:$path" 2>/dev/null; then
        mkdir -p -- "@BEFORE@/$(dirname -- "$path")" && cp -a -- "$path" "@BEFORE@/$path" || exit 98
    fi
done < /tmp/.paths
git apply --whitespace=nowarn /tmp/.patch >&2 || exit $?
cat /tmp/.paths
git diff --name-only --no-renames --no-ext-diff --ignore-submodules=all -z HEAD || exit $?
rm -f /tmp/.patch /tmp/.paths
""".replace("@TESTBED@", TESTBED).replace("@BEFORE@", _BEFORE)

# Reads paths from stdin, each after a letter: t, to reset; r, to reset if it is a file of the base commit. Resetting
# checks out what is in the base commit or was there before; what stands in the way of the path's folders goes first.
_RESET = r"""
cd @TESTBED@ || exit 90
reset_one() {
    local rest="$1" above=
    while [ "${rest#*/}" != "$rest" ]; do
        above="$above${rest%%/*}"; rest="${rest#*/}"
        if [ -L "$above" ] || { [ -e "$above" ] && [ ! -d "$above" ]; }; then rm -f -- "$above"; fi
        above="$above/"
    done
    rm -rf -- "$1"
    if git cat-file -e "HEAD:$1" 2>/dev/null; then
        git checkout -q HEAD -- "$1" || exit 91
    elif [ -e "@BEFORE@/$1" ] || [ -L "@BEFORE@/$1" ]; then
        mkdir -p -- "$(dirname -- "$1")" && cp -a -- "@BEFORE@/$1" "$1" || exit 92
    fi
}
while IFS= read -r -d '' line; do
    path="${line#?}"
    case "$line" in
        t*) reset_one "$path" ;;
        r*) if [ "$(git cat-file -t "HEAD:$path" 2>/dev/null)" = blob ]; then reset_one "$path"; fi ;;
    esac
done
rm -rf @BEFORE@
""".replace("@TESTBED@", TESTBED).replace("@BEFORE@", _BEFORE)


def apply_patch(sandbox: Sandbox, patch: str) -> list[str] | None:
    """Apply a patch to the repository.

    Args:
        sandbox: A workspace.
        patch: A git diff; one without its last newline is given one, an empty one changes nothing.

    Returns:
        The paths that it changed, or that differ from the base commit; None where it does not apply.

    Raises:
        SandboxError: It ran out of time, memory or disk, or the sandbox failed.
    """
    if not patch.strip():  # rows of SWE-smith change no tests
        return []
    text = patch if patch.endswith("\n") else patch + "\n"
    write(sandbox, "/tmp/.patch", text.encode(errors="surrogateescape"))
    done = _run(sandbox, _APPLY)
    if done.exit_code in (1, 128):
        return None
    if done.exit_code != 0:
        said = done.stderr.decode(errors="replace").strip()[-300:]
        raise SandboxError(f"A patch could not be applied: exit code {done.exit_code}. {said}")
    lines = (line.decode(errors="surrogateescape") for line in done.stdout.split(b"\0") if line)
    return list(dict.fromkeys(re.sub(r"^[\d-]+\t[\d-]+\t", "", line) for line in lines))


def reset_tests(
    sandbox: Sandbox,
    changed: Iterable[str],
    *,
    hidden: Iterable[str],
    tests: Iterable[str],
    product: Collection[str],
    runner: Runner = "pytest",
) -> bool:
    """Put back what a patch did to what decides; what the image has and the patch did not touch stays as it is.

    Args:
        sandbox: A workspace where `apply_patch` ran.
        changed: What that gave.
        hidden: Paths of the test patch: reset in any case.
        tests: Paths that are reset if they are files of the base commit.
        product: What the gold patch changes: never reset, even a configuration or a runner.
        runner: What runs the tests (`forge_envs.swe.infrastructure`).

    Returns:
        Whether there was place for all of it.

    Raises:
        SandboxError: It ran out of time, memory or disk, or the sandbox failed.
    """
    lines = [
        f"t{path}" for path in dict.fromkeys([*hidden, *(one for one in changed if decides(one, product, runner))])
    ]
    lines += [f"r{path}" for path in dict.fromkeys(tests) if path not in product]
    stdin = b"".join(line.encode(errors="surrogateescape") + b"\0" for line in lines)
    return _run(sandbox, _RESET, stdin).exit_code == 0


def write(sandbox: Sandbox, path: str, content: bytes) -> None:
    """Write a file where no patch can have put anything in the way.

    Args:
        sandbox: A workspace.
        path: Absolute.
        content: Bytes.

    Raises:
        SandboxError: It can't be written, for example because the disk is full.
    """
    try:
        sandbox.write(path, content)
    except OSError as error:
        raise SandboxError(f"{path} can't be written in the workspace: {error}.") from error


def _run(sandbox: Sandbox, script: str, stdin: bytes = b"") -> ExecResult:
    done = sandbox.run(f"({script})\n{_ROOM}", stdin=stdin, limits=_GIT, env=CLEAN_GIT, cwd="/")
    trouble = ended_by_trouble(done)
    if done.exit_code == DISK_FULL:
        trouble = "the disk is full"
    if trouble is not None:
        raise SandboxError(f"Git could not do its work in the workspace: {trouble}.")
    return done
