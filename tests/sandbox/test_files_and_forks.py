"""Snapshots, forks, mounts, and paths that try to lead outside."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from forge_envs import ConfigError
from forge_envs.sandbox import Limits, Mount, Sandbox, SandboxError, SandboxSpec

Opener = Callable[[SandboxSpec], Sandbox]


def test_restore_goes_back(workspace: Sandbox) -> None:
    workspace.write("kept", b"1")
    workspace.write("folder/changed", b"1")
    before = workspace.snapshot()
    workspace.run("echo 2 > folder/changed; rm kept; mkdir folder/new; echo 3 > added")
    workspace.restore(before)
    assert workspace.read("kept") == b"1" and workspace.read("folder/changed") == b"1"
    assert workspace.run("ls -A . folder").stdout.split() == [b".:", b"folder", b"kept", b"folder:", b"changed"]


def test_snapshots_nest(workspace: Sandbox) -> None:
    moments = []
    for i in range(4):
        workspace.write("value", str(i).encode())
        moments.append(workspace.snapshot())
    for i in (1, 3, 0, 2):
        workspace.restore(moments[i])
        assert workspace.read("value") == str(i).encode()
    for moment in moments:
        moment.discard()
        moment.discard()
    assert workspace.read("value") == b"2"


def test_removed_folders_come_back_empty(workspace: Sandbox) -> None:
    workspace.run("mkdir -p d/e; echo 1 > d/e/f")
    moment = workspace.snapshot()
    assert workspace.run("rm -r d; mkdir d; ls -A d").stdout == b""
    workspace.restore(moment)
    assert workspace.read("d/e/f") == b"1\n"


def test_forks_are_apart(workspace: Sandbox) -> None:
    workspace.write("shared", b"first")
    with workspace.fork() as fork:
        fork.write("shared", b"fork")
        workspace.write("shared", b"parent")
        assert (fork.read("shared"), workspace.read("shared")) == (b"fork", b"parent")
        assert fork.run("cat shared").stdout == b"fork"


def test_a_fork_outlives_its_parent(workspace_spec: SandboxSpec, opened: Opener) -> None:
    parent = opened(workspace_spec)
    parent.write("a", b"1")
    moment = parent.snapshot()
    parent.write("a", b"2")
    with parent.fork(moment) as child:
        moment.discard()
        if workspace_spec.backend == "local":
            parent.close()
        child.write("b", b"3")
        later = child.snapshot()
        child.write("b", b"4")
        with child.fork(later) as grandchild:
            child.restore(later)
            child.close()
            assert (grandchild.read("a"), grandchild.read("b")) == (b"1", b"3")
            assert grandchild.run("cat a b").stdout == b"13"


def test_deep_stacks_are_flattened(opened: Opener) -> None:
    sandbox = opened(SandboxSpec())
    for i in range(70):
        sandbox.write(f"file{i % 7}", str(i).encode())
        sandbox.snapshot().discard()
    assert [sandbox.read(f"file{i}") for i in range(7)] == [str(63 + i).encode() for i in range(7)]
    assert sandbox.run(["/bin/echo", "runs"]).stdout == b"runs\n"


def test_a_judge_has_no_snapshots(spec: SandboxSpec, opened: Opener) -> None:
    sandbox = opened(spec)
    if spec.profile == "judge":
        with pytest.raises(ConfigError):
            sandbox.snapshot()
    else:
        sandbox.snapshot().discard()


def test_a_snapshot_of_another_sandbox(workspace_spec: SandboxSpec, opened: Opener) -> None:
    one, two = opened(workspace_spec), opened(workspace_spec)
    moment = one.snapshot()
    with pytest.raises(ConfigError):
        two.restore(moment)
    moment.discard()
    with pytest.raises(ConfigError):
        one.restore(moment)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with sources, a program and a link."""
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "a.py").write_text("print('a')\n")
    (folder / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("src/a.py")
    return folder


@pytest.fixture
def reachable(project: Path) -> Path:
    """The same where other users may look: tier B has no mounts, so its user needs the way there."""
    for path in (project, *project.parents):
        if path.stat().st_mode & 0o005 != 0o005:
            if path.stat().st_uid != os.geteuid() or len(path.parts) < 3:
                pytest.skip(f"{path} is closed to other users")
            path.chmod(path.stat().st_mode | 0o005)
    return project


def test_a_copied_mount_is_writable_and_apart(workspace_spec: SandboxSpec, opened: Opener, project: Path) -> None:
    sandbox = opened(replace(workspace_spec, mounts=(Mount(str(project), "/workspace/project", "copy"),)))
    done = sandbox.run("./run.sh; cat link; echo '# more' >> src/a.py; rm run.sh; touch new", cwd="project")
    assert (done.stdout, done.stderr) == (b"ran\nprint('a')\n", b"")
    assert sandbox.read("project/src/a.py") == b"print('a')\n# more\n"
    assert (project / "src/a.py").read_text() == "print('a')\n" and (project / "run.sh").exists()
    assert not (project / "new").exists()
    with sandbox.fork() as fork:
        assert fork.read("project/src/a.py") == b"print('a')\n# more\n"
        with pytest.raises(FileNotFoundError):
            fork.read("project/run.sh")


def test_a_read_mount_is_read_only(workspace_spec: SandboxSpec, opened: Opener, reachable: Path) -> None:
    sandbox = opened(replace(workspace_spec, mounts=(Mount(str(reachable), str(reachable), "read"),)))
    done = sandbox.run(["cat", f"{reachable}/src/a.py"])
    assert done.stdout == b"print('a')\n", done.stderr
    done = sandbox.run(f"echo x > {reachable}/src/a.py; rm {reachable}/run.sh; touch {reachable}/new")
    assert done.exit_code != 0
    assert (reachable / "src/a.py").read_text() == "print('a')\n" and (reachable / "run.sh").exists()
    assert not (reachable / "new").exists()


def test_a_read_mount_elsewhere(opened: Opener, project: Path) -> None:
    sandbox = opened(SandboxSpec(mounts=(Mount(str(project), "/data/input", "read"),)))
    assert sandbox.run(["cat", "/data/input/src/a.py"]).stdout == b"print('a')\n"
    assert sandbox.read("/data/input/src/a.py") == b"print('a')\n"
    with pytest.raises(OSError):
        sandbox.write("/data/input/src/a.py", b"x")


def test_a_copied_file(workspace_spec: SandboxSpec, opened: Opener, project: Path) -> None:
    sandbox = opened(replace(workspace_spec, mounts=(Mount(str(project / "run.sh"), "/workspace/tools/go", "copy"),)))
    assert sandbox.run(["tools/go"]).stdout == b"ran\n"


def test_a_copied_repository_belongs_to_the_user(opened: Opener, project: Path) -> None:
    sandbox = opened(SandboxSpec(mounts=(Mount(str(project), "/workspace/project", "copy"),)))
    commit = "git -c user.name=a -c user.email=a@b commit -qm one"
    done = sandbox.run(f"git init -q . && git add -A && {commit} && git status --short | wc -l", cwd="project")
    assert done.stdout.strip() == b"0", done.stderr
    assert not (project / ".git").exists()


def test_missing_mount_is_a_clear_error(workspace_spec: SandboxSpec, opened: Opener) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        opened(replace(workspace_spec, mounts=(Mount("/nowhere", "/workspace/x", "copy"),)))


def test_links_do_not_lead_out_for_reads(workspace: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret of the host")
    workspace.run(f"ln -s {secret} one; ln -s {tmp_path} folder; ln -s loop loop; ln -s /etc/passwd two")
    for path in ("one", "folder/secret", f"../../../../..{secret}", str(secret)):
        with pytest.raises(FileNotFoundError):
            workspace.read(path)
    with pytest.raises(OSError):
        workspace.read("loop")
    try:
        assert workspace.read("two") != Path("/etc/passwd").read_bytes() or workspace.spec.backend == "docker"
    except FileNotFoundError:
        assert workspace.tier == "B"


def test_links_do_not_lead_out_for_writes(workspace: Sandbox, tmp_path: Path) -> None:
    inside = tmp_path / "victim"
    inside.write_text("untouched")
    tmp_path.chmod(0o777)
    inside.chmod(0o666)
    workspace.run(f"ln -s {inside} one; ln -s {tmp_path} folder; mkdir real; ln -s real linked")
    for path in ("one", "folder/victim", "folder/new", f"../../../../..{inside}"):
        try:
            workspace.write(path, b"overwritten")
        except (OSError, SandboxError):
            continue
    assert inside.read_text() == "untouched" and not (tmp_path / "new").exists()
    workspace.write("linked/file", b"through a link inside")
    assert workspace.read("real/file") == b"through a link inside"


def test_moved_folders_do_not_move_mounts_out(opened: Opener, project: Path, tmp_path: Path) -> None:
    """A program renames the folder above a mount and puts a link there; mounting again must stay inside."""
    sandbox = opened(SandboxSpec(mounts=(Mount(str(project), "/data/deep/project", "copy"),)))
    before = sandbox.snapshot()
    sandbox.run(f"mv /data /moved; ln -s {tmp_path} /data; mv /dev /dev2; ln -s / /dev; mv /home /home2")
    after = sandbox.snapshot()
    sandbox.restore(before)
    assert sandbox.read("/data/deep/project/src/a.py") == b"print('a')\n"
    try:
        sandbox.restore(after)
    except SandboxError:
        return
    assert sorted(path.name for path in tmp_path.iterdir()) == ["project"]
    assert sandbox.run(["/bin/echo", "runs"]).stdout == b"runs\n"


def test_reads_of_odd_files_return(workspace: Sandbox) -> None:
    workspace.run("mkfifo pipe; ln -s /proc/self/environ environ; ln -s /dev/zero zero")
    for path in ("pipe", "environ", "zero", "/proc/1/environ"):
        try:
            found = workspace.read(path, limit=1000)
        except OSError:
            continue
        assert found == b"" or workspace.spec.backend == "docker", path
    try:
        workspace.write("pipe", b"x")
    except (OSError, SandboxError):
        assert workspace.run("test -p pipe && echo pipe").stdout == b"pipe\n"


def test_the_disk_is_bounded(opened: Opener) -> None:
    sandbox = opened(SandboxSpec(disk_mb=16))
    done = sandbox.run("head -c 100000000 /dev/zero > big", limits=Limits(memory_mb=256))
    assert done.exit_code == 1 and b"space" in done.stderr
    done = sandbox.run("i=0; while : > file$i; do i=$((i+1)); done 2>/dev/null; rm -f file*; echo ended")
    assert done.stdout == b"ended\n"
    with pytest.raises(SandboxError, match="space"):
        sandbox.write("large", b"x" * 20_000_000)
    sandbox.run("rm big large")
    sandbox.write("small", b"fits")
    assert sandbox.read("small") == b"fits"


def test_files_that_stay_do_not_count_as_memory_of_the_next_run(opened: Opener) -> None:
    sandbox = opened(SandboxSpec())
    limits = Limits(memory_mb=64)
    for i in range(4):
        done = sandbox.run(f"head -c 40000000 /dev/zero > file{i}", limits=limits)
        assert (done.ended, done.exit_code) == ("exited", 0)


def test_a_root_folder_as_image(opened: Opener, tmp_path: Path, static_program: Callable[[str], bytes]) -> None:
    root = tmp_path / "image"
    (root / "bin").mkdir(parents=True)
    (root / "bin/hello").write_bytes(static_program('#include <stdio.h>\nint main() { puts("from the image"); }'))
    (root / "bin/hello").chmod(0o755)
    sandbox = opened(SandboxSpec(image=str(root)))
    assert sandbox.run(["/bin/hello"]).stdout == b"from the image\n"
    assert sandbox.run(["/usr/bin/env"]).exit_code == 127
    sandbox.write("/bin/new", b"x")
    assert not (root / "bin/new").exists()
