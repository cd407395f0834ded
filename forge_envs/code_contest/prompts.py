"""What the agent reads: the task, and what came of a submission."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from forge_envs.code_contest.bounded import bounded
from forge_envs.code_contest.task import ContestTask
from forge_envs.code_contest.verdict import Judgement, TestResult
from forge_envs.core.messages import Message

Feedback = Literal["tests", "errors", "verdict"]
"""``tests``: failing public tests with input and output. ``errors``: messages of the compiler and of failing programs,
but nothing of a test (the paper's rule). ``verdict``: only how many public tests passed."""

SHOWN_TESTS = 3
"""Public tests in the prompt, and failing ones in a feedback."""
SHOWN_CHARS = 1500
"""Characters of one input, output or message."""

SYSTEM = (
    "You solve programming tasks. Think, then hand in a program. Tests that you can't see decide whether it is right, "
    "so it has to be correct and fast enough for every input that the task allows."
)
WHOLE = (
    "For each file that you change, write its name on a line of its own, and below it the whole new text in a code "
    "block. For example:\n\ngreeting.py\n```python\ndef greet():\n    return 'hello'\n```"
)
DIFF = (
    "For each change, write the file's name on a line of its own, and below it a code block with lines of the file "
    "that occur exactly once, and what replaces them. For example:\n\ngreeting.py\n```python\n<<<<<<< SEARCH\n"
    "    return 'hello'\n=======\n    return 'good morning'\n>>>>>>> REPLACE\n```"
)
TITLES = {
    "python": "Python 3",
    "cpp": "C++20",
    "c": "C",
    "java": "Java",
    "javascript": "JavaScript",
    "go": "Go",
    "rust": "Rust",
}
SAID = {
    "AC": "accepted",
    "WA": "wrong answer",
    "TLE": "time limit exceeded",
    "MLE": "memory limit exceeded",
    "RE": "runtime error",
    "OLE": "output limit exceeded",
    "CE": "compile error",
}


def opening(task: ContestTask) -> list[Message]:
    """The first messages: statement, limits, public tests, starter code and the form of an answer."""
    parts = [f"# {task.title}\n\n{task.statement}" if not task.statement.startswith("#") else task.statement]
    if task.project is not None:
        parts += [_files(task), DIFF if task.project.edit_format == "diff" else WHOLE]
    else:
        # What an interactor reads is no input of the program.
        examples = () if task.mode == "interactive" else task.public_tests[:SHOWN_TESTS]
        shown = [_example(test, number) for number, test in enumerate(examples, start=1)]
        parts += [_limits(task), *shown, *_starter(task), _answer_form(task)]
    user = "\n\n".join(part.strip("\n") for part in parts if part)
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": user}]


def told(task: ContestTask, judgement: Judgement, tests: Sequence[Mapping[str, Any]], feedback: Feedback) -> str:
    """What the agent reads of a submission that failed public tests. Nothing in it depends on how long a run took.

    Args:
        task: The task.
        judgement: Of the public tests.
        tests: Those tests.
        feedback: How much is said.
    """
    if judgement.verdict == "CE":
        said = "Compile error."
        return said if feedback == "verdict" else f"{said}\n\n{fenced(judgement.compile_output)}"
    passed = sum(result.verdict == "AC" for result in judgement.tests)
    parts = [f"Your program passes {passed} of {len(tests)} public tests."]
    failed = [i for i, result in enumerate(judgement.tests) if result.verdict != "AC"]
    for number in failed[:SHOWN_TESTS] if feedback != "verdict" else []:
        parts.append(_failure(task, number, tests[number], judgement.tests[number], whole=feedback == "tests"))
    if feedback != "verdict" and len(failed) > SHOWN_TESTS:
        parts.append(f"{len(failed) - SHOWN_TESTS} more public tests fail.")
    return "\n\n".join(parts)


def fenced(text: str | bytes) -> str:
    """Text in a code block that it can't close, bounded."""
    shown = bounded(text, SHOWN_CHARS).strip("\n")
    mark = "```"
    while mark in shown:
        mark += "`"
    return f"{mark}\n{shown}\n{mark}"


def _failure(task: ContestTask, number: int, test: Mapping[str, Any], result: TestResult, *, whole: bool) -> str:
    said = SAID[result.verdict]
    if result.verdict == "TLE":
        said += f" (more than {task.time_limit_s:g} s)"
    elif result.verdict == "MLE":
        said += f" (more than {task.memory_limit_mb} MiB)"
    elif result.reason not in ("", said) and (result.verdict == "RE" or whole):
        said += f" ({bounded(result.reason, 200)})"
    parts = [f"Public test {number + 1}: {said}."]
    if whole and task.mode == "interactive":
        parts.append(f"The interactor read:\n{fenced(test['stdin'])}")
    elif whole:
        parts += _shown_test(test)
        if result.verdict == "WA" and "check" not in test:
            parts.append(f"Your output:\n{fenced(result.stdout)}")
    if result.stderr.strip() and result.verdict in ("RE", "WA"):
        tail = result.stderr[-SHOWN_CHARS:]
        parts.append(f"Standard error:\n{fenced(tail)}")
    return "\n".join(parts)


def _shown_test(test: Mapping[str, Any]) -> list[str]:
    if "check" in test:
        return [fenced(test["check"])]
    if "args" in test:
        return [f"Arguments:\n{fenced(_values(test['args']))}", f"Expected:\n{fenced(repr(test['expected']))}"]
    return [f"Input:\n{fenced(test['stdin'])}", f"Expected:\n{fenced(test['expected'])}"]


def _values(args: Sequence[Any]) -> str:
    return ", ".join(map(repr, args))


def _example(test: Mapping[str, Any], number: int) -> str:
    return "\n".join([f"Example {number}", *_shown_test(test)])


def _limits(task: ContestTask) -> str:
    return f"Limits for each test: {task.time_limit_s:g} s of CPU time, {task.memory_limit_mb} MiB of memory."


def _starter(task: ContestTask) -> list[str]:
    starters = [(lang, code) for lang, code in task.starter.items() if lang in task.languages and code.strip()]
    return [f"Start from this:\n```{language}\n{code.rstrip()}\n```" for language, code in starters]


def _answer_form(task: ContestTask) -> str:
    titles = " or ".join(TITLES.get(language, language) for language in task.languages)
    what = {
        "function": f"Write the function `{task.fn_name}`",
        "interactive": "Write a program that talks over standard input and standard output",
    }.get(task.mode, "Write a program that reads standard input and writes standard output")
    fences = " or ".join(f"```{language}" for language in task.languages)
    return f"{what}, in {titles}. Give the whole program in one code block that starts with {fences}."


def _files(task: ContestTask) -> str:
    assert task.project is not None
    shown = []
    for path, text in task.project.files.items():
        if path in task.project.editable or len(text) <= 4 * SHOWN_CHARS:
            shown.append(f"{path}\n```{task.project.language}\n{text.rstrip()}\n```")
    rule = f"You may change {', '.join(task.project.editable)} and no other file. Keep the names that tests may use."
    return "\n\n".join(["These are the files.", *shown, rule])
