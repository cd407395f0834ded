"""The small problems that the cases solve; each is a list of tests as `forge judge` takes them."""

from pathlib import Path
from typing import Any

Tests = list[dict[str, Any]]

BIG_LINE = b"0123456789" * 5 + b"\n"
BIG_LINES = 1_000_000  # 51 MB


def stdin(*pairs: tuple[str, str]) -> Tests:
    return [{"stdin": given, "expected": expected} for given, expected in pairs]


def calls(*pairs: tuple[list[Any], Any]) -> Tests:
    return [{"args": args, "expected": expected} for args, expected in pairs]


PROBLEMS: dict[str, Tests] = {
    "sum": stdin(("1 2\n", "3\n"), ("1000000007 -5\n12\n", "1000000014\n"), ("4\n", "4\n")),
    "count_and_sum": stdin(("3\n1 2 3\n", "6\n")),
    "sum_crlf": stdin(("1 2\r\n3\r\n", "6\r\n")),
    "sum_no_newline": stdin(("1 2\n3", "6")),
    "empty": stdin(("", "0\n")),
    "utf8": stdin(("żółw €😀\n", "😀€ włóż\n")),
    "two_numbers": stdin(("", "1 2\n")),
    "count_up": stdin(("300000\n", "".join(f"{i}\n" for i in range(300000)))),
    "double": calls(([3], 6), ([-4], -8), ([0], 0)),
    "pairs": calls(([[3, 1, 2]], [[1, 2], [2, 3]]), ([[5]], [])),
}
"""`double(x)` gives 2x; `pairs(xs)` gives the neighbours in sorted order."""


def tests_of(problem: str, folder: Path) -> Tests:
    """The tests of a problem; large input is written into the folder once.

    Args:
        problem: A key of `PROBLEMS`, `big` (bytes and lines of 51 MB) or `big_first` (its first character).
        folder: For input files.
    """
    if problem not in ("big", "big_first"):
        return PROBLEMS[problem]
    path = folder / "big.txt"
    if not path.exists():
        path.write_bytes(BIG_LINE * BIG_LINES)
    expected = f"{len(BIG_LINE) * BIG_LINES} {BIG_LINES}" if problem == "big" else "0"
    return [{"stdin_file": str(path), "expected": expected}]
