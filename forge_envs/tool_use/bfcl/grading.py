"""Grading outputs against entries, one at a time, and the scores of many."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from forge_envs.core.errors import ActionError, TaskError
from forge_envs.tool_use.bfcl.ast_check import accepts_name, check_calls, is_call_list
from forge_envs.tool_use.bfcl.categories import CATEGORIES, category_of, is_multi_turn, is_relevance, overall
from forge_envs.tool_use.bfcl.data import Entry, load_category, load_long_context, uses_long_context
from forge_envs.tool_use.bfcl.decode import decode, decode_sources
from forge_envs.tool_use.bfcl.multi_turn import check_turns
from forge_envs.tool_use.bfcl.rules import VALID, Result, Rules, rules_of


class Grader:
    """Grades lines of outputs; reads each category of the data once, when a line first needs it.

    Args:
        data: The folder with upstream's ``BFCL_v4_*.json`` files.
        compat: ``strict`` (the default), ``upstream``, or `Rules`.

    Raises:
        ConfigError: No such compat.
    """

    def __init__(self, data: str | Path, *, compat: str | Rules = "strict"):
        self.data, self.rules = Path(data), rules_of(compat)
        self._entries: dict[str, dict[str, Entry]] = {}

    def entry(self, entry_id: str, category: str | None = None) -> Entry:
        """The entry of that id.

        Raises:
            TaskError: There is none.
        """
        # A name that v3 had for a category (simple, java) tells less than the id does.
        named = category if category in CATEGORIES else category_of(entry_id)
        if named not in self._entries:
            self._entries[named] = {entry.id: entry for entry in load_category(self.data, named)}
        if entry_id not in self._entries[named]:
            raise TaskError(f"id: {entry_id!r} is not in {self.data}/BFCL_v4_{named}.json.")
        return self._entries[named][entry_id]

    def grade(self, line: Mapping[str, Any]) -> Result:
        """Grade one output.

        Args:
            line: ``id``, perhaps ``category``, and one of: ``model_output`` (decoded calls), ``raw_output`` with
                ``mode`` (without it, a text is a prompted reply and a list is function calls), or, for multi-turn
                entries, ``model_turns`` (call strings by turn and step). ``underscore_to_dot`` says if function names
                have underscores for dots, as upstream's flag of a model does; without it they have not, except in
                mode ``fc``, where both are taken.

        Raises:
            TaskError: The line lacks what it needs, or there is no such entry.
        """
        if not isinstance(line.get("id"), str):
            raise TaskError("id: a line names its entry.")
        entry = self.entry(line["id"], line.get("category"))
        if is_multi_turn(entry.category):
            extra = load_long_context(self.data) if uses_long_context(entry.id) else None
            return check_turns(entry.row, entry.gold, self._turns(line), rules=self.rules, extra=extra)
        fault, calls = self._calls(line, entry.category)
        dots = "either" if "raw_output" in line and _mode(line, line["raw_output"]) == "fc" else "keep"
        if "underscore_to_dot" in line:
            dots = "underscore" if line["underscore_to_dot"] else "keep"
        return grade_calls(entry, calls, rules=self.rules, dots=dots, fault=fault)

    def _calls(self, line: Mapping[str, Any], category: str) -> tuple[str | None, Any]:
        if "model_output" in line:
            return None, line["model_output"]
        if "raw_output" not in line:
            raise TaskError("model_output: a line has decoded calls there, or raw_output and mode.")
        raw = line["raw_output"]
        try:
            return None, decode(raw, _mode(line, raw), category, self.rules)
        except ActionError as error:
            return str(error), None

    def _turns(self, line: Mapping[str, Any]) -> Any:
        if "model_turns" in line:
            return line["model_turns"]
        if "raw_output" not in line:
            raise TaskError("model_turns: a line of a multi-turn entry has its calls there, or raw_output and mode.")
        raw = line["raw_output"]
        if not isinstance(raw, list) or not all(isinstance(steps, list) for steps in raw):
            return raw
        decoded = ([decode_sources(step, _mode(line, step), self.rules) for step in steps] for steps in raw)
        return [[calls for calls in steps if calls] for steps in decoded]


def grade_calls(entry: Entry, calls: Any, *, rules: Rules, dots: str = "keep", fault: str | None = None) -> Result:
    """Grade the decoded calls of a single-turn entry.

    Args:
        entry: The entry.
        calls: The decoded output.
        rules: The rules.
        dots: See `forge_envs.tool_use.bfcl.ast_check.check_calls`.
        fault: Why the output could not be decoded; None if it could.
    """
    docs = entry.row["function"]
    if is_relevance(entry.category):
        called = fault is None and is_call_list(calls) and bool(calls)
        if "irrelevance" in entry.category:
            return VALID if not called else Result(False, "irrelevance_error:decoder_success", "a call was made")
        if not called:
            return Result(False, "relevance_error:decoder_failed", fault or "no call was made")
        if rules.any_call_is_relevant or all(_fits_a_doc(call, docs, dots) for call in calls):
            return VALID
        return Result(False, "relevance_error:no_such_call", "a call fits none of the functions")
    if fault is not None:
        return Result(False, "ast_decoder:decoder_failed", fault)
    if not is_call_list(calls):
        return Result(False, "ast_decoder:decoder_wrong_output_format", "no list of {name: {parameter: value}}")
    return check_calls(docs, calls, entry.gold, category=entry.category, rules=rules, dots=dots)


def scores(results: Iterable[tuple[str, bool]]) -> tuple[dict[str, tuple[int, int]], dict[str, float]]:
    """Right and all by category, and the v3 scores.

    Args:
        results: (category, valid) of every graded output.

    Returns:
        Category to (right, graded), and what `forge_envs.tool_use.bfcl.categories.overall` makes of it.
    """
    table: dict[str, tuple[int, int]] = {}
    for category, valid in results:
        right, graded = table.get(category, (0, 0))
        table[category] = (right + valid, graded + 1)
    accuracy = {category: right / graded for category, (right, graded) in table.items()}
    return table, overall(accuracy, {category: graded for category, (_, graded) in table.items()})


def _mode(line: Mapping[str, Any], raw: Any) -> str:
    return line.get("mode") or ("prompt" if isinstance(raw, str) else "fc")


def _fits_a_doc(call: Mapping[str, Mapping[str, Any]], docs: Iterable[Mapping[str, Any]], dots: str) -> bool:
    name, given = next(iter(call.items()))
    schemas = (doc["parameters"] for doc in docs if accepts_name(doc, name, dots))
    return any(set(s["required"]) <= given.keys() and given.keys() <= s["properties"].keys() for s in schemas)
