"""Workspaces that are opened ahead: never shared, bounded, gone with the pool; and a cap on starts."""

import gc
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from toy_repository import Toy

from forge_envs import ConfigError, SandboxError
from forge_envs.core.vector import ThreadVectorEnv
from forge_envs.swe import pool as pools
from forge_envs.swe.bash_block import block
from forge_envs.swe.env import SWEEnv
from forge_envs.swe.pool import WorkspacePool, open_capped, shared_pool
from forge_envs.swe.repository import Prepared


def settled(pool: WorkspacePool) -> None:
    """Wait until nothing is opening."""
    for slot in list(pool._slots):
        slot.opening.exception()


def test_opened_ahead_and_never_shared(toy: Toy) -> None:
    with WorkspacePool(warm=2) as pool:
        pool.expect([toy.site])
        settled(pool)
        ready = pool._slots[0].opening.result()
        first, second = pool.take(toy.site), pool.take(toy.site)
        assert first is ready and second is not first
        first.run("echo mine > /testbed/mine")
        assert second.run("cat /testbed/mine", merge_output=True).exit_code != 0
        settled(pool)
        assert 1 <= len(pool) <= 2, "the next of its kind is ready"
        left = [slot.opening.result() for slot in pool._slots]
        first.close()
        second.close()
    assert not any(sandbox.alive() for sandbox in left) and len(pool) == 0
    pool.close()
    with pytest.raises(SandboxError, match="closed"):
        pool.take(toy.site)


def test_the_one_that_waited_longest_makes_room(toy: Toy) -> None:
    other = replace(toy.site, disk_mb=toy.site.disk_mb + 1)
    with WorkspacePool(warm=2) as pool:
        pool.expect([toy.site, toy.site])
        settled(pool)
        oldest = pool._slots[0].opening.result()
        pool.expect([other])
        settled(pool)
        assert [slot.site for slot in pool._slots] == [toy.site, other] and not oldest.alive()


def test_one_that_died_or_failed_is_opened_now(toy: Toy) -> None:
    broken = replace(toy.site, prepared=Prepared(f"{toy.folder}/nothing", "x"))
    with WorkspacePool(warm=2) as pool:
        pool.expect([toy.site, broken])
        settled(pool)
        pool._slots[0].opening.result().close()
        sandbox = pool.take(toy.site)
        assert sandbox.alive()
        sandbox.close()
        with pytest.raises(ConfigError, match="does not exist"):
            pool.take(broken)


def test_starts_at_once_are_capped(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    now, most, lock = 0, 0, threading.Lock()
    real = pools.open_workspace

    def counting(site: Any) -> Any:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        try:
            return real(site)
        finally:
            with lock:
                now -= 1

    monkeypatch.setattr(pools, "open_workspace", counting)
    opened: list[Any] = []
    threads = [threading.Thread(target=lambda: opened.append(open_capped(toy.site, boots=2))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for sandbox in opened:
        sandbox.close()
    assert len(opened) == 8 and most == 2
    with pytest.raises(ConfigError, match="boots"):
        open_capped(toy.site, boots=0)


def test_a_shared_pool_lives_as_long_as_somebody_holds_it(toy: Toy) -> None:
    one, two = shared_pool(warm=3), shared_pool(warm=3)
    assert one is two and shared_pool(warm=4) is not one
    one.expect([toy.site])
    settled(one)
    ready = one._slots[0].opening.result()
    del one, two
    gc.collect()
    assert not ready.alive()
    for wrong in ({"warm": 0}, {"boots": 0}):
        with pytest.raises(ConfigError, match="at least 1"):
            WorkspacePool(**wrong)


def test_environments_with_a_pool(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SWEEnv, "_finder", lambda env, task: lambda: toy.site)
    envs: Any = ThreadVectorEnv([lambda: SWEEnv(warm=2, boots=2, disk_gb=100.0) for _ in range(4)])
    try:
        envs.reset(options={"task": toy.task})
        pool = shared_pool(warm=2, boots=2)
        assert all(env._pool is pool for env in envs.envs)
        commands = [block("Mine.", f"cat mine; echo {i} > mine; cat mine") for i in range(4)]
        for _ in range(2):
            observations, *_ = envs.step(commands)
            assert [o[0]["content"].split("\n")[-2] for o in observations] == ["0", "1", "2", "3"]
            envs.reset(options={"task": toy.task})
            assert shared_pool(warm=2, boots=2) is pool, "it lives on from one episode to the next"
        assert len(pool) <= 2
        del pool
    finally:
        envs.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("forge-swe-pool")]


def test_wrong_numbers() -> None:
    for wrong in ({"warm": -1}, {"boots": 0}, {"disk_gb": 0.0}):
        with pytest.raises(ConfigError):
            SWEEnv(**wrong)
