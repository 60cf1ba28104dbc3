"""C++, JavaScript and Bash in the sandbox: right values, honest words, nothing reached, nothing left.

Needs level full (namespaces), and g++ and node for their parts; a machine without them skips these and says so. The
sandbox is one for the file, so each test also shows that those before it have spoiled nothing.
"""

import asyncio
import datetime
import math
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reward.sandbox import Limits, Opaque, Sandbox, SandboxUnavailable
from reward.sandbox.inside.tree import Tree
from reward.sandbox.languages import LANGUAGES

LIMITS = Limits(
    cpu_seconds=2, wall_seconds=8, memory_bytes=128 << 20, output_bytes=1 << 16, processes=32, scratch_bytes=16 << 20
)
SHORT = LIMITS.model_copy(update={"cpu_seconds": 0.4, "wall_seconds": 2})
TOOLS = {"bash": "bash", "cpp": "g++", "javascript": "node", "php": "php", "typescript": "tsc", "java": "java"}


@pytest.fixture(scope="module")
def sandbox():
    box = Sandbox(level="full", workers=1, limits=LIMITS, packages=())
    try:
        box.start()
    except SandboxUnavailable as error:
        pytest.skip(f"no level full here: {error}")
    yield box
    box.stop()


def need(language):
    if shutil.which(TOOLS[language]) is None:
        pytest.skip(f"{TOOLS[language]} is not installed")


def calls(box, language, source, *arguments, entry_point="f", limits=None):
    need(language)
    return asyncio.run(box.calls(source, entry_point, arguments, limits, language))


def call(box, language, source, *arguments, **options):
    (result,) = calls(box, language, source, list(arguments), **options)
    return result


def value(box, language, source, *arguments, **options):
    result = call(box, language, source, *arguments, **options)
    assert result.status == "returned", result
    return result.value


# -- values -----------------------------------------------------------------------------------------------------------

CPP = {
    "int f(vector<int> v, int k) { sort(v.begin(), v.end()); return v[k]; }": ([[3, 1, 2], 1], 2),
    "string f(string s) { reverse(s.begin(), s.end()); return s; }": (['a"\\\n\x01b'], 'b\x01\n\\"a'),
    "vector<string> f(const vector<string>& v) { auto w = v; w.push_back(\"é\"); return w; }": ([["😀"]], ["😀", "é"]),
    "vector<vector<char>> f(vector<vector<char>>& b) { b[0][0] = 'x'; return b; }": ([[["a", "b"], []]], [["x", "b"], []]),
    "map<string, double> f(map<string, double> m) { m[\"k\"] += 0.1; return m; }": ([{"k": 0.2}], {"k": 0.2 + 0.1}),
    "pair<long long, bool> f(long long n) { return {n * 2, n > 0}; }": ([2**61], (2**62, True)),
    "optional<int> f(optional<int> o) { if (!o) return 7; return nullopt; }": ([None], 7),
    "set<pair<int, int>> f(set<int> s) { return {{*s.begin(), (int)s.size()}}; }": ([{1, 2}], {(1, 2)}),
    "tuple<double, double, float> f(double x) { return {x, -x, 0.5f}; }": ([math.inf], (math.inf, -math.inf, 0.5)),
    "multiset<int> f() { return {1, 1}; }": ([], [1, 1]),
    "unsigned long long f(unsigned long long n) { return n; }": ([2**64 - 1], 2**64 - 1),
    "char f(const char* s, array<int, 2> a) { return s[a[1]]; }": (["xyz", [0, 2]], "z"),
    "void f(vector<int>& v) { v.clear(); }": ([[1]], None),
    "auto f = [](int a, int b) { return a / b; };": ([7, 2], 3),
}  # fmt: skip
JAVASCRIPT = {
    "const f = (a, b) => a + b": ([1, 0.5], 1.5),
    "function f(o) { return {...o, b: [null, undefined]}; }": ([{"a": "é\ud800"}], {"a": "é\ud800", "b": [None, None]}),
    "function f(n) { return n * n; }": ([2**70], 2**140),
    "let f = s => new Set([...s, [1, 2]])": ([{3}], {3, (1, 2)}),
    "function f(m) { m.set(5, true); return m; }": ([{1: "a", 2: "b"}], {1: "a", 2: "b", 5: True}),
    "async function f(x) { return [await x, -Infinity]; }": ([math.inf], [math.inf, -math.inf]),
    "module.exports.f = () => new Date(0)": ([], datetime.datetime.fromtimestamp(0, datetime.UTC)),
    "function f(o) { return [o['__proto__'], new Uint8Array([1, 255])]; }": ([{"__proto__": 4}], [4, [1, 255]]),
    "'use strict'; function f() { return this === undefined; }": ([], True),
}  # fmt: skip
PHP = {
    "function f($a, $b) { return $a + $b; }": ([1, 0.5], 1.5),
    "<?php\nfunction f(array $a): array { sort($a); return ['a' => $a, 'n' => -INF]; }": (
        [[3, 1]],
        {"a": [1, 3], "n": -math.inf},
    ),
    "function f($d) { return [$d['k'], count($d)]; }": ([{"k": "é😀", 5: [None, True]}], ["é😀", 2]),
    "function f(...$n) { return $n; }": ([2**62, {3}, ()], [2**62, [3], []]),
    "function f() { return (object) ['a' => 1.0]; }": ([], {"a": 1.0}),
}
JAVA = {
    "class Solution { int f(int n, int[][] a) { return n + a[1][0]; } }": ([1, [[], [2]]], 3),
    "import java.util.*; public class Main { static Set<List<Character>> f(Map<String, List<Character>> m, Optional<Long> o)"
    " { m.get(\"k\").add(o.isEmpty() ? 'b' : 'c'); return Set.of(m.get(\"k\")); } }": ([{"k": ["a"]}, None], {("a", "b")}),
    "class A { Object[] f(String s, double d) { return new Object[] {s + 'x', d, 1L << 62, null, true, 'c'}; } }": (
        ['é\ud83d\ude00\n"', -math.inf],
        ['é😀\n"x', -math.inf, 2**62, None, True, "c"],
    ),
}
TYPESCRIPT = {
    "function f(a: number[]): number { return a.length; }": ([[1, 2]], 2),
    "interface P { x: number }\nexport const f = (p: P): Map<number, P> => new Map([[1, p]])": ([{"x": 3}], {1: {"x": 3}}),
    "enum E { A, B }\nclass C<T> { constructor(readonly x: T) {} }\nconst f = () => [new C<E>(E.B).x]": ([], [1]),
}
BASH = {
    'f() { echo "$1-$2"; }': (["a b", "c'\"$x"], "a b-c'\"$x"),
    "f() { echo $(($1 * 2)); }": ([21], "42"),
    "f() { printf 'a\\nb\\n\\n'; }": ([], "a\nb"),
    "f() { sort <(printf '%s\\n' \"$@\") | head -n 1; }": (["b", "a"], "a"),
    "f() { echo é > note; cat note > /dev/stdout; }": ([], "é"),
    "f() { [[ $1 == x ]]; }": (["y"], ""),
    "x=1; f() { x=$((x + 1)); echo $x; exit 5; }": ([], "2"),
    "f() { printf '\\xff'; }": ([], "\N{REPLACEMENT CHARACTER}"),
}  # fmt: skip


@pytest.mark.parametrize("source", CPP)
def test_cpp_values(sandbox, source):
    arguments, expected = CPP[source]
    got = value(sandbox, "cpp", "using namespace std;\n" + source, *arguments)
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize("source", JAVASCRIPT)
def test_javascript_values(sandbox, source):
    arguments, expected = JAVASCRIPT[source]
    assert value(sandbox, "javascript", source, *arguments) == expected


@pytest.mark.parametrize("source", PHP)
def test_php_values(sandbox, source):
    arguments, expected = PHP[source]
    assert value(sandbox, "php", source, *arguments) == expected


@pytest.mark.parametrize("source", JAVA)
def test_java_values(sandbox, source):
    arguments, expected = JAVA[source]
    assert value(sandbox, "java", source, *arguments) == expected


@pytest.mark.parametrize("source", TYPESCRIPT)
def test_typescript_values(sandbox, source):
    arguments, expected = TYPESCRIPT[source]
    assert value(sandbox, "typescript", source, *arguments) == expected


@pytest.mark.parametrize("source", BASH)
def test_bash_values(sandbox, source):
    arguments, expected = BASH[source]
    assert value(sandbox, "bash", source, *arguments) == expected


def test_nan_is_nan(sandbox):
    assert math.isnan(value(sandbox, "javascript", "const f = x => x", math.nan))
    assert math.isnan(value(sandbox, "cpp", "double f(double x) { return x; }", math.nan))


def test_what_no_data_stand_for_equals_nothing(sandbox):
    cpp = value(sandbox, "cpp", "struct P { int a; }; P f() { return {1}; }")
    javascript = value(sandbox, "javascript", "class P {}; const f = () => [new P(), x => x]")
    assert isinstance(cpp, Opaque)
    assert [one.kind for one in (cpp, *javascript)] == ["P", "P", "function"]
    assert cpp != javascript[0]


def test_cpp_text_that_is_no_utf8_is_carried(sandbox):
    assert value(sandbox, "cpp", 'std::string f() { return "\\xff\\xc3\\xa9\\xed\\xa0\\x80"; }') == "\udcffé\udced\udca0\udc80"


def test_cpp_methods_macros_mains_and_threads_of_honest_code(sandbox):
    method = "class Solution { public: int f(vector<int>& v) { return v.size(); } };"
    source = f"#include <bits/stdc++.h>\n#define int long long\nusing namespace std;\n{method}\nsigned main() {{ return 1; }}"
    assert value(sandbox, "cpp", source, [1, 2], entry_point="Solution::f") == 2
    threads = "int f() { std::atomic<int> n{0}; std::vector<std::thread> t; for (int i = 0; i < 9; i++) t.emplace_back([&] { n++; }); for (auto& a : t) a.join(); return n; }"  # noqa: E501
    assert value(sandbox, "cpp", threads) == 9


def test_one_compilation_serves_other_arguments(sandbox):
    source = "long long f(long long n) { return n + 41; } // compiled once"
    assert value(sandbox, "cpp", source, 1) == 42
    started = time.monotonic()
    assert [result.value for result in calls(sandbox, "cpp", source, [1], [2], [3])] == [42, 43, 44]
    assert time.monotonic() - started < 0.3


def test_an_argument_that_is_no_data_and_a_name_that_is_none_are_the_callers_mistakes(sandbox):
    with pytest.raises(TypeError, match="an argument of type object"):
        calls(sandbox, "javascript", "let f", [object()])
    with pytest.raises(TypeError, match="takes words"):
        calls(sandbox, "bash", "f() { :; }", [["a"]])
    for language in ("bash", "cpp", "javascript"):
        with pytest.raises(ValueError, match="not the name of a function"):
            calls(sandbox, language, "", [], entry_point="f; g")
    with pytest.raises(ValueError, match="no language 'cobol'"):
        asyncio.run(sandbox.calls("", "f", [[]], None, "cobol"))
    with pytest.raises(ValueError, match="no language 'fortran'"):
        Sandbox(tools={"fortran": "gfortran"})


# -- programs ---------------------------------------------------------------------------------------------------------

DOUBLE = {
    "cpp": "#include <iostream>\nint main() { int a; while (std::cin >> a) std::cout << 2 * a << '\\n'; }",
    "javascript": "for (const l of require('fs').readFileSync(0, 'utf8').trim().split('\\n')) console.log(2 * l)",
    "bash": "while read -r a; do echo $((2 * a)); done",
    "java": "import java.util.*; public class P { public static void main(String[] a) { Scanner s = new Scanner(System.in); "
    "while (s.hasNextInt()) System.out.println(2 * s.nextInt()); } }",
    "php": "while (($a = fgets(STDIN)) !== false) echo 2 * $a, PHP_EOL;",
    "typescript": "for (const l of require('fs').readFileSync(0, 'utf8').trim().split('\\n')) console.log(2 * (l as any))",
}


@pytest.mark.parametrize("language", DOUBLE)
def test_a_program_reads_and_prints(sandbox, language):
    need(language)
    result = asyncio.run(sandbox.program(DOUBLE[language], "1\n20\n", language))
    assert (result.status, result.value) == ("returned", "2\n40\n")


def test_a_program_that_ends_badly_is_no_answer(sandbox):
    bad = asyncio.run(sandbox.program("echo 4; echo no good >&2; exit 3", "", "bash"))
    assert (bad.status, bad.value) == ("error", "4\n")
    assert "3" in bad.why
    assert "no good" in bad.why
    assert asyncio.run(sandbox.program("kill -SEGV $$", "", "bash")).status == "crashed"


def test_a_flood_ends_at_once_not_when_its_time_is_up(sandbox):
    limits = LIMITS.model_copy(update={"cpu_seconds": 60, "wall_seconds": 60})
    started = time.monotonic()
    flood = asyncio.run(sandbox.program("while :; do echo yyyyyyyyyyyyyyyyyyy; done", "", "bash", limits))
    assert (flood.status, flood.value) == ("output_limit", None)
    assert time.monotonic() - started < 10


# -- sources that fail ------------------------------------------------------------------------------------------------

FAILS = {
    "cpp syntax": ("cpp", "int g() { return 1; }\nint f() { return y; }", "load_error", "solution.cpp:2"),
    "cpp no function": ("cpp", "int g() { return 1; }", "load_error", "f"),
    "cpp parameter": ("cpp", "struct P {}; int f(P p) { return 1; }", "load_error", "cannot be made from data"),
    "cpp raises": ("cpp", "int f() { return std::vector<int>().at(3); }", "error", "range"),
    "cpp throws": ("cpp", "int f() { throw 5; }", "error", "exception"),
    "cpp count": ("cpp", "int f(int a) { return a; }", "error", "takes 1 arguments, 0 given"),
    "cpp null": ("cpp", "int f() { volatile int* p = nullptr; return *p; }", "crashed", "Segmentation"),
    "cpp leaves": ("cpp", "int f() { exit(0); }", "exited_early", ""),
    "cpp reads": ("cpp", '#include "/etc/passwd"\nint f() { return 1; }', "load_error", "/etc/passwd"),
    "cpp memory": ("cpp", "int f() { std::list<std::string> l; for (;;) l.emplace_back(1 << 20, 'x'); }", "memory", ""),
    "js syntax": ("javascript", "let a = 1\nfunction f( {", "load_error", "line 3"),
    "js no function": ("javascript", "const f = 3", "load_error", "f is not a function"),
    "js loads badly": ("javascript", "\nnull.x; function f() {}", "load_error", "line 2: TypeError"),
    "js raises": ("javascript", "const f = () => {\n  throw new RangeError('no') }", "error", "line 2: RangeError: no"),
    "js deep": ("javascript", "function f() { let a = []; a.push(a); return a; }", "error", "nested deeper"),
    "js leaves": ("javascript", "const f = () => process.exit(0)", "exited_early", ""),
    "js waits": ("javascript", "const f = () => new Promise(() => {})", "exited_early", ""),
    "js memory": ("javascript", "function f() { const a = []; for (;;) a.push(Array(1e4).fill(1.5)); }", "memory", ""),
    "js buffers": ("javascript", "function f() { const a = []; for (;;) a.push(Buffer.alloc(1e7, 1)); }", "memory", ""),
    "js flood": ("javascript", "function f() { for (;;) require('fs').writeSync(1, 'x'.repeat(1000)); }", "output_limit", ""),
    "js long": ("javascript", "const f = () => 'x'.repeat(1e6)", "output_limit", ""),
    "java syntax": ("java", "public class B {\n  int f() { return b; } }", "load_error", "B.java:2: error: cannot find symbol"),
    "java no method": ("java", "class A { int g() { return 1; } }", "load_error", "no class has a method f"),
    "java raises": ("java", "class A {\n  int f() { return 1 / (a - a); } int a; }", "error", "line 2: java.lang.Arith"),
    "java memory": ("java", "class A { long[][] f() { long[][] a = new long[99][1 << 20]; return a; } }", "memory", "heap"),
    "php syntax": ("php", "function f( {", "load_error", "line 1: ParseError"),
    "php no function": ("php", "function g() {}", "load_error", "f is not a function"),
    "php raises": ("php", "function f() {\n  return intdiv(1, 0); }", "error", "line 2: DivisionByZeroError"),
    "php leaves": ("php", "function f() { exit(0); }", "exited_early", ""),
    "php memory": ("php", "function f() { for ($a = [];;) $a[] = str_repeat('x', 99999); }", "memory", ""),
    "ts syntax": ("typescript", "let a: number\nfunction f(a: number { }", "load_error", "line 2: ',' expected"),
    "ts raises": ("typescript", "const f = (): never => { throw new Error('no') }", "error", "Error: no"),
    "bash syntax": ("bash", "f() { if; }", "load_error", "line 1"),
    "bash no function": ("bash", "g() { :; }", "load_error", "f is not a function"),
    "bash no command": ("bash", "f() { no_such_command; }", "error", "127"),
    "bash leaves": ("bash", "exit 0", "exited_early", ""),
    "bash memory": ("bash", "f() { x=aaaaaaaa; while :; do x=$x$x; done; }", "memory", ""),
    # the `:` keeps Bash from becoming `sleep`, so three subshells hold 180 MB together, however slow the machine is
    "bash memory of many": (
        "bash", "f() { for i in 1 2 3; do (x=$(printf %60000000d 1); sleep 9; :) & done; wait; }", "memory", ""
    ),
    "bash flood": ("bash", "f() { while :; do echo xxxxxxxxxxxxxxxx; done; }", "output_limit", ""),
    "bash flood of errors": ("bash", "f() { while :; do echo xxxxxxxxxxxxxxx >&2; done; }", "output_limit", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILS)
def test_a_source_that_fails_gets_the_right_word(sandbox, name):
    language, source, status, words = FAILS[name]
    result = call(sandbox, language, source)
    assert result.status == status, result
    assert words in result.why
    assert value(sandbox, "bash", "f() { echo well; }") == "well"


def test_a_pipe_of_a_shell_ends_with_its_reader(sandbox):
    assert value(sandbox, "bash", "f() { yes | head -n 2; echo ${PIPESTATUS[0]}; }") == "y\ny\n141"


def test_a_source_may_be_larger_than_what_it_prints_and_not_than_its_folder(sandbox):
    long = "#" + "x" * (2 * LIMITS.output_bytes) + "\nf() { echo well; }"
    assert value(sandbox, "bash", long) == "well"
    assert call(sandbox, "bash", "#" + "x" * LIMITS.scratch_bytes + "\nf() { :; }").status == "disk"


def test_a_shell_that_is_refused_memory_has_not_returned(sandbox):
    room = LIMITS.model_copy(update={"memory_bytes": 256 << 20, "cpu_seconds": 10, "wall_seconds": 30})
    assert call(sandbox, "bash", FAILS["bash memory"][1], limits=room).status == "memory"


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("cpp", "int f() { volatile int i = 0; for (;;) i = i + 1; }"),
        ("javascript", "function f() { for (;;); }"),
        ("bash", "f() { while :; do :; done; }"),
        ("bash", "f() { (while :; do :; done) & (while :; do :; done) & wait; }"),
        ("bash", "f() { sleep 100; }"),
    ],
)
def test_what_does_not_end_is_ended(sandbox, language, source):
    value(sandbox, language, {"cpp": "int f() { return 1; }", "javascript": "let f = x => x", "bash": "f() { :; }"}[language])
    started = time.monotonic()
    assert call(sandbox, language, source, limits=SHORT).status == "timeout"
    assert time.monotonic() - started < (SHORT.wall + 5 if language == "cpp" else SHORT.wall + 1)  # g++ besides


def test_time_of_all_processes_counts_together(sandbox):
    limits = LIMITS.model_copy(update={"cpu_seconds": 1, "wall_seconds": 60})
    many = "f() { for i in {1..8}; do (while :; do :; done) & done; wait; }"
    started = time.monotonic()
    result = call(sandbox, "bash", many, limits=limits)
    assert (result.status, result.why) == ("timeout", "used up 1 s of CPU time")
    assert time.monotonic() - started < 6  # one process alone would reach its own limit after eight times that on one core


TREE = """
import os, time
for _ in range(2):
    if not os.fork():
        held = bytearray(os.urandom(1) * (20 << 20))
        until = time.process_time() + 0.3
        while time.process_time() < until:
            pass
        time.sleep(30 if held else 0)
        os._exit(0)
time.sleep(30)
"""


def test_a_tree_of_processes_is_added_up():
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    first = subprocess.Popen(
        [sys.executable, "-S", "-c", TREE]
    )  # of its own: a fork of this process would be as large as it is
    tree, until = Tree(proc, first.pid), time.monotonic() + 20
    try:
        while tree.cpu() < 0.6 and time.monotonic() < until:
            time.sleep(0.02)
        assert 0.6 <= tree.cpu() < 1.0
        assert len(list(tree._pids())) == 3
        assert 40 << 20 <= tree.memory(0) < 80 << 20
        assert tree.memory(0) <= tree.memory(1 << 40)
    finally:
        for one in reversed(list(tree._pids())):
            os.kill(one, 9)
        first.wait()
        os.close(proc)


# -- reach, forgery, leftovers ----------------------------------------------------------------------------------------


def test_files_outside_are_absent_and_the_system_is_read_only(sandbox, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cret", encoding="ascii")
    tmp_path.chmod(0o777)
    assert value(sandbox, "bash", "f() { cat $1; ls $2; echo x > $2/new; rm -f $1; }", str(secret), str(tmp_path)) == ""
    assert call(sandbox, "javascript", "const f = p => require('fs').readFileSync(p, 'utf8')", str(secret)).status == "error"
    assert call(sandbox, "javascript", "const f = () => require('fs').writeFileSync('/usr/new', 'x')").status == "blocked"
    assert value(sandbox, "cpp", "int f(std::string p) { return !!std::ifstream(p); }", str(secret)) == 0
    assert value(sandbox, "bash", "f() { cat /etc/passwd /proc/1/environ $HOME/.bashrc; ls -A /root /home /sys; }") == ""
    assert value(sandbox, "bash", "f() { chmod 777 /usr/bin; mount -t tmpfs x /usr; unshare -Ur true; touch /usr/x; }") == ""
    assert [secret.read_text(encoding="ascii"), sorted(os.listdir(tmp_path))] == ["s3cret", ["secret"]]


def test_the_network_is_absent(sandbox):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert value(sandbox, "bash", "f() { exec 5<>/dev/tcp/127.0.0.1/$1 && echo open; }", port) == ""
        node = "const f = p => new Promise(y => require('net').connect(p, '127.0.0.1').on('connect', () => y('open')).on('error', e => y(e.code)))"  # noqa: E501
        assert value(sandbox, "javascript", node, port) == "EPERM"
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_system_calls_that_make_namespaces_or_sockets_are_refused(sandbox):
    number = {"x86_64": 56, "aarch64": 220}[platform.machine()]  # of `clone`
    source = f"""perl -e '$| = 1;
for my $flag (0, 0x20000, 0x10000000, 0x20000000, 0x40000000) {{
    my $pid = syscall({number}, $flag | 17, 0, 0, 0, 0);
    exit 0 if $pid == 0;
    print $pid > 0 ? "made\\n" : "refused\\n";
}}
print "no socket\\n" unless socket(my $s, 2, 1, 0);'"""
    result = asyncio.run(sandbox.program(source, "", "bash"))
    assert result.value.split("\n") == ["made", "refused", "refused", "refused", "refused", "no socket", ""], result
    assert asyncio.run(sandbox.program("unshare --user true; exit $?", "", "bash")).why.startswith("its process left")


def below(pids):
    """Return all processes below some, zombies too."""
    found, left = [], list(pids)
    while left:
        pid = left.pop()
        children = [int(p) for t in Path(f"/proc/{pid}/task").glob("*/children") for p in t.read_text().split()]
        found += children
        left += children
    return sorted(set(found) - set(pids))


@pytest.mark.parametrize(
    "source",
    [
        "f() { setsid sleep 1000 >/dev/null 2>&1 & (trap '' HUP TERM INT; sleep 1000) >/dev/null 2>&1 & echo started; }",
        "f() { g() { g | g & }; g; sleep 100; }",
        "f() { while :; do (exec -a bash sleep 1000) & done; }",
        "f() { kill -9 -1; kill -9 1; sleep 1000; }",
    ],
)
def test_nothing_is_left_of_daemons_and_fork_bombs(sandbox, source):
    value(sandbox, "bash", "f() { :; }")
    before = below(sandbox.pids())
    result = call(sandbox, "bash", source, limits=SHORT)
    assert result.status in ("returned", "timeout", "crashed", "error", "output_limit"), result
    assert below(sandbox.pids()) == before
    assert value(sandbox, "bash", "f() { ls -A; ls /tmp | wc -l; }").split() == ["calls.sh", "driver.sh", "solution.sh", "3"]


def test_a_program_may_have_so_many_processes_and_no_more(sandbox):
    source = "f() { local n=0 i; for i in {1..60}; do sleep 5 >/dev/null & done 2>/dev/null; jobs -p | wc -l; }"
    few = LIMITS.model_copy(update={"processes": 8, "wall_seconds": 1.5})
    assert value(sandbox, "bash", source, limits=LIMITS.model_copy(update={"processes": 100})) == "60"
    assert call(sandbox, "bash", source, limits=few).status == "timeout"  # Bash tries again and again


def test_the_disk_is_bounded(sandbox):
    source = "f() { local i; for i in {1..1000}; do head -c 60000 /dev/urandom > f$i || break; done; echo $i; }"
    assert 200 < int(value(sandbox, "bash", source)) < 300  # 16 MiB in files of 60,000 bytes
    assert value(sandbox, "bash", "f() { head -c 99999 /dev/urandom > f; echo $?; }") != "0"  # a file over the limit


BOTH_WRONG = [("error", None), ("error", None)]
FIRST_OWN = [("returned", 42), ("error", None)]
WRITE = "const w = t => require('fs').writeSync(3, t); const f = x => x; "
FORGED = {
    "stdout": ("javascript", "console.log('[0,\"value\",42]'); const f = () => 7", [("returned", 7)] * 2),
    "before": ("javascript", WRITE + "w('[0,\"value\",42]\\n')", FIRST_OWN),
    "garbage": ("javascript", WRITE + "w('hello')", BOTH_WRONG),
    "skip": ("javascript", WRITE + "w('[1,\"value\",42]\\n')", BOTH_WRONG),
    "shift": ("bash", "echo '[0,\"value\",42]' >&3; f() { echo $1; }", FIRST_OWN),
    "pass": ("bash", "echo '[0,\"pass\",42]' >&3; f() { echo $1; }", BOTH_WRONG),
    "no data": ("bash", 'echo \'[0,"unsupported","please"]\' >&3; f() { echo $1; }', BOTH_WRONG),
    "code": ("bash", 'echo \'[0,"value",{"eval":"1"}]\' >&3; f() { echo $1; }', BOTH_WRONG),
    "deep": ("bash", "printf '[0,\"value\",%s\\n' $(printf '[%.0s' {1..20000}) >&3; f() { :; }", BOTH_WRONG),
    "exit status": ("bash", "exit 0", [("exited_early", None)] * 2),
    "closed": ("bash", "exec 3>&-; f() { echo $1; }", [("exited_early", None)] * 2),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_a_source_writes_itself_is_its_own_answer_or_an_error(sandbox, name):
    """A line at the right place is what the source answers, as if it had returned it; no other line is believed."""
    language, source, expected = FORGED[name]
    results = calls(sandbox, language, source, ["1"], ["2"])
    assert [(result.status, result.value) for result in results] == expected, results


# -- where it does not run --------------------------------------------------------------------------------------------


def test_a_missing_tool_is_unsupported_and_says_what_to_install():
    box = Sandbox(level="full", workers=1, packages=(), tools={"cpp": "g++-nowhere", "javascript": "/nowhere/node"})
    try:
        box.start()
    except SandboxUnavailable as error:
        pytest.skip(f"no level full here: {error}")
    try:
        (result,) = asyncio.run(box.calls("int f() { return 1; }", "f", [[]], language="cpp"))
        assert (result.status, result.why) == ("unsupported", "g++-nowhere is not installed (Debian package g++)")
        result = asyncio.run(box.program("", "", "javascript"))
        assert (result.status, result.why) == ("unsupported", "/nowhere/node is not installed (Debian package nodejs)")
    finally:
        box.stop()


def test_level_kernel_does_not_run_programs():
    with_kernel = Sandbox(level="kernel", workers=1, packages=())
    try:
        with_kernel.start()
    except SandboxUnavailable as error:
        pytest.skip(f"no level kernel here: {error}")
    try:
        for language in LANGUAGES:
            results = [asyncio.run(with_kernel.program("", "", language))]
            results += asyncio.run(with_kernel.calls("", "f", [[], []], language=language))
            assert {result.status for result in results} == {"unsupported"}
            assert results[0].lacks == "sandbox: {level: full}"
        assert len(with_kernel.pids()) == 1
    finally:
        with_kernel.stop()


def test_nothing_is_left_when_it_stops(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tmp_path.chmod(0o755)
    box = Sandbox(level="full", workers=2, packages=())
    try:
        box.start()
    except SandboxUnavailable as error:
        pytest.skip(f"no level full here: {error}")
    assert asyncio.run(box.program("echo x", "", "bash")).value == "x\n"
    assert os.listdir(tmp_path)
    pids = box.pids()
    box.stop()
    assert os.listdir(tmp_path) == []
    assert not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
