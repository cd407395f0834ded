"""Workspaces in containers: images as swebench makes them, the bundled suite, and the red team."""

import io
import os
import secrets
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker_images as images
import pytest
from docker_images import CONDA
from test_redteam import PATCHES
from toy_repository import FILES, FIXED, GOLD, ROW, diff

from forge_envs import ConfigError, SandboxError, load_suite
from forge_envs.core.rewards import Verdict
from forge_envs.core.task import Task
from forge_envs.sandbox.base import Sandbox
from forge_envs.sandbox.docker_engine import LABEL, client, owner, remove_unless_gone
from forge_envs.swe.bash_block import block
from forge_envs.swe.docker_prepare import PreparedImage, prepare_image, prepared_images, remove_image
from forge_envs.swe.docker_pull import ImageError
from forge_envs.swe.env import SWEEnv
from forge_envs.swe.grading import grade
from forge_envs.swe.patch import take_patch
from forge_envs.swe.python_env import python_env
from forge_envs.swe.shell import run_command
from forge_envs.swe.sites import site_of
from forge_envs.swe.workspace import DockerSite, open_workspace

SUITE = load_suite("swe/bundled")
Make = Callable[..., str]

# What a build of swebench leaves: a past, the base commit, a future on a branch, under a tag and in the log, a commit
# on top, a change that nobody committed, and one that git ignores.
BUILD = """
cd /testbed
git init -q -b main; git config user.name a; git config user.email a@b
echo past > past.txt; git add past.txt; git commit -qm past; git rm -q past.txt
git add .; git commit -qm base; git rev-parse HEAD > /base; git tag v1
sed -i 's/n + 2/n * 2/' calc/core.py; git commit -qam 'the fix'; git tag v2; git branch later
git config core.fsmonitor 'touch /ran'; git remote add origin https://example.org/x.git
git reset -q --hard "$(cat /base)"
echo built >> README.md; git commit -qam SWE-bench; echo '# local' >> .gitignore
echo made > kept.log; rm /ran
"""


@pytest.fixture(scope="session")
def make() -> Iterator[Make]:
    """Makes images, which are gone when the session ends, with all that was made of them."""
    reason = images.why_no_docker()
    if reason and os.environ.get("FORGE_TEST_DOCKER") == "1":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    made: list[str] = []

    def build(script: str = "true", files: dict[str, str] | None = None, *, conda: bool = True, **conf: Any) -> str:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            if conda:
                packages = next(Path(python_env().mounts[0].source).glob("lib/python3*/site-packages"))
                images.conda_env(archive, packages)
            for path, text in (files or {}).items():
                images.add(archive, path, text.encode())
        made.append(f"forge-test-swe:{secrets.token_hex(8)}")
        images.make_image(made[-1], buffer.getvalue(), script, **conf)
        return made[-1]

    yield build
    for one in prepared_images():
        if one["source"] in made:
            remove_image(one["image"])
    for name in made:
        remove_unless_gone(client().remove_image, name, force=True)


@pytest.fixture(scope="session")
def python_image(make: Make) -> str:
    """Python with pytest, and no repository."""
    return make()


@pytest.fixture(scope="session")
def toy_image(make: Make) -> tuple[str, str]:
    """The toy repository as an image of swebench, which has a volume besides; and its base commit."""
    name = make(BUILD, {f"/testbed/{path}": text for path, text in FILES.items()}, Volumes={"/data": {}})
    return name, said_by(name, "cat /base").strip()


@pytest.fixture(scope="session")
def toy_task(toy_image: tuple[str, str]) -> Task:
    return Task(ROW["instance_id"], {**ROW, "image": toy_image[0], "base_commit": toy_image[1]})


@pytest.fixture(scope="session")
def site(toy_task: Task) -> DockerSite:
    found = site_of(toy_task, sandbox="docker")
    assert isinstance(found, DockerSite)
    return found


def said_by(image: str, script: str) -> str:
    api = client()
    made = api.create_container(image, ["-c", script], entrypoint=["/bin/sh"])["Id"]
    try:
        api.start(made)
        api.wait(made)
        return str(api.logs(made).decode())
    finally:
        api.remove_container(made, force=True, v=True)


def said(sandbox: Sandbox, command: str) -> str:
    return sandbox.run(command, merge_output=True).stdout.decode().strip()


def judged(task: Task, site: DockerSite, patch: str) -> Verdict:
    return grade(task, {"patch": patch, "format_faults": 0}, open_workspace=lambda: open_workspace(site), timeout_s=120)


def test_history_and_interpreter(site: DockerSite, toy_image: tuple[str, str]) -> None:
    with open_workspace(site) as sandbox:
        assert said(sandbox, "git log --all --format=%s") == "SWE-bench\nbase"
        assert said(sandbox, "git rev-parse HEAD~1") == toy_image[1], "an eval script checks files out of it"
        assert (
            said(sandbox, "git for-each-ref --format='%(refname)'; git remote; git reflog; git status --porcelain")
            == "refs/heads/main"
        )
        objects = "for g in .git /base.git; do git --git-dir=$g cat-file --batch-all-objects --batch; done"
        assert said(sandbox, f"{objects} | grep -acE 'the fix|n [*] 2|^past'") == "0"
        assert (
            said(sandbox, "git fsck --unreachable --no-reflogs 2>&1; ls /ran .git/hooks 2>&1 | grep -v 'No such'") == ""
        )
        assert said(sandbox, "tail -1 .gitignore; cat kept.log") == "# local\nmade"
        assert said(sandbox, "which python pytest") == f"{CONDA}/bin/python\n{CONDA}/bin/pytest"
        assert said(sandbox, "echo $CONDA_DEFAULT_ENV $PS1") == "testbed"
        assert take_patch(sandbox).patch == "", "what the image's makers changed is not the agent's work"


def test_network(site: DockerSite) -> None:
    loop = (
        "python - <<'END'\nimport socket, threading\ns = socket.create_server(('127.0.0.1', 0))\n"
        "c = socket.create_connection(s.getsockname()); a, _ = s.accept(); a.send(b'x'); print(c.recv(1))\nEND"
    )
    with open_workspace(site) as sandbox:
        assert said(sandbox, loop) == "b'x'"
        assert sandbox.run("timeout 5 bash -c 'exec 3<>/dev/tcp/1.1.1.1/80'").exit_code != 0
        assert sandbox.run("timeout 20 python -m pip download calc || exit 1").exit_code != 0


def test_verdicts(site: DockerSite, toy_task: Task) -> None:
    verdict = judged(toy_task, site, GOLD)
    assert verdict.reward == 1.0, verdict.details
    assert verdict.details["tests_status"]["PASS_TO_PASS"]["success"] == ROW["PASS_TO_PASS"]
    assert judged(toy_task, site, "").reward == 0.0
    verdict = judged(toy_task, site, diff(FILES, {**FILES, "other.txt": "x\n"}))
    assert (verdict.reward, verdict.details["problem"]) == (0.0, None)
    assert verdict.details["tests_status"]["FAIL_TO_PASS"]["failure"] == ROW["FAIL_TO_PASS"]
    touched = {**FILES, "calc/core.py": FIXED, "tests/test_core.py": "", "tests/test_more.py": "mine"}
    assert judged(toy_task, site, diff(FILES, touched)).reward == 1.0, "swebench's false negative"


def test_what_has_to_be_built_again(site: DockerSite, toy_task: Task) -> None:
    """The eval script's install runs after the patch, and what it does to the tests is undone."""
    lines = [
        "export MADE=calc/made.txt",
        'cp calc/core.py "$MADE"; echo "def test_double(): pass" > tests/test_core.py; test -n "$PIP_NO_INDEX"',
        ": '>>>>> Start Test Output'",
        'cmp calc/core.py "$MADE" && python -m pytest -rA tests',
        ": '>>>>> End Test Output'\n",
    ]
    task = Task(toy_task.id, {**toy_task.data, "eval_script": "\n".join(lines)})
    assert judged(task, site, GOLD).reward == 1.0
    verdict = judged(task, site, diff(FILES, {**FILES, "other.txt": "x\n"}))
    assert (verdict.reward, verdict.details["problem"]) == (0.0, None)


@pytest.mark.parametrize("name", PATCHES)
def test_patch_earns_nothing(site: DockerSite, toy_task: Task, name: str) -> None:
    new = {path: text for path, text in {**FILES, **PATCHES[name]}.items() if text is not None}
    verdict = judged(toy_task, site, diff(FILES, new))
    assert verdict.reward == 0.0 and verdict.details["patch_successfully_applied"], verdict.details["log"]


def test_what_an_agent_does_to_its_container_is_not_graded(site: DockerSite, toy_task: Task) -> None:
    """It is root there: it may edit site-packages, the interpreter and git, and none of it is in the patch."""
    commands = (
        f"cd {CONDA}/lib/python3*/site-packages && echo 'import os; os._exit(0)' | tee a.pth sitecustomize.py > b.py",
        "cp /bin/true /usr/bin/git; mv /base.git /elsewhere; echo 'exit 0' >> /root/.bashrc",
    )
    with open_workspace(site) as sandbox:
        assert run_command(sandbox, commands[0]).returncode == 0
        assert run_command(sandbox, "echo x > /base.git/HEAD || echo x > /tools/edit_via_str_replace").returncode == 1
        assert take_patch(sandbox).patch == ""
        run_command(sandbox, commands[1])
        taken = take_patch(sandbox)
        assert taken.patch == "", taken
    assert judged(toy_task, site, GOLD).reward == 1.0


def test_an_episode(toy_task: Task) -> None:
    """Reset, edits, submit; then nothing of it is left in the engine."""
    with SWEEnv(sandbox="docker") as env:
        _, info = env.reset(options={"task": toy_task})
        edit = "edit_via_str_replace calc/core.py -- 'n + 2' 'n * 2'; (setsid sleep 1000 &) ; echo x > /data/x"
        observation, *_ = env.step(block("Edit.", edit))
        assert "calc/core.py was edited" in observation[0]["content"], observation
        used = {mount["Name"] for one in _mine() for mount in one["Mounts"] if mount["Type"] == "volume"}
        *_, reward, terminated, _, info = env.step(block("Done.", "echo MINI_SWE_AGENT_FINAL_OUTPUT"))
        assert (reward, terminated) == (1.0, True), info
        env.reset(options={"task": toy_task})
        observation, *_ = env.step(block("Look.", "git status --porcelain; grep -c 'n + 2' calc/core.py; ls /data"))
        assert observation[0]["content"] == "<returncode>0</returncode>\n<output>\n1\n</output>"
    assert used and not used & set(_volumes()) and not _mine()


@pytest.mark.parametrize("task", list(SUITE), ids=lambda task: task.id)
def test_bundled_suite(python_image: str, task: Task) -> None:
    found = site_of(task, sandbox="docker", suites=["swe/bundled"], image=python_image)
    assert isinstance(found, DockerSite)
    gold = judged(task, found, task.data["patch"])
    assert gold.reward == 1.0, gold.details
    wrong = judged(
        task, found, "diff --git a/NOTES b/NOTES\nnew file mode 100644\n--- /dev/null\n+++ b/NOTES\n@@ -0,0 +1 @@\n+x\n"
    )
    assert (wrong.reward, wrong.details["problem"]) == (0.0, None)
    status = wrong.details["tests_status"]
    assert not status["PASS_TO_PASS"]["failure"] and not status["FAIL_TO_PASS"]["success"]
    assert judged(task, found, "").reward == 0.0


def test_images_that_will_not_do(make: Make, toy_image: tuple[str, str], python_image: str) -> None:
    def unfit(name: str, message: str, **options: Any) -> None:
        with pytest.raises(ImageError, match=message) as raised:
            prepare_image(name, base_commit=toy_image[1], **options)
        assert raised.value.trouble == "unfit"

    unfit(python_image, "no git repository at /testbed")
    with pytest.raises(ImageError, match="of another task"):
        prepare_image(toy_image[0], base_commit="1" * 40)
    unfit(toy_image[0], "bug_patch does not apply", bug_patch="nonsense\n")
    unfit(make("rm /usr/bin/git", conda=False), "no git")
    unfit(make("rm /usr/bin/perl", conda=False), "no Perl")
    with pytest.raises(SandboxError, match="does not run in the workspace"):
        open_workspace(DockerSite(prepare_image(toy_image[0], base_commit=toy_image[1], python="/usr")))
    with pytest.raises(ConfigError, match="give image="):
        site_of(SUITE.tasks[0], sandbox="docker", suites=["swe/bundled"])
    with pytest.raises(ConfigError, match='sandbox="docker"'):
        site_of(SUITE.tasks[0], suites=["swe/bundled"], image=python_image)


def test_prepared_once(site: DockerSite, toy_image: tuple[str, str]) -> None:
    first: PreparedImage = site.prepared
    assert prepare_image(toy_image[0], base_commit=toy_image[1]) == first
    assert [one["source"] for one in prepared_images() if one["image"] == first.image] == [toy_image[0]]
    with open_workspace(site) as sandbox:
        before = sandbox.snapshot()
        sandbox.run("rm -rf /testbed /root; echo x > /etc/x")
        sandbox.restore(before)
        assert said(sandbox, "git status --porcelain; ls /etc/x 2>&1 | grep -c 'No such'") == "1"
        api = client()
        tags = [tag for one in prepared_images() for tag in api.inspect_image(one["image"])["RepoTags"]]
        assert tags and all(tag.startswith("forge-swe:") for tag in tags), "a snapshot is not one of them"


def _mine() -> list[dict[str, Any]]:
    """Containers of this process: other workers of the tests have their own."""
    found: list[dict[str, Any]] = client().containers(all=True, filters={"label": f"{LABEL}={owner()}"})
    return found


def _volumes() -> list[str]:
    return [one["Name"] for one in client().volumes()["Volumes"] or []]
