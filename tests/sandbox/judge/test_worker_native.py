"""Native programs and commands of the system."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from forge_envs.core.errors import ConfigError
from forge_envs.sandbox.judge import Case, CommandProgram, Limits, NativeProgram, WorkerPool

Compiled = Callable[..., Path]
LIMITS = Limits(cpu_s=1, wall_s=4, memory_mb=256)
SUM = '#include <cstdio>\nint main() { int a, b; scanf("%d %d", &a, &b); printf("%d\\n", a + b); }'


@pytest.mark.parametrize("options", [(), ("-static",)])
def test_a_binary_runs_from_bytes_and_from_a_path(
    pool: WorkerPool, compiled: Compiled, options: tuple[str, ...]
) -> None:
    path = compiled(SUM, *options)
    for binary in (path, path.read_bytes()):
        results = pool.run(NativeProgram(binary), [b"1 2", b"20 22"], limits=LIMITS)
        assert [result.stdout for result in results] == [b"3\n", b"42\n"]


def test_arguments_and_files_reach_a_checker(pool: WorkerPool, compiled: Compiled) -> None:
    source = """
    #include <fstream>
    #include <iostream>
    int main(int n, char** v) {
        std::string a, b; std::ifstream(v[1]) >> a; std::ifstream(v[2]) >> b; std::cout << n << a << b << v[0];
        std::ofstream out(v[1]); out << "x" << std::flush; return out.good();
    }"""
    case = Case(args=("{one}", "{two}", "plain"), files={"one": b"A", "two": b"B"})
    (result,) = pool.run(NativeProgram(compiled(source), argv0="checker"), [case], limits=LIMITS)
    assert (result.stdout, result.exit_code) == (b"4ABchecker", 0)


def test_threads_and_deep_recursion(pool: WorkerPool, compiled: Compiled) -> None:
    source = """
    #include <cstdio>
    #include <thread>
    int depth(int n) { volatile char pad[64] = {}; return n ? 1 + depth(n - 1) + pad[0] : 0; }
    int main() { int x; std::thread t([&] { x = 1; }); t.join(); printf("%d\\n", depth(1000000) + x); }"""
    (result,) = pool.run(NativeProgram(compiled(source)), [b""], limits=LIMITS)
    assert result.stdout == b"1000001\n"


@pytest.mark.parametrize(
    "body, ended",
    [
        ("for (;;);", "cpu_limit"),
        ("pause();", "wall_limit"),
        ('std::vector<char> v(1L << 30, 1); printf("%d", v[5]);', "memory_limit"),
        ('std::vector<char> v(1L << 46); printf("%d", v[5]);', "memory_limit"),
        ('for (;;) puts("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");', "output_limit"),
        ("abort();", "signaled"),
        ("*(volatile int*)0 = 1;", "signaled"),
        ("return 7;", "exited"),
    ],
)
def test_how_native_programs_end(pool: WorkerPool, compiled: Compiled, body: str, ended: str) -> None:
    headers = "".join(f"#include <{name}>\n" for name in ("cstdio", "cstdlib", "vector", "unistd.h"))
    source = headers + "int main() { " + body + " }"
    limits = Limits(cpu_s=0.5, wall_s=2, memory_mb=128, output_bytes=100_000)
    (result,) = pool.run(NativeProgram(compiled(source)), [b""], limits=limits)
    assert result.ended == ended
    if ended == "exited":
        assert result.exit_code == 7


def test_what_is_no_binary_fails_by_itself(pool: WorkerPool) -> None:
    (result,) = pool.run(NativeProgram(b"this is text"), [b""], limits=LIMITS)
    assert (result.ended, result.exit_code) == ("exited", 127)


def test_a_command_runs_in_its_folder(pool: WorkerPool) -> None:
    program = CommandProgram(("cat", "folder/a.txt", "-"), files={"folder/a.txt": b"file "})
    assert pool.run(program, [b"stdin"], limits=LIMITS)[0].stdout == b"file stdin"


def test_a_command_can_write_only_where_it_may(pool: WorkerPool) -> None:
    for writable in (False, True):
        program = CommandProgram(("touch", "made"), writable=writable, collect=("made", "missing", "../etc/passwd"))
        (result,) = pool.run(program, [b""], limits=LIMITS)
        assert (result.exit_code == 0) is writable
        assert result.artifacts == ({"made": b""} if writable else {})


def test_a_compiler_starts_processes_and_gives_its_binary(pool: WorkerPool) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    program = CommandProgram(
        ("g++", "-x", "c++", "-o", "out", "main.cpp"),
        files={"main.cpp": SUM.encode()},
        writable=True,
        processes=True,
        collect=("out",),
    )
    (built,) = pool.run(program, [b""], limits=Limits(cpu_s=15, wall_s=60, memory_mb=1024))
    assert built.exit_code == 0, built.stderr
    assert pool.run(NativeProgram(built.artifacts["out"]), [b"40 2"], limits=LIMITS)[0].stdout == b"42\n"


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", ""])
def test_names_of_files_stay_inside(pool: WorkerPool, name: str) -> None:
    with pytest.raises(ConfigError, match="relative path"):
        pool.run(CommandProgram(("true",), files={name: b""}), [b""])


def test_node_runs(pool: WorkerPool) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    source = b"console.log(eval(require('fs').readFileSync('/dev/stdin', 'utf8').replace(' ', '+')))"
    program = CommandProgram(("node", "main.js"), files={"main.js": source})
    (result,) = pool.run(program, [b"40 2"], limits=Limits(cpu_s=5, wall_s=20, memory_mb=512))
    assert result.stdout == b"42\n", result.stderr
