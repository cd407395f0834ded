"""Java wants a file named after its public type, and the name of the class that has `main`: both are read off."""

import re
from dataclasses import dataclass

_IGNORED = re.compile(
    r'//[^\n]*|/\*.*?(?:\*/|\Z)|"""(?:\\.|.)*?(?:"""|\Z)|"(?:\\.|[^"\\\n])*"?|' r"'(?:\\.|[^'\\\n])*'?", re.DOTALL
)
"""Comments, text blocks, strings and characters, closed or not: a search that fails would begin again at each quote."""

_PARTS = re.compile(
    r"(?P<brace>[{}])"
    r"|(?P<main>\bvoid\s+main\s*\()"
    r"|\b(?P<public>public\s+)?(?:(?:abstract|final|sealed|strictfp|static)\s+){0,6}"
    r"(?:class|interface|enum|record)\s+(?P<name>\w+)"
)


LONGEST_NAME = 200
"""Bytes of a name that can be a file's."""


@dataclass
class _Type:
    name: str
    public: bool
    main: bool = False


def java_source(code: str) -> str:
    """The file that the source has to be in: that of its public type, else of the one with `main`, else `Main.java`."""
    types = _types(code)
    return f"{next((one.name for one in types if one.public), _runs(types))}.java"


def java_class(code: str) -> str:
    """The class that runs, with its package."""
    package = re.search(r"^[ \t]*package\s+([\w.]{1,1000})\s*;", _IGNORED.sub(" ", code), re.MULTILINE)
    name = _runs(_types(code))
    return f"{package[1]}.{name}" if package else name


def _runs(types: list[_Type]) -> str:
    """The type with `main`, a public one first; `Main` where there is none, for the error that it is."""
    starts = sorted((one for one in types if one.main), key=lambda one: not one.public)
    public = [one for one in types if one.public]
    return (starts or public or [_Type("Main", False)])[0].name


def _types(code: str) -> list[_Type]:
    """The types of the file that are in no other one, and whether `main` is directly in them."""
    types: list[_Type] = []
    depth = 0
    for part in _PARTS.finditer(_IGNORED.sub(" ", code)):
        if part["brace"]:
            depth += 1 if part["brace"] == "{" else -1
        elif part["main"]:
            if depth == 1 and types:
                types[-1].main = True
        elif depth == 0:
            name = part["name"] if len(part["name"].encode(errors="surrogatepass")) <= LONGEST_NAME else "Main"
            types.append(_Type(name, bool(part["public"])))
    return types
