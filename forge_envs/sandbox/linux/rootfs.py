"""What a sandbox shows of the host: system folders read-only, a few files of /etc, harmless devices, its own /proc."""

import contextlib
import fcntl
import glob
import os
import shutil
import socket
import struct

from . import syscalls
from .userns import INSIDE

SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt")
DEVICES = ("null", "zero", "full", "random", "urandom")
# Copied from the host where everybody may read them. Nothing with accounts, addresses or credentials.
ETC = (
    "alternatives ssl pki crypto-policies ca-certificates ld.so.cache ld.so.conf ld.so.conf.d localtime timezone "
    "mime.types magic protocols services shells bash.bashrc profile inputrc terminfo locale.alias python3* java-* "
    "perl fonts os-release debian_version"
).split()
ETC_FILES = {
    "passwd": "root:x:0:0:root:/:/usr/sbin/nologin\n"
    f"forge:x:{INSIDE}:{INSIDE}:forge:/home/forge:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    "group": f"root:x:0:\nforge:x:{INSIDE}:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "hostname": "sandbox\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "resolv.conf": "",
}
_MASKED_FILES = ("kcore", "keys", "key-users", "timer_list", "sched_debug", "kallsyms", "kmsg", "sysrq-trigger")
_READ_ONLY = ("sys", "irq", "bus", "fs")


def make_skeleton(root: str) -> None:
    """Make the folders, links and files of an empty root that `mount_system` and `mount_devices` then complete."""
    for path in ("etc", "proc", "sys", "dev/pts", "run", "home/forge", "var/tmp", "tmp", "dev/shm"):
        os.makedirs(f"{root}/{path}", exist_ok=True)
    for path in ("tmp", "var/tmp", "dev/shm"):
        os.chmod(f"{root}/{path}", 0o1777)
    for name in DEVICES:
        open(f"{root}/dev/{name}", "w").close()
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{target}", f"{root}/dev/{name}")
    os.symlink("pts/ptmx", f"{root}/dev/ptmx")
    for folder in SYSTEM_FOLDERS:
        if os.path.islink(folder):
            os.symlink(os.readlink(folder), root + folder)
        elif os.path.isdir(folder):
            os.makedirs(root + folder, exist_ok=True)
    for pattern in ETC:
        for path in glob.glob(f"/etc/{pattern}"):
            _copy_public(path, root + path)
    for name, text in ETC_FILES.items():
        with open(f"{root}/etc/{name}", "w") as file:
            file.write(text)


def mount_system(root: str, *, host: str = "") -> None:
    """Show the host's system folders, read-only.

    Args:
        root: The sandbox's root, made by `make_skeleton`.
        host: Where the host's root folder is.
    """
    for folder in SYSTEM_FOLDERS:
        if os.path.isdir(host + folder) and not os.path.islink(host + folder):
            syscalls.bind(host + folder, root + folder, read_only=True)


def mount_devices(root: str, *, terminals: bool, host: str = "") -> None:
    """Show the devices that read and write nothing of the machine; with `terminals`, pseudo terminals of its own."""
    for name in DEVICES:
        syscalls.bind(f"{host}/dev/{name}", f"{root}/dev/{name}", read_only=False, devices=True)
    if terminals:
        mount_terminals(f"{root}/dev/pts")


def mount_terminals(target: str) -> None:
    """Mount pseudo terminals that nobody else sees."""
    with contextlib.suppress(OSError):  # a kernel without CONFIG_DEVPTS or with an older devpts
        options = "newinstance,ptmxmode=0666,mode=0620"
        syscalls.mount("devpts", target, "devpts", syscalls.MS_NOSUID | syscalls.MS_NOEXEC, options)


def mount_proc(target: str, *, processes_only: bool, null: str = "/dev/null") -> bool:
    """Mount the /proc of this pid namespace, without the parts that speak of the machine or of other users' processes.

    Args:
        target: Where.
        processes_only: Nothing but the processes' folders (where the kernel can, from 5.8).
        null: The null device, which covers the files that are hidden.

    Returns:
        False where the machine refuses (as in most containers); then there is no /proc.
    """
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
    try:
        syscalls.mount("proc", target, "proc", flags, "subset=pid,hidepid=2" if processes_only else "hidepid=2")
    except OSError:
        if not processes_only:
            return False
        return mount_proc(target, processes_only=False, null=null)
    if processes_only and not os.path.exists(f"{target}/uptime"):
        return True
    for name in _MASKED_FILES:
        if os.path.exists(f"{target}/{name}"):
            syscalls.mount(null, f"{target}/{name}", None, syscalls.MS_BIND)
    for name in _READ_ONLY:
        if os.path.isdir(f"{target}/{name}"):
            syscalls.bind(f"{target}/{name}", f"{target}/{name}", read_only=True)
    return True


def loopback_up() -> None:
    """Bring up `lo` of the own network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0x1 | 0x40)  # IFF_UP | IFF_RUNNING
        fcntl.ioctl(control, 0x8914, request)  # SIOCSIFFLAGS


def _copy_public(source: str, target: str) -> None:
    """Copy a file or folder with its links, leaving out what this process can't read or others may not."""
    with contextlib.suppress(OSError):
        status = os.lstat(source)
        if os.path.islink(source):
            os.symlink(os.readlink(source), target)
        elif os.path.isdir(source) and status.st_mode & 0o005 == 0o005:
            os.makedirs(target, exist_ok=True)
            for name in os.listdir(source):
                _copy_public(f"{source}/{name}", f"{target}/{name}")
        elif os.path.isfile(source) and status.st_mode & 0o004:
            shutil.copyfile(source, target)
            os.chmod(target, 0o755 if status.st_mode & 0o100 else 0o644)
