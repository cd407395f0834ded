"""The multi-turn checkers: gold, silence, state, responses, and what model and gold may not share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forge_envs.tool_use.bfcl.categories import MULTI_TURN
from forge_envs.tool_use.bfcl.data import Entry, load_long_context, uses_long_context
from forge_envs.tool_use.bfcl.multi_turn import check_turns
from forge_envs.tool_use.bfcl.rules import STRICT, UPSTREAM, Rules

Turns = list[list[list[str]]]


def gold_turns(entry: Entry) -> Turns:
    return [[list(calls)] if calls else [] for calls in entry.gold]


@pytest.mark.parametrize("category", MULTI_TURN)
def test_gold_succeeds_and_doing_nothing_fails(
    category: str, data: Path, entries: Callable[[str], list[Entry]]
) -> None:
    for entry in entries(category):
        extra = load_long_context(data) if uses_long_context(entry.id) else None
        for rules in (UPSTREAM, STRICT):
            assert check_turns(entry.row, entry.gold, gold_turns(entry), rules=rules, extra=extra).valid, entry.id
            nothing = check_turns(entry.row, entry.gold, [[] for _ in entry.gold], rules=rules, extra=extra)
            assert nothing.error_type == "multi_turn:empty_turn_model_response"


FILES = {
    "id": "multi_turn_base_0",
    "involved_classes": ["GorillaFileSystem", "TwitterAPI"],
    "initial_config": {
        "GorillaFileSystem": {
            "root": {"w": {"type": "directory", "contents": {"a.txt": {"type": "file", "content": "one"}}}}
        },
        "TwitterAPI": {"authenticated": True},
    },
}
GOLD = [["cat('a.txt')", "touch('b')"], [], ["ls()"]]


def _verdict(turns: Any, rules: Rules = STRICT, gold: list[list[str]] | None = None) -> str | None:
    return check_turns(FILES, GOLD if gold is None else gold, turns, rules=rules).error_type


@pytest.mark.parametrize(
    ("turns", "error"),
    [
        ([[["cat('a.txt')"], ["touch('b')"]], [], [["ls()"]]], None),
        ([[["touch(file_name='b')", "cat(file_name='a.txt')"]], [], [["ls(a=False)"]]], None),
        ([[["ls()", "no_such()", "cat('a.txt')", "touch('b')", "cd('x')"]], [], [["pwd()"], ["ls()"]]], None),
        ([[["cat('a.txt')", "touch('b')", "ls()"]], [], [["pwd()"]]], None),
        ([[["touch('b')"]], [], [["ls()"]]], "multi_turn:execution_response_mismatch"),
        ([[["cat('a.txt')"]], [], [["ls()"]]], "multi_turn:instance_state_mismatch"),
        ([[["cat('a.txt')", "touch('b')"]], [], []], "multi_turn:empty_turn_model_response"),
        ([[["cat('a.txt')", "touch('b')"]], [], [[]]], "multi_turn:empty_turn_model_response"),
        # Two steps without calls are not empty in upstream's eyes.
        ([[["cat('a.txt')", "touch('b')"]], [], [[], []]], "multi_turn:execution_response_mismatch"),
        ([[["cat('a.txt')", "touch('b')"]], [["ls()", "cat('a.txt')"]], [["ls()"]]], None),
        ([[["cat('a.txt')", "touch('b')"]], []], "multi_turn:force_terminated"),
        ("nothing", "multi_turn:inference_error"),
        ([["cat('a.txt')"], [], []], "multi_turn:inference_error"),
    ],
)
def test_verdicts(turns: Any, error: str | None) -> None:
    assert _verdict(turns) == error
    assert _verdict(turns, UPSTREAM) == error


def test_each_answer_of_gold_is_needed_as_often() -> None:
    gold = [["pwd()", "pwd()"]]
    assert _verdict([[["pwd()"]]], gold=gold) == "multi_turn:execution_response_mismatch"
    assert _verdict([[["pwd()"], ["pwd()"]]], gold=gold) is None


def test_a_change_in_a_silent_turn() -> None:
    write = [[["cat('a.txt')", "touch('b')"]], [["touch('c')", "rm('c')", "mkdir('d')"]], [["rmdir('d')", "ls()"]]]
    assert _verdict(write, UPSTREAM) is None
    assert _verdict(write) == "multi_turn:silent_turn_state_mismatch"


def test_what_looks_like_a_call_in_a_text() -> None:
    gold, model = [["echo(content='see (x)')"]], [[["echo(content='see(x)')"]]]
    assert _verdict(model, UPSTREAM, gold) is None
    assert _verdict(model, STRICT, gold) == "multi_turn:execution_response_mismatch"
    # Upstream writes the name of an internal object into both texts, and the names differ.
    same = [["echo(content='call find(x)')"]]
    assert _verdict([same], UPSTREAM, same) == "multi_turn:execution_response_mismatch"
    assert _verdict([same], STRICT, same) is None


def test_what_upstream_shares_between_model_and_gold(data: Path) -> None:
    gold = [["post_tweet(content='x')"], ["mention(tweet_id=0, mentioned_usernames=['@a'])"]]
    wrong = [[gold[0]], [["mention(tweet_id=0, mentioned_usernames=['@b'])"]]]
    assert _verdict(wrong, UPSTREAM, gold) is None
    assert _verdict(wrong, STRICT, gold) == "multi_turn:instance_state_mismatch"
    row = {
        "id": "multi_turn_long_context_0",
        "involved_classes": ["TravelAPI"],
        "initial_config": {"TravelAPI": {"access_token": "t", "token_expires_in": 2}},
    }
    cancel = "cancel_booking('t', 'booking_901')"
    spend = "purchase_insurance('t', 'x', 'booking_902', 100, '1234567812345678')"
    extra = load_long_context(data)
    for rules, error in ((UPSTREAM, None), (STRICT, "multi_turn:instance_state_mismatch")):
        found = check_turns(row, [[cancel]], [[[cancel, spend]]], rules=rules, extra=extra)
        assert found.error_type == error
    before = dict(extra["CREDIT_CARD_EXTENSION"]["1234567812345678"])
    assert check_turns(row, [[cancel]], [[[cancel]]], rules=UPSTREAM, extra=extra).valid
    assert extra["CREDIT_CARD_EXTENSION"]["1234567812345678"] == before
