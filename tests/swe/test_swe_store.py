"""The disk that prepared repositories take: leases, budgets, and other processes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toy_repository import Toy

from forge_envs import ConfigError, SandboxError
from forge_envs.swe.pool import open_capped
from forge_envs.swe.python_env import python_env
from forge_envs.swe.repository import Prepared, Repository, prepare
from forge_envs.swe.store import keep_within, lease, make_room, repositories
from forge_envs.swe.workspace import Site


def make(cache: Path, folder: Path, number: int, *, age_s: float = 3600.0) -> Site:
    """A prepared repository of some 400 kB that was used so many seconds ago."""
    source = folder / str(number)
    source.mkdir()
    (source / "data").write_bytes(os.urandom(200_000))
    prepared = prepare(Repository(str(source)), cache=cache)
    site = Site(prepared, python_env())
    lease(site, cache=cache).close()  # type: ignore[union-attr]
    used = Path(prepared.folder).parent / "used"
    os.utime(used, (time.time() - age_s, time.time() - age_s))
    return site


def entry(site: Site) -> Path:
    return Path(site.prepared.folder).parent


def test_the_oldest_goes_first(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    sites = [make(cache, tmp_path, number, age_s=7200 - number) for number in range(4)]
    sizes = {one.name: one.bytes for one in repositories(cache=cache)}
    assert len(sizes) == 4 and all(350_000 < size < 900_000 for size in sizes.values())
    assert [one.name for one in repositories(cache=cache)] == [entry(site).name for site in sites]
    assert make_room(1.0, cache=cache) == []
    removed = make_room(sum(list(sizes.values())[2:]) / 1e9, cache=cache)
    assert [one.name for one in removed] == [entry(site).name for site in sites[:2]]
    assert not entry(sites[0]).exists() and entry(sites[3]).exists()
    again = prepare(Repository(str(tmp_path / "0")), cache=cache)
    assert again == sites[0].prepared and Path(again.folder, "data").stat().st_size == 200_000


def test_what_is_in_use_or_was_used_just_now_stays(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    old, leased, new = make(cache, tmp_path, 0), make(cache, tmp_path, 1), make(cache, tmp_path, 2, age_s=1.0)
    held = lease(leased, cache=cache)
    assert held is not None
    os.utime(entry(leased) / "used", (1.0, 1.0))
    assert [one.name for one in make_room(1e-9, cache=cache)] == [entry(old).name]
    assert entry(leased).exists() and entry(new).exists()
    held.close()
    held.close()
    assert {one.name for one in make_room(1e-9, cache=cache, grace_s=0.0)} == {entry(leased).name, entry(new).name}
    with pytest.raises(SandboxError, match="prepare it again"):
        lease(new, cache=cache)


def test_a_lease_of_another_process(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    site = make(cache, tmp_path, 0)
    code = (
        "import sys; from pathlib import Path; from forge_envs.swe.store import lease\n"
        "from forge_envs.swe.workspace import Site; from forge_envs.swe.repository import Prepared\n"
        "held = lease(Site(Prepared(sys.argv[1], 'x'), None), cache=Path(sys.argv[2])); print('held', flush=True)\n"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, site.prepared.folder, str(cache)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        assert make_room(1e-9, cache=cache, grace_s=0.0) == [] and entry(site).exists()
        other.kill()
        other.wait()
        assert len(make_room(1e-9, cache=cache, grace_s=0.0)) == 1, "a killed process holds nothing"


def test_many_processes_that_make_room_at_once(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    sites = [make(cache, tmp_path, number) for number in range(12)]
    kept = lease(sites[5], cache=cache)
    code = (
        "import sys; from pathlib import Path; from forge_envs.swe.store import make_room\n"
        "print(*(one.name for one in make_room(1e-9, cache=Path(sys.argv[1]), grace_s=0.0)))"
    )
    others = [
        subprocess.Popen([sys.executable, "-c", code, str(cache)], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    removed = [name for other in others for name in other.communicate()[0].split()]
    assert all(other.returncode == 0 for other in others)
    assert sorted(removed) == sorted(entry(site).name for site in sites if site is not sites[5]), "each by one of them"
    assert kept is not None
    assert [path.name for path in (cache / "swe" / "repositories").iterdir()] == [entry(sites[5]).name]
    kept.close()


def test_what_killed_processes_left(tmp_path: Path) -> None:
    place = tmp_path / "swe" / "repositories"
    for name, age_s in ((".new-old", 90_000), (".new-now", 10), (".gone-1-old", 90_000)):
        (place / name).mkdir(parents=True)
        os.utime(place / name, (time.time() - age_s, time.time() - age_s))
    assert make_room(1.0, cache=tmp_path) == []
    assert [path.name for path in place.iterdir()] == [".new-now"]


def test_a_workspace_holds_its_repository(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = entry(toy.site).parents[2]
    monkeypatch.setenv("FORGE_CACHE", str(cache))
    copy = prepare(Repository(str(toy.folder), None, "diff --git a/new b/new\nnew file mode 100644\n"), cache=cache)
    site = Site(copy, toy.site.python)
    sandbox = open_capped(site)
    assert keep_within(site, 1e-9) == [], "nothing is older than the grace"
    assert entry(site).name not in {one.name for one in make_room(1e-9, cache=cache, grace_s=0.0)}
    assert sandbox.run("git status --porcelain").exit_code == 0
    sandbox.close()
    del sandbox
    prepare(Repository(str(toy.folder)), cache=cache)
    assert entry(site).name in {one.name for one in make_room(1e-9, cache=cache, grace_s=0.0)}
    prepare(Repository(str(toy.folder)), cache=cache)


def test_wrong_budgets_and_other_folders(tmp_path: Path) -> None:
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(ConfigError, match="disk_gb"):
            make_room(wrong, cache=tmp_path)
    assert make_room(1.0, cache=tmp_path) == [] and repositories(cache=tmp_path) == []
    elsewhere = Site(Prepared(str(tmp_path / "mine" / "testbed"), "x"), python_env())
    assert lease(elsewhere, cache=tmp_path) is None, "what Forge did not prepare is never removed"
