"""A record of answers, as JSON lines, that makes a simulator repeat itself."""

import fcntl
import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forge_envs.core.errors import SimulatorError


def call_key(request: Any) -> str:
    """The key of a request: SHA-256 of its canonical JSON."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


class CallCache:
    """Answers by key in one JSONL file, shared by threads and processes. The first answer to a key stays.

    Args:
        path: The file; made when the first answer is kept.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._answers: dict[str, Any] = {}
        self._read = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> Any | None:
        """The answer that was kept for a key, also by another process; None if there is none.

        Raises:
            SimulatorError: A line of the file is no record.
        """
        with self._lock:
            if key not in self._answers and self.path.exists():
                with self.path.open("rb") as file:
                    self._catch_up(file)
            return self._answers.get(key)

    def keep(self, key: str, answer: Any, about: Mapping[str, Any]) -> Any:
        """Keep an answer, unless the key has one; gives the answer that counts.

        Args:
            key: Of the request.
            answer: JSON values.
            about: Facts for people who read the file.
        """
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # freed when the file is closed
                self._catch_up(file)
                if key not in self._answers:
                    line = json.dumps({"key": key, **about, "answer": answer}).encode() + b"\n"
                    file.truncate(self._read)  # what is left of a writer that was killed
                    file.write(line)
                    file.flush()
                    self._answers[key], self._read = answer, self._read + len(line)
            return self._answers[key]

    def _catch_up(self, file: Any) -> None:
        """Read the whole lines that were added since the last look."""
        file.seek(self._read)
        added = file.read()
        for line in added[: added.rfind(b"\n") + 1].splitlines():
            try:
                record = json.loads(line)
                self._answers.setdefault(record["key"], record["answer"])
            except (ValueError, KeyError, TypeError):
                raise SimulatorError(f"{self.path} holds a line that is no recorded answer: {line[:80]!r}.") from None
        self._read += added.rfind(b"\n") + 1
