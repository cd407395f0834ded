# mypy: ignore-errors
"""Runs unittest test cases and plain test functions inside the sandbox; part of no import of Forge itself.

Standard input: the report's file name, then one test file on each line. The report has a JSON line for each test.
"""

import importlib.util
import json
import os
import sys
import traceback
import types
import unittest

report, *paths = sys.stdin.read().split("\n")
written = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
sys.path.insert(0, os.getcwd())


EXACT = (int, float, complex, str, bytes, bool, type(None), list, tuple, dict, set, frozenset)
LIBRARY = os.path.dirname(os.__file__) + os.sep
COMPARISONS = ("Equal", "AlmostEqual", "SequenceEqual", "ListEqual", "TupleEqual", "DictEqual", "SetEqual")


def holds(value, wanted, depth=20):
    """Whether a type, of the value or of one inside it, is as wanted."""
    inside = []
    if isinstance(value, dict):
        inside = [*dict.keys(value), *dict.values(value)]
    elif isinstance(value, (list, tuple, set, frozenset)):
        inside = [*value]
    return wanted(type(value)) or (depth > 0 and any(holds(one, wanted, depth - 1) for one in inside))


def compares_itself(kind):
    """Whether a class was given its comparison in Python, and not by the standard library (Fraction, Counter)."""
    compare = kind.__eq__
    return isinstance(compare, types.FunctionType) and not compare.__code__.co_filename.startswith(LIBRARY)


def honest(compare):
    """Values of a submission's own class may be compared with each other, but say nothing about plain values."""

    def checked(self, first, second, *args, **kwargs):
        for one, other in ((first, second), (second, first)):
            if holds(one, compares_itself) and not holds(other, lambda kind: kind not in EXACT):
                self.fail(f"{type(one).__name__} has an __eq__ of its own, and a plain value is expected")
        return compare(self, first, second, *args, **kwargs)

    return checked


for label in (*COMPARISONS, "CountEqual"):
    setattr(unittest.TestCase, f"assert{label}", honest(getattr(unittest.TestCase, f"assert{label}")))


class Result(unittest.TestResult):
    """One line in the report as soon as a test has ended."""

    def startTest(self, test):
        super().startTest(test)
        self.ok = True

    def _failed(self, test, error):
        self.ok = False
        print(f"FAIL: {test.id()}\n{self._exc_info_to_string(error, test)}", file=sys.stderr)

    def addFailure(self, test, err):
        self._failed(test, err)

    def addError(self, test, err):
        self._failed(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._failed(test, err)

    def addUnexpectedSuccess(self, test):
        self.ok = False

    def stopTest(self, test):
        super().stopTest(test)
        os.write(written, json.dumps({"test": test.id(), "ok": self.ok}).encode() + b"\n")


suites = []
for path in filter(None, paths):
    name = os.path.splitext(path)[0].replace(os.sep, ".")
    try:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    except BaseException as error:  # also SystemExit: a module that leaves has not loaded
        traceback.print_exc()
        os.write(written, json.dumps({"load": path, "error": type(error).__name__}).encode() + b"\n")
        continue
    suites.append(unittest.defaultTestLoader.loadTestsFromModule(module))
    for label, value in list(vars(module).items()):
        if label.startswith("test") and callable(value) and not isinstance(value, type):
            suites[-1].addTest(unittest.FunctionTestCase(value, description=label))
for suite in suites:
    suite.run(Result())
os.write(written, json.dumps({"end": True}).encode() + b"\n")
