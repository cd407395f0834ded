"""The disk that images of workspaces take: the oldest goes, one that a container uses stays."""

import io
import os
import secrets
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker_images as images
import pytest
from toy_repository import FILES

from forge_envs.sandbox.docker_engine import client
from forge_envs.swe import docker_prepare
from forge_envs.swe.docker_prepare import PreparedImage, prepare_image, prepared_images, remove_image
from forge_envs.swe.docker_pull import pull_note
from forge_envs.swe.store import lease, make_room_for_images
from forge_envs.swe.workspace import DockerSite

BUILD = "cd /testbed; git init -q -b main; git config user.name a; git config user.email a@b; git add .\n"
BUILD += "git commit -qm base; git rev-parse HEAD > /base"


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[PreparedImage]]:
    """Two prepared images, all that this test's store sees: the daemon is shared with other tests."""
    reason = images.why_no_docker()
    if reason and os.environ.get("FORGE_TEST_DOCKER") == "1":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    monkeypatch.setenv("FORGE_CACHE", str(tmp_path))
    names, made = [f"forge-test-swe:{secrets.token_hex(8)}" for _ in range(2)], []
    try:
        for name in names:
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w") as archive:
                for path, text in {**FILES, "name": name}.items():
                    images.add(archive, f"/testbed/{path}", text.encode())
            images.make_image(name, buffer.getvalue(), BUILD)
            output = client().create_container(name, ["-c", "cat /base"], entrypoint=["/bin/sh"])["Id"]
            client().start(output)
            client().wait(output)
            base = client().logs(output).decode().strip()
            client().remove_container(output, force=True)
            made.append(prepare_image(name, base_commit=base))
        real = prepared_images

        def mine() -> list[dict[str, Any]]:
            return [one for one in real() if one["source"] in names]

        monkeypatch.setattr(docker_prepare, "prepared_images", mine)
        yield made
    finally:
        for one in [*(image.image for image in made), *names]:
            remove_image(one)


def test_the_oldest_image_that_nobody_uses_goes(pair: list[PreparedImage], tmp_path: Path) -> None:
    one, two = pair
    notes = [tmp_path / "swe" / "images" / image.image.replace(":", "-") for image in pair]
    for age, (image, note) in enumerate(zip(pair, notes, strict=True)):
        assert lease(DockerSite(image)) is None
        os.utime(note, (1000.0 + age, 1000.0 + age))
    assert make_room_for_images(1000.0) == []
    lease(DockerSite(one))
    assert [kept.name for kept in make_room_for_images(1e-9)] == [two.image], "the other was used just now"
    pull_note(one.source).parent.mkdir(parents=True, exist_ok=True)
    pull_note(one.source).touch()
    used = client().create_container(one.image, ["sleep", "1"])["Id"]
    try:
        assert make_room_for_images(1e-9, grace_s=0.0) == [], "a container has it"
    finally:
        client().remove_container(used, force=True)
    assert [kept.name for kept in make_room_for_images(1e-9, grace_s=0.0)] == [one.image]
    left = {tag for image in client().images() for tag in image["RepoTags"] or ()}
    assert one.source not in left and two.source in left, "what Forge pulled goes too, and nothing else"
    assert not any(note.exists() for note in notes) and not pull_note(one.source).exists()
