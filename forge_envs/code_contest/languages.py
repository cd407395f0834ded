"""Which languages there are, how each is compiled and run, and whether its toolchain is on this machine."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from forge_envs.code_contest.java import java_source
from forge_envs.core.errors import ConfigError


@dataclass(frozen=True)
class Language:
    """How programs of one language become something that runs. `{tool}`, `{name}` and others are filled in.

    Args:
        title: For people.
        tool: The executable that has to be there; empty for the interpreter of the judge workers.
        package: What to install when it is not (Debian's name).
        source: File name of the source, or a function that finds it in the source.
        compile: Commands; when one fails with an ordinary error the next is tried (an older standard).
        artifact: The file that they make; None when the source itself is run.
        run: The command, in a folder with the artifact or the source; empty for a native executable.
        cpu_s: CPU seconds that compiling may take.
        header: The commands can use a precompiled ``bits/stdc++.h``.
        extra_mb: Memory of the runtime itself, which does not count against the submission.
    """

    title: str
    tool: str
    package: str
    source: str | Callable[[str], str]
    compile: tuple[tuple[str, ...], ...] = ()
    artifact: str | None = None
    run: tuple[str, ...] = ()
    cpu_s: float = 15.0
    header: bool = False
    extra_mb: int = 0

    def source_name(self, code: str) -> str:
        """The file that the source has to be in."""
        return self.source if isinstance(self.source, str) else self.source(code)


def _gcc(tool: str, standard: str) -> tuple[str, ...]:
    quiet = ("-w", "-fmax-errors=20", "-fno-diagnostics-color")
    return (tool, f"-std={standard}", "-O2", "-static", "-DONLINE_JUDGE", *quiet, "-o", "main", "{name}", "-lm")


def _cpp(*standards: str) -> Language:
    commands = tuple(_gcc("{tool}", standard) for standard in standards)
    return Language("C++", "g++", "g++", "main.cpp", commands, "main", header=True)


_SYNTAX = "import sys; compile(open(sys.argv[1], 'rb').read(), sys.argv[1], 'exec', dont_inherit=True)"
_JAVA_BUILD = (
    'mkdir classes && "$1" -nowarn -encoding UTF-8 -d classes "$2" && "$3" --create --file main.jar -C classes .'
)

# Without a control group the limit is on addresses, of which the last two reserve 1.3 GB by default.
_JAVA_SMALL = ("-XX:+UseSerialGC", "-XX:CompressedClassSpaceSize=64m", "-XX:ReservedCodeCacheSize=64m")

LANGUAGES: dict[str, Language] = {
    "python": Language("Python 3", "", "", "main.py"),
    "pypy": Language(
        "PyPy 3",
        "pypy3",
        "pypy3",
        "main.py",
        compile=(("{tool}", "-I", "-S", "-c", _SYNTAX, "{name}"),),
        run=("{tool}", "-I", "{name}"),
        extra_mb=64,
    ),
    "c": Language("C", "gcc", "gcc", "main.c", (_gcc("{tool}", "gnu17"),), "main"),
    "cpp": _cpp("gnu++20", "gnu++17", "gnu++14"),
    "cpp17": _cpp("gnu++17"),
    "cpp20": _cpp("gnu++20"),
    "java": Language(
        "Java",
        "javac",
        "default-jdk-headless",
        java_source,
        compile=(("sh", "-c", _JAVA_BUILD, "sh", "{tool}", "{name}", "{bin}/jar"),),
        artifact="main.jar",
        run=("{bin}/java", *_JAVA_SMALL, "-Xss64m", "-Xmx{memory}m", "-cp", "main.jar", "{class}"),
        extra_mb=256,
    ),
    "javascript": Language(
        "JavaScript",
        "node",
        "nodejs",
        "main.js",
        compile=(("{tool}", "--check", "{name}"),),
        run=("{tool}", "--stack-size=65500", "--max-old-space-size={memory}", "{name}"),
        extra_mb=128,
    ),
    "go": Language(
        "Go",
        "go",
        "golang-go",
        "main.go",
        compile=(("{tool}", "build", "-o", "main", "{name}"),),
        artifact="main",
        cpu_s=60.0,
    ),
    "rust": Language(
        "Rust",
        "rustc",
        "rustc",
        "main.rs",
        compile=(
            ("{tool}", "--edition=2021", "-O", "-Ctarget-feature=+crt-static", "--cap-lints=allow", "-omain", "{name}"),
        ),
        artifact="main",
        cpu_s=30.0,
    ),
}
"""The languages by the name that a submission gives."""

ALIASES = {
    "python3": "python",
    "py": "python",
    "pypy3": "pypy",
    "c++": "cpp",
    "c++17": "cpp17",
    "c++20": "cpp20",
    "js": "javascript",
    "node": "javascript",
    "nodejs": "javascript",
    "golang": "go",
    "rs": "rust",
}


def find_language(name: str) -> Language:
    """The language of that name, with its toolchain on this machine.

    Raises:
        ConfigError: There is no such language, or its toolchain is not installed.
    """
    language = LANGUAGES.get(ALIASES.get(name.lower(), name.lower()))
    if language is None:
        raise ConfigError(f"There is no language {name!r}: there are {', '.join(LANGUAGES)}.")
    if language.tool and find_tool(language.tool) is None:
        raise ConfigError(
            f"{language.title} is not installed: no {language.tool!r} in PATH; install {language.package}."
        )
    return language


def installed() -> dict[str, str]:
    """Language to its toolchain, for those that are on this machine."""
    found = {name: find_tool(language.tool) if language.tool else "" for name, language in LANGUAGES.items()}
    return {name: tool for name, tool in found.items() if tool is not None}


@cache
def find_tool(name: str) -> str | None:
    """The real executable behind a name in PATH; None where there is none."""
    found = shutil.which(name)
    if found is None:
        return None
    real = Path(found).resolve()
    if real.name == "rustup":  # a proxy that looks for its toolchain in the user's home
        return _behind_rustup(found)
    return found if "ccache" in real.name else str(real)


@cache
def toolchain_folders() -> tuple[str, ...]:
    """Folders outside the system's own that the installed toolchains need."""
    tools = [find_tool(language.tool) for language in LANGUAGES.values() if language.tool]
    folders = {Path(tool).parent.parent for tool in tools if tool}
    return tuple(sorted(str(folder) for folder in folders if not folder.is_relative_to("/usr") and folder != Path("/")))


def _behind_rustup(proxy: str) -> str | None:
    asked = subprocess.run([proxy, "--print", "sysroot"], capture_output=True, text=True, timeout=30)
    tool = Path(asked.stdout.strip()) / "bin" / "rustc"
    return str(tool) if asked.returncode == 0 and tool.exists() else None
