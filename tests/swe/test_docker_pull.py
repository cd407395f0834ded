"""Images come from a registry of this test's own: names, progress, and what is done about each kind of failure."""

import os
import secrets
from collections.abc import Iterator

import pytest
from docker_images import why_no_docker
from registry import Registry, registry
from toy_repository import ROW

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.docker_engine import client, remove_unless_gone
from forge_envs.swe.docker_pull import ImageError, ensure_image, image_name
from forge_envs.swe.task import SWETask


@pytest.fixture
def served() -> Iterator[Registry]:
    reason = why_no_docker()
    if reason and os.environ.get("FORGE_TEST_DOCKER") == "1":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    if not os.environ.get("DOCKER_HOST", "unix:").startswith("unix:"):
        pytest.skip("the Docker daemon is on another machine")
    with registry(secrets.token_hex(8)) as state:
        yield state
        remove_unless_gone(client().remove_image, state.image(), force=True)


def test_names() -> None:
    task = SWETask.from_row({**ROW, "instance_id": "Django__django-11999"})
    assert image_name(task) == "swebench/sweb.eval.x86_64.django_1776_django-11999:latest"
    assert image_name(task, "mine/{docker_id}:{instance_id}") == "mine/django_1776_django-11999:Django__django-11999"
    assert image_name(SWETask.from_row({**ROW, "image": "other/x:1"})) == "other/x:1"


def test_a_pull_that_fails_at_first(served: Registry) -> None:
    said: list[str] = []
    served.failing = [503, 429]
    found = ensure_image(served.image(), progress=said.append, wait_s=0.01, rate_wait_s=0.01)
    assert found.startswith("sha256:")
    assert any("transient" in line for line in said) and any("rate_limit" in line for line in said), said
    assert any("Status: Downloaded newer image" in line for line in said), said
    asked = len(served.asked)
    assert ensure_image(served.image()) == found
    assert len(served.asked) == asked, "an image that is here is not asked for"


@pytest.mark.parametrize(
    ("failing", "name", "trouble", "tries"),
    [([], "none", "missing", 1), ([429] * 9, "tiny", "rate_limit", 3), ([503] * 9, "tiny", "transient", 3)],
)
def test_a_pull_that_fails(served: Registry, failing: list[int], name: str, trouble: str, tries: int) -> None:
    served.failing = failing
    said: list[str] = []
    with pytest.raises(ImageError) as raised:
        ensure_image(served.image(name), progress=said.append, attempts=3, wait_s=0.01, rate_wait_s=0.01)
    assert raised.value.trouble == trouble and served.image(name) in str(raised.value)
    assert isinstance(raised.value, SandboxError), "an image that can't be had is never a reward of 0"
    assert sum("next try" in line for line in said) == tries - 1


def test_nobody_answers(served: Registry) -> None:
    with pytest.raises(ImageError) as raised:
        ensure_image("127.0.0.1:9/forge/none:latest", attempts=2, wait_s=0.01)
    assert raised.value.trouble == "transient"
