"""Images of tasks: their names, and how they come to this machine."""

import hashlib
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from forge_envs.core.cache_folder import default_folder
from forge_envs.core.errors import ConfigError, SandboxError
from forge_envs.sandbox.docker_engine import client, failures
from forge_envs.swe.task import SWETask

Progress = Callable[[str], None]
"""Is told, in one line, how a pull gets on; a line replaces the one before."""

Trouble = Literal["missing", "rate_limit", "denied", "transient", "unfit"]

# What registries and engines say, in the engine's message or in the stream of a pull that had begun.
_SAYS: tuple[tuple[Trouble, str], ...] = (
    ("rate_limit", r"toomanyrequests|too many requests|rate limit|\b429\b"),
    ("missing", r"manifest unknown|manifest for .* not found|not found|repository does not exist|name unknown|\b404\b"),
    ("denied", r"unauthorized|authentication required|denied|forbidden|\b401\b|\b403\b"),
    ("missing", r"invalid reference format"),
)
_ADVICE: Mapping[Trouble, str] = {
    "missing": "the registry has no such image. Check the row's image, or give image=",
    "rate_limit": "the registry's rate limit is reached. Log in with `docker login`, or use a mirror with image=",
    "denied": "the registry refuses it: it does not exist, or needs `docker login`",
    "transient": "the registry or the connection to it fails",
    "unfit": "it can't be used",
}


class ImageError(SandboxError):
    """An image can't be had or can't be used. Never a reward of 0.

    Args:
        image: Its name.
        trouble: ``missing`` and ``denied`` stay as they are; ``rate_limit`` and ``transient`` may pass; ``unfit``: it
            is here and lacks something.
        said: The registry's, the engine's or our words.
    """

    def __init__(self, image: str, trouble: Trouble, said: str):
        super().__init__(f"Image {image!r}: {_ADVICE[trouble]}. ({said.strip()[-400:]})")
        self.image, self.trouble = image, trouble


def image_name(task: SWETask, template: str | None = None) -> str:
    """The Docker image of a task.

    Args:
        task: The task.
        template: Goes before the row's own image; ``{instance_id}`` stands for the id and ``{docker_id}`` for the id
            as swebench writes it in image names.

    Returns:
        The template's name, else the row's, else the one that swebench publishes for the id.
    """
    docker_id = task.id.lower().replace("__", "_1776_")
    if template:
        return template.replace("{instance_id}", task.id).replace("{docker_id}", docker_id)
    return task.image or f"swebench/sweb.eval.x86_64.{docker_id}:latest"


def ensure_image(
    image: str, *, progress: Progress | None = None, attempts: int = 5, wait_s: float = 2.0, rate_wait_s: float = 30.0
) -> str:
    """Find an image on this machine, or pull it.

    Args:
        image: Its name; without a tag, ``latest``.
        progress: Is told how the pull gets on.
        attempts: How often a pull that fails for a passing reason is tried.
        wait_s: Seconds before the second try; they double from try to try, and are spread at random.
        rate_wait_s: The same where the registry says that there were too many requests.

    Returns:
        The image's id.

    Raises:
        ImageError: It can't be had; `trouble` says why. SandboxError: No daemon answers.
    """
    import docker
    import requests

    api = client()
    with failures("The Docker daemon failed"):
        try:
            return str(api.inspect_image(image)["Id"])
        except docker.errors.ImageNotFound:
            pass
    if attempts < 1 or wait_s < 0 or rate_wait_s < 0:
        raise ConfigError("attempts is at least 1, and no wait is negative.")
    trouble: ImageError | None = None
    for attempt in range(attempts):
        if trouble is not None:
            base = rate_wait_s if trouble.trouble == "rate_limit" else wait_s
            pause = base * 2 ** (attempt - 1) * random.SystemRandom().uniform(0.5, 1.0)
            if progress:
                progress(f"{image}: {trouble.trouble}, next try in {pause:.0f} s")
            time.sleep(pause)
        try:
            _pull(api, image, progress)
            pull_note(image).parent.mkdir(parents=True, exist_ok=True)
            pull_note(image).touch()
            return str(api.inspect_image(image)["Id"])
        except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
            trouble = ImageError(image, _trouble(str(error)), str(error))
        if trouble.trouble in ("missing", "denied"):
            break
    assert trouble is not None
    raise trouble


def pull_note(image: str) -> Path:
    """A file that exists where `ensure_image` pulled this image, so that what makes room may remove it again."""
    return default_folder() / "swe" / "pulled" / hashlib.sha256(image.encode()).hexdigest()[:32]


def _pull(api: Any, image: str, progress: Progress | None) -> None:
    from docker.errors import DockerException
    from docker.utils import parse_repository_tag

    name, tag = parse_repository_tag(image)
    for line in _lines(api.pull(name, tag=tag or "latest", stream=True, decode=True), image):
        if "error" in line:
            raise DockerException(str(line["error"]))
        if progress and line.get("said"):
            progress(str(line["said"]))


def _lines(stream: Iterator[Mapping[str, Any]], image: str) -> Iterator[dict[str, Any]]:
    """The engine's messages, each with what to show: bytes so far of the layers that are known by then."""
    layers: dict[str, tuple[int, int]] = {}
    for message in stream:
        detail = message.get("progressDetail") or {}
        if message.get("status") == "Downloading" and detail.get("total"):
            layers[str(message.get("id"))] = (int(detail.get("current", 0)), int(detail["total"]))
            now, total = (sum(one) / 2**20 for one in zip(*layers.values(), strict=True))
            yield {"said": f"{image}: {now:.0f} of {total:.0f} MiB"}
        elif "error" in message:
            yield {"error": message["error"]}
        elif message.get("status") and not message.get("id"):
            yield {"said": f"{image}: {message['status']}"}


def _trouble(said: str) -> Trouble:
    for trouble, pattern in _SAYS:
        if re.search(pattern, said, re.IGNORECASE):
            return trouble
    return "transient"
