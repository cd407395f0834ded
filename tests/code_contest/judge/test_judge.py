"""What the judge decides: verdicts, order, limits, checkers, dialogues, own test code."""

import threading
from pathlib import Path
from typing import Any

import pytest

from forge_envs.code_contest.judge import Judgement, Submission, judge
from forge_envs.code_contest.languages import installed
from forge_envs.core.errors import ConfigError, GraderError, TaskError
from forge_envs.sandbox.judge import WorkerPool

SUM = "print(sum(map(int, open(0).read().split())))"
TESTS = [{"stdin": "1 2", "expected": "3"}, {"stdin": "2 2", "expected": "4"}, {"stdin": "5", "expected": "5"}]

needs_cpp = pytest.mark.skipif("cpp" not in installed(), reason="g++ is not installed")


@pytest.fixture
def judged(pool: WorkerPool, cache_folder: Path) -> Any:
    def run(code: str, tests: list[dict[str, Any]] = TESTS, **fields: Any) -> Judgement:
        row = {"code": code, "tests": tests, **fields}
        return judge(Submission.from_row(row), pool=pool, cache_folder=cache_folder)

    return run


def verdicts(judgement: Judgement) -> list[str]:
    return [test.verdict for test in judgement.tests]


def test_every_test_is_run_for_feedback(judged: Any) -> None:
    found = judged("n = int(input().split()[0])\nprint(3 if n == 1 else 1 // (n - 5))")
    assert found.verdict == "WA"
    assert verdicts(found) == ["AC", "WA", "RE"]
    assert found.tests[2].reason == "exit code 1"
    assert b"ZeroDivisionError" in found.tests[2].stderr
    assert found.tests[0].stdout == b"3\n"
    assert all(test.cpu_s > 0 and test.wall_s > 0 and test.memory_mb > 1 for test in found.tests)


def test_it_stops_at_the_first_failure_for_reward(judged: Any) -> None:
    found = judged("print(3)", stop_at_first_failure=True)
    assert (found.verdict, verdicts(found)) == ("WA", ["AC", "WA"])


def test_output_that_does_not_fit_in_memory_at_once_is_judged_in_series(
    judged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forge_envs.code_contest.running.KEPT_BYTES", 1000)
    tests = [{"stdin": str(n), "expected": "x " * n} for n in (10, 2000, 10, 3000, 20)]
    assert verdicts(judged("print('x ' * int(input()))", tests)) == ["AC"] * 5


def test_output_may_be_long_where_the_answer_is(judged: Any) -> None:
    size = 20 * 2**20
    found = judged(f"print('x' * {size})", [{"stdin": "", "expected": "x" * size}, {"stdin": "", "expected": "y"}])
    assert verdicts(found) == ["AC", "WA"]


def test_a_row_has_the_fields_of_the_format(judged: Any) -> None:
    row = judged(SUM, name="one").row()
    assert list(row) == ["name", "verdict", "tests", "tier"]
    assert row["name"] == "one" and row["verdict"] == "AC" and row["tier"] in "ABC"
    assert [list(test) for test in row["tests"]] == [["verdict", "cpu_s", "wall_s", "memory_mb"]] * 3


def test_a_compile_error_has_no_tests_and_the_compilers_words(judged: Any) -> None:
    found = judged("def f(:\n  pass", name="broken")
    assert (found.verdict, found.tests) == ("CE", ())
    assert "SyntaxError" in found.row()["compile_output"]


def test_cpu_time_decides_and_a_sleeper_is_ended_by_the_clock(judged: Any) -> None:
    found = judged("while True: pass", time_limit_s=0.3, stop_at_first_failure=True)
    assert found.verdict == "TLE" and "CPU" in found.tests[0].reason and found.tests[0].cpu_s >= 0.3
    found = judged("import time; time.sleep(100)", time_limit_s=0.1, stop_at_first_failure=True)
    assert found.verdict == "TLE" and "clock" in found.tests[0].reason and found.tests[0].cpu_s < 0.3


def test_a_run_that_others_keep_from_a_core_is_not_taken_for_a_sleeper(
    judged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that uses half of the clock, with a clock that is too short for it: as on a crowded machine."""
    monkeypatch.setattr("forge_envs.code_contest.running.wall_limit", lambda cpu_s: 0.25)
    monkeypatch.setattr("forge_envs.code_contest.running.PATIENCE", 100)
    code = """
import time
while time.process_time() < 0.2:
    until = time.process_time() + 0.002
    while time.process_time() < until: pass
    time.sleep(0.002)
print(3)
"""
    assert judged(code, TESTS[:1], time_limit_s=1).verdict == "AC"


def test_the_kernel_s_own_limit_is_far_from_the_time_limit(judged: Any) -> None:
    """It counts ticks, which were seen to run ahead of the time used by a tenth: a signal where a verdict was due."""
    code = "import resource\nprint(resource.getrlimit(resource.RLIMIT_CPU)[0] >= 2 * 10)"
    assert judged(code, [{"stdin": "", "expected": "True"}], time_limit_s=10).verdict == "AC"


def test_the_pool_is_started_when_none_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FORGE_CACHE", str(tmp_path))
    assert judge(Submission.from_row({"code": SUM, "tests": TESTS})).verdict == "AC"


def test_threads_may_share_a_pool(pool: WorkerPool) -> None:
    found: list[str] = []
    submission = Submission.from_row({"code": SUM, "tests": TESTS})
    threads = [threading.Thread(target=lambda: found.append(judge(submission, pool=pool).verdict)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["AC"] * 4


def test_a_file_is_read_when_its_test_runs(judged: Any, tmp_path: Path) -> None:
    path = tmp_path / "in.txt"
    path.write_text("20 22")
    assert judged(SUM, [{"stdin_file": str(path), "expected": "42"}]).verdict == "AC"
    with pytest.raises(TaskError, match="stdin_file"):
        judged(SUM, [{"stdin_file": str(tmp_path / "absent"), "expected": "42"}])


def test_a_language_that_is_not_there_says_so(judged: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="no language 'cobol'"):
        judged("", language="cobol")
    monkeypatch.setattr("forge_envs.code_contest.languages.find_tool", lambda name: None)
    with pytest.raises(ConfigError, match=r"Go is not installed: .* install golang"):
        judged("", language="go")


@pytest.mark.parametrize(
    ("checker", "printed", "expected", "verdict"),
    [
        ({"type": "tokens"}, "a  b", "a b", "AC"),
        ({"type": "tokens", "case_insensitive": True}, "A", "a", "AC"),
        ({"type": "lines"}, "a b", "a\nb", "WA"),
        ({"type": "exact"}, "a", "a", "WA"),
        ({"type": "float", "abs": 0.1}, "1.05", "1", "AC"),
        ({"type": "float"}, "1.05", "1", "WA"),
        ({"type": "yes_no"}, "Yes", "YES", "AC"),
        ({"type": "unordered"}, "b\na", "a\nb", "AC"),
    ],
)
def test_a_checker_is_chosen_by_name(
    judged: Any, checker: dict[str, Any], printed: str, expected: str, verdict: str
) -> None:
    tests = [{"stdin": "", "expected": expected}]
    assert judged(f"print({printed!r})", tests, checker=checker).verdict == verdict


DIVISOR = """
import sys
n = int(open(sys.argv[1]).read())
words = open(sys.argv[2]).read().split()
best = int(open(sys.argv[3]).read())
try:
    d = int(words[0])
except (ValueError, IndexError):
    sys.exit(2)
if n == 0:
    print("no such test", file=sys.stderr)
    sys.exit(3)
if n == 1:
    while True: pass
sys.exit(0 if 1 < d < n and n % d == 0 else 1)
"""
DIVISOR_CPP = """
#include <fstream>
int main(int, char **argv) {
    std::ifstream in(argv[1]), out(argv[2]);
    long n, d; in >> n;
    if (!(out >> d)) return 2;
    return n == 0 ? 3 : !(1 < d && d < n && n % d == 0);
}
"""


@pytest.mark.parametrize("source", [DIVISOR, pytest.param(DIVISOR_CPP, marks=needs_cpp)], ids=["python", "cpp"])
def test_a_checker_program_accepts_any_right_answer(judged: Any, source: str) -> None:
    checker = {"type": "program", "source": source}
    tests = [{"stdin": "35", "expected": "5"}, {"stdin": "12", "expected": "2"}]
    assert judged("print({35: 7, 12: 6}[int(input())])", tests, checker=checker).verdict == "AC"
    assert verdicts(judged("print(7)", tests, checker=checker)) == ["AC", "WA"]
    assert verdicts(judged("print('x')", tests, checker=checker)) == ["WA", "WA"]
    assert verdicts(judged("print(1 // 0)", tests, checker=checker)) == ["RE", "RE"]
    assert verdicts(judged("print('x')", tests, checker=checker, stop_at_first_failure=True)) == ["WA"]


def test_a_checker_that_fails_is_no_verdict(judged: Any) -> None:
    checker = {"type": "program", "source": DIVISOR}
    with pytest.raises(GraderError, match=r"exit code 3.*no such test"):
        judged("print(7)", [{"stdin": "0", "expected": "5"}], checker=checker)
    with pytest.raises(TaskError, match="does not compile"):
        judged("print(7)", TESTS, checker={"type": "program", "source": "import ("})


def test_a_checker_of_kattis_reads_the_output_and_answers_42(judged: Any) -> None:
    source = "import sys\nsys.exit(42 if sys.stdin.read().split() == open(sys.argv[2]).read().split() else 43)"
    checker = {"type": "program", "source": source, "protocol": "kattis"}
    assert judged(SUM, checker=checker).verdict == "AC"
    assert verdicts(judged("print(3)", checker=checker)) == ["AC", "WA", "WA"]


KATTIS = {
    "python": """
import sys
given, answer, feedback, *more = sys.argv[1:]
with open(feedback + "judgemessage.txt", "w") as file:
    file.write("read")
assert more == ["max", "9"]
exit(42 if sys.stdin.read().split() == open(answer).read().split() else 43)
""",
    "cpp": """
#include <cassert>
#include <fstream>
#include <iostream>
int main(int count, char **argv) {
    std::ofstream message(std::string(argv[3]) + "judgemessage.txt");
    assert(message && count == 6 && argv[5][0] == '9');
    std::ifstream answer(argv[2]);
    long a, b;
    return answer >> a && std::cin >> b && a == b ? 42 : 43;
}
""",
}


@pytest.mark.parametrize("language", ["python", pytest.param("cpp", marks=needs_cpp)])
def test_a_checker_of_kattis_gets_arguments_and_a_folder_to_write_to(judged: Any, language: str) -> None:
    program = {"language": language, "source": KATTIS[language], "protocol": "kattis", "args": ["max", "9"]}
    assert judged(SUM, checker={"type": "program", **program}).verdict == "AC"
    assert judged("print(3)", checker={"type": "program", **program}, stop_at_first_failure=True).verdict == "WA"
    fields = {"mode": "interactive", "interactor": program, "time_limit_s": 1}
    assert judged("print(3)", [{"stdin": "", "expected": "3"}], **fields).verdict == "AC"
    assert judged("print(4)", [{"stdin": "", "expected": "3"}], **fields).verdict == "WA"


@pytest.mark.parametrize(
    ("kind", "printed", "expected", "verdict"),
    [
        ("json_equal", '{"a":[1,2]}', '{"a": [1, 2.0]}', "AC"),
        ("json_equal", "[2,1]", "[1,2]", "WA"),
        ("json_equal", "[1,", "[1]", "WA"),
        ("json_float", "[0.30000000001]", "[0.3]", "AC"),
    ],
)
def test_printed_json_is_compared_as_a_value(judged: Any, kind: str, printed: str, expected: str, verdict: str) -> None:
    tests = [{"stdin": "", "expected": expected}]
    assert judged(f"print({printed!r})", tests, checker={"type": kind}).verdict == verdict


def test_expected_json_that_is_none_is_no_verdict(judged: Any) -> None:
    with pytest.raises(TaskError, match="'expected' is not JSON"):
        judged("print(1)", [{"stdin": "", "expected": "[1"}], checker={"type": "json_equal"})


GUESS = """
import sys
secret = int(open(sys.argv[1]).read())
for turn in range(12):
    line = sys.stdin.readline()
    if not line:
        print("no guess", file=sys.stderr)
        sys.exit(8)
    guess = int(line)
    print("=" if guess == secret else "<" if secret < guess else ">", flush=True)
    if guess == secret:
        sys.exit(0)
print("too many guesses", file=sys.stderr)
sys.exit(1)
"""
SEARCH = """
low, high = 1, 1000
while True:
    middle = (low + high) // 2
    print(middle, flush=True)
    said = input()
    if said == "=": break
    if said == "<": high = middle - 1
    else: low = middle + 1
"""
SEARCH_CPP = """
#include <iostream>
int main() {
    int low = 1, high = 1000; std::string said;
    while (true) {
        int middle = (low + high) / 2;
        std::cout << middle << std::endl;
        if (!(std::cin >> said) || said == "=") return 0;
        if (said == "<") high = middle - 1; else low = middle + 1;
    }
}
"""


@pytest.mark.parametrize(
    ("language", "code", "verdict"),
    [
        ("python", SEARCH, "AC"),
        pytest.param("cpp", SEARCH_CPP, "AC", marks=needs_cpp),
        ("python", "for n in range(1, 1001):\n    print(n, flush=True)\n    if input() == '=': break", "WA"),
        ("python", "", "WA"),
        ("python", "print(500, flush=True)\ninput()\n1 / 0", "RE"),
        ("python", SEARCH + "raise SystemExit(3)", "RE"),
        ("python", "while True: pass", "TLE"),
        ("python", "input()", "TLE"),
        ("python", "import (", "CE"),
    ],
    ids=["search", "search in C++", "too many", "nothing", "crash", "crash at the end", "loop", "both wait", "syntax"],
)
def test_an_interactor_decides_the_dialogue(judged: Any, language: str, code: str, verdict: str) -> None:
    tests = [{"stdin": "777"}, {"stdin": "1"}]
    fields = {"mode": "interactive", "interactor": {"source": GUESS}, "time_limit_s": 0.5, "language": language}
    assert judged(code, tests, **fields).verdict == verdict


def test_an_interactor_that_fails_is_no_verdict(judged: Any) -> None:
    with pytest.raises(GraderError, match="interactor failed"):
        judged(
            SEARCH, [{"stdin": "not a number"}], mode="interactive", interactor={"source": "import sys\nsys.exit(3)"}
        )


ASSERTS = "assert double(2) == 4\nassert candidate([1]) == [1, 1]\n"


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("def double(x): return x * 2", "AC"),
        ("class Solution:\n    def double(self, x): return x * 2", "AC"),
        ("def double(x): return 4", "WA"),
        ("def double(x): return x / 1", "WA"),
        ("def double(x): return x + 2", "RE"),
        ("def double(x): raise AssertionError", "RE"),
        ("class Liar:\n    def __eq__(self, other): return True\ndef double(x): return Liar()", "RE"),
        ("import os\ndef double(x): os._exit(0)", "RE"),
        ("def double(x):\n    while True: pass", "TLE"),
        ("def triple(x): return 3 * x", "RE"),
        ("def double(x: return", "CE"),
    ],
)
def test_own_test_code_calls_the_submission_in_another_process(judged: Any, code: str, verdict: str) -> None:
    fields = {"mode": "function", "fn_name": "double", "time_limit_s": 0.5}
    assert judged(code, [{"check": ASSERTS}], **fields).verdict == verdict


def test_pairs_and_own_test_code_may_be_mixed(judged: Any) -> None:
    tests = [
        {"args": [1], "expected": 2},
        {"check": ASSERTS},
        {"args": ["a"], "expected": "aa"},
        {"args": [3], "expected": 7},
    ]
    found = judged("def double(x): return x * 2", tests, mode="function", fn_name="double")
    assert verdicts(found) == ["AC", "AC", "AC", "WA"]


def test_function_mode_is_for_python(judged: Any) -> None:
    with pytest.raises(ConfigError, match="Python only"):
        judged("", [{"args": [], "expected": 1}], mode="function", fn_name="f", language="cpp")
