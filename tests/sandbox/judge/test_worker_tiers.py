"""Tiers below namespaces. Hostile programs run inside a pid namespace of the test's own: it bounds their signals."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[3]
INSIDE = """
import os, sys
from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.judge import *
tier = sys.argv[1]
with WorkerPool(JudgeSpec(workers=1, isolation={"B": "landlock", "C": "none"}[tier])) as pool:
    try:
        assert pool.tier == tier
    except SandboxError as error:
        print("refused:", error)
        raise SystemExit(0)
    limits = Limits(cpu_s=0.5, wall_s=3, memory_mb=128)
    def end(code):
        (result,) = pool.run(PythonProgram(code), [b"7"], limits=limits)
        assert result.attempts == 1, result
        return result
    assert end("print(int(input()) * 6)").stdout == b"42\\n"
    assert end("import os\\nprint(open('/dev/stdin').read())").stdout == b"7\\n"
    for code in ("os.kill(-1, 0)", "os.kill(os.getppid(), 0)", "os.fork()", "os.memfd_create('x')",
                 "__import__('socket').socket()", "os.pidfd_open(os.getppid())",
                 "__import__('resource').prlimit(os.getppid(), 7, (3, 3))"):
        assert end("import os\\n" + code).exception in ("PermissionError", "ProcessLookupError"), code
    assert end("import os\\nos.kill(os.getpid(), 9)").signal == 9
    assert end("import os\\nos.abort()").signal == 6
    assert end("import os\\nos.kill(0, 9)").signal == 9
    assert end("while 1: pass").ended == "cpu_limit"
    assert end("x = bytearray(10**9)").ended == "memory_limit"
    if tier == "B":
        for path in ("/tmp/x", "x", "/dev/shm/x"):
            assert end(f"open({path!r}, 'w')").exit_code == 1
        assert end("open('/etc/shadow')").exit_code == 1
        assert end("import os\\nos.listdir('/home')").exit_code == 1
    assert pool.run(CommandProgram(("cat", "a.txt"), files={"a.txt": b"hi"}), [b""], limits=limits)[0].stdout == b"hi"
print("all well in tier", tier)
"""


@pytest.mark.parametrize("tier", ["B", "C"])
def test_tier(tier: str, tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare (util-linux) is not installed")
    as_user = [] if os.geteuid() == 0 else ["--map-current-user"]
    own_pids = [unshare, *as_user, "--pid", "--fork", "--kill-child", "--mount-proc"]
    # Out of sight of the control groups, limits fall back to the address space; that is tested here too.
    own_pids += ["sh", "-c", 'umount -lR /sys/fs/cgroup 2>&-; exec "$@"', "sh"]
    if subprocess.run([*own_pids, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine refuses a pid namespace, which these programs must not run without")
    done = subprocess.run(
        [*own_pids, sys.executable, "-c", INSIDE, tier],
        env={**os.environ, "PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    if done.stdout.startswith("refused:"):
        pytest.skip(done.stdout.strip())
    assert done.stdout == f"all well in tier {tier}\n"
