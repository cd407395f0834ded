"""Programs that try to get out, to stay, or to take the machine with them."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from forge_envs.sandbox import Limits, Sandbox

PYTHON = ["/usr/bin/env", "python3", "-I", "-c"]
SHORT = Limits(cpu_s=3, wall_s=8, memory_mb=256, processes=32, output_bytes=100_000)
REFUSALS = {
    "EPERM",
    "EACCES",
    "ENOSYS",
    "EAFNOSUPPORT",
    "EPROTONOSUPPORT",
    "EINVAL",
    "ENOENT",
    "EROFS",
    "ENODEV",
    "ESRCH",
}


def _works(sandbox: Sandbox) -> bool:
    return sandbox.run(["/bin/echo", "still here"]).stdout == b"still here\n"


def test_fork_bomb(workspace: Sandbox) -> None:
    done = workspace.run("bomb() { bomb | bomb & }; bomb; sleep 100", limits=SHORT)
    assert done.ended in ("wall_limit", "cpu_limit", "exited", "output_limit")
    assert _works(workspace)


def test_fork_bomb_that_ignores_children(workspace: Sandbox) -> None:
    code = """
import os, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
    done = workspace.run([*PYTHON, code], limits=SHORT)
    assert done.ended in ("cpu_limit", "wall_limit")
    assert done.wall_s < 30 and _works(workspace)


def test_cpu_of_the_whole_tree_counts(workspace: Sandbox) -> None:
    code = "import os\nfor _ in range(3): os.fork()\nwhile True: pass"
    done = workspace.run([*PYTHON, code], limits=Limits(cpu_s=1, wall_s=20, processes=32))
    assert done.ended == "cpu_limit" and 1 <= done.cpu_s < 4


def test_children_that_are_not_waited_for_count(workspace: Sandbox) -> None:
    code = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    if os.fork() == 0:
        end = time.process_time() + 0.2
        while time.process_time() < end: pass
        os._exit(0)
    time.sleep(0.2)
"""
    done = workspace.run([*PYTHON, code], limits=Limits(cpu_s=1, wall_s=20, processes=32))
    assert done.ended == "cpu_limit" and done.wall_s < 15


def test_memory_of_the_whole_tree_counts(workspace: Sandbox) -> None:
    code = """
import os, time
for _ in range(7):
    if os.fork() == 0:
        keep = bytearray(b'x') * 30_000_000
        time.sleep(6)
        os._exit(0)
time.sleep(6)
"""
    done = workspace.run([*PYTHON, code], limits=Limits(cpu_s=20, wall_s=15, memory_mb=100, processes=32))
    assert done.ended == "memory_limit"


def test_ignored_signals(sandbox: Sandbox) -> None:
    code = """
import signal, time
for number in signal.valid_signals():
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
print('deaf', flush=True)
while True: time.sleep(1)
"""
    done = sandbox.run([*PYTHON, code], limits=Limits(wall_s=1.5))
    assert (done.ended, done.stdout) == ("wall_limit", b"deaf\n") and done.wall_s < 12
    assert _works(sandbox)


def test_a_daemon_is_ended_with_its_run(workspace: Sandbox) -> None:
    code = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.close(0); os.close(1); os.close(2)
        while True:
            open('alive', 'w').write(str(time.time()))
            time.sleep(0.02)
    os._exit(0)
time.sleep(0.5)
"""
    done = workspace.run([*PYTHON, code])
    assert done.ended == "exited"
    last = workspace.read("alive")
    time.sleep(0.3)
    assert workspace.read("alive") == last
    assert workspace.run("sleep 0.2; cat alive").stdout == last


def test_a_daemon_that_keeps_the_output_open(workspace: Sandbox) -> None:
    done = workspace.run("(setsid sleep 300 &) ; echo main ended", limits=Limits(wall_s=30))
    assert (done.stdout, done.ended) == (b"main ended\n", "exited") and done.wall_s < 10


def test_killing_everybody(workspace: Sandbox) -> None:
    done = workspace.run([*PYTHON, "import os, signal\nos.kill(-1, signal.SIGKILL)\nprint('alone')"])
    assert done.stdout in (b"alone\n", b"")
    workspace.run([*PYTHON, "import os\nfor pid in range(1, 300):\n  try: os.kill(pid, 9)\n  except OSError: pass"])
    assert _works(workspace)


def test_killing_the_parent(sandbox: Sandbox) -> None:
    code = """
import os, signal
for number in (9, 15, 2, 19):
    for pid in {os.getppid(), 1}:
        if pid:
            try: os.kill(pid, number)
            except OSError: pass
print('done')
"""
    assert sandbox.run([*PYTHON, code], limits=SHORT).stdout == b"done\n"
    assert _works(sandbox)


def test_processes_of_the_host_are_not_seen(sandbox: Sandbox) -> None:
    code = f"""
import os
try: seen = [pid for pid in os.listdir('/proc') if pid.isdigit()]
except OSError: seen = []
print(len(seen))
for pid in {{os.getpid(), {os.getpid()}, {os.getppid()}}} | set(map(int, seen)):
    if pid == os.getpid(): continue
    for name in ('environ', 'mem', 'maps', 'root', 'cwd', 'fd'):
        path = f'/proc/{{pid}}/{{name}}'
        try:
            if name in ('root', 'cwd', 'fd'): found = os.listdir(path)
            else: found = open(path, 'rb').read(100)
        except OSError: continue
        if found and pid != 1: print('SEEN', path)
try:
    os.kill({os.getpid()}, 0)
    print('SEEN by signal')
except OSError: pass
"""
    done = sandbox.run([*PYTHON, code])
    assert int(done.stdout.split()[0]) < 10 and b"SEEN" not in done.stdout, done.stdout + done.stderr


def test_files_of_the_host_are_not_seen(sandbox: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret of the host")
    tmp_path.chmod(0o755)
    for path in [str(secret), __file__, str(Path.home()), "/etc/shadow", "/root/.bashrc", "/var/log", "/boot"]:
        done = sandbox.run(
            [*PYTHON, f"import os\np = {path!r}\nprint(os.listdir(p) if os.path.isdir(p) else open(p).read())"]
        )
        if sandbox.spec.backend == "docker" and path in (
            "/etc/shadow",
            "/var/log",
            "/boot",
            str(Path.home()),
            "/root/.bashrc",
        ):
            continue  # the image's own
        assert done.exit_code == 1 and (b"Error" in done.stderr), (path, done.stdout)


def test_nothing_outside_is_written(sandbox: Sandbox, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    mark = f"forge-attack-{os.getpid()}-{time.monotonic_ns()}"
    places = [
        "/",
        "/tmp",
        "/var/tmp",
        "/dev/shm",
        "/usr",
        "/usr/local/bin",
        "/etc",
        "/opt",
        "/run",
        str(tmp_path),
        "/sys",
        "/proc",
    ]
    code = f"""
import os
for place in {places!r}:
    try: open(place + '/{mark}', 'w').write('x')
    except OSError: continue
"""
    sandbox.run([*PYTHON, code])
    assert [place for place in places if os.path.exists(f"{place}/{mark}")] == []


CALLS = """
import ctypes, errno, os, platform
libc = ctypes.CDLL(None, use_errno=True)
column = 0 if platform.machine() == 'x86_64' else 1
def call(name, numbers, *arguments):
    if numbers[column] is None: return
    result = libc.syscall(numbers[column], *arguments)
    print(name, 'ALLOWED' if result >= 0 else errno.errorcode.get(ctypes.get_errno(), ctypes.get_errno()))
buffer = ctypes.create_string_buffer(4096)
call('unshare', (272, 97), 0x10000000)
call('unshare-mount', (272, 97), 0x00020000)
call('setns', (308, 268), 0, 0)
call('mount', (165, 40), b'none', b'/tmp', b'tmpfs', 0, None)
call('umount', (166, 39), b'/', 2)
call('pivot_root', (155, 41), b'.', b'.')
call('chroot', (161, 51), b'/tmp')
call('ptrace', (101, 117), 0, 0, 0, 0)
call('ptrace-attach', (101, 117), 16, os.getppid(), 0, 0)
call('process_vm_readv', (310, 270), 1, buffer, 1, buffer, 1, 0)
call('keyctl', (250, 219), 0, -3, 1)
call('add_key', (248, 217), b'user', b'x', b'y', 1, -3)
call('request_key', (249, 218), b'user', b'x', None, 0)
call('bpf', (321, 280), 0, buffer, 72)
call('perf_event_open', (298, 241), buffer, 0, -1, -1, 0)
call('userfaultfd', (323, 282), 0)
call('io_uring_setup', (425, 425), 1, buffer)
call('open_by_handle_at', (304, 265), -100, buffer, 0)
call('kexec_load', (246, 104), 0, 0, None, 0)
call('init_module', (175, 105), buffer, 1, b'')
call('reboot', (169, 142), 0xfee1dead, 672274793, 0, None)
call('swapon', (167, 224), b'/tmp/x', 0)
call('settimeofday', (164, 170), buffer, None)
call('syslog', (103, 116), 3, buffer, 4096)
call('iopl', (172, None), 3)
call('modify_ldt', (154, None), 1, buffer, 16)
call('mknod', (133, None), b'/tmp/device', 0o20666, 0x0101)
call('mknodat', (259, 33), -100, b'/tmp/device2', 0o20666, 0x0101)
call('fsopen', (430, 430), b'tmpfs', 0)
call('open_tree', (428, 428), -100, b'/', 1)
call('clone3', (435, 435), buffer, 64)
call('setuid', (105, 146), 12345)
call('sethostname', (170, 161), b'x', 1)
call('pidfd_getfd', (438, 438), 0, 0, 0)
call('acct', (163, 89), b'/tmp/acct')
"""


def test_system_calls_that_are_refused(sandbox: Sandbox) -> None:
    done = sandbox.run([*PYTHON, CALLS])
    answers = dict(line.split() for line in done.stdout.decode().splitlines())
    assert len(answers) > 30, done
    wrong = {name: answer for name, answer in answers.items() if answer not in REFUSALS}
    if sandbox.tier == "B":  # a user without capabilities; the kernel refuses by itself what the filter does not
        wrong = {name: answer for name, answer in wrong.items() if answer == "ALLOWED"}
    assert wrong == {}, done.stderr


def test_sockets(sandbox: Sandbox) -> None:
    code = """
import socket
for family in range(50):
    for kind in (1, 2, 3, 5):
        try:
            s = socket.socket(family, kind, 0)
        except OSError: continue
        print(family, kind)
"""
    done = sandbox.run([*PYTHON, code])
    families = {int(line.split()[0]) for line in done.stdout.decode().splitlines()}
    if sandbox.spec.profile == "judge" or sandbox.tier == "B":
        assert families == set()
    else:
        assert families <= {1, 2, 10, 16}


def test_the_network_ends_at_loopback(workspace: Sandbox) -> None:
    code = """
import socket
try:
    with socket.create_server(('127.0.0.1', 0)) as server:
        socket.create_connection(server.getsockname(), timeout=2).close()
    print('loopback')
except OSError: print('no loopback')
for address in (('192.0.2.1', 80), ('10.0.0.1', 80), ('172.17.0.1', 22), ('8.8.8.8', 53)):
    try:
        socket.create_connection(address, timeout=0.3)
        print('REACHED', address)
    except OSError: pass
print([name for _, name in socket.if_nameindex()] if hasattr(socket, 'if_nameindex') else [])
"""
    done = workspace.run([*PYTHON, code])
    assert b"REACHED" not in done.stdout
    assert done.stdout.startswith(b"no loopback" if workspace.tier == "B" else b"loopback"), done.stdout + done.stderr


def test_the_hosts_loopback_is_not_reached(workspace: Sandbox) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=1)\nprint('REACHED')"
        assert b"REACHED" not in workspace.run([*PYTHON, code]).stdout


def test_unix_sockets_of_the_host_are_not_reached(sandbox: Sandbox) -> None:
    import socket

    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as server:
        os.chmod(folder, 0o777)
        server.bind(f"{folder}/service")
        os.chmod(f"{folder}/service", 0o777)
        server.listen()
        code = f"import socket\ns = socket.socket(socket.AF_UNIX); s.connect('{folder}/service')\nprint('REACHED')"
        assert b"REACHED" not in sandbox.run([*PYTHON, code]).stdout


def test_abstract_sockets_of_the_host_are_not_reached(sandbox: Sandbox) -> None:
    import socket

    name = f"\0forge-test-{os.getpid()}-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        code = f"import socket\ns = socket.socket(socket.AF_UNIX); s.connect({name!r})\nprint('REACHED')"
        assert b"REACHED" not in sandbox.run([*PYTHON, code]).stdout


def test_device_files(sandbox: Sandbox) -> None:
    code = """
import os
for above, folders, files in os.walk('/dev'):
    for name in files:
        path = os.path.join(above, name)
        for mode in ('rb', 'r+b'):
            try: open(path, mode, buffering=0).close()
            except OSError: continue
            print(path)
"""
    done = sandbox.run([*PYTHON, code])
    harmless = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "stdin", "stdout", "stderr", "core"}
    assert {Path(line).name for line in done.stdout.decode().split() if not Path(line).name.isdigit()} <= harmless


def test_the_terminal_of_the_host_is_not_reached(sandbox: Sandbox) -> None:
    done = sandbox.run([*PYTHON, "import fcntl, termios\nfcntl.ioctl(0, termios.TIOCSTI, b'x')"])
    assert done.exit_code == 1
    done = sandbox.run([*PYTHON, "open('/dev/tty')"])
    assert done.exit_code == 1


def test_descriptors_of_the_host_are_not_inherited(sandbox: Sandbox) -> None:
    code = """
import os
held = []
for fd in range(3, 1024):
    try: os.fstat(fd); held.append(fd)
    except OSError: pass
print(held)
"""
    assert sandbox.run([*PYTHON, code]).stdout == b"[]\n"


def test_limits_can_not_be_raised(sandbox: Sandbox) -> None:
    code = """
import resource
for kind in (resource.RLIMIT_CPU, resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
    try: resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)); print('RAISED', kind)
    except (OSError, ValueError): pass
"""
    assert b"RAISED" not in sandbox.run([*PYTHON, code]).stdout


def test_large_files_are_refused(workspace: Sandbox) -> None:
    done = workspace.run("head -c 20000000 /dev/zero > big; ls -l big", limits=Limits(file_mb=1))
    assert b" 1048576 " in done.stdout


def test_setuid_programs_do_not_help(workspace: Sandbox) -> None:
    script = "for p in su mount passwd newgrp; do command -v $p >/dev/null && $p -c id </dev/null; done"
    done = workspace.run(f"{script}; id -u; grep -i cap /proc/self/status")
    masks = [line.split()[1] for line in done.stdout.decode().splitlines() if line.startswith("Cap")]
    assert set(masks) <= {"0000000000000000"}


@pytest.mark.parametrize("source", ['"/proc/self/mem"', '"/proc/1/mem"'])
def test_the_first_process_can_not_be_written(sandbox: Sandbox, source: str) -> None:
    code = f"""
import os
try: fd = os.open({source}, os.O_RDWR)
except OSError: print('refused')
else: print('own' if {source} == '/proc/self/mem' or os.getpid() == 1 else 'OPENED')
"""
    assert sandbox.run([*PYTHON, code]).stdout in (b"refused\n", b"own\n")


def test_output_after_closing_and_odd_descriptors(sandbox: Sandbox) -> None:
    done = sandbox.run([*PYTHON, "import os\nos.close(1); os.close(2); os._exit(3)"])
    assert done.exit_code == 3
    done = sandbox.run(
        [*PYTHON, "import os\nfor fd in range(1000):\n  try: os.close(fd)\n  except OSError: pass\nos._exit(4)"]
    )
    assert done.exit_code == 4


def test_a_killed_host_leaves_nothing_running(tmp_path: Path, workspace_spec: object) -> None:
    if getattr(workspace_spec, "backend", "") == "docker":
        pytest.skip("see test_docker.py")
    mark = f"forge-marker-{os.getpid()}-{time.monotonic_ns()}"
    code = f"""
import sys
from forge_envs.sandbox import SandboxSpec, Limits, open_sandbox
sandbox = open_sandbox(SandboxSpec(isolation={workspace_spec.isolation!r}))
print('running', flush=True)
loop = 'import time, os\\nif os.fork() == 0: os.setsid()\\nwhile True: time.sleep(0.01)'
sandbox.run(['python3', '-c', loop, {mark!r}], limits=Limits(wall_s=100))
"""
    host = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert host.stdout is not None and host.stdout.readline() == b"running\n"
    _until(lambda: len(_processes(mark)) >= 2)
    host.send_signal(signal.SIGKILL)
    host.wait()
    host.stdout.close()
    _until(lambda: not _processes(mark))


def _processes(mark: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if command.startswith(b"python3\0") and mark.encode() in command:
            found.append(entry.name)
    return found


def _until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
