"""Images of workspaces: a task's image with the history scrubbed and the editor inside, made once and kept.

They are tagged ``forge-swe:KEY`` and have the label `LABEL`, by which what keeps the disk bounded finds them.
"""

import fcntl
import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forge_envs.core.cache_folder import default_folder
from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.docker_engine import LABEL as OWNER
from forge_envs.sandbox.docker_engine import client, failures, owner, remove_unless_gone
from forge_envs.sandbox.docker_files import archive_folder
from forge_envs.swe.docker_pull import ImageError, Progress, ensure_image
from forge_envs.swe.gitcmd import ATTRIBUTES

REPOSITORY = "forge-swe"
LABEL = "forge.swe"
_LAYOUT = "1"
"""Raised when the same image would be prepared differently."""

PREPARE_S = 1800
_MEANINGS = {
    70: "it has no git",
    71: "there is no git repository at /testbed",
    72: "its repository has not the row's base commit: it is the image of another task",
    73: "git failed in its repository",
    74: "the row's bug_patch does not apply to its repository",
    75: "commits besides the base are left in its repository",
    76: "it has no coreutils, or no room",
    77: "its files can't be given to root",
    78: "it has no bash",
    79: "it has no Perl, which edit_via_str_replace needs",
}
_NOT_OF_A_LOGIN = {"PWD", "OLDPWD", "SHLVL", "_", "PS1", "BASH_ENV", "HOME", "HOSTNAME"}


@dataclass(frozen=True)
class PreparedImage:
    """An image that workspaces start from.

    Args:
        image: Its id.
        source: The image that it was made of, by name.
        head: The commit at reset: the base commit, or one above it with what the image's makers changed.
        env: What a login changes in the environment, ``PATH`` among it.
        prefix: The environment of Python that commands find; empty where the image's own ``PATH`` decides.
    """

    image: str
    source: str
    head: str
    env: Mapping[str, str]
    prefix: str


def prepare_image(
    image: str,
    *,
    base_commit: str,
    repository: str | None = None,
    bug_patch: str = "",
    python: str | None = None,
    progress: Progress | None = None,
) -> PreparedImage:
    """Make the image of a task's workspaces, or find the one that was made before.

    Args:
        image: The task's image; it is pulled where it is missing.
        base_commit: What ``/testbed`` is based on; its history goes, and all that came after it.
        repository: A prepared repository's folder, for an image that has none at ``/testbed``.
        bug_patch: A git diff that is applied to ``/testbed`` before its commit.
        python: Folder of the Python environment inside, where it is not the one that a login finds.
        progress: Is told about a pull.

    Raises:
        ImageError: The image can't be had, or it lacks git, bash, Perl, Python or the base commit.
        SandboxError: No daemon answers, or it failed.
    """
    source = ensure_image(image, progress=progress)
    about = [_LAYOUT, source, base_commit, repository or "", bug_patch, python or "", _script(), _editor().decode()]
    tag = hashlib.sha256("\0".join(about).encode(errors="surrogateescape")).hexdigest()[:32]
    with _locked(tag):
        found = _find(tag)
        if found is None:
            _make(image, source, tag, base_commit, repository, bug_patch, python)
            found = _find(tag)
    if found is None:
        raise SandboxError(f"The image that was made of {image!r} is gone.")
    return found


def prepared_images() -> list[dict[str, Any]]:
    """What `prepare_image` has made and is still there: ``image``, ``source``, ``bytes`` (its own layers and those
    of its source together, as the engine counts) and ``made`` (seconds since 1970)."""
    with failures("The Docker daemon failed"):
        found = client().images(filters={"label": LABEL})
    return [
        {"image": one["Id"], "source": json.loads(one["Labels"][LABEL])["source"], "bytes": one["Size"]}
        | {"made": one["Created"]}
        for one in found
        if any(name.startswith(f"{REPOSITORY}:") for name in one["RepoTags"] or ())  # a sandbox's snapshot has none
    ]


def remove_image(image: str) -> None:
    """Remove an image by id or name; one that a container uses stays, one that is gone is fine.

    Raises:
        SandboxError: The daemon failed.
    """
    with failures("The Docker daemon failed"):
        remove_unless_gone(client().remove_image, image)


def _find(tag: str) -> PreparedImage | None:
    import docker

    with failures("The Docker daemon failed"):
        try:
            found = client().inspect_image(f"{REPOSITORY}:{tag}")
        except docker.errors.ImageNotFound:
            return None
    return PreparedImage(image=found["Id"], **json.loads(found["Config"]["Labels"][LABEL]))


def _make(
    image: str, source: str, tag: str, base: str, repository: str | None, bug_patch: str, python: str | None
) -> None:
    api = client()
    with failures(f"No workspace image could be made of {image!r}"):
        container = api.create_container(
            source,
            ["-c", _script()],
            entrypoint=["/bin/sh"],
            user="0",
            environment={"BASE": base, "ATTRIBUTES": ATTRIBUTES},
            working_dir="/",
            host_config=api.create_host_config(network_mode="none", security_opt=["no-new-privileges"]),
            labels={OWNER: owner()},
        )["Id"]
        try:
            if repository is not None:
                with tempfile.TemporaryFile() as archive:
                    archive_folder(repository, "testbed", 0, archive)
                    archive.seek(0)
                    api.put_archive(container, "/", archive)
            api.put_archive(container, "/", _files(bug_patch))
            api.start(container)
            code = api.wait(container, timeout=PREPARE_S)["StatusCode"]
            said = api.logs(container, stdout=True, stderr=False)
            if code != 0:
                trouble = api.logs(container, stdout=False, stderr=True)[-300:].decode(errors="replace")
                raise ImageError(image, "unfit", f"{_MEANINGS.get(code, f'exit code {code}')}. {trouble}")
            about = _read(image, said, python)
            conf = {
                "Labels": {LABEL: json.dumps({"source": image, **about}), OWNER: ""},
                "User": "0",
                "WorkingDir": "/testbed",
                "Cmd": ["bash"],
            }
            api.commit(container, repository=REPOSITORY, tag=tag, conf=conf)
        finally:
            remove_unless_gone(api.remove_container, container, force=True, v=True)


def _read(image: str, said: bytes, python: str | None) -> dict[str, Any]:
    """What the script printed."""
    words = said.decode(errors="surrogateescape").split("\0")
    plain = words.index("PLAIN")
    login = next(i for i, word in enumerate(words) if word.endswith("LOGIN"))
    facts = dict(zip(words[:plain:2], words[1:plain:2], strict=False))
    before, after = _variables(words[plain + 2 : login]), _variables(words[login + 2 :])
    env = {n: v for n, v in after.items() if before.get(n) != v and n not in _NOT_OF_A_LOGIN}
    path = after.get("PATH") or before.get("PATH") or "/usr/local/bin:/usr/bin:/bin"
    prefix = python or facts.get("python", "")
    if prefix and path.split(":")[0] != f"{prefix}/bin":
        path = f"{prefix}/bin:{path}"
    return {"head": facts["head"], "env": {**env, "PATH": path}, "prefix": prefix}


def _variables(lines: list[str]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _files(bug_patch: str) -> bytes:
    """The editor, where an agent's PATH finds it, and the bug."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content, mode in (
            ("tools/edit_via_str_replace", _editor(), 0o555),
            (".forge/bug.patch", bug_patch.encode(errors="surrogateescape"), 0o444),
        ):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            if name.startswith("tools"):
                member.uid = member.gid = 65534
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _script() -> str:
    return (Path(__file__).parent / "prepare_image.sh").read_text(encoding="utf-8")


def _editor() -> bytes:
    return (Path(__file__).parent / "edit_via_str_replace.pl").read_bytes()


@contextmanager
def _locked(tag: str) -> Iterator[None]:
    """One process at a time makes an image; the others find it."""
    folder = default_folder() / "swe" / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / tag).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # freed when the file is closed
        yield
