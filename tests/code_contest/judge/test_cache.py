"""The cache of compiled programs: whole entries only, bounded, out of reach of submissions."""

import multiprocessing
import os
from pathlib import Path

import pytest

from forge_envs.code_contest.cache import key_of, load, locked, store
from forge_envs.code_contest.judge import Submission, judge
from forge_envs.code_contest.languages import installed
from forge_envs.core.cache_folder import default_folder
from forge_envs.sandbox.judge import WorkerPool

BODY = b"\x7fELF" + bytes(200_000)


def test_what_is_stored_is_loaded(tmp_path: Path) -> None:
    assert load(tmp_path, key_of("a")) is None
    store(tmp_path, key_of("a"), BODY)
    assert load(tmp_path, key_of("a")) == BODY
    assert load(tmp_path, key_of("b")) is None


def test_a_key_depends_on_where_its_parts_end() -> None:
    assert key_of("ab", "c") != key_of("a", "bc") != key_of("abc")


@pytest.mark.parametrize("damage", [b"", b"x", BODY, bytes(32) + BODY])
def test_a_damaged_entry_is_removed_and_not_used(tmp_path: Path, damage: bytes) -> None:
    store(tmp_path, key_of("a"), BODY)
    (entry,) = (tmp_path / "programs").iterdir()
    entry.write_bytes(damage)
    assert load(tmp_path, key_of("a")) is None
    assert not entry.exists()


def test_the_oldest_go_when_it_is_full(tmp_path: Path) -> None:
    for index in range(5):
        store(tmp_path, key_of(str(index)), BODY, limit_bytes=3 * len(BODY) + 1000)
        path = tmp_path / "programs" / key_of(str(index))
        os.utime(path, ns=(index * 10**9, index * 10**9))
    kept = [index for index in range(5) if load(tmp_path, key_of(str(index))) is not None]
    assert kept == [2, 3, 4]


def _hammer(folder: str, seed: int) -> None:
    for index in range(60):
        name = str((seed + index) % 7)
        body = name.encode() * 50_000
        store(Path(folder), key_of(name), body, limit_bytes=200_000)
        found = load(Path(folder), key_of(name))
        assert found is None or found == body


def test_many_processes_never_see_half_an_entry(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_hammer, args=(str(tmp_path), seed)) for seed in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert all(not path.name.startswith(".") for path in (tmp_path / "programs").iterdir())


def test_what_a_dying_writer_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    store(tmp_path, key_of("a"), BODY)
    young, old = tmp_path / "programs" / ".young", tmp_path / "programs" / ".old"
    young.write_bytes(BODY)
    old.write_bytes(BODY)
    os.utime(old, (1, 1))
    store(tmp_path, key_of("b"), BODY, limit_bytes=len(BODY) * 3)
    assert young.exists() and not old.exists()
    assert load(tmp_path, key_of("a")) is not None


def test_the_lock_is_free_again_after_use(tmp_path: Path) -> None:
    with locked(tmp_path / "new"):
        pass
    with locked(tmp_path / "new"):
        assert (tmp_path / "new" / ".lock").exists()


def test_the_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGE_CACHE", "/somewhere")
    assert default_folder() == Path("/somewhere")
    monkeypatch.delenv("FORGE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert default_folder() == Path("/elsewhere/forge")


@pytest.mark.skipif("cpp" not in installed(), reason="g++ is not installed")
def test_a_program_is_compiled_once_and_again_after_its_entry_was_lost(pool: WorkerPool, tmp_path: Path) -> None:
    code = '#include <cstdio>\nint main() { puts("cached"); }'
    submission = Submission.from_row({"code": code, "language": "cpp", "tests": [{"stdin": "", "expected": "cached"}]})

    def entry() -> tuple[Path, int]:
        (path,) = (tmp_path / "programs").iterdir()
        return path, path.stat().st_ino

    for _ in range(2):
        assert judge(submission, pool=pool, cache_folder=tmp_path).verdict == "AC"
        path, inode = entry()
    assert judge(submission, pool=pool, cache_folder=tmp_path).verdict == "AC"
    assert entry() == (path, inode)
    path.write_bytes(b"poison")
    assert judge(submission, pool=pool, cache_folder=tmp_path).verdict == "AC"


def test_a_submission_can_neither_write_nor_read_the_programs(pool: WorkerPool, cache_folder: Path) -> None:
    store(cache_folder, key_of("someone else's"), BODY)
    code = f"""
import os
def reach(top):
    for folder, _, names in os.walk(top):
        for name in [*names, "forge-attack"]:
            try:
                with open(f"{{folder}}/{{name}}", "r+b" if name in names else "wb"): return "written"
            except OSError: pass
        if "programs" in folder: return "seen"
    return "held"
print(reach({str(cache_folder)!r}))
"""
    submission = Submission.from_row({"code": code, "tests": [{"stdin": "", "expected": "held"}]})
    judgement = judge(submission, pool=pool, cache_folder=cache_folder)
    assert judgement.verdict == "AC", judgement
