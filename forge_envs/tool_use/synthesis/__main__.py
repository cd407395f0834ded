"""`python -m forge_envs.tool_use.synthesis --out tasks/tool_use` writes the bundled suites."""

import argparse
from pathlib import Path

from forge_envs.tool_use.synthesis import SUITES, write_suite


def main() -> None:
    """Read the command line and write every suite."""
    parser = argparse.ArgumentParser(prog="python -m forge_envs.tool_use.synthesis", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder that gets one folder per domain")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same bytes (default 0)")
    options = parser.parse_args()
    for suite in SUITES.values():
        for path in write_suite(suite, options.out, options.seed):
            print(path)


if __name__ == "__main__":
    main()
