"""What the agent reads first, and gold as an agent would write it."""

from forge_envs.core.messages import Message, assistant, tool_call
from forge_envs.swe.bash_block import block
from forge_envs.swe.shell import SENTINELS, SHOWN_CHARS
from forge_envs.swe.task import SWETask
from forge_envs.swe.workspace import TESTBED

SUBMIT = f"echo {SENTINELS[0]} && git add -A && git diff --cached"

SYSTEM = f"""You solve issues of software projects by running commands in a bash shell.

Each of your replies has a line that begins with THOUGHT: and says what you want to do and why, and after it exactly \
one block with exactly one command, or several joined by && or ||:

{block("I want to see what is here.", "ls -la")}

A reply in another form is refused. Each command runs in a new shell in {TESTBED}: a change of folder or of a variable \
does not last, what is written to files does. Its output and its return code come back to you."""


NATIVE_SYSTEM = f"""You solve issues of software projects with tools: a bash shell, a file editor, and submit.

Each of your replies calls at least one tool; before the calls, say what you want to do and why. The shell lasts: the \
folder, variables, functions and background jobs are kept from one command to the next. The repository is in \
{TESTBED}. A reply without a call is refused."""

_TASK = f"""Solve this issue of the repository in {TESTBED}:

<issue>
@ISSUE@
</issue>

Change the source code so that the issue is solved for every case that it describes, and nothing else breaks. Hidden \
tests decide. Do not change tests or configuration files; such changes are undone before the tests run.

What helps: read the code that matters, write a small script that shows the problem, change the code, run the script \
and the tests of that part again, think of unusual cases.

- A command is stopped after @SECONDS@ seconds, and there is no network. What waits for keys doesn't work.
- Of outputs longer than {SHOWN_CHARS} characters you see the beginning and the end.
"""

_BASH_BLOCK = f"""- To change a part of a file, replace text that occurs exactly once in it:

  edit_via_str_replace FILE -- "$old" "$new"

  Set old and new before it in the same block, each with old=$(cat <<'EOF' … EOF). It exits with 0 if the text was \
replaced, 2 if it was not found, 3 if it occurs more than once, and 1 for anything else.
- When the work is done, hand it in with this command and nothing else in the block; after it nothing can be changed:

  {SUBMIT}"""

_NATIVE = """- A command that is stopped, or that ends the shell, ends all that was running in it; the next one has a \
new shell.
- When the work is done, call submit; after it nothing can be changed."""


def opening(task: SWETask, timeout_s: float) -> list[Message]:
    """The first messages: the rules, and the issue. Nothing else of the row is in them."""
    return _opening(SYSTEM, _BASH_BLOCK, task, timeout_s)


def native_opening(task: SWETask, timeout_s: float) -> list[Message]:
    """As `opening`, for tool calls."""
    return _opening(NATIVE_SYSTEM, _NATIVE, task, timeout_s)


def _opening(system: str, how: str, task: SWETask, timeout_s: float) -> list[Message]:
    rules = _TASK.replace("@SECONDS@", f"{timeout_s:g}")
    text = rules.replace("@ISSUE@", task.problem_statement.strip()) + how
    return [{"role": "system", "content": system}, {"role": "user", "content": text}]


def gold_messages(task: SWETask) -> list[Message]:
    """Apply the gold patch, then submit."""
    return [assistant(block("This repairs it.", _apply(task))), assistant(block("The work is done.", SUBMIT))]


def native_gold(task: SWETask) -> list[Message]:
    """As `gold_messages`, with tool calls."""
    apply = tool_call("bash", {"command": _apply(task)}, "gold_1")
    return [assistant("", [apply]), assistant("", [tool_call("submit", {}, "gold_2")])]


def _apply(task: SWETask) -> str:
    """A command that applies the gold patch."""
    mark = "END_OF_PATCH"
    while mark in task.patch:
        mark += "_"
    patch = task.patch if task.patch.endswith("\n") else task.patch + "\n"
    return f"git -C {TESTBED} apply --whitespace=nowarn <<'{mark}'\n{patch}{mark}"
