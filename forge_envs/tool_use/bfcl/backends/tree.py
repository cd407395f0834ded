"""Files and directories of the file system backend."""

from collections.abc import Iterator

MAX_NODES = 100_000
"""Entries that one command may visit: copies of directories share their children, so a tree can be made huge."""


class File:
    """A file: equal to another of the same name and content."""

    def __init__(self, name: str, content: str = ""):
        self.name, self.content = name, content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, File) and (self.name, self.content) == (other.name, other.content)

    __hash__ = None  # type: ignore[assignment]

    def _write(self, content: str) -> None:
        self.content = content


class Directory:
    """A directory: equal to another of the same name and equal contents, whatever their order and parents."""

    def __init__(self, name: str, parent: "Directory | None" = None):
        self.name, self.parent = name, parent
        self.contents: dict[str, File | Directory] = {}

    def __eq__(self, other: object) -> bool:
        # Pair by pair, each pair once: a directory may hold one child many times, or itself.
        pairs, seen = [(self, other)], set()
        while pairs:
            one, two = pairs.pop()
            if (id(one), id(two)) in seen:
                continue
            seen.add((id(one), id(two)))
            if not isinstance(two, Directory) or one.name != two.name or one.contents.keys() != two.contents.keys():
                return False
            for name, child in one.contents.items():
                if isinstance(child, Directory):
                    pairs.append((child, two.contents[name]))
                elif child != two.contents[name]:
                    return False
        return True

    __hash__ = None  # type: ignore[assignment]

    def get(self, name: str) -> "File | Directory | None":
        """The entry of that name; a single dot is the directory itself."""
        return self if name == "." else self.contents.get(name)

    def add_file(self, name: str, content: str = "") -> None:
        """Add a file; upstream's words if the name is taken."""
        if name in self.contents:
            raise ValueError(f"File '{name}' already exists in directory '{self.name}'.")
        self.contents[name] = File(name, content)

    def add_directory(self, name: str) -> "Directory":
        """Add an empty directory; upstream's words if the name is taken."""
        if name in self.contents:
            raise ValueError(f"Directory '{name}' already exists in directory '{self.name}'.")
        made = self.contents[name] = Directory(name, self)
        return made

    def walk(self, path: str) -> Iterator[tuple[str, str, "File | Directory"]]:
        """Every entry below, depth first: its path, its name, itself."""
        stack = [(path, iter(self.contents.items()))]
        visited = 0
        while stack:
            base, entries = stack[-1]
            name, item = next(entries, (None, None))
            if name is None or item is None:
                stack.pop()
                continue
            visited += 1
            if visited > MAX_NODES or len(stack) > 500:
                raise RecursionError("maximum recursion depth exceeded")
            yield f"{base}/{name}", name, item
            if isinstance(item, Directory):
                stack.append((f"{base}/{name}", iter(item.contents.items())))
