"""A small repository with an issue, graded for real in the local sandbox."""

import pytest
from toy_repository import FILES, ROW, Toy

from forge_envs.core.errors import ConfigError, SandboxError
from forge_envs.core.task import Task
from forge_envs.swe.python_env import python_env
from forge_envs.swe.repository import Repository, prepare
from forge_envs.swe.workspace import Site, open_workspace


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """The repository, prepared; skips where the machine allows no workspace."""
    place = tmp_path_factory.mktemp("swe")
    folder = place / "calc"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    site = Site(prepare(Repository(str(folder)), cache=place / "cache"), python_env())
    try:
        open_workspace(site).close()
    except (SandboxError, ConfigError) as error:
        pytest.skip(f"This machine allows no workspace: {error}")
    return Toy(Task(ROW["instance_id"], ROW), folder, site, lambda: open_workspace(site))
