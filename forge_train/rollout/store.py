"""The append-only record of a run: finished episodes in one file, failed ones in another."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from forge_envs.core.episode import Episode
from forge_train.rollout.engine import Job, Rollout


class EpisodeStore:
    """Writes ``episodes.jsonl``, ``failures.jsonl`` and, where there are tokens, ``tokens.jsonl``.

    A killed run resumes: `remaining` leaves out the jobs whose episodes are recorded. A last line that was cut off by
    the kill is dropped when the store is opened.

    Args:
        folder: Made if it does not exist.
        tokens: Keep the token rows too.
    """

    def __init__(self, folder: str | Path, *, tokens: bool = False):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._keep_tokens = tokens
        for name in ("episodes.jsonl", "failures.jsonl", "tokens.jsonl"):
            _drop_cut_line(self.folder / name)

    def write(self, rollout: Rollout) -> None:
        """Append one finished episode. Its tokens are written first: an episode in the record is complete."""
        if rollout.episode.end.status == "failed":
            self._append("failures.jsonl", rollout.episode.to_json())
            return
        if self._keep_tokens:
            rows = [asdict(row) for row in rollout.rows]
            self._append("tokens.jsonl", json.dumps({"id": rollout.episode.id, "rows": rows}))
        self._append("episodes.jsonl", rollout.episode.to_json())

    def episodes(self) -> Iterator[Episode]:
        """The finished episodes, in the order in which they were written."""
        path = self.folder / "episodes.jsonl"
        if path.exists():
            with path.open(encoding="utf-8") as lines:
                yield from (Episode.from_json(line) for line in lines)

    def remaining(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs whose episodes are not recorded yet."""
        recorded = {episode.id for episode in self.episodes()}
        return [job for job in jobs if job.id not in recorded]

    def _append(self, name: str, line: str) -> None:
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def _drop_cut_line(path: Path) -> None:
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole != len(content):
        os.truncate(path, whole)
