"""Finding the program in what a model wrote: fenced code blocks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from forge_envs.code_contest.task import Program
from forge_envs.core.errors import ActionError

FENCE_NAMES = {
    "py": "python",
    "python3": "python",
    "python": "python",
    "pypy": "pypy",
    "pypy3": "pypy",
    "c": "c",
    "c++": "cpp",
    "cc": "cpp",
    "cpp": "cpp",
    "cpp17": "cpp",
    "cpp20": "cpp",
    "java": "java",
    "js": "javascript",
    "javascript": "javascript",
    "node": "javascript",
    "go": "go",
    "golang": "go",
    "rs": "rust",
    "rust": "rust",
}
"""What follows the fence of a code block, to the language."""


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    Args:
        info: What follows the opening fence.
        body: The text between the fences.
        before: The last line of text before it that is not empty.
    """

    info: str
    body: str
    before: str

    @property
    def language(self) -> str | None:
        """The language of its fence: None where the fence names none, and the word itself where it is unknown."""
        word = self.info.split()[0].lower().rstrip(":") if self.info.split() else ""
        return FENCE_NAMES.get(word, word) or None


def code_blocks(text: str) -> Iterator[Block]:
    """Every closed fenced block, by CommonMark's rule: a fence closes with at least as many marks, and no words.

    Takes time linear in the text.
    """
    fence = info = before = ""
    body: list[str] = []
    for line in text.split("\n"):
        line = line.removesuffix("\r")
        bare = line.strip()
        if not fence:
            mark = bare[:3]
            if mark in ("```", "~~~") and mark[0] not in bare.lstrip(mark[0]):
                fence = bare[: len(bare) - len(bare.lstrip(mark[0]))]
                info, body = bare[len(fence) :].strip(), []
            elif bare:
                before = bare
        elif bare.startswith(fence) and not bare.strip(fence[0]):
            yield Block(info, "".join(f"{one}\n" for one in body), before)
            fence = before = ""
        else:
            body.append(line)


def find_program(text: str, languages: Sequence[str]) -> Program:
    """The last code block in one of the task's languages, or without a language.

    Args:
        text: The assistant's message.
        languages: Those of the task; a block without one is taken to be in the first.

    Raises:
        ActionError: There is none; the model reads the message.
    """
    blocks = list(code_blocks(text))
    for block in reversed(blocks):
        language = block.language or languages[0]
        if language in languages and block.body.strip():
            return Program(language, block.body)
    allowed = " or ".join(languages)
    known = [block.language for block in blocks if block.language in FENCE_NAMES.values()]
    if known:
        raise ActionError(f"the program is in {known[-1]}, and this task takes {allowed}")
    closed = "" if "```" not in text else " (a block has to be closed)"
    raise ActionError(f"there is no program in your reply: write it in one code block, ```{languages[0]}{closed}")


def check_language(language: str, languages: Sequence[str]) -> str:
    """The language that a tool call names, in our spelling; the first of the task where it names none.

    Raises:
        ActionError: The task does not take it.
    """
    word = language.strip().lower()
    found = FENCE_NAMES.get(word, word) or languages[0]
    if found not in languages:
        raise ActionError(f"the language {language[:40]!r} is not taken here; use {' or '.join(languages)}")
    return found
