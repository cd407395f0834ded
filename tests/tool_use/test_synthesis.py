"""The bundled tool-use suites are what the generator writes, and every task keeps its promises."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from forge_envs.core.errors import TaskError, ToolError
from forge_envs.core.tools import Toolset
from forge_envs.tool_use.domain import load_domain
from forge_envs.tool_use.synthesis import SUITES, Suite, Template, build_rows
from forge_envs.tool_use.synthesis.desk import Desk, Draft
from forge_envs.tool_use.synthesis.entities import Source, Split, in_split

Row = dict[str, Any]
TASKS = Path(__file__).parents[2] / "tasks"
SPLITS = ("train", "heldout")
BOTH = [(domain, split) for domain in SUITES for split in SPLITS]


def read(domain: str, split: str) -> list[Row]:
    lines = (TASKS / "tool_use" / domain / f"{split}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


ROWS: dict[tuple[str, str], list[Row]] = {key: read(*key) for key in BOTH}


def said(row: Row) -> list[str]:
    return [turn["say"] for turn in row["gold"] if "say" in turn]


def calls(row: Row) -> list[dict[str, Any]]:
    return [call for turn in row["gold"] for call in turn.get("calls", [])]


def test_another_seed_gives_other_tasks() -> None:
    rows = build_rows(SUITES["library"], "heldout", seed=1)
    assert not {row["instruction"] for row in rows} & {row["instruction"] for row in ROWS["library", "heldout"]}


def test_the_command_writes_the_committed_files(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "forge_envs.tool_use.synthesis", "--out", str(tmp_path)]
    # The hash seed of this process must not matter, so the other one gets a fixed one.
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run(command, check=True, timeout=300, capture_output=True, cwd=TASKS.parent, env=environment)
    written = {path.relative_to(tmp_path): path for path in tmp_path.glob("*/*")}
    assert len(written) == 3 * len(SUITES)
    for name, path in written.items():
        assert path.read_bytes() == (TASKS / "tool_use" / name).read_bytes(), f"{name} is not what the generator writes"


@pytest.mark.parametrize(("domain", "split"), BOTH)
def test_rows_obey_the_schema(domain: str, split: str) -> None:
    schema = json.loads((TASKS / "schemas" / "tool_use.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for row in ROWS[domain, split]:
        validator.validate(row)
    assert not validator.is_valid({**ROWS[domain, split][0], "extra": 1})


@pytest.mark.parametrize(("domain", "split"), BOTH)
def test_gold_replays(domain: str, split: str) -> None:
    domain_class = load_domain(domain)
    for row in ROWS[domain, split]:
        backend = domain_class(deepcopy(row["state"]))
        tools, errors = Toolset.of(backend), 0
        for call in calls(row):
            try:
                tools.call(call["name"], call["arguments"])
            except ToolError:
                errors += 1
        assert errors == row["template"].endswith("_after_error"), row["id"]
        earned_by_nothing = backend.state == row["state"] and not row["outputs"]
        assert row["noop_reward"] == float(earned_by_nothing), row["id"]
        assert json.loads(json.dumps(backend.state)) == backend.state


@pytest.mark.parametrize(("domain", "split"), BOTH)
def test_outputs_are_said_by_gold_and_by_nobody_else(domain: str, split: str) -> None:
    for row in ROWS[domain, split]:
        heard = [row["instruction"], *(reply["say"] for reply in row["user"])]
        for output in row["outputs"]:
            assert any(output.lower() in text.replace(",", "").lower() for text in said(row)), row["id"]
            assert not any(output.lower() in text.replace(",", "").lower() for text in heard), row["id"]
            assert len(output) >= 3


@pytest.mark.parametrize(("domain", "split"), BOTH)
def test_the_scripted_dialogue_works(domain: str, split: str) -> None:
    for row in ROWS[domain, split]:
        *questions, last = said(row)
        assert "say" in row["gold"][-1]
        assert len(questions) == len(row["user"]), row["id"]
        for position, question in enumerate(questions):
            answering = [
                i for i, reply in enumerate(row["user"]) if any(w.lower() in question.lower() for w in reply["when"])
            ]
            # The reply that belongs to the question is the first one that matches it among those not used yet.
            assert [i for i in answering if i >= position][:1] == [position], row["id"]
        assert last.endswith(".")


@pytest.mark.parametrize(("domain", "split"), BOTH)
def test_rows_are_small_and_unlike(domain: str, split: str) -> None:
    rows = ROWS[domain, split]
    assert len({row["id"] for row in rows}) == len({json.dumps(row["state"]) for row in rows}) == len(rows)
    for row in rows:
        assert len(row["instruction"].split()) <= 35
        assert len(json.dumps(row["state"])) <= 3000
        turns = len(row["gold"])
        assert 2 <= turns <= 6, row["id"]
        if row["difficulty"] < 3:
            assert (1 if row["difficulty"] == 1 else 3) <= len(calls(row)) <= 2 * row["difficulty"]
            assert not row["user"]


@pytest.mark.parametrize("domain", SUITES)
def test_counts(domain: str) -> None:
    for split, size in (("train", 1500), ("heldout", 100)):
        rows = ROWS[domain, split]
        assert len(rows) == size
        levels = Counter(row["difficulty"] for row in rows)
        assert [levels[level] / size for level in (1, 2, 3)] == [0.4, 0.4, 0.2]
        assert sum(row["noop_reward"] for row in rows) == 0.04 * size
        planned = {t.name: t.train if split == "train" else t.heldout for t in SUITES[domain].templates}
        assert Counter(row["template"] for row in rows) == Counter(planned)
    seen = {row["template"] for row in ROWS[domain, "train"]}
    new = [row for row in ROWS[domain, "heldout"] if row["template"] not in seen]
    assert 15 <= len(new) <= 20
    assert 10 <= len(seen) <= 14


@pytest.mark.parametrize("domain", SUITES)
def test_new_templates_use_only_known_tools(domain: str) -> None:
    trained = {call["name"] for row in ROWS[domain, "train"] for call in calls(row)}
    assert {call["name"] for row in ROWS[domain, "heldout"] for call in calls(row)} <= trained
    assert trained == set(Toolset.of(load_domain(domain)({})))


def entities(rows: list[Row]) -> dict[str, set[str]]:
    """Everything that names something, by kind, from the state and from what gold makes."""
    found: dict[str, set[str]] = {kind: set() for kind in ("first", "last", "title", "street", "email", "id", "number")}
    for row in rows:
        state, text = row["state"], json.dumps(row)
        found["id"] |= set(re.findall(r"\b[A-Z]\d{4}\b", text))
        found["email"] |= set(re.findall(r"[\w.]+@[\w.]+\w", text))
        people = [*state.get("members", {}).values(), *state.get("customers", {}).values()]
        found["first"] |= {person["name"].split()[0] for person in people}
        found["last"] |= {person["name"].split()[1] for person in people}
        found["number"] |= {person.get("card") or person["phone"] for person in people}
        found["title"] |= {book["title"] for book in state.get("books", {}).values()}
        found["number"] |= {book["shelf"] for book in state.get("books", {}).values()}
        parcels = state.get("parcels", {}).values()
        found["number"] |= {parcel["code"] for parcel in parcels}
        found["street"] |= {parcel["address"].split(maxsplit=1)[1] for parcel in parcels}
        found["street"] |= {depot["street"] for depot in state.get("depots", {}).values()}
        for call in calls(row):
            if call["name"] == "redirect_parcel":
                found["street"].add(call["arguments"]["address"].split(maxsplit=1)[1])
            if call["name"] == "update_phone":
                found["number"].add(call["arguments"]["phone"])
    return found


def test_splits_share_no_entity() -> None:
    train = entities([row for domain in SUITES for row in ROWS[domain, "train"]])
    heldout = entities([row for domain in SUITES for row in ROWS[domain, "heldout"]])
    for kind, values in train.items():
        assert values and heldout[kind]
        assert not values & heldout[kind], kind


@pytest.mark.parametrize("split", SPLITS)
def test_ids_hold_every_digit_everywhere(split: Split) -> None:
    ids = entities([row for domain in SUITES for row in ROWS[domain, split]])["id"]
    assert all(in_split(found, split) for found in ids)
    for place in range(4):
        # Ids start with 1 at the lowest.
        assert {found[1 + place] for found in ids} == set("123456789" if place == 0 else "0123456789")


def test_a_template_that_breaks_a_rule_is_refused() -> None:
    def says_too_much(source: Source, _: int) -> Draft:
        desk = Desk(load_domain("courier"), {"customers": {"C1001": {"name": "Ada Bell", "phone": "604118"}}})
        desk.say("It is 604118.")
        return desk.draft("My phone is 604118.", ["604118"])

    with pytest.raises(TaskError, match="outputs: the user says them"):
        build_rows(Suite("courier", "Broken.", (Template(says_too_much, 1, 1, 0),)), "train")


def test_a_call_that_was_meant_to_fail_must_fail() -> None:
    desk = Desk(load_domain("courier"), {"customers": {"C1001": {"name": "Ada Bell", "phone": "604118"}}})
    with pytest.raises(ValueError, match="meant to refuse"):
        desk.refused("find_customer", phone="604118")
