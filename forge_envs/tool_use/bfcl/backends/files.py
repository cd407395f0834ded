"""A small file system with one level of navigation at a time (upstream class: GorillaFileSystem)."""

from collections.abc import Mapping
from typing import Any

from forge_envs.tool_use.bfcl.backends.tree import Directory, File

_FORBIDDEN = '|/\\?%*:"><'


class GorillaFileSystem:
    """The tools of the file system; `root` is its public state.

    Args:
        config: ``{"root": {name: node}}``, of which the first entry counts; without it the root is empty and named /.
        extra: Upstream's long-context texts, for entries that use them: files grow a tail, leaf directories 30 files.
    """

    def __init__(self, config: Mapping[str, Any], extra: Mapping[str, Any] | None = None):
        self.long_context = extra is not None
        self.root = Directory("/")
        for name, node in list(config.get("root", {}).items())[:1]:
            self.root = _load(Directory(name), node["contents"], extra)
        self._cwd = self.root

    def pwd(self) -> dict[str, Any]:
        names: list[str] = []
        place: Directory | None = self._cwd
        while place is not None:
            names.insert(0, place.name)
            place = place.parent
        return {"current_working_directory": "/" + "/".join(names)}

    def ls(self, a: bool = False) -> dict[str, Any]:
        names = list(self._cwd.contents)
        return {"current_directory_content": names if a else [n for n in names if not n.startswith(".")]}

    def cd(self, folder: str) -> dict[str, Any]:
        folder = folder.rstrip("/") or "/"
        if folder == "..":
            if self._cwd.parent is None:
                return {"error": "Current directory is already the root. Cannot go back."}
            self._cwd = self._cwd.parent
            return {}
        if folder != "/" and "/" in folder:
            return {
                "error": f"cd: {folder}: Unsupported path. Only one folder level at a time is supported.",
            }
        target = self._resolve(folder)
        if target is None:
            return {"error": f"cd: '{folder}': No such file or directory"}
        self._cwd = target
        return {"current_working_directory": target.name}

    def mkdir(self, dir_name: str) -> dict[str, Any] | None:
        prefix = f"mkdir: cannot create directory '{dir_name}': "
        if _invalid(dir_name):
            return {"error": prefix + "Invalid character"}
        if dir_name in self._cwd.contents:
            return {"error": prefix + "File exists"}
        self._cwd.add_directory(dir_name)
        return None

    def touch(self, file_name: str) -> dict[str, Any] | None:
        prefix = f"touch: cannot touch '{file_name}': "
        if _invalid(file_name):
            return {"error": prefix + "Invalid character"}
        if file_name in self._cwd.contents:
            return {"error": prefix + "File exists"}
        self._cwd.add_file(file_name)
        return None

    def echo(self, content: str, file_name: str | None = None) -> dict[str, Any] | None:
        if file_name is None:
            return {"terminal_output": content}
        prefix = f"echo: cannot write to '{file_name}': "
        if _invalid(file_name):
            return {"error": prefix + "Invalid character"}
        if not file_name:
            return {"terminal_output": content}
        if file_name not in self._cwd.contents:
            return {"error": prefix + "No such file"}
        self._cwd.get(file_name)._write(content)  # type: ignore[union-attr]  # of a directory: the error upstream gives
        return None

    def cat(self, file_name: str) -> dict[str, Any]:
        prefix = f"cat: '{file_name}': "
        if _invalid(file_name):
            return {"error": prefix + "Invalid character"}
        if file_name not in self._cwd.contents:
            return {"error": prefix + "No such file or directory"}
        item = self._cwd.get(file_name)
        return {"file_content": item.content} if isinstance(item, File) else {"error": prefix + "Is a directory"}

    def find(self, path: str = ".", name: str | None = None) -> dict[str, Any]:
        target = self._resolve(path)
        if target is None:
            return {"error": f"find: '{path}': No such file or directory"}
        found = target.walk(path.rstrip("/"))
        return {"matches": [where for where, entry, _ in found if name is None or name in entry]}

    def wc(self, file_name: str, mode: str = "l") -> dict[str, Any]:
        if mode not in ["l", "w", "c"]:
            return {"error": f"wc: invalid mode '{mode}'"}
        content = self._content(file_name)
        if content is None:
            return {"error": f"wc: {file_name}: No such file or directory"}
        if mode == "l":
            return {"count": len(content.splitlines()), "type": "lines"}
        if mode == "w":
            return {"count": len(content.split()), "type": "words"}
        return {"count": len(content), "type": "characters"}

    def sort(self, file_name: str) -> dict[str, Any]:
        content = self._content(file_name)
        if content is None:
            return {"error": f"sort: {file_name}: No such file or directory"}
        return {"sorted_content": "\n".join(sorted(content.splitlines()))}

    def grep(self, file_name: str, pattern: str) -> dict[str, Any]:
        content = self._content(file_name)
        if content is None:
            return {"error": f"grep: {file_name}: No such file or directory"}
        return {"matching_lines": [line for line in content.splitlines() if pattern in line]}

    def du(self, human_readable: bool = False) -> dict[str, Any]:
        files = (item for _, _, item in self._cwd.walk("") if isinstance(item, File))
        size: float = sum(len(file.content.encode("utf-8")) for file in files)
        if not human_readable:
            return {"disk_usage": f"{size} bytes"}
        units = ["B", "KB", "MB", "GB", "TB", "PB"]
        while size >= 1024 and len(units) > 1:
            size, units = size / 1024, units[1:]
        return {"disk_usage": f"{size:.2f} {units[0]}"}

    def tail(self, file_name: str, lines: int = 10) -> dict[str, Any]:
        content = self._content(file_name)
        if content is None:
            return {"error": f"tail: {file_name}: No such file or directory"}
        every = content.splitlines()
        count = len(every) if lines > len(every) else lines
        return {"last_lines": "\n".join(every[-count:])}

    def diff(self, file_name1: str, file_name2: str) -> dict[str, Any]:
        one, two = self._content(file_name1), None
        # The second name is looked at only if the first exists, as upstream does: it may be of any type.
        if file_name1 in self._cwd.contents:
            two = self._content(file_name2)
        if one is None or two is None:
            return {"error": f"diff: {file_name1} or {file_name2}: No such file or directory"}
        pairs = zip(one.splitlines(), two.splitlines(), strict=False)
        return {"diff_lines": "\n".join(f"- {a}\n+ {b}" for a, b in pairs if a != b)}

    def mv(self, source: str, destination: str) -> dict[str, Any]:
        return self._place("mv", "move", "moved", source, destination)

    def cp(self, source: str, destination: str) -> dict[str, Any]:
        return self._place("cp", "copy", "copied", source, destination)

    def rm(self, file_name: str) -> dict[str, Any]:
        if file_name not in self._cwd.contents:
            return {"error": f"rm: cannot remove '{file_name}': No such file or directory"}
        del self._cwd.contents[file_name]
        return {"result": f"'{file_name}' removed"}

    def rmdir(self, dir_name: str) -> dict[str, Any]:
        prefix = f"rmdir: cannot remove '{dir_name}': "
        if dir_name not in self._cwd.contents:
            return {"error": prefix + "No such file or directory"}
        item = self._cwd.get(dir_name)
        if not isinstance(item, Directory):
            return {"error": prefix + "Not a directory"}
        if item.contents:
            return {"error": prefix + "Directory not empty"}
        del self._cwd.contents[dir_name]
        return {"result": f"'{dir_name}' removed"}

    def _place(self, command: str, verb: str, done: str, source: str, destination: str) -> dict[str, Any]:
        """Move or copy. A moved directory is a new one that shares the old one's contents; a copy is shallow."""
        refused = f"{command}: cannot {verb} '{source}'"
        here = self._cwd.contents
        if source not in here:
            return {"error": f"{refused}: No such file or directory"}
        item = self._cwd.get(source)
        if "/" in destination:
            message = f"{command}: path not allowed in destination. Provide only a file or directory name."
            return {"error": message}
        into, name, shown = self._cwd, destination, destination
        if destination in here:
            target = self._cwd.get(destination)
            if not isinstance(target, Directory):
                return {"error": f"{refused} to '{destination}': Not a directory"}
            into, name, shown = target, source, f"{destination}/{source}"
            # Copying looks for the joined name, which no entry has: a clash then raises below (upstream's quirk).
            if (source if command == "mv" else shown) in target.contents:
                return {"error": f"{refused} to '{shown}': File exists"}
        if command == "mv":
            del here[source]
        if isinstance(item, Directory):
            contents = item.contents
            made = into.add_directory(name)
            made.contents = contents if command == "mv" else contents.copy()
        else:
            assert item is not None
            into.add_file(name, item.content)
        return {"result": f"'{source}' {done} to '{shown}'"}

    def _content(self, name: str) -> str | None:
        """The text of a file here; None if there is no file of that name."""
        item = self._cwd.get(name) if name in self._cwd.contents else None
        return item.content if isinstance(item, File) else None

    def _resolve(self, path: str | None) -> Directory | None:
        """The directory that a path names, from the root if it starts with /; None if there is none."""
        if path is None or path == ".":
            return self._cwd
        if path == "/":
            return self.root
        parts = path.strip("/").split("/")
        place: File | Directory | None = self.root if path.startswith("/") else self._cwd
        for part in parts:
            place = place.get(part) if isinstance(place, Directory) else None
        return place if isinstance(place, Directory) else None


def _invalid(name: str) -> bool:
    return any(char in name for char in _FORBIDDEN)


def _load(into: Directory, contents: Mapping[str, Any], extra: Mapping[str, Any] | None) -> Directory:
    for name, node in contents.items():
        if node["type"] == "directory":
            into.contents[name] = _load(Directory(name, into), node["contents"], extra)
        elif node["type"] == "file":
            tail = extra["FILE_CONTENT_EXTENSION"] if extra is not None and name not in extra["FILES_TAIL_USED"] else ""
            into.contents[name] = File(name, node["content"] + tail)
    if extra is not None and not any(node["type"] == "directory" for node in contents.values()):
        for name in extra["POPULATE_FILE_EXTENSION"]:
            into.add_file(name)
    return into
