"""Results of a run in swebench's files: the summary (schema 2), and a ``report.json`` for each instance."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forge_envs.core.errors import TaskError
from forge_envs.swe.eval_report import ENVIRONMENT, failure_reason
from forge_envs.swe.predictions import Prediction

SCHEMA = 2


@dataclass(frozen=True)
class Result:
    """One instance's line of `forge grade swe`.

    Args:
        instance_id: SWE-bench's id.
        model: ``model_name_or_path``.
        resolved: Whether all tests do what they must; None where `infrastructure_error` says why nobody knows.
        applied: Whether the patch could be applied.
        tests_status: swebench's lists; empty where the tests did not run.
        infrastructure_error: What failed that is not the patch's fault.
        problem: Why the log is not believed, or why there is none.
        empty: Whether there was no patch.
        patch_sha256: Of the patch; a result is that patch's and no other's.
        reason: swebench's guess at what broke a run that is not resolved.
        timed_out: Whether the tests were ended by the clock.
        fingerprint: Of all that the verdict depends on (`forge_envs.swe.offline.fingerprint_of`); empty if unknown.
    """

    instance_id: str
    model: str
    resolved: bool | None
    applied: bool
    tests_status: Mapping[str, Any]
    infrastructure_error: str | None = None
    problem: str | None = None
    empty: bool = False
    patch_sha256: str = ""
    reason: tuple[str, str] | None = None
    timed_out: bool = False
    fingerprint: str = ""

    @property
    def completed(self) -> bool:
        """Whether swebench writes a report: not where the patch does not apply, nor where the tests timed out."""
        return self.resolved is not None and self.applied and not self.timed_out

    def to_line(self) -> dict[str, Any]:
        """The line's JSON object."""
        line: dict[str, Any] = {
            "instance_id": self.instance_id,
            "model_name_or_path": self.model,
            "resolved": self.resolved,
            "applied": self.applied,
            "empty_patch": self.empty,
            "patch_sha256": self.patch_sha256,
        }
        for kind in ("FAIL_TO_PASS", "PASS_TO_PASS"):
            line[kind] = dict(self.tests_status.get(kind) or {"success": [], "failure": []})
        reason = list(self.reason) if self.reason else None
        return {
            **line,
            "infrastructure_error": self.infrastructure_error,
            "problem": self.problem,
            "failure_reason": reason,
            "timed_out": self.timed_out,
            "fingerprint": self.fingerprint,
        }

    @classmethod
    def from_line(cls, line: Mapping[str, Any]) -> "Result":
        """Read what `to_line` wrote.

        Raises:
            TaskError: It is something else.
        """
        try:
            reason = line["failure_reason"]
            return cls(
                instance_id=str(line["instance_id"]),
                model=str(line["model_name_or_path"]),
                resolved=line["resolved"],
                applied=bool(line["applied"]),
                tests_status={kind: line[kind] for kind in ("FAIL_TO_PASS", "PASS_TO_PASS")},
                infrastructure_error=line["infrastructure_error"],
                problem=line["problem"],
                empty=bool(line["empty_patch"]),
                patch_sha256=str(line["patch_sha256"]),
                reason=(str(reason[0]), str(reason[1])) if reason else None,
                timed_out=bool(line.get("timed_out", False)),
                fingerprint=str(line.get("fingerprint", "")),
            )
        except (KeyError, TypeError, IndexError) as error:
            raise TaskError(f"Not a line of forge grade swe: {type(error).__name__}: {error}") from error


def instance_report(result: Result) -> dict[str, Any]:
    """The content of swebench's ``report.json``; only for results that are `Result.completed`.

    A log that Forge does not believe has ``problem``, and its patch counts as applied if it was.
    """
    kinds = ("FAIL_TO_PASS", "PASS_TO_PASS", "FAIL_TO_FAIL", "PASS_TO_FAIL")
    nothing: dict[str, list[str]] = {"success": [], "failure": []}
    report: dict[str, Any] = {
        "patch_is_None": False,
        "patch_exists": not result.empty,
        "patch_successfully_applied": result.applied,
        "resolved": bool(result.resolved),
        "infra_failure": bool(result.reason and not result.resolved and result.reason[1] == ENVIRONMENT),
    }
    if result.reason and not result.resolved:
        report["infra_failure_reason"] = result.reason[0]
    if result.problem:
        report["problem"] = result.problem
    if result.applied:
        report["tests_status"] = {kind: result.tests_status.get(kind, nothing) for kind in kinds}
    return {result.instance_id: report}


def summary_report(
    instances: Sequence[str], predictions: Mapping[str, Prediction], results: Iterable[Result]
) -> dict[str, Any]:
    """swebench's summary of a run.

    Args:
        instances: Ids of all tasks.
        predictions: By id; also of tasks that are not among them.
        results: Of the predictions that were graded. One that is not `Result.completed` counts as an error.
    """
    of = {result.instance_id: result for result in results}
    submitted = [i for i in instances if i in predictions]
    empty = [i for i in submitted if not predictions[i].patch]
    run = [i for i in submitted if predictions[i].patch]
    completed = [i for i in run if i in of and of[i].completed]
    resolved = [i for i in completed if of[i].resolved]
    unresolved = [i for i in completed if not of[i].resolved]
    errors = [i for i in run if i not in completed]
    reasons = {i: of[i].reason for i in (*unresolved, *errors) if i in of}
    known = {i: reason for i, reason in reasons.items() if reason}
    infra = [i for i, (_, tier) in known.items() if tier == ENVIRONMENT]
    ambiguous = [i for i, (_, tier) in known.items() if tier != ENVIRONMENT]
    return {
        "total_instances": len(instances),
        "submitted_instances": len(predictions),
        "completed_instances": len(completed),
        "resolved_instances": len(resolved),
        "unresolved_instances": len(unresolved),
        "infra_failure_instances": len(infra),
        "ambiguous_failure_instances": len(ambiguous),
        "empty_patch_instances": len(empty),
        "error_instances": len(errors),
        "completed_ids": sorted(completed),
        "incomplete_ids": sorted(i for i in instances if i not in predictions),
        "empty_patch_ids": sorted(empty),
        "submitted_ids": sorted(predictions),
        "resolved_ids": sorted(resolved),
        "unresolved_ids": sorted(unresolved),
        "infra_failure_ids": sorted(infra),
        "ambiguous_failure_ids": sorted(ambiguous),
        "failure_reasons": {i: known[i][0] for i in sorted(known)},
        "error_ids": sorted(errors),
        "schema_version": SCHEMA,
    }


def reason_of(log: str, resolved: bool | None) -> tuple[str, str] | None:
    """swebench's guess, which it makes for instances that are not resolved only."""
    return None if resolved else failure_reason(log)


def read_report(path: str | Path) -> dict[str, bool | None]:
    """Whether each instance of a report of swebench is resolved; None where it says that the run failed.

    Args:
        path: A summary (``MODEL.RUN.json``, of schema 1 or 2), an instance's ``report.json``, or a folder of these, as
            ``logs/run_evaluation/RUN/MODEL``.

    Raises:
        TaskError: It is something else.
    """
    path = Path(path)
    if path.is_dir():
        found: dict[str, bool | None] = {}
        for file in sorted(path.rglob("report.json")):
            found |= read_report(file)
        if not found:
            raise TaskError(f"{path}: no report.json below it.")
        return found
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise TaskError(f"{path}: {error}") from error
    if isinstance(held, dict) and isinstance(held.get("resolved_ids"), list):
        said: dict[str, bool | None] = {}
        kinds = (("unresolved_ids", False), ("empty_patch_ids", False), ("error_ids", None), ("resolved_ids", True))
        for name, value in kinds:
            ids = held.get(name, [])
            if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
                raise TaskError(f"{path}: {name}: expected a list of instance ids.")
            said |= dict.fromkeys(ids, value)
        return said
    if isinstance(held, dict) and held and all(isinstance(v, dict) and "resolved" in v for v in held.values()):
        return {str(key): bool(value["resolved"]) for key, value in held.items()}
    raise TaskError(f"{path}: neither a summary nor an instance's report of swebench.")
