"""Reading BFCL's files: every category, the docs, the long-context material, the score."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forge_envs import TaskError
from forge_envs.tool_use.bfcl.backend import DOC_FILES, backend_class, make_backends, tool_names
from forge_envs.tool_use.bfcl.categories import CATEGORIES, LIVE, MULTI_TURN, NON_LIVE, category_of, overall
from forge_envs.tool_use.bfcl.data import Entry, available, load_category, load_docs, load_long_context

Entries = Callable[[str], list[Entry]]


def test_every_category_is_there_and_whole(data: Path, entries: Entries) -> None:
    counts = json.loads((data / "counts.json").read_text())
    assert available(data) == list(CATEGORIES) and len(CATEGORIES) == 17
    for category in CATEGORIES:
        found = entries(category)
        assert len(found) == counts[category]["shared_even"]
        assert {category_of(entry.id) for entry in found} == {category}
        assert all((entry.gold is not None) is counts[category]["has_possible_answer"] for entry in found)


def test_a_multi_turn_entry_offers_its_docs_without_the_withheld(entries: Entries) -> None:
    for entry in entries("multi_turn_miss_func"):
        later = [doc["name"] for docs in entry.row["missed_function"].values() for doc in docs]
        offered = [doc["name"] for doc in entry.row["function"]]
        tools = [name for kind in entry.row["involved_classes"] for name in tool_names(kind)]
        assert later and not set(later) & set(offered)
        assert sorted([*later, *offered]) == sorted(tools)
        for turn in entry.row["missed_function"]:
            assert entry.row["question"][int(turn)] == []


@pytest.mark.parametrize("kind", sorted(DOC_FILES))
def test_the_tools_of_a_backend_are_those_of_its_docs(data: Path, kind: str) -> None:
    docs = load_docs(data / "multi_turn_func_doc" / DOC_FILES[kind])
    assert sorted(tool_names(kind)) == sorted(doc["name"] for doc in docs)
    backend = make_backends([kind], {}, None)[kind]
    for doc in docs:
        code = getattr(backend, doc["name"]).__func__.__code__
        named = code.co_varnames[1 : code.co_argcount]
        required = named[: len(named) - len(getattr(backend, doc["name"]).__func__.__defaults__ or ())]
        assert set(named) == set(doc["parameters"]["properties"])
        assert set(required) == set(doc["parameters"]["required"])
    assert backend_class(kind).__name__ == kind  # Python's own error texts name the class.


def test_long_context_is_read_from_upstreams_source_too(data: Path, tmp_path: Path) -> None:
    converted = load_long_context(data)
    assert converted["WATCH_LIST_EXTENSION"][-1] is ...
    package = tmp_path / "package"
    (package / "data").mkdir(parents=True)
    source = package / "eval_checker/multi_turn_eval/func_source_code/long_context.py"
    source.parent.mkdir(parents=True)
    source.write_text("".join(f"{name} = {value!r}\n".replace("Ellipsis", "...") for name, value in converted.items()))
    assert load_long_context(package / "data") == converted
    with pytest.raises(TaskError, match="long-context entries need one of them"):
        load_long_context(tmp_path)


def _copied(data: Path, to: Path, category: str) -> Path:
    (to / "possible_answer").mkdir(parents=True)
    shutil.copy(data / f"BFCL_v4_{category}.json", to)
    shutil.copy(data / "possible_answer" / f"BFCL_v4_{category}.json", to / "possible_answer")
    return to


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda to: (to / "BFCL_v4_parallel.json").unlink(), "no such file; give the folder"),
        (lambda to: (to / "BFCL_v4_parallel.json").write_text("{"), r"BFCL_v4_parallel.json:1: not JSON"),
        (lambda to: (to / "BFCL_v4_parallel.json").write_text("[]\n"), "not a JSON object"),
        (lambda to: (to / "possible_answer/BFCL_v4_parallel.json").unlink(), "No such file"),
        (lambda to: (to / "possible_answer/BFCL_v4_parallel.json").write_text("{}\n"), "1 answers for 100 entries"),
    ],
)
def test_a_wrong_folder_is_named(data: Path, tmp_path: Path, change: Callable[[Path], Any], message: str) -> None:
    folder = _copied(data, tmp_path / "data", "parallel")
    assert available(folder) == ["parallel"] and len(load_category(folder, "parallel")) == 100
    change(folder)
    with pytest.raises(TaskError, match=message):
        load_category(folder, "parallel")
    with pytest.raises(TaskError, match="Unknown BFCL category 'nothing'"):
        load_category(folder, "nothing")


def test_the_overall_score_is_that_of_v3() -> None:
    accuracy = dict.fromkeys(CATEGORIES, 0.5) | {"simple_python": 1.0, "live_simple": 1.0, "multi_turn_base": 0.0}
    count = dict.fromkeys(CATEGORIES, 10) | {"live_simple": 50}
    scores = overall(accuracy, count)
    assert scores["non_live"] == pytest.approx(((1.0 + 0.5 + 0.5) / 3 + 0.5 * 4) / 5)
    assert scores["live"] == pytest.approx((50 * 1.0 + 50 * 0.5) / 100)
    assert scores["multi_turn"] == pytest.approx(0.375)
    assert scores["overall"] == pytest.approx((scores["non_live"] + scores["live"] + scores["multi_turn"]) / 3)
    some = {name: 1.0 for name in [*NON_LIVE, *LIVE]}
    assert overall(some, count) == {"non_live": 1.0, "live": 1.0}
    assert set(overall({name: 1.0 for name in MULTI_TURN}, {})) == {"multi_turn"}
