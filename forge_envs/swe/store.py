"""The disk that prepared repositories and images take: what is in use is leased, the oldest of the rest goes.

A prepared repository is a folder below ``swe/repositories`` of the cache folder. Who opens a workspace on it holds a
shared lock on a file of its name below ``swe/leases`` while the workspace lives; who removes it needs that lock alone.
Locks belong to the kernel: those of a killed process are gone with it.
"""

import contextlib
import fcntl
import os
import shutil
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from forge_envs.core.cache_folder import default_folder
from forge_envs.core.errors import ConfigError, SandboxError
from forge_envs.sandbox.base import Sandbox
from forge_envs.swe.workspace import AnySite, Site

GRACE_S = 900.0
"""Seconds since its last use in which nothing is removed: between preparing it and opening a workspace on it."""

_DAY_S = 86_400.0
_REPOSITORIES, _LEASES, _IMAGES = "repositories", "leases", "images"


@dataclass(frozen=True)
class Kept:
    """One thing that can be made again.

    Args:
        name: Of its folder, or the image's id.
        used: Seconds since 1970 of its last use.
        bytes: What it takes; of an image, with the layers that it shares with others.
    """

    name: str
    used: float
    bytes: int


class Lease:
    """Keeps a prepared repository from being removed until it is closed, or its process ends."""

    def __init__(self, fd: int):
        self._finalizer = weakref.finalize(self, os.close, fd)

    def close(self) -> None:
        """Let go. Twice is fine."""
        self._finalizer()


def lease(site: AnySite, *, cache: Path | None = None) -> Lease | None:
    """Keep what a site stands on from being removed. An image is kept by its containers: its use is noted, no more.

    Args:
        site: What a workspace is to be made of.
        cache: The cache folder; the default one if absent.

    Raises:
        SandboxError: It has been removed since it was prepared: prepare it again; or the cache folder can't be written.
    """
    place = _place(cache)
    if not isinstance(site, Site):
        _touch(place / _IMAGES / site.prepared.image.replace(":", "-"))
        return None
    entry = Path(site.prepared.folder).parent
    if not _within(entry, place):
        return None
    try:
        fd = _lock_file(place, entry.name)
        held = Lease(fd)
        fcntl.flock(fd, fcntl.LOCK_SH)
        if (entry / "head").is_file():
            _touch(entry / "used")
            return held
    except OSError as error:
        raise SandboxError(f"There can be no lease on the prepared repository {entry.name}: {error}.") from error
    held.close()
    raise SandboxError(f"The prepared repository {entry.name} was removed to make room: prepare it again.")


def hold(sandbox: Sandbox, held: Lease | None) -> None:
    """Keep a lease for as long as there is this workspace object."""
    if held is not None:
        weakref.finalize(sandbox, held.close)


def leased(find: Callable[[], AnySite], *, cache: Path | None = None) -> tuple[AnySite, Lease | None]:
    """A site and a lease on it (`lease`); it is prepared again where somebody removed it in between.

    Args:
        find: Prepares the site, or finds it.
        cache: The cache folder; the default one if absent.

    Raises:
        SandboxError: It was removed each of several times; and whatever `find` raises.
    """
    for _ in range(4):
        site = find()
        with contextlib.suppress(SandboxError):
            return site, lease(site, cache=cache)
    site = find()
    return site, lease(site, cache=cache)


def hold_while(opening: Callable[[], Sandbox], held: Lease | None) -> Callable[[], Sandbox]:
    """What `opening` does, as a function that keeps a lease for as long as there is it."""

    def open_one() -> Sandbox:
        return opening()

    if held is not None:
        weakref.finalize(open_one, held.close)
    return open_one


def keep_within(site: AnySite, disk_gb: float, *, cache: Path | None = None) -> list[Kept]:
    """`make_room`, or `make_room_for_images`, where the site's own repository or image is new.

    Call it while there is a lease on the site, so that it is not itself what goes.

    Returns:
        What was removed.
    """
    place = _place(cache)
    if not isinstance(site, Site):
        counted = place / _IMAGES / f"{site.prepared.image.replace(':', '-')}.counted"
        if counted.exists():
            return []
        counted.parent.mkdir(parents=True, exist_ok=True)
        counted.touch()
        return make_room_for_images(disk_gb, cache=cache)
    entry = Path(site.prepared.folder).parent
    if not _within(entry, place) or (entry / "bytes").exists():
        return []
    return make_room(disk_gb, cache=cache)


def repositories(*, cache: Path | None = None) -> list[Kept]:
    """What `forge_envs.swe.repository.prepare` has made, the one that was used least recently first."""
    place = _place(cache)
    found = []
    for entry in _folders(place / _REPOSITORIES):
        if not entry.name.startswith("."):
            with contextlib.suppress(FileNotFoundError):  # removed by another process meanwhile
                marker = entry / "used" if (entry / "used").exists() else entry / "head"
                used = marker.stat().st_mtime
                found.append(Kept(entry.name, used, _bytes(entry)))
    return sorted(found, key=lambda one: one.used)


def make_room(budget_gb: float, *, cache: Path | None = None, grace_s: float = GRACE_S) -> list[Kept]:
    """Remove prepared repositories that nobody uses, oldest first, until the rest takes no more than a budget.

    What killed processes left half made goes too, after a day. Safe with other processes that prepare, use or remove.

    Args:
        budget_gb: GB (10⁹ bytes) that may stay.
        cache: The cache folder; the default one if absent.
        grace_s: Nothing that was used in the last so many seconds is removed.

    Returns:
        What was removed.
    """
    check_budget(budget_gb)
    place = _place(cache)
    now, removed = time.time(), []
    for entry in _folders(place / _REPOSITORIES):
        if entry.name.startswith("."):
            with contextlib.suppress(FileNotFoundError):
                if now - entry.stat().st_mtime > _DAY_S:
                    shutil.rmtree(entry, ignore_errors=True)
    kept = repositories(cache=cache)
    total = sum(one.bytes for one in kept)
    for one in kept:
        if total <= budget_gb * 1e9 or now - one.used < grace_s:
            break
        if _remove(place, one.name):
            total -= one.bytes
            removed.append(one)
    return removed


def make_room_for_images(budget_gb: float, *, cache: Path | None = None, grace_s: float = GRACE_S) -> list[Kept]:
    """As `make_room`, for the images that workspaces start from; one that a container uses stays.

    The image that one was made of goes with it, if Forge pulled it and needs it for nothing else.

    Raises:
        SandboxError: No Docker daemon answers, or it failed.
    """
    from forge_envs.swe.docker_prepare import prepared_images, remove_image
    from forge_envs.swe.docker_pull import pull_note

    check_budget(budget_gb)
    images = {one["image"]: one for one in prepared_images()}
    notes = {name: _place(cache) / _IMAGES / name.replace(":", "-") for name in images}
    kept = [
        Kept(name, notes[name].stat().st_mtime if notes[name].exists() else one["made"], one["bytes"])
        for name, one in images.items()
    ]
    total, now, removed = sum(one.bytes for one in kept), time.time(), []
    for one in sorted(kept, key=lambda one: one.used):
        if total <= budget_gb * 1e9 or now - one.used < grace_s:
            break
        remove_image(one.name)
        left = {image["image"]: image["source"] for image in prepared_images()}
        if one.name in left:
            continue
        total -= one.bytes
        removed.append(one)
        for note in (notes[one.name], notes[one.name].with_name(f"{notes[one.name].name}.counted")):
            note.unlink(missing_ok=True)
        source = images[one.name]["source"]
        if pull_note(source).exists() and source not in left.values():
            remove_image(source)
            pull_note(source).unlink(missing_ok=True)
    return removed


def check_budget(budget_gb: float) -> None:
    """Raise a `ConfigError` where it is no budget."""
    if not budget_gb > 0:
        raise ConfigError(f"disk_gb is {budget_gb!r}: give the GB that prepared repositories may take, more than 0.")


def _place(cache: Path | None) -> Path:
    return (cache or default_folder()) / "swe"


def _within(entry: Path, place: Path) -> bool:
    return entry.parent.resolve() == (place / _REPOSITORIES).resolve()


def _folders(place: Path) -> list[Path]:
    return [one for one in place.iterdir() if one.is_dir()] if place.is_dir() else []


def _lock_file(place: Path, name: str) -> int:
    """These files stay: a lock on one that was removed would be a lock on nothing."""
    (place / _LEASES).mkdir(parents=True, exist_ok=True)
    return os.open(place / _LEASES / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _remove(place: Path, name: str) -> bool:
    """Whether it could be removed: nobody has a lease on it."""
    fd = _lock_file(place, name)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        gone = place / _REPOSITORIES / f".gone-{os.getpid()}-{name}"
        os.rename(place / _REPOSITORIES / name, gone)
    except (BlockingIOError, FileNotFoundError):  # in use; another process was quicker
        return False
    finally:
        os.close(fd)
    shutil.rmtree(gone, ignore_errors=True)
    return True


def _bytes(entry: Path) -> int:
    """What a folder takes on the disk; counted once, because a prepared repository is never written to."""
    note = entry / "bytes"
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int(note.read_text())
    total = 0
    for above, folders, files in os.walk(entry):
        for name in [*folders, *files]:
            total += os.lstat(os.path.join(above, name)).st_blocks * 512
    part = note.with_suffix(f".{os.getpid()}-{time.monotonic_ns()}")
    part.write_text(str(total))
    os.replace(part, note)
    return total


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
