"""Text for bash."""


def quoted(text: str) -> str:
    """A text as one word on one line of bash, whatever its options are."""
    escapes = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "!": "\\x21"}
    plain = "".join(escapes.get(c) or (c if c.isprintable() or ord(c) > 127 else f"\\x{ord(c):02x}") for c in text)
    return f"$'{plain}'"
