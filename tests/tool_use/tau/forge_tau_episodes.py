"""Episodes that go wrong in every way an agent may: made from gold by seeded changes."""

import random
from collections.abc import Mapping
from typing import Any

from forge_envs.tool_use.tau.data import TauTask

ODD_VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -3,
    2.5,
    100.0,
    "",
    "1",
    "x",
    "#W0000000",
    [],
    ["x"],
    [1, None],
    [["a", 1]],
    {},
    {"a": 1},
    {"flight_number": "HAT001"},
    "###STOP###",
    "é\u202e\x00",
    10**30,
    1e308,
]
EXPRESSIONS = [
    "1 + 1", "(2.5 - 1) * 4 / 3", "1/0", "1//0", "2 ** 10", "2(3)", "()", "1 +", "", " 3", "-(-4)", "007", "1.5.2",
    "...", "(1", ")", "8 % 3", "import os", "(-8) ** .5", "0.1 + 0.2", "10 ** 400", "()()", "(1)(2)(3)", "2 ** -1",
    "1 / 3.", "1e5",
]  # fmt: skip


def episodes(task: TauTask, others: list[TauTask], rng: random.Random, count: int) -> list[list[dict[str, Any]]]:
    """Sequences of steps for one task: gold itself, nothing, and changed versions of gold."""
    gold = [{"name": action.name, "kwargs": dict(action.arguments)} for action in task.actions]
    made = [[*gold, _leave(task, True)], [_leave(task, False)]]
    while len(made) < count:
        steps = [dict(step) for step in gold]
        for _ in range(rng.randint(1, 3)):
            _change(steps, task, others, rng)
        if rng.random() < 0.9:
            steps.append(_leave(task, rng.random() < 0.8, rng))
        made.append(steps)
    return made[:count]


def _leave(task: TauTask, say_all: bool, rng: random.Random | None = None) -> dict[str, Any]:
    said = " and ".join(task.outputs) if say_all else "Done."
    reply = "###STOP###"
    if rng is not None:
        said = rng.choice([said, said.upper(), f"It is ${said}.", said[:-1], said.replace("1", "1,")])
        reply = rng.choice([reply] * 6 + ["Thanks! ###STOP###", "ok", "###TRANSFER###", ""])
    return {"name": "respond", "kwargs": {"content": said}, "user_reply": reply}


def _change(steps: list[dict[str, Any]], task: TauTask, others: list[TauTask], rng: random.Random) -> None:
    kind = rng.choice(
        "drop repeat swap other value value value value missing extra unknown read calc transfer say".split()
    )
    at = rng.randrange(len(steps) + 1)
    if kind in ("drop", "repeat", "swap", "value", "missing", "extra") and not steps:
        return
    pick = rng.randrange(len(steps)) if steps else 0
    if kind in ("value", "missing", "extra") and steps[pick]["name"] == "respond":
        return
    if kind == "drop":
        del steps[pick]
    elif kind == "repeat":
        steps.insert(at, dict(steps[pick]))
    elif kind == "swap":
        other = rng.randrange(len(steps))
        steps[pick], steps[other] = steps[other], steps[pick]
    elif kind == "other":
        actions = rng.choice(others).actions
        if actions:
            action = rng.choice(actions)
            steps.insert(at, {"name": action.name, "kwargs": dict(action.arguments)})
    elif kind == "value":
        steps[pick] = {**steps[pick], "kwargs": _odd(steps[pick]["kwargs"], rng)}
    elif kind == "missing":
        kept = dict(steps[pick]["kwargs"])
        for name in rng.sample(sorted(kept), min(len(kept), rng.randint(1, 3))):
            del kept[name]
        steps[pick] = {**steps[pick], "kwargs": kept}
    elif kind == "extra":
        name = rng.choice(["data", "self", "tool_name", "requestor", "extra", "reason", "content"])
        steps[pick] = {**steps[pick], "kwargs": {**steps[pick]["kwargs"], name: rng.choice(ODD_VALUES)}}
    elif kind == "unknown":
        steps.insert(at, {"name": rng.choice(["nope", "", "get_item_details", "think"]), "kwargs": {"thought": "x"}})
    elif kind == "read":
        steps.insert(at, _read(task, rng))
    elif kind == "calc":
        steps.insert(at, {"name": "calculate", "kwargs": {"expression": rng.choice(EXPRESSIONS)}})
    elif kind == "transfer":
        steps.insert(at, {"name": "transfer_to_human_agents", "kwargs": rng.choice([{"summary": "s"}, {}])})
    else:
        steps.insert(at, {"name": "respond", "kwargs": {"content": "One moment, 1,000."}, "user_reply": "ok"})


def _read(task: TauTask, rng: random.Random) -> dict[str, Any]:
    table = rng.choice(list(task.world.database))
    key = rng.choice([*list(task.world.database[table])[:20], "nobody"])
    singular = table.removesuffix("s")
    if table == "flights":
        places = ["JFK", "SEA", "LAX", "EWR", None]
        kwargs = {"origin": rng.choice(places), "destination": rng.choice(places), "date": rng.choice(_DAYS)}
        return {"name": rng.choice(["search_direct_flight", "search_onestop_flight"]), "kwargs": kwargs}
    return {"name": f"get_{singular}_details", "kwargs": {f"{singular}_id": key}}


_DAYS = ["2024-05-15", "2024-05-20", "2024-05-29", "x", None, 5]


def _odd(kwargs: Mapping[str, Any], rng: random.Random) -> dict[str, Any]:
    """The arguments with one value, at any depth, replaced."""
    changed = dict(kwargs)
    if not changed:
        return changed
    name = rng.choice(sorted(changed))
    changed[name] = _odd_value(changed[name], rng)
    return changed


def _odd_value(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.7:
        return _odd(value, rng)
    if isinstance(value, list) and value and rng.random() < 0.8:
        items = list(value)
        at = rng.randrange(len(items))
        kind = rng.choice(["odd", "drop", "repeat", "swap"])
        if kind == "odd":
            items[at] = _odd_value(items[at], rng)
        elif kind == "drop":
            del items[at]
        elif kind == "repeat":
            items.append(items[at])
        else:
            items.reverse()
        return items
    if isinstance(value, int) and not isinstance(value, bool) and rng.random() < 0.6:
        return rng.choice([float(value), str(value), value + 1, value + 0.5, -value])
    if isinstance(value, str) and rng.random() < 0.3:
        return rng.choice([value.lower(), value + " ", value.upper(), [value], value[1:]])
    return rng.choice(ODD_VALUES)
