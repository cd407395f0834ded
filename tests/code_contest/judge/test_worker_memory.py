"""What earlier programs were and wrote is not in the memory of a later one, which is forked from the same process."""

import pytest

from forge_envs.code_contest.java import java_class, java_source
from forge_envs.code_contest.judge import Submission, judge
from forge_envs.sandbox.judge import WorkerPool

SEARCH = """
import ctypes
marks = [bytes(reversed(mark)) for mark in (b"ECRUOS-TERCES", b"TUPTUO-TERCES")]
tail = bytes(reversed(b"01234-"))
found = set()
for line in open("/proc/self/maps"):
    place, rights = line.split()[:2]
    start, end = (int(part, 16) for part in place.split("-"))
    if "r" in rights and "[v" not in line and end - start < 1 << 28:
        content = ctypes.string_at(start, end - start)
        found |= {mark for mark in marks if mark + tail in content}
        del content
print(len(found))
"""


@pytest.mark.parametrize("tests", [1, 2])
def test_source_and_output_are_not_left_in_a_worker(pool: WorkerPool, tests: int) -> None:
    earlier = "x = 'SECRET-SOURCE'\nprint('SECRET-OUTPUT' + '-43210')  # SECRET-SOURCE-43210\n" * 20
    empty = [{"stdin": "", "expected": "0"}] * tests
    for code in (earlier, earlier, SEARCH):
        judgement = judge(Submission.from_row({"code": code, "tests": empty}), pool=pool)
    assert judgement.verdict == "AC", judgement


@pytest.mark.parametrize(
    "code",
    ["\n" * 200_000, "public " * 100_000, "final " * 100_000, '"' + '\\"' * 200_000, '"""\\' * 100_000, "/*" * 100_000],
    ids=["lines", "public", "final", "string", "block", "comments"],
)
def test_the_name_of_a_java_source_takes_linear_time(code: str) -> None:
    assert java_source(code) == "Main.java"
    assert java_class(code) == "Main"


def test_a_java_class_whose_name_is_no_file_name_is_left_to_the_compiler() -> None:
    assert java_source(f"public class {'A' * 300} {{}}") == "Main.java"
