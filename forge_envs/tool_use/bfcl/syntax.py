"""Python source that a model wrote, as a syntax tree: parsed within bounds, never compiled, never run."""

import ast
import re

from forge_envs.core.errors import ActionError

MAX_CHARS = 100_000
MAX_DEPTH = 64
"""Levels of nesting that a call's arguments may have."""

_PREFIXES = re.compile(r"(?:[-+~]\s*|\bnot\b\s*|\blambda\b[^:]{0,20}:\s*|\bawait\b\s*|\*\*\s*){100}")


def parse_expression(source: str) -> ast.expr:
    """The syntax tree of one expression.

    Raises:
        ActionError: It is too long or nested too deep for any call.
        SyntaxError: It is not Python; the text of the error is CPython's.
    """
    if len(source) > MAX_CHARS:
        raise ActionError(f"a call of {len(source)} characters is too long; {MAX_CHARS} are allowed")
    # Chains of prefixes nest in the parser's own stack; brackets are bounded by CPython's tokenizer.
    if _PREFIXES.search(source):
        raise ActionError("too many operators in a row")
    try:
        tree = compile(source.lstrip(" \t"), "<string>", "eval", ast.PyCF_ONLY_AST, dont_inherit=True)
    except (MemoryError, RecursionError):
        raise ActionError("nested too deep") from None
    except ValueError as error:
        raise SyntaxError(str(error)) from None
    assert isinstance(tree, ast.Expression)
    return tree.body
