"""Comparing one value with its acceptable answers (upstream: eval_checker/ast_eval/ast_checker.py)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from forge_envs.tool_use.bfcl.rules import VALID, Result, Rules, shown

MARKER = ""
"""In a list of acceptable answers: the parameter (or the key) may be left out."""

_LOST = str.maketrans({**dict.fromkeys(" ,./-_*^", None), "'": '"'})
_SIGNED = re.compile(r"(?<=\d)\.(?=\d)|\A\s*-(?=\d)")
_KEPT = {".": "\ue000", "-": "\ue001"}


def normal(text: str, rules: Rules) -> str:
    """A text as comparison sees it: without spaces and , . / - _ * ^, in lower case, with ' as \"."""
    if not rules.numbers_lose_signs:
        text = _SIGNED.sub(lambda sign: _KEPT[sign[0].strip()], text)
    return text.translate(_LOST).lower()


def same(value: Any, answer: Any, rules: Rules) -> bool:
    """Equality of values; with strict rules a boolean equals booleans only, at any depth."""
    if rules.numbers_are_booleans:
        return bool(value == answer)
    if isinstance(value, bool) or isinstance(answer, bool):
        return value is answer
    if isinstance(value, list | tuple) and isinstance(answer, list | tuple):
        return len(value) == len(answer) and all(same(v, a, rules) for v, a in zip(value, answer, strict=True))
    if isinstance(value, dict) and isinstance(answer, dict):
        return value.keys() == answer.keys() and all(same(v, answer[k], rules) for k, v in value.items())
    return bool(value == answer)


def check_text(value: str, answers: Sequence[Any], rules: Rules) -> Result:
    """A text equals one of the texts among its answers, after normalisation."""
    found = normal(value, rules)
    if any(found == normal(answer, rules) for answer in answers if type(answer) is str):
        return VALID
    return Result(False, "value_error:string", f"{shown(value)} is none of {answers}")


def check_list(value: Sequence[Any], answers: Sequence[Any], rules: Rules) -> Result:
    """A list equals one of its answers in order; texts in it are normalised, one level deep."""
    found = _plain(value, rules)
    # Upstream iterates over the marker "" as if it were an empty list: iterating here does the same.
    if any(same(found, _plain(answer, rules), rules) for answer in answers):
        return VALID
    return Result(False, "value_error:list/tuple", f"{shown(value)} is none of {answers}")


def check_dict(value: Mapping[Any, Any], answers: Sequence[Any], rules: Rules) -> Result:
    """An object fits one of its answers, each of which lists the acceptable values of every key."""
    result = Result(False, "dict_checker:unclear", "no answer to compare with")
    for answer in answers:
        if answer != MARKER:
            result = _fits(value, answer, rules)
            if result.valid:
                break
    return result


def check_dicts(value: Sequence[Any], answers: Sequence[Any], rules: Rules) -> Result:
    """A list of objects fits one of its answers, object by object in order."""
    result = Result(False, "list_dict_checker:unclear", "no answer to compare with")
    for answer in answers:
        if len(value) != len(answer):
            result = Result(False, "value_error:list_dict_count", f"{len(value)} objects, not {len(answer)}")
            continue
        for one, acceptable in zip(value, answer, strict=True):
            if not isinstance(one, dict):
                return Result(False, "upstream_raises:AttributeError", f"{shown(one)} is no object")
            result = check_dict(one, [acceptable], rules)
            if not result.valid:
                break
        else:
            return VALID
    return result


def _fits(value: Mapping[Any, Any], answer: Mapping[str, Any], rules: Rules) -> Result:
    fault: Result | None = None
    for key, item in value.items():
        if key not in answer:
            fault = Result(False, "value_error:dict_key", f"unexpected key {key!r}")
            break
        acceptable = answer[key] if rules.marker_is_a_value else [a for a in answer[key] if a != MARKER]
        found = _normal_item(item, rules)
        if not any(same(found, _normal_item(one, rules), rules) for one in acceptable):
            fault = Result(False, "value_error:dict_value", f"{shown(item)} of key {key!r} is none of {acceptable}")
            break
    for key, acceptable in answer.items():
        # Looked at even after another fault, whose name this one replaces: upstream reports the last.
        if key not in value and MARKER not in acceptable:
            return Result(False, "value_error:dict_key", f"missing key {key!r}")
    return fault or VALID


def _plain(items: Sequence[Any], rules: Rules) -> list[Any]:
    return [_normal_item(item, rules) for item in items]


def _normal_item(item: Any, rules: Rules) -> Any:
    return normal(item, rules) if type(item) is str else item
