"""Agreement with upstream's own checkers on thousands of generated outputs.

Needs a Python that has bfcl-eval, named by the environment variable FORGE_BFCL_PYTHON:

    python -m venv oracle && oracle/bin/pip install --no-deps bfcl-eval mpmath==1.3.0
    oracle/bin/pip install tree_sitter==0.21.3 tree-sitter-java==0.21.0 tree-sitter-javascript==0.21.4  # optional
"""

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from forge_dialogues import break_turns, random_calls
from forge_mutations import any_gold_calls, break_calls, raw_text
from forge_oracle import VARIABLE, ask, multi_question, oracle_python, single_question

from forge_envs.tool_use.bfcl.ast_check import is_call_list
from forge_envs.tool_use.bfcl.backend import DOC_FILES, make_backends
from forge_envs.tool_use.bfcl.categories import LIVE, MULTI_TURN, NON_LIVE
from forge_envs.tool_use.bfcl.data import Entry, load_category, load_docs, load_long_context, uses_long_context
from forge_envs.tool_use.bfcl.evaluator import execute
from forge_envs.tool_use.bfcl.grading import Grader

pytestmark = pytest.mark.skipif(oracle_python() is None, reason=f"{VARIABLE} names no Python that has bfcl-eval")
ROUNDS = int(os.environ.get("FORGE_BFCL_ROUNDS", "1"))
"""More rounds make more outputs; one makes about 5,000 lines in ten seconds."""


def _agree(line: dict[str, Any], entry: Entry, upstream: dict[str, Any], grader: Grader) -> None:
    result = grader.grade(line)
    if "raised" in upstream:  # Upstream's checker fails on some outputs; here they are wrong.
        assert not result.valid, (line, upstream)
        return
    if entry.category in ("simple_java", "simple_javascript") and line.get("mode") == "prompt" and not result.valid:
        # The readers of source differ on some broken programs (docs/bfcl.md): such an output is wrong either way.
        assert upstream["valid"] is False, line
        return
    assert (result.valid, result.error_type) == (upstream["valid"], upstream["error_type"]), (
        json.dumps(line)[:1000],
        json.dumps(entry.gold)[:500],
        result,
    )


def _line(entry: Entry, rng: random.Random, *, source: bool) -> dict[str, Any] | None:
    calls: Any = any_gold_calls(entry, rng) if entry.gold else []
    for _ in range(rng.choice([0, 1, 1, 1, 2])):
        if is_call_list(calls):
            calls = break_calls(entry, calls, rng)
    form, java = rng.random(), entry.category in ("simple_java", "simple_javascript")
    try:
        if form < 0.6:
            return {"id": entry.id, "model_output": json.loads(json.dumps(calls))}
        if form < 0.9 and not java:
            return {"id": entry.id, "raw_output": raw_text(calls, rng), "mode": "prompt"}
        if form < 0.9 and source:
            return {"id": entry.id, "raw_output": _source_text(calls, rng), "mode": "prompt"}
        written = [{name: json.dumps(given) for name, given in call.items()} for call in calls]
        return {"id": entry.id, "raw_output": written, "mode": "fc", "underscore_to_dot": False}
    except (TypeError, AttributeError):
        return None


def _source_text(calls: Any, rng: random.Random) -> str:
    def one(name: str, given: dict[str, Any]) -> str:
        return f"{name}({', '.join(f'{key}={rng.choice([value, json.dumps(value)])}' for key, value in given.items())})"

    return f"[{', '.join(one(name, given) for call in calls for name, given in call.items())}]"


def test_single_turn(data: Path) -> None:
    rng, grader = random.Random(5), Grader(data, compat="upstream")
    source = ask([{"kind": "about"}])[0]["source"]
    lines = []
    for _ in range(ROUNDS):
        for category in (*NON_LIVE, *LIVE):
            for entry in load_category(data, category):
                for _ in range(6 if "live" not in category and "irrelevance" not in category else 1):
                    line = _line(entry, rng, source=source)
                    if line is not None:
                        lines.append((entry, line))
    answers = ask([single_question(entry, line) for entry, line in lines])
    for (entry, line), upstream in zip(lines, answers, strict=True):
        _agree(line, entry, upstream, grader)
    kinds = {upstream.get("error_type") for upstream in answers}
    assert len(lines) > 4000 and len(kinds) > 12


def test_multi_turn(data: Path) -> None:
    rng, grader = random.Random(6), Grader(data, compat="upstream")
    lines = []
    for category in MULTI_TURN:
        for entry in load_category(data, category):
            lines += [(entry, {"id": entry.id, "model_turns": break_turns(entry, rng)}) for _ in range(2 * ROUNDS)]
    answers = ask([multi_question(entry, line) for entry, line in lines])
    for (entry, line), upstream in zip(lines, answers, strict=True):
        _agree(line, entry, upstream, grader)
    assert len({upstream.get("error_type") for upstream in answers}) == 5


def test_every_answer_of_every_backend(data: Path) -> None:
    rng = random.Random(7)
    questions = []
    for category in MULTI_TURN:
        for entry in load_category(data, category):
            folder = data / "multi_turn_func_doc"
            docs = [doc for kind in entry.row["involved_classes"] for doc in load_docs(folder / DOC_FILES[kind])]
            for _ in range(ROUNDS):
                questions.append(
                    {
                        "kind": "execute",
                        "id": entry.id,
                        "calls": [call for call in random_calls(entry, docs, rng, 12) if "precision" not in call],
                        "config": entry.row["initial_config"],
                        "classes": entry.row["involved_classes"],
                        "long": uses_long_context(entry.id),
                    }
                )
    for question, upstream in zip(questions, ask(questions), strict=True):
        extra = load_long_context(data) if question["long"] else None
        backends = make_backends(question["classes"], question["config"], extra)
        for call, recorded in zip(question["calls"], upstream["results"], strict=True):
            if "Must be one of {" in recorded or "Invalid fields for update" in recorded:
                continue  # Upstream prints a set there, in an order that changes from process to process.
            assert execute(call, backends, owner="model") == recorded, (question["id"], call)
            if "mention" in call:
                break  # From here on upstream's tweets share a list of mentions.
