"""Outputs made from gold by breaking it in one or two places; for the comparison with upstream. Not a test."""

import copy
import random
from typing import Any

from forge_envs.tool_use.bfcl.categories import language_of
from forge_envs.tool_use.bfcl.data import Entry
from forge_envs.tool_use.bfcl.gold import value_source

Rng = random.Random
PUNCTUATION = [" ", ",", ".", "/", "-", "_", "*", "^", "'", '"', "\t", "\n", "!", "(", ")", "&", "é", "ß", "İ"]
ODD_VALUES: list[Any] = [
    "",
    [],
    {},
    None,
    True,
    False,
    0,
    1,
    -1,
    1.0,
    10**400,
    "x",
    "True",
    "None",
    ["x"],
    [[]],
    [1, "a"],
]
ODD_SOURCES = [
    "5", "-5", "5L", "5l", "1.5", "1.5f", "2e3F", "true", "false", "null", "True", "'c'", '"s"', "5n", "x",
    "new int[]{1, 2}", 'new String[]{"a", "b"}', "new ArrayList<>()", "new ArrayList<Integer>(Arrays.asList(1, 2))",
    'new ArrayList<String>() {{ add("a"); add("b"); }}', 'new HashMap<String, Object>() {{ put("k", 1); }}',
    "new HashMap<>()", "[]", "[1, 2]", "['a', \"b\"]", "[[1, 2], [3]]", "{}", "{a: 1}", "{'k': 'v', \"n\": [1, 2]}",
    "new Array(1, 2)", "{a: {b: 1}}", " 5", "5 ", "1_0", "",
]  # fmt: skip


def any_gold_calls(entry: Entry, rng: Rng) -> list[dict[str, Any]]:
    """Calls that the entry's ground truth accepts: any acceptable value of each parameter."""
    made = []
    for gold in entry.gold:
        (name, answers), *_ = gold.items()
        given = {}
        for parameter, acceptable in answers.items():
            kept = [value for value in acceptable if value != ""]
            if not kept or ("" in acceptable and rng.random() < 0.4):
                continue
            value = rng.choice(kept)
            given[parameter] = _concrete(value, rng)
        made.append({name: given})
    language = language_of(entry.category)
    if language != "python":
        docs = {doc["name"]: doc["parameters"]["properties"] for doc in entry.row["function"]}
        made = [
            {n: {p: value_source(v, docs[n][p], language) for p, v in a.items()} for n, a in c.items()} for c in made
        ]
    return made


def _concrete(value: Any, rng: Rng) -> Any:
    """A value of nested answers: objects list the acceptable values of each key."""
    if isinstance(value, list):
        return [_concrete(item, rng) if isinstance(item, dict) else copy.deepcopy(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for key, acceptable in value.items():
        kept = [one for one in acceptable if one != ""] if isinstance(acceptable, list) else [acceptable]
        if kept:
            made[key] = copy.deepcopy(rng.choice(kept))
    return made


def break_text(text: str, rng: Rng) -> str:
    """A text with another case, another punctuation, or a typo."""
    at = rng.randrange(len(text) + 1)
    return rng.choice(
        [
            text.upper(),
            text.lower(),
            text.title(),
            text[:at] + rng.choice(PUNCTUATION) + text[at:],
            text.replace(" ", ""),
            text.replace(" ", "_"),
            text.replace("'", '"'),
            text[:-1],
            text + rng.choice("abcXYZ1"),
            f" {text} ",
            text.replace(",", ""),
            text.replace("-", "/"),
        ]
    )


def break_value(value: Any, rng: Rng, depth: int = 0) -> Any:
    """Another value, near or far."""
    if rng.random() < 0.25 or depth > 3:
        return copy.deepcopy(rng.choice(ODD_VALUES))
    if isinstance(value, bool):
        return rng.choice([not value, int(value), str(value), str(value).lower(), float(value)])
    if isinstance(value, int | float):
        changes: list[Any] = [
            value + 1,
            -value,
            float(value) if abs(value) < 1e300 else 0.0,
            str(value),
            [value],
            value == 1,
        ]
        return rng.choice([*changes, int(value) if value == value and abs(value) < 1e300 else 1])
    if isinstance(value, str):
        return rng.choice([break_text(value, rng), break_text(value, rng), [value], {"value": value}])
    if isinstance(value, list):
        made = copy.deepcopy(value)
        action = rng.randrange(6)
        if action == 0:
            made.reverse()
        elif action == 1 and made:
            del made[rng.randrange(len(made))]
        elif action == 2:
            made.append(copy.deepcopy(rng.choice([*made, *ODD_VALUES])))
        elif action == 3:
            return tuple(made)
        elif made:
            at = rng.randrange(len(made))
            made[at] = break_value(made[at], rng, depth + 1)
        return made
    if isinstance(value, dict):
        made = copy.deepcopy(value)
        action = rng.randrange(4)
        if action == 0 and made:
            del made[rng.choice(list(made))]
        elif action == 1:
            made["extra_key"] = rng.choice(ODD_VALUES)
        elif made:
            key = rng.choice(list(made))
            made[key] = break_value(made[key], rng, depth + 1)
        return made
    return rng.choice(ODD_VALUES)


def break_calls(entry: Entry, calls: list[dict[str, Any]], rng: Rng) -> Any:
    """The calls with one fault: in their number, order, names, parameters or values, or of another shape."""
    made = copy.deepcopy(calls)
    action = rng.randrange(12)
    if action == 0:
        return rng.choice(
            [[], {}, "text", None, [[]], [{}], made + made[:1], made[:-1], made[::-1], made[0] if made else 5]
        )
    if action == 1:
        rng.shuffle(made)
        return made
    if not entry.row["function"]:
        return [{"no_such": {}}]
    if not made:
        doc = rng.choice(entry.row["function"])
        return [{doc["name"]: {p: rng.choice(ODD_VALUES) for p in doc["parameters"]["properties"]}}]
    at = rng.randrange(len(made))
    (name, given), *_ = made[at].items()
    doc = next((doc for doc in entry.row["function"] if doc["name"] == name), entry.row["function"][0])
    if action == 2:
        other = rng.choice([name.upper(), name.replace(".", "_"), "no_such", rng.choice(entry.row["function"])["name"]])
        made[at] = {other: given}
    elif action == 3 and given:
        del given[rng.choice(list(given))]
    elif action == 4:
        given[rng.choice(["extra", *doc["parameters"]["properties"]])] = rng.choice(ODD_VALUES)
    elif action == 5:
        made[at] = rng.choice([{name: given, "b": {}}, {name: [given]}, {name: "x"}, name])
    elif given:
        parameter = rng.choice(list(given))
        if language_of(entry.category) == "python":
            given[parameter] = break_value(given[parameter], rng)
        else:
            values = [
                rng.choice(ODD_SOURCES),
                break_text(str(given[parameter]), rng),
                break_value(given[parameter], rng),
            ]
            given[parameter] = rng.choice(values)
    return made


def raw_text(calls: Any, rng: Rng) -> str:
    """Calls as a model in prompting mode writes them, with the habits and faults that models have."""

    def one(call: Any) -> str:
        if not isinstance(call, dict) or len(call) != 1 or not isinstance(next(iter(call.values())), dict):
            return repr(call)
        (name, given), *_ = call.items()
        parts = []
        for parameter, value in given.items():
            text = repr(value)
            odd = [f"+{text}", f"not {text}", f"({text})", f"{text} + 1", f"{parameter}(x={text})", f"g({text})",
                   "true", "null", "a.b", f"a[{text}]", f"-{text}", "...", f"{{{text}}}", f"2 * {text}", "lambda: 1",
                   f"**{text}", "f'{1}'"]  # fmt: skip
            text = rng.choice([text] * 8 + odd)
            parts.append(
                rng.choice(
                    [f"{parameter}={text}"] * 9 + [text, f"{parameter} = {text}", f"**{{'{parameter}': {text}}}"]
                )
            )
        return f"{name}({rng.choice([', ', ',']).join(parts)})"

    items = [one(call) for call in calls] if isinstance(calls, list) else [one(calls)]
    text = ", ".join(items)
    wrap = rng.randrange(12)
    forms = {0: text, 1: f"```\n[{text}]\n```", 2: f"[{text}", 3: f"{text}]", 4: f"'[{text}]'", 5: f" [{text}] \n",
             6: f"Sure! [{text}]", 7: f"[{text}, ]", 8: f"({text})"}  # fmt: skip
    return forms.get(wrap, f"[{text}]")
