"""Calls in Java or JavaScript source, as models write them in BFCL's prompting mode.

Upstream parses with tree-sitter (model_handler/parser/java_parser.py, js_parser.py). What reaches its checker is one
call with the source text of each named argument; this reader gives the same for calls, and refuses other programs.
"""

from collections.abc import Callable, Sequence
from typing import Any

from forge_envs.core.errors import ActionError
from forge_envs.tool_use.bfcl.source_tokens import (
    INFIX,
    MAX_DEPTH,
    NO_NAMES,
    PAIRS,
    Token,
    check_expression,
    closers_of,
    tokens_of,
)


def parse_java_call(source: str) -> Any:
    """The first call of a Java source as ``[{name: {parameter: source text}}]``.

    Raises:
        ActionError: It is not one call.
    """
    name, arguments = _only_call(source, java=True)
    if arguments is None:
        return {}
    texts = _byte_slices(source)
    return [{name: _named(arguments, lambda value: _java_value(value, texts, 0, top=True), texts)}]


def parse_javascript_call(source: str) -> Any:
    """The first call of a JavaScript source as ``[{name: {parameter: source text}}]``; None if it is another program.

    Raises:
        ActionError: It is no program.
    """
    name, arguments = _only_call(source, java=False)
    if arguments is None:
        return None

    def texts(start: int, end: int) -> str:
        return source[start:end]

    def value_of(value: Sequence[Token]) -> str:
        text = texts(value[0].start, value[-1].end)
        return text[1:-1] if any(text.startswith(mark) and text.endswith(mark) for mark in "\"'") else text

    return [{name: _named(arguments, value_of, texts, bare_true=True)}]


def _only_call(source: str, *, java: bool) -> tuple[str, list[list[Token]] | None]:
    """The name and the arguments of ``name(...)``; no arguments if the source is something else that parses."""
    tokens = tokens_of(source)
    close = closers_of(tokens)
    at = 0
    if not tokens:
        return "", None
    if tokens[0].kind != "word":
        raise ActionError("not a call")
    while at + 2 < len(tokens) and tokens[at + 1].text == "." and tokens[at + 2].kind == "word":
        at += 2
    rest = tokens[at + 1 :]
    if not rest or rest[0].text == ";":
        if java:
            raise ActionError("no statement")
        return "", None
    if not java and rest[0].text == "=":
        return "", None
    if rest[0].text != "(":
        raise ActionError("not a call")
    end = close[at + 1]
    tail = tokens[end + 1 :]
    operated = bool(tail) and tail[0].text in INFIX
    if not java and tail and (operated or tail[0].text == ","):
        return "", None
    if tail and tail[0].text != ";" and not operated:
        raise ActionError("more than a call")
    comma = not java and end > at + 2 and tokens[end - 1].text == ","  # JavaScript allows one at the end.
    arguments = _split(tokens[at + 2 : end - comma], close, at + 2, types=java)
    for argument in arguments:
        check_expression(argument, java)
    return source[tokens[0].start : tokens[at].end], arguments


def _split(tokens: Sequence[Token], close: dict[int, int], offset: int, *, types: bool = True) -> list[list[Token]]:
    """Token lists between the commas of the outermost level."""
    if not tokens:
        return []
    parts: list[list[Token]] = [[]]
    skip_to = -1
    for index, token in enumerate(tokens):
        if index > skip_to and token.text in PAIRS and index + offset in close:
            skip_to = close[index + offset] - offset
        if (
            types and index > skip_to and token.text == "new"
        ):  # The commas of a type, Map<String, Object>, part nothing.
            opening = (at for at in range(index, len(tokens)) if tokens[at].text in PAIRS)
            skip_to = next(opening, index + 1) - 1
        if token.text == "," and index > skip_to:
            parts.append([])
        else:
            parts[-1].append(token)
    if not all(parts):
        raise ActionError("an argument is missing")
    return parts


def _named(
    arguments: Sequence[Sequence[Token]],
    value_of: Callable[[Sequence[Token]], str],
    texts: Callable[[int, int], str],
    *,
    bare_true: bool = False,
) -> dict[str | None, str]:
    """``name=value`` arguments by name; a lone word has no name, other arguments are passed over."""
    found: dict[str | None, str] = {}
    for tokens in arguments:
        equals = next((i for i, token in enumerate(tokens) if token.text == "="), None)
        if equals == 0 or equals == len(tokens) - 1:
            raise ActionError("an argument is incomplete")
        if equals is not None:
            name: str | None = texts(tokens[0].start, tokens[equals - 1].end)
            value = value_of(tokens[equals + 1 :])
        elif len(tokens) == 3 and tokens[1].text == "." and tokens[2].text == "class" and not bare_true:
            name, value = None, texts(tokens[0].start, tokens[2].end)
        elif len(tokens) == 1 and tokens[0].kind == "word":
            if tokens[0].text in NO_NAMES and not (bare_true and tokens[0].text == "true"):
                continue
            name, value = None, texts(tokens[0].start, tokens[0].end)
        else:
            continue
        if name in found:
            raise ActionError(f"{name} is given twice")
        found[name] = value
    return found


def _java_value(tokens: Sequence[Token], texts: Callable[[int, int], str], depth: int, *, top: bool = False) -> str:
    """The text upstream makes of an expression: spaces between tokens go, except inside a call."""
    if depth > MAX_DEPTH:
        raise ActionError("nested too deep")
    whole = texts(tokens[0].start, tokens[-1].end)
    if top and len(tokens) == 1:
        return whole[1:-1] if tokens[0].kind == "text" else whole
    close = closers_of(tokens)
    made, index = "", 0
    while index < len(tokens):
        token = tokens[index]
        if token.text == "new" and token.kind == "word":
            text, after = _java_new(tokens, index, close, texts, depth)
            if after < len(tokens) and tokens[after].text == ".":
                return made + texts(token.start, tokens[-1].end)
            made, index = made + text, after
            continue
        last = _chain_end(tokens, index, close)
        if last is not None:
            made += texts(token.start, tokens[last].end)
            index = last + 1
            continue
        made += texts(token.start, token.end)
        index += 1
    return made


def _chain_end(tokens: Sequence[Token], index: int, close: dict[int, int]) -> int | None:
    """Where a method call that starts here ends, ``a.b(...).c(...)``; None if none starts here."""
    if tokens[index].kind != "word":
        return None
    last = None
    at = index
    while True:
        if at + 1 < len(tokens) and tokens[at + 1].text == "(":
            at = last = close[at + 1]
        if at + 2 < len(tokens) and tokens[at + 1].text == "." and tokens[at + 2].kind == "word":
            at += 2
            continue
        return last


def _java_new(
    tokens: Sequence[Token], index: int, close: dict[int, int], texts: Callable[[int, int], str], depth: int
) -> tuple[str, int]:
    """``new T[]{...}`` or ``new T(...)`` as upstream writes them: an anonymous body is dropped."""
    at = index + 1
    while at < len(tokens) and tokens[at].text not in ("(", "[", "{"):
        at += 1
    kind = "".join(texts(token.start, token.end) for token in tokens[index + 1 : at])
    if at >= len(tokens) or not kind:
        raise ActionError("an incomplete new")
    if tokens[at].text == "[":
        while at < len(tokens) and tokens[at].text == "[":
            at = close[at] + 1
        if at >= len(tokens) or tokens[at].text != "{":
            raise ActionError("an array without values")
        end = close[at]
        return f"new {kind}[]{_java_value(tokens[at : end + 1], texts, depth + 1)}", end + 1
    if tokens[at].text == "{":
        raise ActionError("an incomplete new")
    end = close[at]
    given = _split(tokens[at + 1 : end], close, at + 1)
    text = f"new {kind}({', '.join(_java_value(one, texts, depth + 1) for one in given)})"
    if end + 1 < len(tokens) and tokens[end + 1].text == "{":
        end = close[end + 1]
    return text, end + 1


def _byte_slices(source: str) -> Callable[[int, int], str]:
    """Upstream cuts text at the byte offsets of tree-sitter, which differ once a character is not ASCII."""
    if source.isascii():
        return lambda start, end: source[start:end]
    return lambda start, end: source[len(source[:start].encode()) : len(source[:end].encode())]
