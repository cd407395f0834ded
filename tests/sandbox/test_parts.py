"""Parts that can be tried alone: control group files, seccomp programs, messages, Docker's stream, tiers."""

import errno
import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_envs import SandboxError
from forge_envs.sandbox import docker_exec, tiers
from forge_envs.sandbox.docker_engine import seccomp_profile
from forge_envs.sandbox.keeper import wire
from forge_envs.sandbox.linux import cgroups, owners, seccomp, seccomp_tables
from forge_envs.sandbox.pump import pump

UNISTD = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def _evaluate(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """What a filter answers: the instructions of classic BPF that the assembler uses, after linux/filter.h."""
    values = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=iIQ6Q", number, arch, 0, *values)
    at, loaded = 0, 0
    while True:
        code, yes, no, constant = struct.unpack_from("=HBBI", program, at * 8)
        at += 1
        if code == 0x20:
            (loaded,) = struct.unpack_from("=I", data, constant)
        elif code == 0x15:
            at += yes if loaded == constant else no
        elif code == 0x35:
            at += yes if loaded >= constant else no
        elif code == 0x54:
            loaded &= constant
        elif code == 0x45:
            at += yes if loaded & constant else no
        else:
            assert code == 0x06
            return constant


ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("profile", ["judge", "workspace"])
def test_filters_answer_as_the_tables_say(machine: str, profile: str) -> None:
    program = seccomp.program(profile, machine=machine)  # type: ignore[arg-type]
    column = list(ARCH).index(machine)

    def answer(name: str, *arguments: int) -> int:
        number = seccomp_tables.NUMBERS[name][column]
        return ALLOW if number is None else _evaluate(program, ARCH[machine], number, *arguments)

    assert _evaluate(program, 0x40000003, 1) == KILL
    for name in seccomp_tables.REFUSED:
        assert answer(name) in (ERRNO | errno.EPERM, ALLOW if seccomp_tables.NUMBERS[name][column] is None else -1), (
            name
        )
    for name in seccomp_tables.NOT_IMPLEMENTED:
        assert answer(name) == ERRNO | errno.ENOSYS
    judged = profile == "judge"
    for name in seccomp_tables.REFUSED_TO_JUDGED:
        assert answer(name) == (ERRNO | errno.EPERM if judged else ALLOW)
    assert answer("clone", 0x00010F00) == ALLOW
    assert answer("clone", 17) == (ERRNO | errno.EPERM if judged else ALLOW)
    for bit in (0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert answer("clone", bit | 17) == ERRNO | errno.EPERM
    for family in range(64):
        allowed = not judged and family in (1, 2, 10, 16)
        assert (answer("socket", family, 1, 0) == ALLOW) == allowed, family
        assert (answer("socketpair", family, 1, 0) == ALLOW) == (family == 1)
    for kind, can_send_to_a_path in ((1, False), (2, True), (3, True), (5, False)):
        for flags in (0, 0x80000, 0x800):
            assert (answer("socketpair", 1, kind | flags, 0) == ALLOW) is not (judged and can_send_to_a_path)
    for name in seccomp_tables.PRETENDED_TO_JUDGED:
        assert answer(name) == (ERRNO if judged else ALLOW)
    assert answer("prctl", 4, 0) == (ERRNO if judged else ALLOW) and answer("prctl", 15, 0) == ALLOW
    assert (answer("socket", 16, 3, 9) == ALLOW) is False
    assert answer("ioctl", 0, 0x5412) == ERRNO | errno.EPERM and answer("ioctl", 0, 0x5413) == ALLOW
    assert answer("personality", 0xFFFFFFFF) == ALLOW and answer("personality", 8) == ERRNO | errno.EPERM
    if machine == "x86_64":
        assert _evaluate(program, ARCH[machine], 0x40000000 | 1) == ERRNO | errno.ENOSYS
        assert _evaluate(program, ARCH[machine], 0) == ALLOW


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_numbers_are_those_of_the_headers(machine: str) -> None:
    import re

    header = UNISTD[machine]
    if not header.exists():
        pytest.skip("no kernel headers")
    known = {m[1]: int(m[2]) for m in re.finditer(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())}
    column = list(ARCH).index(machine)
    for name, numbers in seccomp_tables.NUMBERS.items():
        if name in known:
            assert numbers[column] == known[name], name


def test_docker_profile_has_the_same_lists() -> None:
    for profile in ("judge", "workspace"):
        rules = json.loads(seccomp_profile(profile))["syscalls"]  # type: ignore[arg-type]
        refused = {name for rule in rules if "args" not in rule for name in rule["names"]}
        assert refused >= {*seccomp_tables.REFUSED, *seccomp_tables.NOT_IMPLEMENTED}
        assert ("fork" in refused) == (profile == "judge")


V2 = "30 23 0:26 / {root} rw,nosuid - cgroup2 cgroup2 rw\n"


def test_groups_of_version_2_by_their_files(tmp_path: Path) -> None:
    """Version 2 as plain files: what is read and written, without a kernel that could enforce it."""
    parent = tmp_path / "cg"
    parent.mkdir()
    group = cgroups.Cgroup("x", cgroups.Hierarchies(unified=parent))
    (folder,) = parent.iterdir()
    files = {
        "memory.max": "max", "pids.max": "max", "memory.current": "5000", "memory.peak": "9000",
        "memory.events": "low 0\noom 1\noom_kill 2\n", "cpu.stat": "usage_usec 1500000\nuser_usec 1\n",
        "memory.stat": "anon 1\nshmem 4096\n", "cgroup.procs": "12\n13\n",
    }  # fmt: skip
    for name, text in files.items():
        (folder / name).write_text(text)
    group.limit(memory=1 << 20, processes=7)
    assert (folder / "memory.max").read_text() == str((1 << 20) + 4096) and (folder / "pids.max").read_text() == "7"
    usage = group.usage()
    assert (usage.cpu_s, usage.memory, usage.peak, usage.oom_kills) == (1.5, 5000, 9000, 2)
    assert group.processes() == [12, 13]
    (folder / "memory.peak").write_text("9000")
    group.reset()
    (folder / "cpu.stat").write_text("usage_usec 2500000\n")
    (folder / "memory.events").write_text("oom_kill 3\n")
    assert group.cpu_s() == 1.0 and group.usage().oom_kills == 1
    group.limit(memory=None, processes=None)
    assert (folder / "memory.max").read_text() == "max" and (folder / "pids.max").read_text() == "max"
    for path in folder.iterdir():
        path.unlink()
    group.close()
    group.close()
    assert not folder.exists()


def test_no_writable_hierarchy_is_none(tmp_path: Path) -> None:
    assert not cgroups.find(V2.format(root=tmp_path / "missing"), "0::/\n")
    assert not cgroups.find("", "0::/\n")
    with pytest.raises(OSError):
        cgroups.Cgroup("x", cgroups.Hierarchies())


def test_a_real_group_counts_and_limits() -> None:
    if not cgroups.hierarchies():
        pytest.skip("no writable control group hierarchy")
    group = cgroups.Cgroup("test")
    try:
        group.limit(memory=64 << 20, processes=5)
        group.reset()
        fds = group.entrances()
        code = "x = bytearray(b'x') * (100 << 20)"

        def enter() -> None:
            for fd in fds:
                os.write(fd, b"0")

        done = subprocess.run([sys.executable, "-I", "-S", "-c", code], preexec_fn=enter)
        for fd in fds:
            os.close(fd)
        assert done.returncode == -9 and group.usage().oom_kills == 1 and group.usage().peak >= 60 << 20
        assert group.usage().cpu_s > 0
    finally:
        group.close()


def test_abandoned_groups_are_found(tmp_path: Path) -> None:
    mine = f"{cgroups.PREFIX}{owners.tag()}-1"
    pid, _, namespace = owners.tag().split("-")
    dead, elsewhere = f"{cgroups.PREFIX}{pid}-1-{namespace}-1", f"{cgroups.PREFIX}{pid}-1-1-1"
    for name in (mine, dead, elsewhere, "other", f"{cgroups.PREFIX}nonsense"):
        (tmp_path / name).mkdir()
    assert [path.name for path in cgroups.abandoned(cgroups.Hierarchies(unified=tmp_path))] == [dead]


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=3000), max_size=5), st.integers(0, 3))
def test_messages_arrive(message: dict[str, str], fds: int) -> None:
    one, two = socket.socketpair()
    with one, two:
        readers = [os.pipe() for _ in range(fds)]
        wire.send(one, message, [reader for reader, _ in readers])
        got, passed = wire.receive(two)
        assert got == message and len(passed) == fds
        for (reader, writer), fd in zip(readers, passed, strict=True):
            os.write(writer, b"x")
            assert os.read(fd, 1) == b"x"
            for open_fd in (reader, writer, fd):
                os.close(open_fd)


def test_the_end_of_a_connection_is_an_error() -> None:
    one, two = socket.socketpair()
    with two:
        one.sendall(b"\x10\0\0\0half")
        one.close()
        with pytest.raises(EOFError):
            wire.receive(two)


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=50)), max_size=20),
    st.lists(st.integers(1, 30), max_size=50),
    st.integers(0, 300),
)
def test_dockers_stream_is_taken_apart(frames: list[tuple[int, bytes]], cuts: list[int], most: int) -> None:
    stream = b"".join(struct.pack(">BxxxI", kind, len(data)) + data for kind, data in frames)
    demux = docker_exec.Demux(most)
    for cut in [*cuts, len(stream)]:
        demux.feed(stream[:cut])
        stream = stream[cut:]
    for kind in (1, 2):
        whole = b"".join(data for found, data in frames if found == kind)
        assert bytes(demux.streams[kind]) == whole[:most]
    longest = max(sum(len(d) for f, d in frames if f == kind) for kind in (1, 2))
    assert demux.overflowed == (longest > most)


def test_pump_stops_at_the_wall() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"so far")
    start = time.monotonic()
    output = pump([reader], {}, most=100, wall_s=0.2, check=lambda: (None, 0.05), stop=lambda: os.close(writer))
    os.close(reader)
    assert (output.ended, bytes(output.streams[reader])) == ("wall_limit", b"so far")
    assert 0.2 <= time.monotonic() - start < 5


def test_refused_isolation_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def facts(**found: object) -> tiers.Machine:
        return tiers.Machine(**{"namespaces": "", "seccomp": "", "proc": "", "overlay": "", "landlock": 0, **found})  # type: ignore[arg-type]

    monkeypatch.setattr(tiers, "machine", lambda: facts())
    assert tiers.choose_tier("auto") == tiers.choose_tier("namespaces") == "A"
    monkeypatch.setattr(tiers, "machine", lambda: facts(namespaces="Operation not permitted", landlock=4))
    assert tiers.choose_tier("auto") == tiers.choose_tier("landlock") == "B"
    with pytest.raises(SandboxError, match="Operation not permitted"):
        tiers.choose_tier("namespaces")
    monkeypatch.setattr(tiers, "machine", lambda: facts(namespaces="Operation not permitted"))
    for isolation in ("auto", "namespaces", "landlock"):
        with pytest.raises(SandboxError, match="isolation='none'"):
            tiers.choose_tier(isolation)  # type: ignore[arg-type]
    monkeypatch.setattr(tiers, "machine", lambda: facts(seccomp="no"))
    with pytest.raises(SandboxError, match="seccomp"):
        tiers.choose_tier("auto")
    assert tiers.choose_tier("none") == "C"


def test_importing_loads_no_sdk() -> None:
    code = "import sys, forge_envs.sandbox; print({'docker', 'requests', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "set()\n", done.stdout + done.stderr
