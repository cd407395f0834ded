"""Each language that is installed here: a right program, a wrong one, one that does not compile, its input in full."""

from pathlib import Path

import pytest

from forge_envs.code_contest.java import java_class, java_source
from forge_envs.code_contest.judge import Submission, judge
from forge_envs.code_contest.languages import ALIASES, LANGUAGES, find_language, find_tool, installed
from forge_envs.core.errors import ConfigError
from forge_envs.sandbox.judge import WorkerPool

SUMS = {
    "python": "import sys\nprint(sum(map(int, sys.stdin.read().split())))",
    "pypy": "import sys\nprint(sum(map(int, sys.stdin.read().split())))",
    "c": '#include <stdio.h>\nint main() { long x, s = 0; while (scanf("%ld", &x) == 1) s += x; printf("%ld", s); }',
    "cpp": "#include <bits/stdc++.h>\nint main() { long x, s = 0; while (std::cin >> x) s += x; std::cout << s; }",
    "cpp17": "#include <iostream>\nint main() { long x, s = 0; while (std::cin >> x) s += x; std::cout << s; }",
    "cpp20": "#include <iostream>\nint main() { long x, s = 0; while (std::cin >> x) s += x; std::cout << s; }",
    "java": """
import java.util.*;
public class Sum {
    static class Adder { long total = 0; void add(long x) { total += x; } }
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        Adder adder = new Adder();
        while (in.hasNextLong()) adder.add(in.nextLong());
        System.out.println(adder.total);
    }
}
""",
    "javascript": """
const text = require('fs').readFileSync(0, 'utf8');
console.log(text.split(/\\s+/).filter(x => x).map(Number).reduce((a, b) => a + b, 0));
""",
    "go": """
package main
import ("bufio"; "fmt"; "os")
func main() {
    in := bufio.NewReader(os.Stdin)
    var x, s int64
    for { if _, err := fmt.Fscan(in, &x); err != nil { break }; s += x }
    fmt.Println(s)
}
""",
    "rust": """
use std::io::Read;
fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    println!("{}", text.split_whitespace().map(|x| x.parse::<i64>().unwrap()).sum::<i64>());
}
""",
}
ENDLESS = {
    "pypy": "while True: pass",
    "java": "class Main { public static void main(String[] a) { while (true) {} } }",
    "javascript": "while (true) {}",
    "go": "package main\nfunc main() { for { } }",
    "rust": "fn main() { loop {} }",
}
GREEDY = {
    "java": "class Main { public static void main(String[] a) { var l = new java.util.ArrayList<long[]>(); "
    "while (true) l.add(new long[1 << 20]); } }",
    "javascript": "const a = []; while (true) a.push(new Array(100000).fill(Math.random()));",
    "go": "package main\nfunc main() { var k [][]byte; for { b := make([]byte, 1<<20); "
    "for i := range b { b[i] = 1 }; k = append(k, b) } }",
}
TESTS = [{"stdin": "1 2\n3", "expected": "6"}, {"stdin": "", "expected": "0"}, {"stdin": "-5\n", "expected": "-5"}]

here = pytest.mark.parametrize("language", [name for name in LANGUAGES if name in installed()])


def submission(language: str, code: str, **fields: object) -> Submission:
    limits = {"time_limit_s": 10, "memory_limit_mb": 256}
    return Submission.from_row({"code": code, "language": language, "tests": TESTS, **limits, **fields})


@here
def test_a_right_program_is_accepted(language: str, pool: WorkerPool, cache_folder: Path) -> None:
    judgement = judge(submission(language, SUMS[language]), pool=pool, cache_folder=cache_folder)
    assert judgement.verdict == "AC", judgement
    assert len(judgement.tests) == 3


@here
def test_a_program_that_does_not_compile_says_where(language: str, pool: WorkerPool, cache_folder: Path) -> None:
    judgement = judge(submission(language, "this is (not a program"), pool=pool, cache_folder=cache_folder)
    assert judgement.verdict == "CE", judgement
    assert judgement.compile_output


@pytest.mark.parametrize("language", [name for name in ENDLESS if name in installed()])
def test_an_endless_program_is_stopped(language: str, pool: WorkerPool, cache_folder: Path) -> None:
    endless = submission(language, ENDLESS[language], time_limit_s=1, stop_at_first_failure=True)
    assert judge(endless, pool=pool, cache_folder=cache_folder).verdict == "TLE"


@pytest.mark.parametrize("language", [name for name in GREEDY if name in installed()])
def test_a_greedy_program_is_stopped(language: str, pool: WorkerPool, cache_folder: Path) -> None:
    greedy = submission(language, GREEDY[language], stop_at_first_failure=True)
    judgement = judge(greedy, pool=pool, cache_folder=cache_folder)
    assert judgement.verdict == "MLE", judgement


@pytest.mark.parametrize(
    ("code", "file", "runs"),
    [
        ("public class Solution { }", "Solution.java", "Solution"),
        ("import java.util.*;\n  public final class A {}", "A.java", "A"),
        ("class Helper {}\nclass App { public static void main(String[] a) {} }", "App.java", "App"),
        (
            "class App { static public void main(String[] a) {} }\nclass Helper { int f() { return 1; } }",
            "App.java",
            "App",
        ),
        ("public class Node {}\nclass App { final static void main(String... a) {} }", "Node.java", "App"),
        ("class Out { static class In { static void main(int x) {} } void main(String a) {} }", "Out.java", "Out"),
        ("interface X {}", "Main.java", "Main"),
        ("public enum E { A; public static void main(String[] a) {} }", "E.java", "E"),
        ("public record R(int x) { public static void main(String[] a) {} }", "R.java", "R"),
        ("// public class Wrong\npublic class Right {}", "Right.java", "Right"),
        (
            "/*\npublic class Wrong {\n*/ public class Right { char c = '{'; String s = \"class X {\"; }",
            "Right.java",
            "Right",
        ),
        ('@SuppressWarnings({"a"}) abstract class A {}\npublic class B extends A {}', "B.java", "B"),
        ("package a.b;\npublic class Main {}", "Main.java", "a.b.Main"),
        ("", "Main.java", "Main"),
    ],
)
def test_a_java_file_has_the_name_of_its_public_class_and_main_runs(code: str, file: str, runs: str) -> None:
    assert (java_source(code), java_class(code)) == (file, runs)


@pytest.mark.skipif("java" not in installed(), reason="Java is not installed")
def test_a_java_program_may_be_in_a_package(pool: WorkerPool, cache_folder: Path) -> None:
    packaged = submission("java", "package a.b;\n" + SUMS["java"])
    assert judge(packaged, pool=pool, cache_folder=cache_folder).verdict == "AC"


@pytest.mark.skipif("cpp" not in installed(), reason="g++ is not installed")
def test_without_its_precompiled_header_a_program_compiles_all_the_same(
    pool: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise OSError

    monkeypatch.setattr("forge_envs.code_contest.compiling._gcc", fail)
    assert judge(submission("cpp", SUMS["cpp"]), pool=pool, cache_folder=tmp_path).verdict == "AC"


def test_other_names_mean_the_same_language() -> None:
    for alias, name in ALIASES.items():
        if name in installed():
            assert find_language(alias) is LANGUAGES[name]
            assert find_language(alias.upper()) is LANGUAGES[name]


def test_a_toolchain_is_found_by_its_real_path() -> None:
    for tool in {language.tool for language in LANGUAGES.values() if language.tool}:
        found = find_tool(tool)
        assert found is None or Path(found).is_file()
    assert find_tool("no-such-compiler") is None


def test_a_language_that_does_not_exist_is_refused_with_a_list() -> None:
    with pytest.raises(ConfigError, match="python, pypy, c, cpp"):
        find_language("brainfuck")
