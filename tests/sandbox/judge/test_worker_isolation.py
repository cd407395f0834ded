"""What hostile programs try. These run in tier A only, where a pid namespace bounds every signal they send."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.judge import JudgeSpec, Limits, PythonProgram, RunResult, WorkerPool

LIMITS = Limits(cpu_s=0.5, wall_s=2, memory_mb=128)


@pytest.fixture(scope="module")
def hostile() -> Iterator[Callable[[str], RunResult]]:
    """Run hostile source in a worker of tier A."""
    with WorkerPool(JudgeSpec(workers=1, isolation="namespaces")) as pool:
        try:
            assert pool.tier == "A"
        except SandboxError as error:
            pytest.skip(str(error))
        before = pool._crew._idle[0][1].pid

        def hostile(code: str) -> RunResult:
            (result,) = pool.run(PythonProgram(code), [b"in"], limits=LIMITS)
            assert result.attempts == 1
            (check,) = pool.run(PythonProgram("print(input())"), [b"well"], limits=LIMITS)
            assert check.stdout == b"well\n", "the next run suffers"
            return result

        yield hostile
        assert pool._crew._idle[0][1].pid == before, "a worker had to be replaced"


REFUSED = {
    "fork": "import os\nos.fork()",
    "spawn": "import os\nos.posix_spawn('/bin/true', ['true'], {})",
    "subprocess": "import subprocess\nsubprocess.run(['true'], check=True)",
    "multiprocessing": "import multiprocessing\nmultiprocessing.get_context('fork').Process(target=print).start()",
    "shared memory": "from multiprocessing import shared_memory\nshared_memory.SharedMemory(create=True, size=100)",
    "memfd": "import os\nos.memfd_create('x')",
    "unix socket": "import socket\nsocket.socket(socket.AF_UNIX)",
    "inet socket": "import socket\nsocket.socket()",
    "netlink socket": "import socket\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "vsock": "import socket\nsocket.socket(40, socket.SOCK_STREAM)",
    "packet socket": "import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "write /tmp": "open('/tmp/x', 'w')",
    "write /dev/shm": "open('/dev/shm/x', 'w')",
    "write cwd": "open('x', 'w')",
    "write the interpreter": "import os\nopen(os.__file__, 'a')",
    "symlink": "import os\nos.symlink('/etc/passwd', '/tmp/x')",
    "device": "import os, stat\nos.mknod('/tmp/x', stat.S_IFCHR | 0o666, os.makedev(1, 1))",
    "open memory of the machine": "open('/dev/mem', 'rb')",
    "open the disk": "import os\nos.open('/dev/vda', os.O_RDONLY)",
    "write the input": "import os\nos.write(0, b'x')",
    "truncate the input": "import os\nos.ftruncate(0, 0)",
    "reopen the input to write": "open('/proc/self/fd/0', 'w').write('x')",
    "chroot": "import os\nos.chroot('/')",
    "setuid": "import os\nos.setuid(0)",
    "signal all": "import os\nos.kill(-1, 9)",
    "signal the worker": "import os\nos.kill(2, 9)",
    "raise a limit": "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (2**40, 2**40))",
    "read a shadow": "open('/etc/shadow')",
    "read a home": "import os\nos.listdir('/root/.ssh')",
    "environment of others": "open('/proc/1/environ').read()",
    "memory of others": "open('/proc/1/mem', 'rb')",
    "host name": "import socket\nsocket.sethostname('x')",
    "the project": "import forge_envs",
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(hostile: Callable[[str], RunResult], name: str) -> None:
    result = hostile(REFUSED[name])
    assert result.ended == "exited" and result.exit_code == 1 and result.exception, result


SYSCALLS = {  # x86_64 numbers: seen by what they return
    "ptrace": "(101, 16, 1, 0, 0)",
    "process_vm_readv": "(310, 1, 0, 0, 0, 0, 0)",
    "unshare user": "(272, 0x10000000)",
    "clone user": "(56, 0x10000011, 0, 0, 0, 0)",
    "mount": "(165, 0, b'/', 0, 32, 0)",
    "bpf": "(321, 0, 0, 0)",
    "io_uring": "(425, 8, 0)",
    "userfaultfd": "(323, 0)",
    "perf": "(298, 0, 0, -1, -1, 0)",
    "keyctl": "(250, 0, 0, 0, 0, 0)",
    "shmget": "(29, 0, 4096, 0o1666)",
    "msgget": "(68, 0, 0o1666)",
    "semget": "(64, 0, 1, 0o1666)",
    "x32 fork": "(0x40000039,)",
    "setns": "(308, 0, 0)",
    "pidfd_getfd": "(438, 0, 0, 0)",
}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of x86_64")
@pytest.mark.parametrize("name", SYSCALLS)
def test_the_kernel_refuses(hostile: Callable[[str], RunResult], name: str) -> None:
    code = f"import ctypes\nprint(ctypes.CDLL(None).syscall(*{SYSCALLS[name]}))"
    assert hostile(code).stdout == b"-1\n"


HARMLESS = {
    "kill the own group": "import os\nos.kill(0, 9)",
    "signals and limits for the first of the namespace": "import os, resource\nfor n in range(1, 65):\n"
    "  try: os.kill(1, n)\n  except OSError: pass\n"
    "for kind in range(16):\n  try: resource.prlimit(1, kind, (0, 0))\n  except Exception: pass",
    "close every descriptor": "import os\nos.closerange(0, 5000)",
    "fill descriptors": "import os\nwhile 1: os.dup(0)",
    "thread bomb": "import threading, time\nwhile 1: threading.Thread(target=time.sleep, args=(9,)).start()",
    "pipe bomb": "import os\nkeep = []\nwhile 1: keep.append(os.pipe())",
    "exec": "import os\nos.execv('/bin/cat', ['cat', '/proc/self/status'])",
    "patch everything": "import sys, gc, os\nos._exit = print\nfor o in gc.get_objects():\n  if isinstance(o, dict):\n"
    "    try: o.clear()\n    except Exception: pass",
    "frames": "import sys\nf = sys._getframe()\nwhile f:\n  f.f_globals.clear(); f = f.f_back",
    "recursion": "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
    "segfault": "import ctypes\nctypes.string_at(0)",
    "unlock and stop": "import os, signal\nsignal.raise_signal(signal.SIGSTOP)",
    "write to every descriptor": "import os\nfor fd in range(3, 300):\n  try: os.write(fd, b'{}' * 99)\n"
    "  except OSError: pass",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_it_harms_nobody(hostile: Callable[[str], RunResult], name: str) -> None:
    hostile(HARMLESS[name])


def test_descriptors_are_its_own(hostile: Callable[[str], RunResult]) -> None:
    result = hostile("import os\nprint(*sorted(os.readlink(f'/proc/self/fd/{fd}') for fd in (0, 1, 2, 255)))")
    assert result.stdout.count(b"/memfd:") == 4
    result = hostile("import os\nprint(len(os.listdir('/proc/self/fd')))")
    assert result.stdout == b"5\n"  # with that of listing them


def test_other_processes_are_not_seen(hostile: Callable[[str], RunResult]) -> None:
    result = hostile("import os\nprint(os.getpid(), sum(name.isdigit() for name in os.listdir('/proc')))")
    pid, seen = map(int, result.stdout.split())
    assert pid > 1  # the first gets no signal without a handler
    if (version := tuple(map(int, os.uname().release.split(".")[:2]))) >= (5, 8):
        assert seen == 1, version


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT, signal.SIGALRM])
def test_a_program_that_signals_itself_ends_by_it(hostile: Callable[[str], RunResult], number: int) -> None:
    assert hostile(f"import os\nos.kill(os.getpid(), {number})\nprint('on')").signal == number
    assert hostile(f"import os\nos.kill(0, {number})\nprint('on')").signal == number


def test_the_capabilities_are_gone(hostile: Callable[[str], RunResult]) -> None:
    result = hostile(
        "print(*(line for line in open('/proc/self/status') if line.startswith(('CapEff', 'CapPrm', 'NoNew'))))"
    )
    assert result.stdout.split() == [b"CapPrm:", b"0" * 16, b"CapEff:", b"0" * 16, b"NoNewPrivs:", b"1"]


def test_no_thread_of_a_run_is_left(hostile: Callable[[str], RunResult]) -> None:
    threads = threading.active_count()
    hostile("import threading, time, os\nthreading.Thread(target=time.sleep, args=(60,)).start()\nos._exit(0)")
    assert threading.active_count() == threads
    assert not [path for path in Path("/proc").glob("[0-9]*/comm") if path.read_text() == "solution.py\n"]
