# mypy: ignore-errors
"""Runs unittest test cases and plain test functions inside the sandbox; part of no import of Forge itself.

Standard input: the report's file name, then one test file on each line. The report has a JSON line for each test.
"""

import importlib.util
import json
import os
import sys
import traceback
import unittest

report, *paths = sys.stdin.read().split("\n")
written = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
sys.path.insert(0, os.getcwd())


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
