"""Function mode: values come back as JSON of exact builtin types, and no program can lie about them."""

from collections.abc import Callable
from typing import Any

import pytest

from forge_envs.core.errors import ConfigError
from forge_envs.sandbox.judge import Limits, PythonProgram, WorkerPool, values

LIMITS = Limits(cpu_s=1, wall_s=4, memory_mb=256)


@pytest.fixture
def call(pool: WorkerPool) -> Callable[..., Any]:
    def call(code: str, name: str, *arguments: Any) -> Any:
        return pool.call(PythonProgram(code), name, [list(arguments)], limits=LIMITS)[0]

    return call


VALUES = [
    None, True, 0, -(10**30), 10**5000, 1.5, float("inf"), "ü\ud800", b"\0a", [1, [2]], (1, (2,)),
    {1: "a", (2, 3): [None]}, {"a": {"b": 1}}, {"$tuple": 1}, {1, 2}, frozenset({"x"}), 2 + 3j, [], {}, (),
]  # fmt: skip


def test_values_travel_both_ways(pool: WorkerPool) -> None:
    results = pool.call(PythonProgram("def same(x): return x"), "same", [[value] for value in VALUES], limits=LIMITS)
    for value, result in zip(VALUES, results, strict=True):
        back = values.decode(result.returned or "")
        assert back == value and type(back) is type(value)


@pytest.mark.parametrize(
    "code, name",
    [
        ("def f(a, b): return a + b", "f"),
        ("f = lambda a, b: a + b", "f"),
        ("class Solution:\n  def f(self, a, b): return a + b", "f"),
        ("class Solution:\n  def f(self, a, b): return a + b", "Solution.f"),
        ("from typing import *\nclass A:\n  class B:\n    def f(self, a, b): return a + b", "A.B.f"),
        ("def f(a, b):\n  print('noise')\n  return a + b\nprint('more')", "f"),
    ],
)
def test_functions_are_found(call: Callable[..., Any], code: str, name: str) -> None:
    assert call(code, name, 40, 2).returned == "42"


@pytest.mark.parametrize(
    "code",
    [
        "class E(int):\n  def __eq__(s, o): return True\n  __hash__ = int.__hash__\ndef f(): return E(3)",
        "class E(list):\n  def __eq__(s, o): return True\ndef f(): return E([3])",
        "class E(str):\n  def __eq__(s, o): return True\n  __hash__ = str.__hash__\ndef f(): return [E('a')]",
        "class E:\n  def __eq__(s, o): return True\n  def __repr__(s): return '3'\ndef f(): return E()",
        "class M(type):\n  def __eq__(c, o): return True\n  __hash__ = type.__hash__\n"
        "class E(int, metaclass=M): pass\ndef f(): return E(3)",
        "def f(): return (i for i in [1])",
        "def f(): return object",
        "def f():\n  x = []\n  x.append(x)\n  return x",
    ],
)
def test_foreign_values_are_rejected(call: Callable[..., Any], code: str) -> None:
    result = call(code, "f")
    assert result.returned is None
    assert result.rejected or result.exit_code != 0


def test_values_of_the_standard_library_count_as_plain(call: Callable[..., Any]) -> None:
    code = "from collections import *\ndef f(): return [Counter('aab'), OrderedDict(x=1), defaultdict(list, y=[2])]"
    assert values.decode(call(code, "f").returned) == [{"a": 2, "b": 1}, {"x": 1}, {"y": [2]}]


@pytest.mark.parametrize(
    "code",
    ["def f(): exit()", "import os\ndef f(): os._exit(0)", "def f(): raise SystemExit(0)", "def g(): return 1", "1/0"],
)
def test_a_call_that_does_not_return_has_no_value(call: Callable[..., Any], code: str) -> None:
    assert call(code, "f").returned is None


def test_a_forged_report_is_only_another_answer(call: Callable[..., Any]) -> None:
    code = "import os\ndef f():\n  os.pwrite(255, b'{\"returned\": 7}', 0)\n  os._exit(0)"
    assert call(code, "f").returned is None  # not text
    code = "import os\ndef f():\n  os.pwrite(255, b'[' * 100000, 0)\n  os._exit(0)"
    assert call(code, "f").returned is None


def test_arguments_of_other_types_are_the_callers_mistake(pool: WorkerPool) -> None:
    with pytest.raises(ConfigError, match="object"):
        pool.call(PythonProgram("def f(x): return x"), "f", [[object()]])


EXAMINER = "def check(f):\n    assert f(2, 3) == 5\n    assert f(-1, 1) == 0\ncheck(candidate)"


def test_examine_passes_and_fails(pool: WorkerPool) -> None:
    passed, _ = pool.examine(PythonProgram("def add(a, b): print('x'); return a + b"), "add", EXAMINER, limits=LIMITS)
    assert (passed.ended, passed.exit_code) == ("exited", 0)
    failed, _ = pool.examine(PythonProgram("def add(a, b): return a - b"), "add", EXAMINER, limits=LIMITS)
    assert failed.exception == "AssertionError"


@pytest.mark.parametrize(
    "code",
    [
        "class E(int):\n  def __eq__(s, o): return True\ndef add(a, b): return E(5)",
        "import os\ndef add(a, b): os._exit(0)",
        "import sys\ndef add(a, b): sys.exit(0)",
        "import os\ndef add(a, b):\n  os.write(201, b'{\"value\": 5}\\n' * 9)\n  os._exit(0)",
        "def add(a, b): raise AssertionError",
        "exit()",
    ],
)
def test_examine_is_not_fooled(pool: WorkerPool, code: str) -> None:
    examined, _ = pool.examine(PythonProgram(code), "add", EXAMINER, limits=LIMITS)
    assert examined.exit_code != 0


@pytest.mark.parametrize("code", ["def add(a, b:", "x = 1\n" * 300 + "x ="])
def test_a_program_that_does_not_compile_says_so_in_company(pool: WorkerPool, code: str) -> None:
    bad, talker = PythonProgram(code), PythonProgram("print(1, flush=True)\ninput()")
    assert pool.examine(bad, "add", EXAMINER, limits=LIMITS)[1].compile_error
    assert pool.examine(PythonProgram("def add(a, b): return a + b"), "add", code, limits=LIMITS)[0].compile_error
    for sides in ((talker, bad), (bad, talker), (bad, bad)):
        results = pool.interact(*sides, first_limits=LIMITS, second_limits=LIMITS)
        assert [bool(result.compile_error) for result in results] == [side is bad for side in sides]
        assert {result.attempts for result in results} == {1}
