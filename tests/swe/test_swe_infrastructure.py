"""Test infrastructure of languages whose runners get no canaries: attacks through npm and make, and what is named."""

import json
import shutil

import pytest
from toy_repository import Toy, diff

from forge_envs.core.rewards import Verdict
from forge_envs.core.task import Task
from forge_envs.swe.grading import grade
from forge_envs.swe.infrastructure import decides
from forge_envs.swe.repository import Repository, prepare
from forge_envs.swe.workspace import Site, open_workspace

CORE = "exports.double = (n) => n + 2\nexports.half = (n) => n / 2\n"
FIXED = CORE.replace("n + 2", "n * 2")
HEAD = "const test = require('node:test'), assert = require('node:assert'), {double, half} = require('../core')\n"
OLD_TEST = HEAD + "test('halves', () => assert.equal(half(4), 2))\n"
NEW_TEST = OLD_TEST + "test('doubles', () => assert.equal(double(5), 10))\n"
PACKAGE = {"name": "calc", "version": "1.0.0", "scripts": {"test": "node --test-reporter=tap checks/core.js"}}
MAKEFILE = "test:\n\t@node --test-reporter=tap checks/core.js\n"
FILES = {"core.js": CORE, "checks/core.js": OLD_TEST, "package.json": json.dumps(PACKAGE) + "\n", "Makefile": MAKEFILE}
GOLD = diff(FILES, {**FILES, "core.js": FIXED})
ROW = {
    "instance_id": "toy__node-1",
    "repo": "toy/node",
    "base_commit": "0" * 40,
    "problem_statement": "double(5) gives 7.",
    "log_parser": "parse_log_tap",
    "patch": GOLD,
    "test_patch": diff(FILES, {**FILES, "checks/core.js": NEW_TEST}),
    "FAIL_TO_PASS": ["- doubles"],
    "PASS_TO_PASS": ["- halves"],
}
SAYS = "console.log('ok 1 - halves\\nok 2 - doubles'); process.exit(0)\n"
ATTACKS = {
    "script": ("npm test", {"package.json": {"scripts": {"test": "echo 'ok 1 - halves'; echo 'ok 2 - doubles'"}}}),
    "options": ("npm test", {".npmrc": "node-options=--require ./says.js\n", "says.js": SAYS}),
    "shell": ("npm test", {".npmrc": "script-shell=./says.sh\n", "says.sh": f'node -e "{SAYS.strip()}"\n'}),
    "make": ("make -s test", {"Makefile": "test:\n\t@echo 'ok 1 - halves'; echo 'ok 2 - doubles'\n"}),
    "GNU make": ("make -s test", {"GNUmakefile": "test:\n\t@echo 'ok 1 - halves'; echo 'ok 2 - doubles'\n"}),
}
needs_node = pytest.mark.skipif(
    not all(map(shutil.which, ("node", "npm", "make"))), reason="node, npm and make are not installed"
)


def judged(toy: Toy, artifact: str, command: str, **row: object) -> Verdict:
    folder = toy.folder.parent / "node"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    site = Site(prepare(Repository(str(folder)), cache=toy.folder.parent / "cache"), toy.site.python, runner="")
    task = Task("toy__node-1", {**ROW, "test_cmd": command, **row})
    return grade(
        task, {"patch": artifact, "format_faults": 0}, open_workspace=lambda: open_workspace(site), timeout_s=120
    )


def forged(name: str) -> str:
    """A patch that repairs nothing. A shell is no program without its mode."""
    changes = {
        path: text if isinstance(text, str) else json.dumps(text) + "\n" for path, text in ATTACKS[name][1].items()
    }
    patch = diff(FILES, {**FILES, **changes})
    return patch.replace("b/says.sh\nnew file mode 100644", "b/says.sh\nnew file mode 100755")


@needs_node
@pytest.mark.parametrize("command", ["npm test", "make -s test"])
def test_gold_and_nothing(toy: Toy, command: str) -> None:
    verdict = judged(toy, GOLD, command)
    assert verdict.reward == 1.0, verdict.details
    verdict = judged(toy, diff(FILES, {**FILES, "core.js": CORE + "// no\n"}), command)
    assert (verdict.reward, verdict.details["problem"]) == (0.0, None), verdict.details
    assert verdict.details["tests_status"]["PASS_TO_PASS"]["success"] == ["- halves"]


@needs_node
@pytest.mark.parametrize("name", ATTACKS)
def test_attacks(toy: Toy, name: str) -> None:
    command, changes = ATTACKS[name]
    verdict = judged(toy, forged(name), command)
    assert verdict.reward == 0.0 and verdict.details["tests_status"]["FAIL_TO_PASS"]["failure"], verdict.details
    path = next(iter(changes))
    gold = diff({path: "x\n"}, {path: "y\n"})
    assert judged(toy, forged(name), command, patch=gold).reward == 1.0, "it works where the gold patch has that path"


@needs_node
def test_a_right_fix_that_touches_it(toy: Toy) -> None:
    """What it did to the package is undone; where the gold patch is about the package, it stays."""
    more = {**FILES, "core.js": FIXED, "package.json": json.dumps({**PACKAGE, "version": "1.0.1"}) + "\n"}
    assert judged(toy, diff(FILES, more), "npm test").reward == 1.0
    told = {**FILES, "core.js": FIXED.replace("n * 2", "n * require('./package.json').factor")}
    told["package.json"] = json.dumps({**PACKAGE, "factor": 2}) + "\n"
    assert judged(toy, diff(FILES, told), "npm test").reward == 0.0
    assert judged(toy, diff(FILES, told), "npm test", patch=diff(FILES, told)).reward == 1.0


def test_what_is_infrastructure() -> None:
    named = """package.json web/package.json jest.config.js jest-setup.ts a/vitest.config.mts karma.conf.js
        babel.config.cjs .babelrc .babelrc.js .mocharc.yml test/mocha.opts .npmrc .yarnrc.yml tsconfig.base.json
        setupTests.ts src/__mocks__/fs.js src/a.test.tsx src/a.spec.js src/a-test.mjs lib/__snapshots__/a.snap
        pnpm-lock.yaml node_modules/mocha/index.js packages/a/test/x.js spec/a.js gulpfile.js webpack.config.ts
        nyc.config.js
        go.mod go.work pkg/a_test.go pkg/testdata/x vendor/a/b.go Cargo.toml crates/a/build.rs .cargo/config.toml
        .config/nextest.toml src/tests.rs pom.xml core/pom.xml build.gradle settings.gradle.kts
        gradle/libs.versions.toml gradlew src/test/java/ATest.java core/src/testFixtures/java/A.java
        buildSrc/src/main/kotlin/a.kt build.sbt
        src/main/resources/META-INF/services/org.junit.platform.launcher.TestExecutionListener junit-platform.properties
        Gemfile Gemfile.lock Rakefile lib/tasks/a.rake .rspec a.gemspec spec/spec_helper.rb lib/minitest/evil_plugin.rb
        features/a.feature phpunit.xml phpunit.xml.dist composer.json src/Tests/ATest.php vendor/autoload.php Makefile
        GNUmakefile build/rules.mk CMakeLists.txt .env.test tests/a/b conftest.py""".split()
    assert [path for path in named if not decides(path, (), "other")] == []
    product = """src/index.js lib/config.js src/jest.ts lib/testing.js src/main/java/org/gradle/A.java src/lib.rs
        src/main/java/a/Contest.java app/models/user.rb lib/spec.rb src/Parser.php main.go cmd/test.go README.md
        src/package.ts docs/Makefile.md src/vendor.js app/environments.rb src/makefile_parser.py latest.js""".split()
    assert [path for path in product if decides(path, (), "other")] == []
    assert not decides("package.json", (), "pytest"), "a repository of Python may have a web page"
    assert not decides("package.json", {"package.json"}, "other") and decides(
        "a/package.json", {"package.json"}, "other"
    )
