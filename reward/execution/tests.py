r"""Read the tests of a program, in the shapes that data sets use.

A prompt's `tests` hold any mixture of these:

    {"code": "assert add(1, 2) == 3"}       asserts, check(candidate), unittest, test_* functions
    {"args": [1, 2], "returns": 3}          one call; its return value is compared
    {"input": "1 2\n", "output": "3\n"}     the whole program, run on an input; its output is compared
    {"args": [6], "checker": "def check(args, returned): ..."}    several answers are valid: `check` decides
    {"input": "6\n", "checker": "def check(input, output): ..."}
    {"language": "cpp", "appended": "int main() { assert(f(1) == 2); }"}   is put behind the program; the two
                                                                           must end with exit status 0

Each takes "entry_point" if the prompt does not name the function, and "language" if the program is not in
Python (`reward.sandbox.languages`; only Python programs can have tests as "code"). "call" may be written for
"args", "stdin" for "input" and "stdout" for "output". A checker may take a third parameter, the "returns" or
"output" of its test; {"checker": "..."} alone is the checker of all tests of the row. These shapes are read
as well:

- APPS, TACO, PRIME: {"inputs": [...], "outputs": [...], "fn_name": "add"}. Without `fn_name` the whole
  program is run; each input is then a text or a list of lines, and each output may also be a number or a list
  of numbers, one a line.
- CodeContests: {"input": ["1 2\n", ...], "output": ["3\n", ...]}
- LiveCodeBench: {"input": "1\n2", "output": "3", "testtype": "functional"} (one JSON value a line) or "stdin"
- SYNTHETIC-1: {"test_cases": [{"type": "function_call", "fn_name": "add", "input": [1, 2], "output": [3]}]}
  or "stdin_stdout"

A key whose value is null counts as missing, because Arrow gives every test the keys of all others. Only the
"returns" of a call may be null:

    {"code": "...", "args": null, "returns": null}    code
    {"args": [1], "returns": null}                    a call that returns None
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from align.core.rows import Prompt
from reward.execution import text as program_text
from reward.sandbox.languages import LANGUAGES

_NAMING = ("entry_point", "fn_name", "func_name")
_SYNONYMS = {"call": "args", "stdin": "input", "stdout": "output"}
_OF_PROGRAMS = ("code", "appended", "args", "input", "inputs", "test_cases", *_SYNONYMS)
_KINDS = ("testtype", "type")
_NOT_APPENDED = {
    "python": 'give them as {"code": "..."}, whose verdicts cannot be forged',
    "java": "the sandbox runs Java without -ea, so no `assert` in them would be looked at",
}
"""Languages whose programs are not tested by appended source, and why."""
_FUNCTIONAL, _WHOLE, _OF_APPS = ("functional", "function_call"), ("stdin", "stdin_stdout"), "apps"
_SHAPES = (
    'a test is {"code": "assert ..."}, {"args": [...], "returns": ...} or {"input": "...", "output": "..."}, '
    'with "entry_point" or "checker" if you like'
)


@dataclass(frozen=True, slots=True)
class Case:
    """One call and the value that it should return."""

    arguments: list[Any]
    returns: Any = None
    checker: str = ""
    """Source of a function `check` that decides whether a value is right; "" compares it with `returns`."""
    or_only: bool = False
    """Whether `returns` is a list whose only value is right too: APPS writes some outputs so (its
    testing_util.py)."""


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """One input and the output that the program should print."""

    given: str
    prints: str | None
    """None if only the checker or the exit status can decide."""
    checker: str = ""
    appended: str = ""
    """Source that is put behind the program, such as MultiPL-E's tests. The run passes if it ends with exit
    status 0. The program shares a process with it, so it could end that process early and pass."""


Test: TypeAlias = str | Case | ProgramRun
"""A single test; a string is code that tests the program."""


@dataclass(frozen=True, slots=True)
class Tests:
    """The tests of one prompt."""

    entry_point: str | None
    owner: str
    """The class whose method the entry point is; "" if the tests name no class."""
    code: str
    cases: list[Case]
    runs: list[ProgramRun] = field(default_factory=list)
    language: str = "python"
    """The language of the program, by its name in `reward.sandbox.languages`."""
    prompts: list[str] = field(default_factory=list)
    """The texts of the prompt's messages; a program may use the code in them."""

    @property
    def calls_functions(self) -> bool:
        """Does any test call functions, rather than run the whole program?"""
        return bool(self.code or self.cases)


def any_of_programs(prompt: Prompt) -> bool:
    """Does a prompt bring tests of programs, rather than other tests?"""
    return any(test.get(key) is not None for test in prompt.tests for key in _OF_PROGRAMS)


def named(prompt: Prompt) -> Tests:
    """Return the function that a prompt or its tests name, as `Tests` that hold no test.

    Raises:
        ValueError: they name several functions, or the name is not a valid one.
    """
    names = {test[key] for test in prompt.tests for key in _NAMING if isinstance(test.get(key), str)}
    return _of(prompt, names, [], "python")


def parse(prompt: Prompt) -> Tests:
    """Return a prompt's tests.

    Raises:
        ValueError: it has none, or one that cannot be read; the message names the row.
    """
    checkers = {test["checker"] for test in prompt.tests if _is_checker(test)}
    language = _language(prompt)
    each = list(_every(prompt, max(checkers) if len(checkers) == 1 else ""))
    if len(checkers) > 1:
        raise ValueError(f"row {prompt.id!r}: it has {len(checkers)} checkers for all its tests; give one")
    found = [test for _, test in each if test is not None]
    if not found:
        raise ValueError(
            f"row {prompt.id!r} has no tests; "
            'give it a \'tests\' column like [{"code": "assert f(1) == 2"}]'
        )
    tests = _of(prompt, {name for name, _ in each if name}, found, language)
    if tests.cases and tests.entry_point is None:
        raise ValueError(
            f"row {prompt.id!r}: nothing names the function that `args` are for; "
            'add "entry_point" to its tests'
        )
    return tests


def _every(prompt: Prompt, checker: str) -> Iterator[tuple[str, Test | None]]:
    """Yield every single test of a prompt, as `_read` returns it.

    A checker of the whole row is given to each test that can have one.
    """
    shared = {"checker": checker} if checker else {}
    for number, test in enumerate(prompt.tests):
        try:
            for one in _single(test) if not _is_checker(test) else ():
                yield _read(one if "code" in one else shared | one)
        except ValueError as error:
            raise ValueError(f"row {prompt.id!r}: test {number} {error}") from None


def _is_checker(test: Mapping[str, Any]) -> bool:
    """Is it only the checker for all tests of the row, and no test itself?"""
    return [key for key, value in test.items() if value is not None] == ["checker"] and isinstance(
        test["checker"], str
    )


def _language(prompt: Prompt) -> str:
    """Return the language of the programs that a prompt's tests judge."""
    named = {test["language"] for test in prompt.tests if test.get("language") is not None}
    of_code = any(test.get("code") is not None for test in prompt.tests)
    found = {program_text.language_named(str(name)) or "" for name in named}
    if "" in found:
        known = ", ".join(sorted(["python", *LANGUAGES]))
        unknown = ", ".join(map(repr, named))
        raise ValueError(f"row {prompt.id!r}: unknown language {unknown}; known are {known}")
    if len(found) > 1:
        raise ValueError(
            f"row {prompt.id!r}: its tests are for several languages: {', '.join(sorted(found))}"
        )
    language = max(found, default="python")
    if language != "python" and of_code:
        raise ValueError(
            f"row {prompt.id!r}: tests as code are for Python, not for {language}; "
            'give {"stdin": "...", "stdout": "..."} or {"call": [...], "returns": ...}'
        )
    appended = any(test.get("appended") is not None for test in prompt.tests)
    if appended and language in _NOT_APPENDED:
        raise ValueError(
            f"row {prompt.id!r}: tests cannot be `appended` to {language}; {_NOT_APPENDED[language]}"
        )
    return language


def _of(prompt: Prompt, names: set[str], found: list[Test], language: str) -> Tests:
    """Return the tests of a prompt by their kind, with the function that they or the prompt name."""
    texts = [message["content"] for message in prompt.messages if isinstance(message.get("content"), str)]
    code = "\n".join(test for test in found if isinstance(test, str))
    cases = [test for test in found if isinstance(test, Case)]
    runs = [test for test in found if isinstance(test, ProgramRun)]
    try:
        name, owner = _entry_point(names, texts)
    except ValueError as error:
        raise ValueError(f"row {prompt.id!r}: {error}") from None
    if code and not (names or cases) and not re.search(rf"\b(?:candidate|{re.escape(str(name))})\b", code):
        name = None  # the prompt names another function, and the tests name what they call
    return Tests(name, owner, code, cases, runs, language, texts)


def _entry_point(names: set[str], texts: list[str]) -> tuple[str | None, str]:
    """Return the named function and its class, from "add", "Solution.add" or "Solution().add"."""
    split = {tuple(name.replace("()", "").rpartition(".")[::2]) for name in names}
    if len({name for _, name in split}) > 1:
        raise ValueError(f"its tests name several entry points: {', '.join(sorted(names))}")
    if not split:
        return program_text.entry_point(texts[::-1]), ""
    owner, name = max(split)  # "Solution.add" says more than "add"
    if not name.isidentifier() or (owner and not owner.isidentifier()):
        raise ValueError(f'entry point {names.pop()!r} is neither a function\'s name nor like "Solution.add"')
    return name, owner


# -- shapes --------------------------------------------------------------------------------------------------


def _single(test: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the single tests that one test of a data set holds."""
    given = _with_main_names(test)
    if isinstance(given.get("test_cases"), list):
        yield from _of_test_cases(given)
    elif "inputs" in given or "outputs" in given:
        called = _is_functional(given) or any(map(given.get, _NAMING))
        yield from _in_pairs(given, "inputs", "outputs", called=called)
    elif isinstance(given.get("input"), list) and not _is_functional(given):
        yield from _in_pairs(given, "input", "output", called=False)
    else:
        yield given


def _with_main_names(test: Mapping[str, Any]) -> dict[str, Any]:
    """Return a test with each key under its main name, without null values and without the language."""
    called = test.get("args") is not None or test.get("call") is not None
    given: dict[str, Any] = {}
    for key, value in test.items():
        name = _SYNONYMS.get(key, key)
        if name == "language" or (value is None and not (key == "returns" and called)):
            continue
        if name in given:
            raise ValueError(f"has {name!r} twice, once under another name")
        given[name] = value
    return given


def _of_test_cases(given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the single tests in a list, each with the keys that all of them share."""
    for one in given.pop("test_cases"):
        yield from _single(given | one)


def _is_functional(given: dict[str, Any]) -> bool:
    """Does a test's type say that it calls a function?"""
    return given.get("type", given.get("testtype")) in _FUNCTIONAL


def _in_pairs(given: dict[str, Any], first: str, second: str, *, called: bool) -> Iterator[dict[str, Any]]:
    """Yield a test for each input in a list, with the output at the same place of another list.

    Args:
        given: the test that holds both lists.
        first: the key of the inputs.
        second: the key of the outputs, which may be missing if there is a checker.
        called: whether an input holds the arguments of a call, rather than text that the program reads.
    """
    inputs, outputs = given.get(first), given.get(second)
    if not isinstance(inputs, list) or (outputs is None and "checker" not in given):
        raise ValueError(f"has {first!r} without a list of {second!r}")
    outputs = [None] * len(inputs) if outputs is None else outputs
    if not isinstance(outputs, list) or len(outputs) != len(inputs):
        raise ValueError(f"needs as many {second!r} as {first!r}")
    rest = {key: value for key, value in given.items() if key not in (first, second)}
    for one, other in zip(inputs, outputs, strict=True):
        call = {"args": one, "returns": other, "testtype": _OF_APPS}
        yield rest | (call if called else {"input": one, "output": other})


def _read(given: dict[str, Any]) -> tuple[str, Test | None]:
    """Return the entry point that a single test names, or "", and the test.

    The test is None if it holds nothing besides that name.
    """
    given = {key: value for key, value in given.items() if value is not None or key == "returns"}
    kind = next(iter(_taken(given, _KINDS)), None)
    name = next((one for one in _taken(given, _NAMING) if isinstance(one, str)), "")
    checker = given.pop("checker", "")
    if given.get("returns", 0) is None and "args" not in given:
        del given["returns"]
    if not isinstance(checker, str) or (kind is not None and kind not in (*_FUNCTIONAL, *_WHOLE, _OF_APPS)):
        wrong = "a checker that is not source code" if kind is None else f"type {kind!r}"
        raise ValueError(f"has {wrong}; {_SHAPES}")
    return name, _by_its_keys(given, checker, kind)


def _taken(given: dict[str, Any], keys: Sequence[str]) -> list[Any]:
    """Remove keys from a test; return the values of those that it has."""
    return [given.pop(key) for key in keys if key in given]


def _by_its_keys(given: dict[str, Any], checker: str, kind: str | None) -> Test | None:
    """Return the test that the keys of a dictionary describe; None if it has no keys.

    The names, the kind and the checker of the test are taken out of the dictionary before.
    """
    keys = given.keys()
    if keys == {"code"} and isinstance(given["code"], str) and not checker:
        return given["code"]
    if kind == _OF_APPS and keys in ({"args"}, {"args", "returns"}):
        return _call(given["args"], given.get("returns"), checker, kind)
    if isinstance(given.get("args"), list) and _has(keys, "args", "returns", checker):
        return Case(given["args"], given.get("returns"), checker)
    if kind in _FUNCTIONAL and keys == {"input", "output"}:
        return _call(given["input"], given["output"], checker, kind)
    return _of_whole_program(given, checker)


def _of_whole_program(given: dict[str, Any], checker: str) -> Test | None:
    """Return a test that runs the whole program; None if the dictionary has no keys."""
    keys = given.keys()
    if keys == {"appended"} and isinstance(given["appended"], str) and not checker:
        return ProgramRun("", None, appended=given["appended"])
    if _has(keys, "input", "output", checker):
        reads = _text(given["input"])
        prints = _text(given["output"], is_output=True) if "output" in given else None
        return ProgramRun(reads, prints, checker)
    if not keys and not checker:
        return None
    found = sorted([*map(str, keys), *(["checker"] if checker else [])])
    raise ValueError(f"has {', '.join(found)}; {_SHAPES}")


def _has(keys: Set[str], question: str, answer: str, checker: str) -> bool:
    """Are these the keys of a question and its answer, or, if there is a checker, of a question alone?"""
    return keys == {question, answer} or (keys == {question} and bool(checker))


def _call(given: Any, output: Any, checker: str, kind: str) -> Case:
    """Return a call whose arguments and return value are lists, or JSON with one argument a line."""
    try:
        arguments, returns = given, output
        if isinstance(given, str):
            arguments = [json.loads(line) for line in given.split("\n") if line.strip()]
            returns = json.loads(output) if isinstance(output, str) else output
    except (ValueError, RecursionError):
        raise ValueError(
            "calls a function, but its input or output is not JSON with one value a line"
        ) from None
    if not isinstance(arguments, list):
        raise ValueError("calls a function, but its input is not a list of arguments")
    only = kind in (_OF_APPS, "function_call") and isinstance(returns, list) and len(returns) == 1
    return Case(arguments, returns, checker, or_only=only)


def _text(value: Any, is_output: bool = False) -> str:
    """Return an input or output as text. APPS has some as lists of lines, and some outputs as numbers.

    An input cannot be a number: a row with such inputs lacks the name of the function that takes them.

    Args:
        value: the input or output.
        is_output: whether it is an output.
    """
    lines = value if isinstance(value, list) else [value]
    for line in lines:
        number = isinstance(line, int | float) and not isinstance(line, bool)
        if not isinstance(line, str) and not (is_output and number):
            place = " in a list" if isinstance(value, list) else ""
            raise ValueError(f"has an input or output that is {type(line).__name__}{place}, not text")
    return "\n".join(map(str, lines))
