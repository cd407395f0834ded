"""Test logs to statuses, and statuses to the lists of a report, with swebench's names, ids and verdicts.

The rules are those of swebench 5.0.2 (``swebench/harness/log_parsers`` and ``swebench/harness/grading.py``).
"""

from collections.abc import Callable

from forge_envs.core.errors import TaskError
from forge_envs.swe.logs import by_state, javascript
from forge_envs.swe.logs.by_line import TABLE, line_parser
from forge_envs.swe.logs.lists import TestLists, test_lists
from forge_envs.swe.logs.python import (
    STATUSES,
    Statuses,
    parse_django,
    parse_matplotlib,
    parse_pytest,
    parse_pytest_options,
    parse_pytest_v2,
    parse_seaborn,
    parse_sympy,
    reported,
)

__all__ = ["PARSERS", "STATUSES", "Parser", "Statuses", "TestLists", "parser_of", "reported", "test_lists"]

Parser = Callable[[str], Statuses]

_PYTEST = "pytest astroid flask marshmallow pvlib pyvista sqlfluff xarray"
PARSERS: dict[str, Parser] = {
    **{f"parse_log_{name}": parse_pytest for name in _PYTEST.split()},
    **{f"parse_log_{name}": parse_pytest_options for name in "pytest_options pydicom requests pylint".split()},
    **{f"parse_log_{name}": parse_pytest_v2 for name in "pytest_v2 astropy scikit sphinx".split()},
    "parse_log_django": parse_django,
    "parse_log_matplotlib": parse_matplotlib,
    "parse_log_seaborn": parse_seaborn,
    "parse_log_sympy": parse_sympy,
    **{name: line_parser(name) for name in TABLE},
    **javascript.PARSERS,
    "parse_log_cucumber": by_state.parse_cucumber,
    "parse_log_doctest": by_state.parse_doctest,
    "parse_log_googletest": by_state.parse_googletest,
    "parse_log_gradle_custom": by_state.parse_gradle,
    "parse_log_karma": by_state.parse_karma,
    "parse_log_maven": by_state.parse_maven,
    "parse_log_minitest": by_state.parse_minitest,
    "parse_log_phpunit": by_state.parse_phpunit,
    "parse_log_rspec_transformed_json": by_state.parse_rspec,
}
"""Log parsers by swebench's names."""

BY_NUMBER: dict[str, dict[str, str]] = {
    "parse_log_immutable_js": {"2005": "parse_log_jest_json", "2006": "parse_log_jest"},
    "parse_log_jekyll": {
        **dict.fromkeys(("8047", "8167", "9141"), "parse_log_minitest"),
        **dict.fromkeys(("8761", "8771"), "parse_log_cucumber"),
    },
}
"""Names that stand for another parser, by the number at the end of the instance id."""


BY_VERSION: dict[str, Callable[[str], Parser]] = {
    "parse_log_lighthouse": javascript.lighthouse_parser,
    "parse_log_next": javascript.next_parser,
}
"""Names that stand for another parser, by the task's version."""


def parser_of(name: str, instance_id: str = "", version: str = "") -> Parser:
    """The parser of that name.

    Args:
        name: swebench's.
        instance_id: Of the task; two repositories changed their runner between tasks.
        version: Of the task; two changed it between versions.

    Raises:
        TaskError: There is none.
    """
    if name in BY_VERSION:
        return BY_VERSION[name](version)
    number = instance_id.rpartition("-")[2]
    name = BY_NUMBER.get(name, {}).get(number, name)
    if name not in PARSERS:
        raise TaskError(
            f"log_parser: {name!r} is not supported; supported are {sorted([*PARSERS, *BY_NUMBER, *BY_VERSION])}."
        )
    return PARSERS[name]
