"""What a sandbox costs on this machine: `python -m forge_envs.sandbox.measure [ISOLATION | docker IMAGE]`."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from forge_envs.sandbox.base import SandboxSpec
from forge_envs.sandbox.pool import open_sandbox

ROUNDS = 20


def measure(spec: SandboxSpec, rounds: int = ROUNDS) -> dict[str, float]:
    """Median milliseconds of each operation of a `workspace`, once the factory or daemon is warm."""
    times: dict[str, list[float]] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        times.setdefault(name, []).append(1000 * (time.perf_counter() - start))

    with open_sandbox(spec) as warm:
        warm.run(["true"])
        for _ in range(rounds):
            with timed("open"):
                sandbox = open_sandbox(spec)
            with timed("first run of true"):
                sandbox.run(["true"])
            with timed("run of true"):
                sandbox.run(["true"])
            with timed("write 1 KiB"):
                sandbox.write("a", b"x" * 1024)
            with timed("read 1 KiB"):
                sandbox.read("a")
            with timed("snapshot"):
                moment = sandbox.snapshot()
            with timed("fork"):
                fork = sandbox.fork(moment)
            with timed("restore"):
                sandbox.restore(moment)
            fork.close()
            with timed("close"):
                sandbox.close()
    return {name: median(values) for name, values in times.items()}


def main(arguments: list[str]) -> None:
    """Print the table for the spec that the arguments name."""
    if arguments[:1] == ["docker"]:
        spec = SandboxSpec(backend="docker", image=arguments[1])
    else:
        spec = SandboxSpec(isolation=arguments[0] if arguments else "auto")  # type: ignore[arg-type]
    for name, value in measure(spec).items():
        print(f"{name:20} {value:8.1f} ms")


if __name__ == "__main__":
    main(sys.argv[1:])
