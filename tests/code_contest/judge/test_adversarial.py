"""Hostile programs and unusual correct ones: each gets its verdict, and leaves machine and worker as they were."""

import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from cases import AdversarialCase, load_cases
from machine import Census, census, descendants, living, pid_namespaces

from forge_envs.code_contest.judge import Submission, judge, judge_spec
from forge_envs.code_contest.languages import installed
from forge_envs.sandbox.judge import WorkerPool

CASES = load_cases()
CANARY = {
    "code": "import os, sys\nassert input() == '1'\nprint(len(sys.argv), sum(map(int, ['1', '2'])))",
    "tests": [{"stdin": "1\n2\n", "expected": "1 3"}],
    "time_limit_s": 5,
}
GRACE_S = 3.0
"""What a run started gets so long to be gone."""


@pytest.fixture(scope="module")
def big_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("big")


@pytest.fixture(scope="module")
def before(pool: WorkerPool, cache_folder: Path) -> Census:
    """The machine with an idle pool that has started all that it keeps."""
    warm = [CANARY]
    if find_spec("numpy"):
        warm.append({**CANARY, "code": "import numpy\n" + CANARY["code"]})
    if "cpp" in installed():
        code = "#include <iostream>\nint main() { int x; std::cin >> x >> x; std::cout << 1 << ' ' << x + 1; }"
        warm.append({**CANARY, "code": code, "language": "cpp"})
    for row in warm:
        assert judge(Submission.from_row(row), pool=pool, cache_folder=cache_folder).verdict == "AC"
    time.sleep(1)
    return census()


def settled(before: Census) -> Census:
    """The machine as soon as nothing is left, or as it is when there was time enough for that."""
    until = time.monotonic() + GRACE_S
    while (now := census()).more_than(before) and time.monotonic() < until:
        time.sleep(0.02)
    return now


def test_there_are_enough_and_a_third_is_correct() -> None:
    correct = [case for case in CASES if case.group.startswith("correct")]
    assert len(CASES) >= 150
    assert 3 * len(correct) >= len(CASES)
    assert {case.row.get("language", "python") for case in CASES} >= {"python", "cpp"}
    assert len({case.row["name"] for case in CASES}) == len(CASES)
    assert all(case.verdicts == ("AC",) for case in correct)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}-{case.name}")
def test_a_case_gets_its_verdict_and_leaves_nothing(
    case: AdversarialCase, pool: WorkerPool, before: Census, big_files: Path, cache_folder: Path
) -> None:
    if case.needs and find_spec(case.needs) is None:
        pytest.skip(f"{case.needs} is not installed.")
    submission = Submission.from_row(case.submission(big_files))
    judgement = judge(submission, pool=pool, cache_folder=cache_folder)
    assert judgement.verdict in case.verdicts, judgement
    assert not any(b"BROKEN" in test.stdout for test in judgement.tests), judgement
    assert judge(Submission.from_row(CANARY), pool=pool).verdict == "AC"
    assert not settled(before).more_than(before)


def test_nothing_lives_on_when_the_pool_is_closed(cache_folder: Path) -> None:
    daemons = [case for case in CASES if "daemon" in case.name or "bomb" in case.name]
    already = descendants()
    with WorkerPool(judge_spec(workers=1, cache_folder=cache_folder)) as own:
        for case in daemons:
            judge(Submission.from_row(case.submission(Path())), pool=own, cache_folder=cache_folder)
        ours = descendants() - already
        namespaces = pid_namespaces(ours) - pid_namespaces(already)
        assert ours
    until = time.monotonic() + GRACE_S
    while (left := (descendants() - already) | living(namespaces)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not left
