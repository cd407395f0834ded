"""swebench's report on one log, without swebench (``get_eval_report`` and ``infra_failure`` of 5.0.2)."""

import re
from typing import Any

from forge_envs.swe.logs import Statuses, TestLists, parser_of, test_lists
from forge_envs.swe.task import SWETask

START, END = ">>>>> Start Test Output", ">>>>> End Test Output"
_NOT_GRADED = (
    ">>>>> Patch Apply Failed",
    ">>>>> Reset Failed",
    ">>>>> Tests Errored",
    ">>>>> Tests Timed Out",
)
_EXIT_CODE = re.compile(r">>>>> Test Exit Code:\s*(-?\d+)")
_RAN = re.compile(
    "|".join(
        (
            r"Executed [1-9]\d* of \d+",  # Karma
            r"TOTAL: [1-9]\d* (?:SUCCESS|FAILED)",
            r"[1-9]\d* passing",  # Mocha
            r"Tests:\s+[1-9]\d*",  # Jest
            r"Test Suites:\s+(?:\d+ \w+, )*[1-9]\d* total",
            r"^# tests [1-9]\d*",  # TAP
            r"[1-9]\d* specs?, \d+ failures?",  # Jasmine
            r"': ok$",  # OpenLayers
        )
    ),
    re.MULTILINE,
)
"""What shows that a runner ran although no test of it was read."""

ENVIRONMENT, AMBIGUOUS = "environment", "ambiguous"
_SIGNATURES = tuple(
    (reason, tier, re.compile(expression, re.MULTILINE))
    for reason, tier, expression in (
        ("browser_launch_failed", ENVIRONMENT, r"Failed to (?:launch|connect to the bus)"),
        ("display_unavailable", ENVIRONMENT, r"cannot open display|Missing X server|unable to open X display"),
        ("out_of_memory", ENVIRONMENT, r"Cannot allocate memory|OutOfMemoryError|^Killed$"),
        ("container_unavailable", ENVIRONMENT, r"Error response from daemon|Cannot connect to the Docker daemon"),
        ("network_unreachable", ENVIRONMENT, r"Could not resolve host|Temporary failure in name resolution"),
        ("missing_module", AMBIGUOUS, r"Cannot find module|MODULE_NOT_FOUND|ModuleNotFoundError"),
        ("no_tests_collected", AMBIGUOUS, r"no tests ran|collected 0 items"),
        ("tests_timed_out", AMBIGUOUS, r"Timeout error: \d+ seconds exceeded"),
    )
)


def eval_report(task: SWETask, patch: str | None, log: str) -> dict[str, Any]:
    """What swebench's ``report.json`` says of an instance.

    Args:
        task: The instance.
        patch: The prediction's ``model_patch``.
        log: ``test_output.txt`` of swebench's harness, or a log with its markers.

    Raises:
        TaskError: The log parser does not exist.
    """
    report: dict[str, Any] = {
        "patch_is_None": patch is None,
        "patch_exists": patch is not None,
        "patch_successfully_applied": False,
        "resolved": False,
        "infra_failure": False,
    }
    if patch is not None:
        log = log.replace("\r\n", "\n").replace("\r", "\n")
        statuses = statuses_of(task, log)
        if statuses is None:
            known = failure_reason(log)
            if known:
                report |= {"infra_failure": known[1] == ENVIRONMENT, "infra_failure_reason": known[0]}
        else:
            lists = test_lists(task.fail_to_pass, task.pass_to_pass, statuses, eval_type=task.eval_type)
            report |= {
                "patch_successfully_applied": True,
                "resolved": lists.resolved,
                "tests_status": tests_status(lists),
            }
    return {task.id: report}


def statuses_of(task: SWETask, log: str) -> Statuses | None:
    """The status of each test of a whole log of swebench's harness; None where it would not grade the log."""
    if any(text in log for text in _NOT_GRADED) or START not in log or END not in log:
        return None
    parse = parser_of(task.log_parser, task.id, task.version)
    statuses = parse(log.split(START)[1].split(END)[0]) or parse(log)
    if not statuses and not _RAN.search(log):
        return None
    code = _EXIT_CODE.search(log)
    failed = any(status in ("FAILED", "ERROR") for status in statuses.values())
    if code and int(code[1]) != 0 and statuses and not failed:
        return None
    return statuses


def tests_status(lists: TestLists) -> dict[str, dict[str, list[str]]]:
    """Lists in the shape of swebench's reports, with the two kinds that it does not count."""
    return {
        "FAIL_TO_PASS": {"success": list(lists.f2p_success), "failure": list(lists.f2p_failure)},
        "PASS_TO_PASS": {"success": list(lists.p2p_success), "failure": list(lists.p2p_failure)},
        "FAIL_TO_FAIL": {"success": [], "failure": []},
        "PASS_TO_FAIL": {"success": [], "failure": []},
    }


def failure_reason(log: str) -> tuple[str, str] | None:
    """swebench's guess at what broke a run: its name, and ``environment`` or ``ambiguous``; None without a sign."""
    return next(((reason, tier) for reason, tier, sign in _SIGNATURES if sign.search(log)), None)
