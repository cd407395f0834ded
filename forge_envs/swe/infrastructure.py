"""Test infrastructure: the files that tell a test runner what to do. Grading resets what a patch did to them.

The one place that names them. What the gold patch itself changes is product, and is left as the agent made it.
"""

import re
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from forge_envs.swe.runners import Runner

_ALWAYS = re.compile(
    r"(.*/)?(conftest\.py|\.?pytest\.(ini|toml)|tox\.ini|setup\.cfg|pyproject\.toml|noxfile\.py|(site|user)customize\.py)"
    r"|.*\.(pth|egg-link|so|pyc)|(.*/)?[^/]*\.(dist|egg)-info/.*|(.*/)?tests/.*|test/.*|bin/(test|doctest)"
    r"|setup\.py|runtests\.py|sympy/testing/.*|sympy/utilities/runtests\.py",
    re.DOTALL,
)
"""Python's, whatever runs the tests."""

_RUNNERS = [{"pytest", "_pytest"}, {"pluggy"}, {"iniconfig"}, {"packaging"}, {"pygments"}, {"py"}]
"""Packages that pytest imports, at the repository's root. Where the gold patch changes one, it is the product."""

_JS_TOOLS = (
    "ava babel c8 craco cypress esbuild jasmine jest karma metro mocha nightwatch nyc playwright postcss protractor"
    " rollup rspack stryker swc testem tsup vite vitest wdio webpack web-test-runner wtr"
).split()

FILES: Mapping[str, tuple[str, ...]] = {
    "javascript": (
        *("package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock*"),
        *(".npmrc", ".yarnrc*", ".pnpmfile.*", "pnpm-workspace.yaml", ".pnp.*", "bunfig.toml", "deno.json*"),
        *("lerna.json", "nx.json", "project.json", "turbo.json", "tsconfig*.json", "jsconfig*.json"),
        *(f"{tool}.{kind}*" for tool in _JS_TOOLS for kind in ("conf", "setup", "workspace", "preset", "env")),
        *(f"{tool}-{kind}*" for tool in _JS_TOOLS for kind in ("conf", "setup", "preset", "env")),
        *(".babelrc*", ".mocharc*", ".nycrc*", ".c8rc*", ".taprc*", ".swcrc*", ".jestrc*", ".postcssrc*"),
        *("mocha.opts", "jasmine.json", "[Gg]runt[Ff]ile.*", "[Gg]ulpfile.*", "[Jj]akefile*", "karma.*.js"),
        *("setup[Tt]est*.*", "setup-test*.*", "setup[Jj]est*.*", "setup-jest*.*", "test-setup.*", "test[Ss]etup.*"),
        *(f"*[._-]{kind}.[cm][jt]s" for kind in ("test", "tests", "spec", "specs", "e2e")),
        *(f"*[._-]{kind}.[jt]s*" for kind in ("test", "tests", "spec", "specs", "e2e")),
        "*.snap",
    ),
    "go": ("go.mod", "go.sum", "go.work", "go.work.sum", "*_test.go", "magefile*.go"),
    "rust": ("Cargo.toml", "Cargo.lock", "build.rs", "rust-toolchain*", "nextest.toml", "tests.rs"),
    "java": (
        *("pom.xml", "mvnw*", "*.gradle", "*.gradle.kts", "gradle.properties", "gradlew*", "build.xml", "ivy.xml"),
        *("*.sbt", "BUILD", "BUILD.bazel", "WORKSPACE*", "MODULE.bazel", ".bazelrc", "testng*.xml"),
        *("junit-platform.properties", "junit*.properties"),
    ),
    "ruby": (
        *("Gemfile*", "*.gemspec", "gems.rb", "gems.locked", "[Rr]akefile*", "*.rake", ".rspec*", "cucumber.yml"),
        *(".simplecov", "*_spec.rb", "*_test.rb", "test_helper.rb", "spec_helper.rb", "rails_helper.rb"),
    ),
    "php": (
        *("composer.json", "composer.lock", "phpunit*.xml*", ".phpunit*", "phpspec*.yml*", "codeception*.yml*"),
        *("behat*.yml*", "infection.json*", "*.suite.yml*", ".user.ini", "php.ini", "*Test.php", "*.phpt"),
    ),
    "any": (
        *(
            "Makefile",
            "Makefile.am",
            "Makefile.in",
            "makefile",
            "GNUmakefile",
            "*.mk",
            "CMakeLists.txt",
            "CTest*.cmake",
            "CTestTestfile*",
        ),
        *("[Jj]ustfile", "Taskfile.y*ml", ".env", ".env.*"),
    ),
}
"""Names of files, in whatever folder, as globs."""

FOLDERS: Mapping[str, tuple[str, ...]] = {
    "javascript": ("node_modules", "__tests__", "__mocks__", "__snapshots__", "__fixtures__", ".yarn"),
    "go": ("testdata",),
    "rust": (".cargo", ".config", "benches"),
    "java": ("buildSrc", "build-logic", ".mvn"),
    "ruby": (".bundle", "rakelib"),
    "any": ("vendor", "test", "Tests"),
}
"""Folders all of whose files count, wherever they are."""

PATHS: Mapping[str, tuple[str, ...]] = {
    "javascript": ("spec/*", "specs/*", "e2e/*", "cypress/*"),
    "java": (
        *(
            "gradle/*",
            "src/test*/*",
            "*/src/test*/*",
            "src/*Test/*",
            "*/src/*Test/*",
            "project/*.scala",
            "project/*.properties",
        ),
        *("*META-INF/services/org.junit*", "*META-INF/services/org.testng*", "*META-INF/services/org.spockframework*"),
    ),
    "ruby": ("features/*", "config/environments/test.rb", "*/config/environments/test.rb", "*minitest/*_plugin.rb"),
}
"""Whole paths, as globs in which ``*`` also stands for slashes."""


def decides(path: str, product: Collection[str], runner: Runner = "pytest") -> bool:
    """Whether a changed path is to be reset: it decides what tests do, and is not what the gold patch is about.

    Args:
        path: In the repository.
        product: Paths that the gold patch changes.
        runner: What runs the tests. For ``other`` that may be of any language but Python, so that all tables count.
    """
    if path in product:
        return False
    if _ALWAYS.fullmatch(path):
        return True
    if runner == "other" and _of_other_languages(path):
        return True
    top = _top(path)
    family = next((one for one in _RUNNERS if top in one), None)
    return family is not None and not any(_top(one) in family for one in product)


def _of_other_languages(path: str) -> bool:
    *above, name = path.split("/")
    return (
        any(fnmatchcase(name, glob) for globs in FILES.values() for glob in globs)
        or any(folder in above for folders in FOLDERS.values() for folder in folders)
        or any(fnmatchcase(path, glob) for globs in PATHS.values() for glob in globs)
    )


def _top(path: str) -> str:
    """The package or module at the root that a path is of; an empty text for any other file there."""
    first, slash, _ = path.partition("/")
    return first if slash else PurePosixPath(first).stem if first.endswith(".py") else ""
