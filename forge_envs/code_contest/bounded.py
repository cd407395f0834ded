"""Text of a program for a prompt: cut to a length, and it says so."""


def bounded(text: str | bytes, limit: int) -> str:
    """At most `limit` characters: the start and the end, with what was left out told between them.

    Args:
        text: Output of a program or a compiler, or a test's input; bytes are read as UTF-8.
        limit: Characters that are kept, at least 20.
    """
    shown = text.decode(errors="replace") if isinstance(text, bytes) else text
    if len(shown) <= limit:
        return shown
    head, tail = limit * 2 // 3, limit - limit * 2 // 3
    return f"{shown[:head]}\n[… {len(shown) - limit} characters left out …]\n{shown[-tail:]}"
