"""Logs of many test runners: one as each prints it, and lines of pieces that matter to its parser. Not a test."""

from hypothesis import strategies as st

LOGS = {
    "pytest": """============ test session starts ============
collected 9 items
tests/test_a.py .F                          [100%]
PASSED tests/test_a.py::test_one
PASSED tests/test_a.py::test_path[/tmp/x/file.txt]
PASSED tests/test_a.py::test_url[//host/x]
PASSED tests/test_a.py::test_words[a b]
PASSED lib/tests/test_b.py::test_click[MouseButton.LEFT-MouseButton.RIGHT]
SKIPPED [2] tests/test_a.py:7: no network
SKIPPED tests/test_a.py::test_skipped
XFAIL tests/test_a.py::test_known - reason
FAILED tests/test_a.py::test_two - AssertionError: 1 - 2
ERROR tests/test_a.py::test_one
\x1b[32mPASSED\x1b[0m tests/test_a.py::\x1b[1mtest_colour\x1b[0m
tests/test_a.py::test_old PASSED
tests/test_a.py::test_verbose PASSED                [ 50%]
PASSED
""",
    "sympy": """============================= test process starts ==============================
executable:         /venv/bin/python  (3.9.2-final-0) [CPython]
architecture:       64-bit
sympy/core/tests/test_basic.py[22]
test_structure ok
test_equality F
test_xreplace E
test_free_symbols f
test_slow s
test_wrapped ok                                                            [FAIL]

________________________________________________________________________________
_________________ sympy/core/tests/test_basic.py:test_equality _________________
Traceback (most recent call last):
  File "sympy/core/tests/test_basic.py", line 53, in test_equality
AssertionError
=========== tests finished: 20 passed, 1 failed, 1 exceptions, in 0.21 seconds ============
DO *NOT* COMMIT!
""",
    "django": """Creating test database for alias 'default' ('file:memorydb_default?mode=memory&cache=shared')...
Testing against Django installed in '/testbed/django' with up to 2 processes
Operations to perform:
  Synchronize unmigrated apps: auth, contenttypes
  Applying sites.0002_alter_domain_unique...test_no_migrations (admin.Test.test_no_migrations) ... ok
System check identified no issues (0 silenced).
test_a (admin_views.tests.AdminTest) ... ok
test_b (admin_views.tests.AdminTest)
A docstring of a test. ... ok
test_c (admin_views.tests.AdminTest) ... skipped 'no oracle'
test_d (admin_views.tests.AdminTest) ... FAIL
test_e (admin_views.tests.AdminTest) ... ERROR
test_f (admin_views.tests.AdminTest) ... expected failure
test_g (a.T) ... Testing against Django installed in '/testbed/django'
Found 3 test(s).
System check identified no issues (0 silenced).
ok
test_h (a.T) ... Internal Server Error: /view/
ok
test_i (a.T) ... System check identified no issues (0 silenced)
ok
test_j (a.T) ... some output
ok
--version is equivalent to version ... ok
======================================================================
FAIL: test_d (admin_views.tests.AdminTest)
----------------------------------------------------------------------
ERROR: test_e (admin_views.tests.AdminTest)
Ran 10 tests in 0.010s
""",
    "go": """=== RUN   TestA
--- PASS: TestA (0.00s)
    --- FAIL: TestB/sub case (0.10s)
--- SKIP: TestC (0.00s)
FAIL
ok  	example.com/pkg	0.005s
""",
    "cargo": """running 3 tests
test a::b ... ok
test a::c ... FAILED
test a::d ... ignored
test src/lib.rs - f (line 3) ... ok
""",
    "java": """+ mvn -q test -Dtest=org.a.BTest#one -pl x
[INFO] BUILD SUCCESS
+ mvn test -Dtest=org.a.BTest#two
+ mvn test -Dtest=org.a.BTest#three
[INFO] BUILD FAILURE
[INFO] BUILD SUCCESS
    [junit] [PASS] one(a.B)
    [junit] [ERR]  two(a.B)
org.a.C > testA PASSED
org.a.C > testB(int) > with space FAILED
org.a.C > testC
WARNING: x
PASSED
> Task :test FAILED
""",
    "javascript": """PASS src/a.test.js
  suite
    ✓ does this (5 ms)
    ✕ does that
    ○ skipped one
 ✓ src/b.test.ts > suite > works 12ms
 × src/b.test.ts > suite > fails
 ↓ src/b.test.ts > suite > skips [skipped]
[PASSED] suite does this
[FAILED] suite does that
ok 1 first thing
not ok 2 second thing
# tests 2
Starting browser ChromeHeadless

  outer
    inner
      ✔ works
      ✖ fails
    other
      ✔ works
SUMMARY:
      ✔ not a test
""",
    "ruby": """Foo#test_bar. = 0.01 s = .
Foo#test_baz. = 0.02 s = F
test: does this(FooTest):	.: (0.01)
  test_that(FooTest):	F
test_omitted: O
Foo does it - passed
Foo does not - failed
features/a.feature .....
features/b.feature ..F-
""",
    "php": """PHPUnit 9.5
Some Class (Tests\\SomeClass)
 ✔ It works
 ✘ It fails
   │ why
 ↩ It is skipped
""",
    "c": """[ok]: SDS works (12 ms)
[err]: LIST fails in tests/unit/list.tcl
[skip]: Large memory
[ignore]: not here
PASS: tests/jqtest
FAIL: tests/mantest
pass  basics/a.py
FAIL  basics/b.py
skip  basics/c.py
[ RUN      ] a.b
[       OK ] a.b (0 ms)
12: [  FAILED  ] a.c (3 ms)
<?xml version="1.0"?><doctest binary="t"><TestSuite><TestCase name="one"><SubCase name="good">
<Expression success="true"/>
</SubCase><SubCase name="bad"><Expression success="true"/><Expression success="false"/></SubCase></TestCase>
</TestSuite></doctest>
""",
}
"""By kind of runner."""

_COMMON = ["a", "b c", "x.py:3:", "  ", "    ", "\t", "-", "ok", "PASSED", "FAILED", "/x/y", "(3 ms)", ">", "F", "."]
_PIECES = {
    "django": [
        *(
            "test_a (b.C)",
            " ... ok",
            " ... OK",
            " ...  OK",
            " ... FAIL",
            " ... ERROR",
            " ... skipped",
            " ... ",
            "FAIL:",
        ),
        *("ERROR:", "ERROR: ", "--version is equivalent to version", "Applying sites.0002_alter_domain_unique..."),
        *("test_no_migrations", "Testing against Django installed in ", " silenced).", " silenced).\nok", "\nok", "\n"),
        *("... ", "Internal Server Error: /", "/\nok", "System check identified no issues (0 silenced)\nok", "..."),
        *(" ... Testing against Django installed in ", " ... Internal Server Error: /", "/"),
        " ... System check identified no issues (0 silenced)\nok",
    ],
    "sympy": ["test_a", "test_b", " ok", " F", " E", "____ ", " ____", "__", "x/y.py:test_a", ".py:", "_", " "],
    "seaborn": ["PASSED", "FAILED", "t.py::a", "t.py::b", " PASSED ", "ERROR"],
    "gotest": [
        "--- PASS: TestA (0.00s)",
        "--- FAIL: TestB/x (1.0s)",
        "--- PASS: ",
        "--- FAIL: ",
        "--- SKIP: ",
        "TestA",
        " (0.00s)",
        "(",
        ")",
        " (",
        "    ",
    ],
    "cargo": [
        "test a ... ok",
        "test b ... FAILED",
        "test ",
        "test\t",
        "a::b",
        "a::c",
        " ... ",
        "ok",
        "FAILED",
        "ignored",
        "...",
        " ",
    ],
    "maven": ["-Dtest=", "-Dtest=a.B#c", "-Dtest=d", "mvn ", "BUILD SUCCESS", "BUILD FAILURE", " BUILD SUCCESS", " "],
    "ant": ["[junit]", " ", "[PASS]", "[FAIL]", "[ERR]", "one(a.B)", "  [junit] [PASS] "],
    "gradle_custom": ["a.B > c", "a.B >  d", " PASSED", " FAILED", "\nPASSED", "\nFAILED", ">", "> ", "\n", "x"],
    "phpunit": ["Suite", " (Ns)", " (", ")", "\n", " ✔ ", "✘", "↩ ", "it works", "_"],
    "minitest": ["A#b. = 0.01 s = .", "C#d. = 0 s = F", "A#b", ". ", " = ", "=", ".", "F", "E", " s ", "0.01"],
    "cucumber": ["a.feature", " ", ".", "..", " ..", "F", " .F", "-"],
    "ruby_unit": ["test: ", "a(B)", ":", ":\t", ".", "E", "F", "O", " ", "Ex", ": ."],
    "rspec_transformed_json": ["Foo bar", " - ", "passed", "failed", " - passed", " - failed", "-"],
    "redis": [
        "[ok]: ",
        "[err]: ",
        "[skip]: ",
        "[ignore]:",
        "name",
        " in ",
        "tests/a.tcl",
        " (5 ms)",
        "(5ms)",
        " ",
        "in",
    ],
    "jq": ["PASS: ", "FAIL: ", "PASS:", "tests/a", " "],
    "micropython_test": ["pass ", "FAIL  ", "skip ", "a.py", " ", "pass"],
    "googletest": ["[       OK ] ", "[  FAILED  ] ", "[OK]", "a.b", " (0 ms)", "(", ")", " ", "\t("],
    "doctest": [
        *("<doctest>", "</doctest>", '<TestCase name="a">', "</TestCase>", '<SubCase name="b">', "</SubCase>"),
        *('<Expression success="true"/>', '<Expression success="false"/>', "\n", "x"),
        '<doctest><TestCase name="a"><SubCase name="b"></SubCase></TestCase></doctest>',
        '<doctest><TestCase name="c"><SubCase name="d"><Expression success="false"/></SubCase></TestCase></doctest>',
    ],
    "jest": ["✓ ", "✕ ", "○ ", "  ", "does it", " (5 ms)", "(5ms)", "5", "✓"],
    "jest_json": ["[PASSED] ", "[FAILED] ", "[PASSED]", "suite name", " "],
    "vitest": ["✓ ", "× ", "↓ ", "a > b", " 5ms", " 12 ms", " 3", " [skipped]", "[skipped]", " "],
    "karma": [
        "Starting browser\n",
        "Starting browser\n  x\n",
        "  ",
        "    ",
        "✔ ",
        "✖ ",
        "suite",
        "\n",
        "SUMMARY:",
        "✔",
    ],
    "tap": ["ok 1 ", "not ok 2 ", "ok", "not ok ", "name", " ", "3"],
}
_PIECES |= {
    "bpmn_js": [
        *(
            "2KPhantomJS 2.1.1 (Linux 0.0.0) ",
            "2KPhantomJS 2.1.1 (Linux x86_64) ",
            "FAILED\n",
            "a b ",
            "Chrome Headless ",
        ),
        *("HeadlessChrome 80.1 (Linux 0.0) ", "Chrome Headless 9.1 (Linux x86_64) a bFAILED\n", " (Linux x86_64) "),
        "2KPhantomJS 2.1.1 (Linux 0.0.0) suite test FAILED\n",
    ],
    "chart_js": ["Chrome 99.0 (Linux 0.0) a b FAILED", "Chrome 9", " (", ") ", "FAILED", "\x1b[31m", "a "],
    "openlayers": [
        *(
            "Chrome Headless 9.1 (Linux x86_64) a b FAILED\n",
            "Chrome 9.1 (Linux x) a FAILED\n",
            "  1) ",
            "a\n",
            "Error:",
        ),
        *("case x/y: mismatch", "case ", ": mismatch", "FAILED\n", "  2) some test:\n     AssertionError: x"),
    ],
    "eslint": [
        "  1) a suite\n  a test:\n     AssertionError: x",
        "  1)",
        "Error",
        "\n",
        " ",
        "x",
        "  22) ",
        "yError z Error",
    ],
    "marked": ["1) a test", "12) ", ") ", "1)", " 3) x", "x"],
    "p5js": [
        *(
            "  1) a\n    b\n      c:",
            "1)",
            " 2)",
            ":",
            "\n",
            "{",
            "}",
            "[",
            "]",
            "{ x }",
            "<a>",
            "</a>",
            "<b>",
            "</b>",
            "x",
        ),
        *("    ", "  ", "\x1b[0m", "a {", "b [", "<a>x</a>"),
    ],
    "highlightjs": ["  ", "    ", "✓ ", "✔ ", "1) ", "a test", " (12ms)", "(3ms)", "  3 passing (1s)", "suite", "\n"],
    "prismjs": [
        *(
            "./node_modules/.bin/mocha tests/run.js --reporter json\n",
            '{"failures": [{"fullTitle": "a"}], "passes": []}',
        ),
        *('{"failures": [], "passes": [{"fullTitle": "b"}, {"fullTitle": "a"}]}', "x", "\n", "{", "}"),
        './node_modules/.bin/mocha tests/run.js --reporter json\n{"failures": [], "passes": [{"fullTitle": "b"}]}',
    ],
    "carbon": ["PASS ", "FAIL ", "a.test.js", " (12ms)", " (1.5 s)", " (2s)", "PASS", " x", " "],
    "calypso": [
        "+ ./node_modules/.bin/jest x\n  suite\n    ✓ a (5ms)\n    ✕ b\n  other\n      ✓ c",
        "+ ./node_modules/.bin/jest y\n   deep\n    ✕ d (1ms)\n",
        *(
            "+ ./node_modules/.bin/jest x\n",
            " ./node_modules/.bin/jest \n",
            "  suite\n",
            "    inner\n",
            "      ✓ a (5ms)",
        ),
        *("    ✓ b", "    ✕ c (12ms)", "  ✕ ", "Test Suites", "  ● x", "\n", "  ", "(3ms)", " x", "✓ "),
    ],
    "next": [
        *(
            "+ xvfb-run x\n",
            " xvfb-run \n",
            "Starting browser Chrome\n",
            "  suite\n",
            "    ✓ a",
            "    ✗ b",
            "TOTAL",
            "\n",
        ),
        *("ERROR x", "  LOG", "in x", "AssertionError: #", "\n\n", "\x1b[1m", "  ", "✓", "Running: x)\n\n\n  suite\n"),
        *("    1) a", "    ✓ b (3ms)", "(", "Running: "),
    ],
    "lighthouse": [
        *(
            "running 3 test files\n",
            "  suite\n",
            "    inner\n",
            "    ✔ a (12ms)",
            "      ✔ b",
            "    1) c",
            "5 passing",
            "\n",
        ),
        *("PASS a (5ms)", "FAIL b (1.5 s)", "./node_modules/.bin/mocha --reporter json\n", '"fullTitle": "a",\n'),
        *('"passes": [', '"failures": [', "]", "],", "  ", " (3mms)"),
    ],
    "quarto_cli": [
        *(
            "[smoke] ",
            "[unit] ",
            "a",
            " ... ",
            "\x1b[32mok",
            "\x1b[31mFAILED",
            "/tmp/ab.qmd",
            "/tmp/cd/",
            "/tmp/ef/x",
            "...",
        ),
        *("passed failed steps", "34mINFO", "test result:", "ERRORS", "failures:", "[smoke] b ... \x1b[32mok"),
    ],
}
_PIECES["react_pdf"] = _PIECES["grommet"] = _PIECES["carbon"]
_PYTEST = [*("t.py::a", "t.py::b[/x/y]", "t.py::c[1 - 2]", "[3]", "SKIPPED ", "PASSED ", "FAILED ", "ERROR ", "XFAIL ")]
_PYTEST += [" - ", "\x1b[32m", "[31m", " PASSED", "MouseButton.LEFT", "MouseButton.RIGHT", "[", "]", " FAILED", " "]
_PIECES["jekyll"] = [*_PIECES["minitest"], *_PIECES["cucumber"]]
_PIECES["immutable_js"] = [*_PIECES["jest"], *_PIECES["jest_json"]]
_REAL = st.sampled_from([line for log in LOGS.values() for line in log.split("\n")])


def lines_of(parser: str) -> st.SearchStrategy[str]:
    """Logs for a parser of that name: lines of pieces that matter to it, among others."""
    own = _PIECES.get(parser.removeprefix("parse_log_"), _PYTEST)
    piece = st.sampled_from(own) | st.sampled_from([*own, *_COMMON])
    line = st.lists(piece, max_size=5).map("".join) | st.lists(piece, max_size=4).map(" ".join) | _REAL
    return st.lists(line, max_size=12).map("\n".join)
