"""What can go wrong."""


class TemplateError(Exception):
    """A template can't be rendered."""


class TemplateSyntaxError(TemplateError):
    """A template can't be read; says where."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


class TemplateMissing(TemplateError):
    """There is no template of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no template {name!r}")
        self.name = name
