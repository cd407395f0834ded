"""What every backend and profile must do: run, limit, read and write."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from forge_envs import ConfigError
from forge_envs.sandbox import Limits, Sandbox, SandboxError, SandboxSpec

PYTHON = ["/usr/bin/env", "python3", "-I", "-S", "-c"]
SHORT = Limits(cpu_s=5, wall_s=60, memory_mb=256, processes=32)


def test_output_and_exit_code(sandbox: Sandbox) -> None:
    done = sandbox.run([*PYTHON, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"])
    assert (done.stdout, done.stderr, done.exit_code, done.signal, done.ended) == (
        b"out\n",
        b"err\n",
        7,
        None,
        "exited",
    )
    assert 0 < done.cpu_s < 5 and 0 < done.wall_s < 20 and done.memory_mb > 0
    assert done.tier == sandbox.tier


def test_merged_output_keeps_the_order(sandbox: Sandbox) -> None:
    code = "import os\nfor i in range(50): os.write(1 + i % 2, b'%d\\n' % i)"
    done = sandbox.run([*PYTHON, code], merge_output=True)
    assert done.stdout == b"".join(b"%d\n" % i for i in range(50)) and done.stderr == b""


@pytest.mark.parametrize("size", [0, 10, 4096, 65536, 70_000, 3_000_000])
def test_stdin_arrives_whole(sandbox: Sandbox, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    code = "import sys, zlib; data = sys.stdin.buffer.read(); print(len(data), zlib.crc32(data))"
    import zlib

    done = sandbox.run(["/usr/bin/env", "python3", "-I", "-c", code], stdin=content)
    assert done.stdout.split() == [str(size).encode(), str(zlib.crc32(content)).encode()]


def test_stdin_that_nobody_reads(sandbox: Sandbox) -> None:
    assert sandbox.run([*PYTHON, "print('done')"], stdin=b"y" * 5_000_000).stdout == b"done\n"


def test_environment_is_the_spec_and_the_call(spec: SandboxSpec, opened: Callable[[SandboxSpec], Sandbox]) -> None:
    sandbox = opened(replace(spec, env={"ONE": "1", "TWO": "2"}))
    code = "import os; print(os.environ.get('ONE'), os.environ.get('TWO'), sorted(os.environ))"
    done = sandbox.run([*PYTHON, code], env={"TWO": "zwei"})
    assert done.stdout.startswith(b"1 zwei ")
    assert b"FORGE_TEST_RUN" not in done.stdout and b"PYTEST" not in done.stdout


def test_missing_program(sandbox: Sandbox) -> None:
    done = sandbox.run(["no-such-program"])
    assert done.exit_code == 127 and b"no-such-program" in done.stderr


def test_signal(sandbox: Sandbox) -> None:
    done = sandbox.run([*PYTHON, "import os; os.kill(os.getpid(), 11)"])
    assert (done.ended, done.signal, done.exit_code) == ("signaled", 11, None)


def test_cpu_limit_returns_what_was_written(sandbox: Sandbox) -> None:
    code = "import sys; sys.stdout.write('so far'); sys.stdout.flush()\nwhile True: pass"
    done = sandbox.run([*PYTHON, code], limits=Limits(cpu_s=0.3, wall_s=30))
    assert (done.ended, done.stdout, done.exit_code) == ("cpu_limit", b"so far", None)
    assert 0.3 <= done.cpu_s < 2.0


def test_wall_limit_returns_what_was_written(sandbox: Sandbox) -> None:
    code = "import time; print('so far', flush=True); time.sleep(60)"
    start = time.monotonic()
    done = sandbox.run([*PYTHON, code], limits=Limits(wall_s=0.7))
    assert (done.ended, done.stdout) == ("wall_limit", b"so far\n")
    assert done.cpu_s < 0.5 and time.monotonic() - start < 10


def test_memory_limit(sandbox: Sandbox) -> None:
    code = "parts = []\nwhile True: parts.append(bytearray(b'x') * 4_000_000)"
    done = sandbox.run([*PYTHON, code], limits=Limits(cpu_s=10, memory_mb=64))
    assert done.ended == "memory_limit" or (
        sandbox.tier != "A" and done.exit_code == 1 and b"MemoryError" in done.stderr
    )
    assert done.memory_mb >= 50


def test_memory_below_the_limit(sandbox: Sandbox) -> None:
    done = sandbox.run([*PYTHON, "x = bytearray(b'x') * 100_000_000; print(len(x))"], limits=Limits(memory_mb=256))
    assert done.stdout == b"100000000\n" and 90 < done.memory_mb < 256


def test_output_limit_keeps_the_beginning(sandbox: Sandbox) -> None:
    code = "import os\nwhile True: os.write(1, b'0123456789' * 1000)"
    done = sandbox.run([*PYTHON, code], limits=Limits(output_bytes=50_000, wall_s=60))
    assert done.ended == "output_limit" and done.stdout == (b"0123456789" * 5000)


def test_large_output_within_the_limit(sandbox: Sandbox) -> None:
    code = "import sys; sys.stdout.write('x' * 3_000_000); sys.stderr.write('y' * 3_000_000)"
    done = sandbox.run([*PYTHON, code])
    assert (len(done.stdout), len(done.stderr), done.ended) == (3_000_000, 3_000_000, "exited")


def test_threads_work(sandbox: Sandbox) -> None:
    code = "import threading\nt = threading.Thread(target=print, args=('thread',)); t.start(); t.join()"
    assert sandbox.run([*PYTHON, code]).stdout == b"thread\n"


def test_files(sandbox: Sandbox) -> None:
    sandbox.write("a/b/program.py", b"import sys; print(open('data.bin', 'rb').read() == bytes(range(256)))")
    sandbox.write("/workspace/a/b/data.bin", bytes(range(256)))
    assert sandbox.run([*PYTHON[:-1], "program.py"], cwd="a/b").stdout == b"True\n"
    assert sandbox.read("a/b/data.bin") == bytes(range(256))
    assert sandbox.read("a/b/data.bin", limit=10) == bytes(range(10))
    sandbox.write("a/b/data.bin", b"new")
    assert sandbox.read("a/b/data.bin") == b"new"
    with pytest.raises(FileNotFoundError):
        sandbox.read("missing")
    with pytest.raises(IsADirectoryError):
        sandbox.read("a")


def test_large_file(sandbox: Sandbox) -> None:
    content = b"0123456789abcdef" * 500_000
    sandbox.write("large", content)
    assert sandbox.read("large") == content


def test_mode(sandbox: Sandbox) -> None:
    sandbox.write("tool", b"#!/bin/sh\necho ran\n", mode=0o755)
    assert sandbox.run(["./tool"]).stdout == b"ran\n"


def test_a_script_runs(sandbox: Sandbox) -> None:
    assert sandbox.run("read line; echo $((6 * 7)) $line", stdin=b"lines\n").stdout == b"42 lines\n"


def test_a_long_script_runs(workspace: Sandbox) -> None:
    script = "\n".join(f": {i:060}" for i in range(5000)) + "\necho end"
    assert workspace.run(script).stdout == b"end\n"


def test_missing_folder(sandbox: Sandbox) -> None:
    done = sandbox.run(["true"], cwd="nowhere")
    assert done.exit_code not in (None, 0) and b"nowhere" in done.stderr


def test_nonsense_is_refused(sandbox: Sandbox) -> None:
    for command in ([], ["a\0b"]):
        with pytest.raises(ConfigError):
            sandbox.run(command)
    with pytest.raises(ConfigError):
        sandbox.run(["true"], limits=Limits(wall_s=0))


def test_close_twice_and_no_more(spec: SandboxSpec, opened: Callable[[SandboxSpec], Sandbox]) -> None:
    sandbox = opened(spec)
    assert sandbox.alive()
    sandbox.close()
    sandbox.close()
    assert not sandbox.alive()
    with pytest.raises(SandboxError):
        sandbox.run(["true"])


def test_judge_can_not_start_processes(spec: SandboxSpec, opened: Callable[[SandboxSpec], Sandbox]) -> None:
    code = "import os\ntry: os.fork()\nexcept OSError as error: print('refused', error.errno)\nelse: os._exit(0)"
    out = opened(spec).run([*PYTHON, code]).stdout
    assert out == (b"refused 1\n" if spec.profile == "judge" else b"")


def test_many_runs_leave_nothing_behind_inside(sandbox: Sandbox) -> None:
    for i in range(20):
        assert sandbox.run(["/bin/echo", str(i)]).stdout == b"%d\n" % i
