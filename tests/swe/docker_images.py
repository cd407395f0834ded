"""Images for tests, made of the debootstrap image without a build or a registry."""

import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forge_envs.sandbox.docker_engine import LABEL as OWNER
from forge_envs.sandbox.docker_engine import client, owner

BASE = os.environ.get("FORGE_TEST_IMAGE", "forge-test-base")
CONDA = "/opt/miniconda3/envs/testbed"
ACTIVATE = (
    f"export PATH={CONDA}/bin:$PATH CONDA_PREFIX={CONDA} CONDA_DEFAULT_ENV=testbed PS1='(testbed) '\necho hello\n"
)
"""What swebench's images have in /root/.bashrc comes to this."""


def why_no_docker() -> str:
    """Why there are no containers here, or an empty text."""
    try:
        import docker
    except ImportError:
        return "the docker SDK is not installed (extra `docker`)"
    try:
        api = docker.APIClient(**docker.utils.kwargs_from_env(), version="auto", timeout=20)
        try:
            api.inspect_image(BASE)
        finally:
            api.close()
    except docker.errors.ImageNotFound:
        return f"the image {BASE} is missing: tests/sandbox/start_docker.sh builds it"
    except docker.errors.DockerException:
        return "no Docker daemon answers: tests/sandbox/start_docker.sh starts one"
    return ""


def conda_env(archive: tarfile.TarFile, packages: Path) -> None:
    """A virtual environment at swebench's place, of the image's Python and a folder of packages."""
    add(archive, f"{CONDA}/pyvenv.cfg", b"home = /usr/bin\ninclude-system-site-packages = false\n")
    for name in ("python", "python3"):
        link(archive, f"{CONDA}/bin/{name}", "/usr/bin/python3")
    add(
        archive,
        f"{CONDA}/bin/pytest",
        f"#!{CONDA}/bin/python\nimport pytest\nraise SystemExit(pytest.main())\n".encode(),
    )
    archive.add(packages, f"{CONDA}/lib/python3.11/site-packages".lstrip("/"), filter=of_root)
    add(archive, "/root/.bashrc", ACTIVATE.encode())


def add(archive: tarfile.TarFile, path: str, content: bytes) -> None:
    member = tarfile.TarInfo(path.lstrip("/"))
    member.size, member.mode = len(content), 0o755
    archive.addfile(member, io.BytesIO(content))


def link(archive: tarfile.TarFile, path: str, target: str) -> None:
    member = tarfile.TarInfo(path.lstrip("/"))
    member.type, member.linkname = tarfile.SYMTYPE, target
    archive.addfile(member)


def make_image(name: str, archive: bytes, script: str = "true", *, base: str = BASE, **conf: Any) -> str:
    """Put files into an image, run a script in it as root, and keep it under a name.

    Args:
        name: With its tag.
        archive: A tar archive.
        script: For sh.
        base: The image to start from.
        conf: Settings of the new image, as the engine names them.
    """
    api = client()
    made = api.create_container(
        base,
        ["-ec", script],
        entrypoint=["/bin/sh"],
        host_config=api.create_host_config(network_mode="none"),
        labels={OWNER: owner()},
    )["Id"]
    try:
        api.put_archive(made, "/", archive)
        api.start(made)
        assert api.wait(made)["StatusCode"] == 0, api.logs(made)
        repository, _, tag = name.rpartition(":")
        settings: Mapping[str, Any] = {"Labels": {OWNER: ""}, "Cmd": ["sh"], **conf}
        return str(api.commit(made, repository=repository, tag=tag, conf=settings)["Id"])
    finally:
        api.remove_container(made, force=True, v=True)


def of_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """For `TarFile.add`."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
