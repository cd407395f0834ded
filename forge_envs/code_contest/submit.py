"""The tool `submit`, and the gold message of a task."""

from forge_envs.code_contest.answers import check_language
from forge_envs.code_contest.project.edits import check_files
from forge_envs.code_contest.task import ContestTask, Program, Project
from forge_envs.core.errors import ActionError, TaskError, ToolError
from forge_envs.core.messages import Message, assistant
from forge_envs.core.tools import tool


class SubmitProgram:
    """Takes one program. `program` is what was handed in last.

    Args:
        languages: Those of the task.
    """

    def __init__(self, languages: tuple[str, ...]):
        self.program: Program | None = None
        self._languages = languages

    @tool
    def submit(self, code: str, language: str = "") -> str:
        """Hand in a program.

        Args:
            code: The whole program.
            language: One of the task's languages; empty means the first.
        """
        try:
            chosen = check_language(language, self._languages)
        except ActionError as error:
            raise ToolError(str(error)) from error
        if not code.strip():
            raise ToolError("the program is empty")
        self.program = Program(chosen, code)
        return "Handed in."


class SubmitFiles:
    """Takes whole files of a project. `program` is what was handed in last.

    Args:
        project: The exercise.
        files: Its editable files as they are.
    """

    def __init__(self, project: Project, files: dict[str, str]):
        self.program: Program | None = None
        self._project, self._files = project, files

    @tool
    def submit(self, files: dict[str, str]) -> str:
        """Hand in files and run the tests.

        Args:
            files: Path of each changed file to its whole text.
        """
        try:
            changed = check_files(files, self._project.editable)
        except ActionError as error:
            raise ToolError(str(error)) from error
        self._files = {**self._files, **changed}
        self.program = Program(self._project.language, files=self._files)
        return "Handed in."


def gold_message(task: ContestTask) -> Message:
    """The first solution, in the form that the prompt asks for.

    Raises:
        TaskError: The task has no solution.
    """
    if not task.solutions:
        raise TaskError(f"Task {task.id!r} has no solution, so it has no gold turn.")
    return program_message(task, task.solutions[0])


def program_message(task: ContestTask, program: Program) -> Message:
    """A program as an assistant message, in the form that the prompt asks for."""
    if task.project is None:
        return assistant(f"{_fence(program.code, program.language)}")
    return assistant("\n\n".join(f"{p}\n{_fence(t, task.project.language)}" for p, t in program.files.items()))


def _fence(text: str, language: str) -> str:
    mark = "```"
    while mark in text:
        mark += "`"
    return f"{mark}{language}\n{text.rstrip(chr(10))}\n{mark}"
