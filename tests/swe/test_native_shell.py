"""The shell that lasts: what is kept, what ends it, and what an agent reads; on both backends."""

import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge_envs import SandboxError
from forge_envs.core.errors import ConfigError, ToolError
from forge_envs.sandbox import Limits, Sandbox, SandboxSpec, open_sandbox
from forge_envs.swe.native_shell import Done, Output, PersistentShell
from forge_envs.swe.quoting import quoted
from forge_envs.swe.shell import SHOWN_CHARS, shown

IMAGE = "forge-test-base"


def _open(backend: str) -> Sandbox:
    try:
        if backend == "docker":
            return open_sandbox(SandboxSpec(backend="docker", image=IMAGE))
        sandbox = open_sandbox(SandboxSpec())
    except (SandboxError, ConfigError) as error:
        pytest.skip(f"No sandbox of the backend {backend!r} here: {error}")
    if sandbox.tier != "A":
        sandbox.close()
        pytest.skip("This machine allows no namespaces.")
    return sandbox


@pytest.fixture(scope="module", params=["local", "docker"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with _open(request.param) as opened:
        yield opened


@pytest.fixture(scope="module")
def local() -> Iterator[Sandbox]:
    with _open("local") as opened:
        yield opened


@pytest.fixture
def shell(sandbox: Sandbox) -> Iterator[PersistentShell]:
    made = PersistentShell(sandbox, timeout_s=30)
    yield made
    made.close()


def out(done: Done) -> str:
    """What a command printed, of one that ended with 0 and left the shell as it is."""
    assert done.returncode == 0 and done.lasting, done.text
    return body(done)


def body(done: Done) -> str:
    """What a command printed."""
    return done.text.partition("<output>\n")[2].removesuffix("</output>")


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for what happens by itself."""
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def processes(sandbox: Sandbox, shell: PersistentShell, name: str) -> int:
    """How many processes of this name the shell's commands can see."""
    return int(out(shell.run(f"cat /proc/[0-9]*/comm 2>/dev/null | grep -c '^{name}$' || true")))


def test_what_lasts(shell: PersistentShell) -> None:
    out(
        shell.run(
            "mkdir -p '/tmp/a b'; cd '/tmp/a b'; export A='x  y'; B=(1 2); f() { echo \"f $1\"; }; alias z='echo al'"
        )
    )
    assert out(shell.run('pwd; echo "$A ${B[1]}"; f 3; z; bash -c \'echo "$A"\'')) == (
        "/tmp/a b\nx  y 2\nf 3\nal\nx  y\n"
    )
    out(shell.run("exec 7>kept; umask 077; trap 'echo trapped' USR1"))
    out(shell.run("echo seven >&7; touch mine"))
    assert out(shell.run("cat kept; stat -c %a mine; kill -USR1 $$; true")) == "seven\n600\ntrapped\n"


def test_background_jobs_last_and_end_with_the_shell(sandbox: Sandbox, shell: PersistentShell) -> None:
    start = time.monotonic()
    assert "[1] " in out(shell.run("sleep 1234 & (setsid sleep 1234 &); nohup sleep 1234 >/dev/null 2>&1 &"))
    assert time.monotonic() - start < 20, "a command does not wait for what it left running"
    wait_for(lambda: processes(sandbox, shell, "sleep") == 3)
    assert "sleep 1234" in out(shell.run("jobs"))
    out(shell.run("kill %1; wait %1 || true"))
    wait_for(lambda: processes(sandbox, shell, "sleep") == 2)
    shell.close()
    assert processes(sandbox, shell, "sleep") == 0, "a new shell, with nothing of the old one"


def test_output_of_a_background_job_comes_with_a_later_command(shell: PersistentShell) -> None:
    shell.run("(while [ ! -e /tmp/go ]; do sleep 0.05; done; echo late; touch /tmp/said) & true")
    assert out(shell.run("touch /tmp/go; while [ ! -e /tmp/said ]; do sleep 0.05; done; echo now")) == "late\nnow\n"


def test_a_command_that_does_not_end(sandbox: Sandbox) -> None:
    shell = PersistentShell(sandbox, timeout_s=2)
    try:
        out(shell.run("cd /tmp; A=1; sleep 1235 & true"))
        for command in ("echo before; sleep 1235; echo after", "trap '' INT TERM; echo before; while :; do :; done"):
            start = time.monotonic()
            done = shell.run(command)
            assert done.returncode is None and not done.lasting and body(done) == "before\n", done.text
            assert "within 2 seconds" in done.text and "new shell" in done.text
            assert time.monotonic() - start < 15
        assert out(shell.run("pwd; echo ${A-gone}")) == "/tmp\ngone\n"
        assert processes(sandbox, shell, "sleep") == 0
    finally:
        shell.close()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("echo x; exit 3", 3),
        ("echo x; exec sh -c 'exit 4'", 4),
        ("echo x; set -e; false; echo y", 1),
        ("echo x; kill -9 $$; sleep 5", 137),
        ("echo x; sleep 1236 & sh -c 'kill -9 -1'; sleep 5", 137),
        ("echo x; (setsid sleep 1236 &) ; exit 0", 0),
        ("echo x; exec bash", 0),
    ],
)
def test_what_ends_the_shell(sandbox: Sandbox, shell: PersistentShell, command: str, code: int) -> None:
    out(shell.run("cd /tmp; A=1"))
    done = shell.run(command)
    assert (done.returncode, done.lasting) == (code, False), done.text
    assert "new shell" in done.text and body(done).startswith("x\n") and "y" not in body(done)
    assert out(shell.run("pwd; echo ${A-gone}")) == "/tmp\ngone\n"
    assert processes(sandbox, shell, "sleep") == 0


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo 'unbalanced", "unexpected EOF"),
        ("if true; then", "syntax error"),
        ("cat <<EOF\nnever ended", "never ended"),
        ("echo ${nothing:?is missing}; echo later", "is missing"),
        ("set -u; echo $nothing; echo later", "unbound"),
        ("kill -INT $$; sleep 1; echo later", ""),
        ("f() { f2 | cat; }; return 3", "return"),
        ("no_such_program", "not found"),
        ("cat; read x || echo nothing to read", "nothing to read"),
        ("tty; stty -a; cat /dev/tty", "tty"),
        ("PS1='$(echo prompt) '; PS2=more; PROMPT_COMMAND='echo command'", ""),
        ("exec >/dev/null 2>&1; echo unseen", ""),
        ("exec 0<&- 1>&- 2>&- 200>&-", ""),
        ("set -x; true", "true"),
        ("set -v; shopt -s extdebug; set -o posix", ""),
        ("shopt -s failglob; echo /nothing/*", "no match"),
        ("set -H; echo a!!b", "a!!b"),
        ("PATH=/nonexistent; unset HOME PWD OLDPWD IFS", ""),
        ("IFS=0123456789; LC_ALL=C; TMOUT=1000", ""),
        ("trap 'echo ended' EXIT; trap 'true' DEBUG; trap 'true' ERR RETURN", ""),
        ("function printf { echo mine; }; function eval { echo mine; }", ""),
        ("alias printf='echo mine' eval='echo mine' set='echo mine' builtin='echo mine'", ""),
        ("readonly PS1 PROMPT_COMMAND", ""),
        ("mkdir /tmp/gone; cd /tmp/gone; rmdir /tmp/gone", ""),
        ("hash -r; disown -a; suspend", ""),
    ],
)
def test_what_does_not(shell: PersistentShell, command: str, said: str) -> None:
    done = shell.run(command)
    assert done.lasting and said in body(done) and "later" not in body(done), done.text
    after = shell.run("echo still; exit_code() { return 5; }; exit_code")
    assert after.lasting and after.returncode == 5, after.text
    assert body(after).replace("echo mine\n", "").endswith("still\n") or command.startswith("set -"), after.text


def test_errexit_lasts_for_one_command(shell: PersistentShell) -> None:
    out(shell.run("set -e; true"))
    assert shell.run("false").lasting


def test_output_that_is_no_text(shell: PersistentShell) -> None:
    assert out(shell.run(r"printf 'a\xff\xe2\x82\0b\r\n\xe2\x82'; sleep 0.2; printf '\xac'")) == "a\ufffd\ufffd\0b\r\n€"
    assert out(shell.run("printf 'no newline'")) == "no newline"
    assert out(shell.run("printf '\\n\\n'")) == "\n\n"
    assert out(shell.run("echo '\u20ac \\u0041' \"$'x'\" '!x' '\\'")) == "€ \\u0041 $'x' !x \\\n"


def test_output_in_masses(shell: PersistentShell) -> None:
    done = shell.run("echo first; head -c 50000000 /dev/zero | tr '\\0' x; echo; echo last")
    assert done.returncode == 0 and done.lasting and len(done.text) < 11_000
    assert "<output_head>\nfirst\nxx" in done.text and done.text.endswith("x\nlast\n\n</output_tail>")
    assert f"{50_000_000 + 12 - SHOWN_CHARS} characters elided" in done.text
    assert out(shell.run("echo in step")) == "in step\n"


def test_output_without_end(local: Sandbox) -> None:
    shell = PersistentShell(local, timeout_s=120)
    try:
        done = shell.run("yes")
        assert done.returncode is None and "too much output" in done.text and len(done.text) < 11_000
        assert out(shell.run("echo in step")) == "in step\n"
    finally:
        shell.close()


def test_output_between_commands_is_bounded(sandbox: Sandbox, shell: PersistentShell) -> None:
    shell.run("yes & sleep 0.1")
    done = shell.run("kill %1; wait; echo end")
    assert done.returncode == 0 and len(done.text) < 11_000 and "end\n" in done.text


def test_memory(sandbox: Sandbox) -> None:
    shell = PersistentShell(sandbox, timeout_s=60, memory_mb=300)
    try:
        done = shell.run('perl -e \'$x = "a" x 1500000000; sleep 20; print "grown"\'; echo code $?')
        # Without control groups the shell is ended, with them the kernel ends what is largest.
        assert "used too much memory" in done.text or "code 137" in done.text, done.text
        assert out(shell.run("echo on")) == "on\n"
    finally:
        shell.close()


def test_commands_of_every_size(shell: PersistentShell) -> None:
    long = "x" * 300_000
    assert out(shell.run(f"y={long}; echo ${{#y}}")) == "300000\n"
    assert out(shell.run("")) == "" and out(shell.run("# nothing")) == "" and out(shell.run("\n\n")) == ""
    with pytest.raises(ToolError, match="zero bytes"):
        shell.run("echo \0")


def test_runs_beside_the_shell(sandbox: Sandbox, shell: PersistentShell) -> None:
    """Forge's own commands leave it alone, and it is there for them."""
    out(shell.run("cd /tmp; (while :; do echo tick >> /tmp/ticks; sleep 0.05; done) & sleep 1237 &"))
    for _ in range(3):
        done = sandbox.run("echo beside; sleep 1238 & exit 4", limits=Limits(wall_s=20))
        assert (done.stdout, done.exit_code) == (b"beside\n", 4)
    stopped = sandbox.run("sleep 1238", limits=Limits(wall_s=0.5))
    assert stopped.ended == "wall_limit"
    assert processes(sandbox, shell, "sleep") in (1, 2), "the job's, and the ticker's"
    before = int(out(shell.run("grep -c tick /tmp/ticks")))
    assert int(out(shell.run("sleep 1; grep -c tick /tmp/ticks"))) > before, "it goes on"
    assert sandbox.read("/tmp/ticks").startswith(b"tick\n")
    sandbox.write("/tmp/given", b"hello")
    assert out(shell.run("pwd; cat given")) == "/tmp\nhello"


def test_the_sandbox_ends_it() -> None:
    with _open("local") as sandbox:
        shell = PersistentShell(sandbox)
        out(shell.run("sleep 1239 & true"))
        sandbox.close()
        with pytest.raises(SandboxError):
            shell.run("echo x")
        shell.close()


def test_without_namespaces_there_is_none() -> None:
    try:
        sandbox = open_sandbox(SandboxSpec(isolation="landlock"))
    except SandboxError as error:
        pytest.skip(str(error))
    with sandbox, pytest.raises(ConfigError, match="namespaces"):
        PersistentShell(sandbox).run("true")


def test_a_shell_that_is_forgotten_ends(local: Sandbox) -> None:
    shell = PersistentShell(local)
    out(shell.run("while :; do echo x > /tmp/forgotten; sleep 0.02; done & true"))
    del shell
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        local.write("/tmp/forgotten", b"quiet")
        time.sleep(0.3)
        if local.read("/tmp/forgotten") == b"quiet":
            break
    assert local.read("/tmp/forgotten") == b"quiet"


def test_snapshots_wait_for_the_shell(local: Sandbox) -> None:
    shell = PersistentShell(local)
    before = local.snapshot()
    out(shell.run("echo x > /tmp/y"))
    with pytest.raises(ConfigError, match="goes on"):
        local.snapshot()
    local.restore(before)
    done = shell.run("cat /tmp/y")
    assert "had ended" in done.text and "No such file" in body(done), "and restoring ends it"
    shell.close()


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=60)


@given(st.lists(TEXT, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_reaches_a_command_unchanged(local_shell: PersistentShell, texts: list[str]) -> None:
    command = "printf '<%s>' " + " ".join(map(quoted, texts))
    assert out(local_shell.run(command)) == "".join(f"<{text}>" for text in texts)


@pytest.fixture(scope="module")
def local_shell(local: Sandbox) -> Iterator[PersistentShell]:
    made = PersistentShell(local, timeout_s=60)
    yield made
    made.close()


NAMES = st.sampled_from(["A", "B", "C"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), NAMES, TEXT),
        st.tuples(st.just("unset"), NAMES, st.just("")),
        st.tuples(st.just("cd"), st.sampled_from(["/", "/tmp", "/usr", "/nothing"]), st.just("")),
        st.tuples(st.just("fail"), st.sampled_from(["false", "'", "${x:?}", "(exit 9)", "if"]), st.just("")),
    ),
    max_size=8,
)


@given(STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_state_is_what_a_model_of_it_says(local_shell: PersistentShell, steps: list[tuple[str, str, str]]) -> None:
    local_shell.run("cd /; unset A B C")
    variables: dict[str, str] = {}
    folder = "/"
    for kind, name, value in steps:
        if kind == "set":
            variables[name] = value
            command = f"{name}={quoted(value)}"
        elif kind == "unset":
            variables.pop(name, None)
            command = f"unset {name}"
        elif kind == "cd":
            folder = folder if name == "/nothing" else name
            command = f"cd {name}"
        else:
            command = name
        assert local_shell.run(command).lasting
    shown_state = out(local_shell.run('printf \'%s\\n\' "$PWD" "${A-none}" "${B-none}" "${C-none}"'))
    assert shown_state == "".join(f"{part}\n" for part in (folder, *(variables.get(n, "none") for n in "ABC")))


@given(st.lists(st.binary(max_size=30_000), max_size=4), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_output_kept_is_output_shown(parts: list[bytes], times: int) -> None:
    data = b"".join(parts) * times
    cut: Callable[[int], bytes] = lambda at: data[at : at + 7_001]  # noqa: E731
    output = Output()
    for at in range(0, len(data), 7_001):
        output.add(cut(at))
    output.add(b"", final=True)
    whole = data.decode(errors="replace")
    assert output.shown() == shown(whole, whole, len(whole))


def test_what_a_shell_holds_does_not_end_the_sandbox() -> None:
    """Memory that a shell took while a command beside it had room for more costs the shell, not the episode."""
    with _open("local") as sandbox:
        shell = PersistentShell(sandbox, memory_mb=64)
        started = shell.run(
            "python3 -c 'import time; time.sleep(1); x = bytearray(160 << 20); time.sleep(60)' & sleep 0.1"
        )
        assert started.returncode == 0
        done = sandbox.run(["sleep", "2"], limits=Limits(memory_mb=512))
        assert done.exit_code == 0 and sandbox.alive()
        assert sandbox.run(["true"]).exit_code == 0
        assert "4" in shell.run("echo $((2 + 2))").text
        shell.close()
