"""Starts a worker: the script of a bare interpreter, which can't import the packages above this folder."""

import os
import resource
import sys
import types


def unlimited_stack() -> None:
    """Start over with no limit on the stack: the layout of memory is decided at the start of a process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_STACK, (hard, hard))
        os.execv(sys.executable, sys.orig_argv)


def no_core_dumps() -> None:
    """Not even into a program of the host: where `core_pattern` names one, the kernel overlooks a limit of 0, not 1."""
    for limit in (1, 0):
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
            return
        except (OSError, ValueError):  # more than this process may have
            continue


def bare_packages() -> None:
    """Stand in for the packages above, whose __init__ files import what a bare interpreter has not."""
    here = os.path.dirname(os.path.abspath(__file__))
    for name, up in (("forge_envs", 3), ("forge_envs.sandbox", 2), ("forge_envs.sandbox.judge", 1)):
        package = types.ModuleType(name)
        package.__path__ = [os.path.abspath(os.path.join(here, *[".."] * up))]
        sys.modules[name] = package


if __name__ == "__main__":
    unlimited_stack()
    no_core_dumps()
    bare_packages()
    from forge_envs.sandbox.judge.inside import supervise

    supervise.main()
    os._exit(0)
