"""Which tests are not relied on because they ask for the time or for chance."""

from pathlib import Path

import pytest

from forge_envs.swe.synthesis.assemble import settled
from forge_envs.swe.synthesis.journal import Journal
from forge_envs.swe.synthesis.source import read_source
from forge_envs.swe.synthesis.unsteady import unsteady_tests

STEADY = "def test_steady():\n    assert sorted([2, 1]) == [1, 2]\n"


def _found(text: str) -> set[str]:
    source = read_source("tests/test_a.py", text.encode())
    assert source is not None
    return set(unsteady_tests(source))


@pytest.mark.parametrize(
    "statement",
    [
        "time.sleep(1)",
        "assert time.time() - began < 1",
        "began = time()",
        "assert datetime.now()",
        "assert date.today()",
        "assert random.choice([1])",
        "assert choice([1])",
        "subprocess.run(['a'], timeout=1)",
        "socket.socketpair()",
        "assert uuid.uuid4()",
        "def inner():\n        sleep(1)",
    ],
)
def test_what_is_asked_for(statement: str) -> None:
    head = "import time\nfrom random import Random, choice\n\n\n"
    assert _found(f"{head}def test_it():\n    {statement}\n\n\n{STEADY}") == {"test_it"}


@pytest.mark.parametrize(
    "statement", ["Random(7).random()", "random.seed(1)", "assert 'time.sleep(1)'", "timeout = 3", "message.time()"]
)
def test_what_is_not(statement: str) -> None:
    assert not _found(f"from random import Random\n\n\ndef test_it():\n    {statement}\n")


def test_by_what_they_use() -> None:
    text = (
        "def helper():\n    time.sleep(1)\n\n\n"
        "@pytest.fixture\ndef late(helped):\n    return helper()\n\n\n"
        "def test_call():\n    helper()\n\n\n"
        "def test_fixture(late):\n    pass\n\n\n"
        "class TestOne:\n    def setUp(self):\n        self.now = time.time()\n\n"
        "    def test_a(self):\n        pass\n\n\n"
        "class TestTwo:\n    def wait(self):\n        helper()\n\n"
        "    def test_b(self):\n        self.wait()\n\n    def test_c(self):\n        pass\n\n\n"
        "def test_nested():\n    def helper():\n        pass\n\n    def inner():\n        time.sleep(1)\n\n\n"
        "def test_same_name():\n    def inner():\n        pass\n    inner()\n"
    )
    found = _found(text)
    assert {"test_call", "test_fixture", "TestOne.test_a", "TestTwo.test_b", "test_nested"} <= found
    assert not {"TestTwo.test_c", "test_same_name"} & found


def test_what_failed_with_gold_decides_nothing(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "FAIL_TO_PASS": ["t::a"], "PASS_TO_PASS": ["t::b", "t::c"]},
        {"id": "b", "FAIL_TO_PASS": ["t::b", "t::d"], "PASS_TO_PASS": ["t::c"]},
    ]
    with Journal(tmp_path / "journal.jsonl", "about") as journal:
        assert settled(rows, journal.shaky()) == rows
        journal.add("key", "task", {"seed": "0", "reason": "gold does not resolve", "row": None, "shaky": ["t::b"]})
    with Journal(tmp_path / "journal.jsonl", "about") as journal:
        assert settled(rows, journal.shaky()) == [{"id": "a", "FAIL_TO_PASS": ["t::a"], "PASS_TO_PASS": ["t::c"]}]
