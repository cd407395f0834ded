"""Workspaces that are opened before somebody asks for them, and a cap on how many start at the same moment."""

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from forge_envs.core.errors import ConfigError, SandboxError
from forge_envs.sandbox.base import Sandbox
from forge_envs.swe.store import hold, hold_while, lease, leased
from forge_envs.swe.workspace import AnySite, Site, open_workspace

BOOTS = 8
"""Workspaces of a process that start at the same moment, if nobody says otherwise."""


class _Boots:
    """How many workspaces of this process are starting."""

    def __init__(self) -> None:
        self._now = 0
        self._changed = threading.Condition()

    @contextmanager
    def one(self, most: int) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._now < most)
            self._now += 1
        try:
            yield
        finally:
            with self._changed:
                self._now -= 1
                self._changed.notify_all()


_boots = _Boots()


def open_capped(site: AnySite, *, boots: int = BOOTS) -> Sandbox:
    """`open_workspace`, when fewer than so many of this process's workspaces are starting.

    What the site stands on is leased for as long as there is the workspace (`forge_envs.swe.store`).

    Args:
        site: What it is made of.
        boots: Counts every start of the process, also those with another limit.

    Raises:
        ConfigError, SandboxError: As `open_workspace`; the prepared repository was removed meanwhile.
    """
    if boots < 1:
        raise ConfigError(f"boots is {boots}: at least one workspace has to be allowed to start.")
    held = lease(site)
    try:
        with _boots.one(boots):
            sandbox = open_workspace(site)
    except BaseException:
        if held is not None:
            held.close()
        raise
    hold(sandbox, held)
    return sandbox


def opener(
    find: Callable[[], AnySite], open_one: Callable[[AnySite], Sandbox] = open_capped
) -> tuple[AnySite, Callable[[], Sandbox]]:
    """A site, and a function that opens workspaces of it: for as long as there is that, nobody removes the repository.

    An image can't be leased: where it has gone by the time that a workspace is opened, it is made again, once.

    Args:
        find: Prepares the site, or finds it (`forge_envs.swe.sites.site_of`).
        open_one: Opens a workspace of a site.

    Raises:
        SandboxError: It was removed each of several times; and whatever `find` raises.
    """
    site, held = leased(find)

    def opening() -> Sandbox:
        try:
            return open_one(site)
        except SandboxError:
            if isinstance(site, Site) or (again := find()) == site:
                raise
            return open_one(again)

    return site, hold_while(opening, held)


@dataclass(frozen=True)
class _Slot:
    site: AnySite
    opening: "Future[Sandbox]"


class WorkspacePool:
    """Opens workspaces in the background, for many threads. Each is handed out once, and closed by who took it.

    Args:
        warm: How many may be ready, or be opening, at once. Where there is no room, the one that waited longest goes.
        boots: See `open_capped`.

    Raises:
        ConfigError: A number is too small.
    """

    def __init__(self, *, warm: int = 4, boots: int = BOOTS):
        if warm < 1 or boots < 1:
            raise ConfigError("A pool of workspaces: warm and boots are at least 1.")
        self._warm, self._boots = warm, boots
        self._slots: list[_Slot] = []
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(min(warm, boots), thread_name_prefix="forge-swe-pool")
        self._finalizer = weakref.finalize(self, _close, self._slots, self._lock, self._threads, os.getpid())

    def __len__(self) -> int:
        """How many are ready or opening."""
        return len(self._slots)

    def expect(self, sites: Iterable[AnySite]) -> None:
        """Begin to open a workspace for each of these sites; a site may occur more than once. Returns at once.

        Raises:
            SandboxError: The pool is closed.
        """
        for site in sites:
            with self._lock:
                self._must_be_open()
                gone = self._crowded_out()
                if len(self._slots) < self._warm:
                    self._slots.append(_Slot(site, self._threads.submit(open_capped, site, boots=self._boots)))
            if gone is not None:
                _discard(gone)

    def take(self, site: AnySite) -> Sandbox:
        """A fresh workspace, and the next of its kind begins to open: for the grader, or for the same task again.

        One that died while it waited, or could not be opened then, is opened now.

        Raises:
            ConfigError, SandboxError: It can't be had.
        """
        with self._lock:
            self._must_be_open()
            slot = next((one for one in self._slots if one.site == site), None)
            if slot is not None:
                self._slots.remove(slot)
        sandbox = None
        if slot is not None and (slot.opening.cancel() or slot.opening.exception() is None):
            sandbox = None if slot.opening.cancelled() else slot.opening.result()
        if sandbox is not None and not sandbox.alive():
            sandbox.close()
            sandbox = None
        if sandbox is None:
            sandbox = open_capped(site, boots=self._boots)
        try:
            self.expect([site])
        except BaseException:
            sandbox.close()
            raise
        return sandbox

    def close(self) -> None:
        """Close what nobody took and end the threads. Those that were taken live on. Twice is fine."""
        self._finalizer()

    def __enter__(self) -> "WorkspacePool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _must_be_open(self) -> None:
        if not self._finalizer.alive:
            raise SandboxError("This pool of workspaces is closed.")

    def _crowded_out(self) -> _Slot | None:
        if len(self._slots) < self._warm:
            return None
        oldest = next((one for one in self._slots if one.opening.done()), None)
        if oldest is not None:
            self._slots.remove(oldest)
        return oldest


def _discard(slot: _Slot) -> None:
    """End it: what had not begun never does, what is opening is closed when it is there."""
    if not slot.opening.cancel() and slot.opening.exception() is None:
        slot.opening.result().close()


def _close(slots: list[_Slot], lock: threading.Lock, threads: ThreadPoolExecutor, owner: int) -> None:
    if os.getpid() != owner:  # a forked child has neither the threads nor the workspaces
        return
    threads.shutdown(wait=False, cancel_futures=True)
    with lock:
        left, slots[:] = list(slots), []
    for slot in left:
        _discard(slot)
    threads.shutdown(wait=True)


_shared: "weakref.WeakValueDictionary[tuple[int, int, int], WorkspacePool]" = weakref.WeakValueDictionary()
_sharing = threading.Lock()


def shared_pool(*, warm: int, boots: int = BOOTS) -> WorkspacePool:
    """This process's pool of that size, which lives as long as somebody holds it."""
    key = (os.getpid(), warm, boots)
    with _sharing:
        found = _shared.get(key)
        if found is None or not found._finalizer.alive:
            found = _shared[key] = WorkspacePool(warm=warm, boots=boots)
        return found
