"""Judge a program by running its tests in the sandbox: a verifier (`kind: execution`).

For each completion, the program is put together from the completion's code and the code that the prompt gives
(`reward.execution.assembly`), and the tests run on it (`reward.execution.tests`). What it returns or prints
is compared where the program cannot reach (`reward.execution.values`), or by the row's own checker in a
process that never held the program. A completion passes if all tests pass. A status that is no data (broken
tests or checkers, an unavailable tool) makes it ungraded, never wrong.
"""

from __future__ import annotations

import asyncio
import base64
import marshal
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar

from pydantic import PrivateAttr

from align.core.plugins import Reward, Score
from align.core.rows import Prompt
from reward.execution import text as program_text
from reward.execution.tests import Case, ProgramRun, Tests, parse
from reward.execution.values import misprint, same
from reward.sandbox import NO_DATA, CallResult, Limits, Sandbox, Verdict
from reward.sandbox.host.data_tests import shown
from reward.sandbox.host.worker import presentable
from reward.sandbox.languages import LANGUAGES
from reward.sandbox.settings import SandboxSettings

ASSEMBLY = Limits(cpu_seconds=5, output_bytes=8 << 20)
"""Limits for putting a program together. This is our own work, so a recipe's limits for solutions do not
apply."""
NO_PROGRAM = "there is no program in the answer"
_CHECKED = """
def _checked(*given):
    import inspect
    kinds = [one.kind for one in inspect.signature(check).parameters.values()]
    some = len(given) if inspect.Parameter.VAR_POSITIONAL in kinds else len(kinds)
    said = check(*given[:some])
    return bool(said) if type(said).__name__ in ("bool", "bool_") else type(said).__name__
"""
"""Code appended to a checker's source: it calls `check` with as many arguments as `check` takes, and returns
True, False, or the name of any other type that `check` returns."""
_LOADER = """
def _loaded(packed):
    import base64, marshal, sys, types, zlib
    parent = sys.modules["reward"] = types.ModuleType("reward")
    parent.__path__ = []
    for name, code in marshal.loads(zlib.decompress(base64.b64decode(packed))).items():
        module = sys.modules[name] = types.ModuleType(name)
        exec(code, module.__dict__)
    return module.__dict__
"""
"""Code put before our own modules in the sandbox, which has no package `reward` to import."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """The program that an answer means, once for tests that call functions and once to run as a whole."""

    functions: str
    whole: str


@dataclass(frozen=True, slots=True)
class NoProgram:
    """Why there is no program to run."""

    status: str
    why: str


@dataclass(slots=True)
class Judgement:
    """The results of tests on a program."""

    passed: int = 0
    total: int = 0
    whys: list[tuple[str, str]] = field(default_factory=list)
    """Status word and reason of each failure."""
    no_data: str = ""
    """Why the program could not be judged; "" if it could."""
    lacks: str = ""
    """The setting or tool that is missing, if the program could be judged with it."""
    forgeable: bool = False
    """Did any test run in the same process as the program?"""

    def unknown(self, found: Verdict | CallResult) -> bool:
        """Return whether the sandbox gave no data, and note the reason if so."""
        if found.status in NO_DATA:
            self.no_data, self.lacks = f"{found.status}: {found.why}", found.lacks
        return found.status in NO_DATA

    def score(self, partial: bool = False) -> Score:
        """Return the results as a score; `partial` makes its value the share of the tests passed."""
        if self.no_data:
            return Score.ungraded(self.no_data, self.lacks)
        value = self.passed / self.total if partial else float(not self.whys)
        why = self.whys[0][1] if self.whys else ""
        return Score(value, not self.whys, why, forgeable=self.forgeable)

    def add(self, status: str, why: str) -> None:
        """Count one test; a status of "" means that it passed."""
        self.total += 1
        self.passed += not status
        self.whys += [(status, why)] if status else []


class Execution(Reward):
    """Run the prompt's tests on a completion's program: the score is 1 if all pass, else 0."""

    # 2: joins blocks, runs whole programs and checkers; integers are exact. 3: drafts, pytest, coroutines
    # 4: tests about more than data are judged only with `sandbox: {together: true}`; other languages
    version: ClassVar[str] = "4"

    sandbox: SandboxSettings = SandboxSettings()
    """The sandbox in which programs run."""
    exact: bool = False
    """True: a completion is the program as it stands, without looking for code in it or adding the prompt's.
    For texts that a model has continued."""
    partial: bool = False
    """True makes the value the share of tests passed; the verdict still requires all of them."""

    _running: Sandbox | None = PrivateAttr(default=None)

    async def score(self, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Return one score per completion, with `passed`; a score is ungraded if a run gave no data.

        Raises:
            ValueError: the prompt has no tests, or they have no shape that `reward.execution.tests` reads.
            SandboxUnavailable: the machine cannot provide the sandbox's level.
        """
        tests = parse(prompt)
        self._running = sandbox = self._running or self.sandbox.build()
        await asyncio.to_thread(sandbox.start)
        return list(await asyncio.gather(*(self._judge(sandbox, text, tests) for text in completions)))

    async def _judge(self, sandbox: Sandbox, completion: str, tests: Tests) -> Score:
        exact = Assembled(completion, completion) if self.exact else None
        programs = exact or await assembled(sandbox, completion, tests)
        if isinstance(programs, NoProgram):
            if programs.status in NO_DATA:
                return Score.ungraded(f"{programs.status}: {programs.why}")
            return Score(0.0, False, programs.why)
        return (await judge(sandbox, programs, tests, every=self.partial)).score(self.partial)

    def stop(self) -> None:
        """Stop the sandbox; a later `score` starts a new one."""
        running, self._running = self._running, None
        if running is not None:
            running.stop()


async def assembled(sandbox: Sandbox, completion: str, tests: Tests) -> Assembled | NoProgram:
    """Put together the program that an answer means; return it, or why there is none."""
    if tests.language != "python":
        source = program_text.program(completion, tests.entry_point, tests.language)
        return NoProgram("load_error", NO_PROGRAM) if source is None else Assembled(source, source)
    answer = program_text.read(completion)
    if not answer.whole.strip():
        return NoProgram("load_error", NO_PROGRAM)
    given = [_as_dictionary(program_text.read(text)) for text in tests.prompts]
    wanted = [(tests.entry_point, False)] if tests.calls_functions or not tests.runs else []
    wanted += [(None, True)] if tests.runs else []
    said = _as_dictionary(answer)
    arguments = [[said, given, name, tests.owner, tests.code, whole] for name, whole in wanted]
    results = await sandbox.calls(_source("assemble", "python", "assembly"), "assemble", arguments, ASSEMBLY)
    for result in results:
        if result.status in NO_DATA:
            return NoProgram(result.status, result.why)
        if result.status != "returned":
            return NoProgram(
                "load_error", f"load_error: the answer cannot be read: {result.status}: {result.why}"
            )
        if not isinstance(result.value, str):
            return NoProgram("load_error", NO_PROGRAM)
    return Assembled(results[0].value, results[-1].value)


async def judge(sandbox: Sandbox, programs: Assembled, tests: Tests, every: bool) -> Judgement:
    """Run tests on a program.

    Args:
        sandbox: a started sandbox.
        programs: the program, from `assembled`.
        tests: the tests to run.
        every: whether to go on after a failure, to count all tests that pass.
    """
    said = Judgement()
    if tests.code:
        await _run_code(sandbox, programs.functions, tests, said)
    if tests.cases and not said.no_data and (every or not said.whys):
        await _run_cases(sandbox, programs.functions, tests, said)
    for run in tests.runs:
        if said.no_data or (said.whys and not every):
            break
        await _run_whole(sandbox, programs.whole, run, tests.language, said)
    return said


async def _run_code(sandbox: Sandbox, source: str, tests: Tests, said: Judgement) -> None:
    verdict = await sandbox.check(source, tests.code, tests.entry_point)
    if said.unknown(verdict):
        return
    said.forgeable = said.forgeable or verdict.trust == "forgeable"
    whole = verdict.status == "pass"
    said.passed += verdict.passed_tests
    said.total += max(verdict.total_tests, verdict.passed_tests + (not whole))
    said.whys += [] if whole else [(verdict.status, f"{verdict.status}: {verdict.why}")]


async def _run_cases(sandbox: Sandbox, source: str, tests: Tests, said: Judgement) -> None:
    given, language, name = [case.arguments for case in tests.cases], tests.language, str(tests.entry_point)
    try:
        if tests.owner and language in LANGUAGES:
            name = LANGUAGES[language].method(tests.owner, name)
        results = await sandbox.calls(source, name, given, language=language)
    except (TypeError, ValueError) as error:  # the language cannot write an argument or a name
        said.no_data = f"test_error: {error}"
        return
    for case, result in zip(tests.cases, results, strict=True):
        if said.unknown(result):
            return
        if result.status != "returned":
            said.add(result.status, f"{result.status}: {result.why}")
            continue
        why = differs(case, result.value)
        if case.checker:
            expected = [] if case.returns is None else [case.returns]
            why = await _ask_checker(sandbox, case.checker, [case.arguments, result.value, *expected], said)
            why = why and f"fail: for {_short(case.arguments)} it returns {_short(result.value)}: {why}"
        said.add("fail" if why else "", why)


async def _run_whole(sandbox: Sandbox, source: str, run: ProgramRun, language: str, said: Judgement) -> None:
    """Run a whole program in its own process, and judge what it prints, or how it ends."""
    limits, source = sandbox.limits, f"{source}\n{run.appended}" if run.appended else source
    said.forgeable = said.forgeable or bool(run.appended)
    room = max(limits.output_bytes, len(run.given.encode("utf-8", "surrogatepass")) + 1024)
    limits = limits.model_copy(update={"output_bytes": room})  # limits files too, such as the input
    if language == "python":
        text = f"{_source('run', 'run')}def started(given):\n    return run({source!r}, given)\n"
        # `text` contains the source, so `calls` sees which packages the source imports
        (result,) = await sandbox.calls(text, "started", [[run.given]], limits)
    else:
        result = await sandbox.program(source, run.given, language, limits)
        result = replace(result, value=(result.value, 0)) if result.status == "returned" else result
    if said.unknown(result):
        return
    status, why = _printed_wrong(result, run)
    if not status and run.checker:
        expected = [] if run.prints is None else [run.prints]
        why = await _ask_checker(sandbox, run.checker, [run.given, result.value[0], *expected], said)
        if why:
            status = "fail"
            why = f"fail: for the input {_short(run.given)} it prints {_short(result.value[0])}: {why}"
    said.add(status, why)


def _printed_wrong(result: CallResult, run: ProgramRun) -> tuple[str, str]:
    """Return the status and the reason of a run that failed or printed the wrong output, else ("", "").

    If a checker decides, the output is not compared here.
    """
    where = "with the tests behind it" if run.appended else f"for the input {_short(run.given)}"
    if result.status != "returned":
        return result.status, f"{result.status}: {where}: {result.why}"
    match result.value:
        case (str(printed), int(code)):
            pass
        case _:
            return "error", "error: the program changes what runs it"
    if code:
        return "error", f"error: {where} it ends with exit status {code}"
    why = "" if run.checker or run.prints is None else misprint(printed, run.prints)
    return ("fail", f"fail: for the input {_short(run.given)} {why}") if why else ("", "")


async def _ask_checker(sandbox: Sandbox, checker: str, given: list[Any], said: Judgement) -> str:
    """Ask a row's checker, in a process that never held the program; return its objection, "" for none.

    A checker that fails is a broken test: the result is then unknown, which is noted in `said`.
    """
    try:
        (result,) = await sandbox.calls(checker + _CHECKED, "_checked", [given])
    except TypeError:
        return "this is no plain data, which a checker could look at"
    if result.status != "returned":
        said.no_data = f"test_error: the checker: {result.status}: {result.why}"
    elif not isinstance(result.value, bool):
        kind = presentable(str(result.value))[:60]
        said.no_data = f"test_error: the checker returns {kind}, not True or False"
    return "" if result.value is True else "the checker says no"


def differs(case: Case, value: Any) -> str:
    """Return why a value is not what a call should return; "" if it is."""
    try:
        alike = same(value, case.returns) or (case.or_only and same(value, case.returns[0]))
    except (ArithmeticError, TypeError, ValueError):  # 10 ** 400 for a float, a key of 5,000 digits
        alike = False
    if alike:
        return ""
    return f"fail: for {_short(case.arguments)} it returns {_short(value)}, not {_short(case.returns)}"


def _as_dictionary(answer: program_text.CodeAnswer) -> dict[str, Any]:
    """Return an answer as the dictionary that `assemble` of `assembly.py` takes."""
    pieces = [[block.before, block.text if block.may_hold("python") else ""] for block in answer.blocks]
    return {"whole": answer.whole, "pieces": [*pieces, [answer.after, ""]], "fenced": bool(answer.blocks)}


@cache
def _source(function: str, *modules: str) -> str:
    """Return source that defines one function of our own modules.

    The function is in the last of the modules; each module may import those before it. They are compiled and
    packed; the sandbox has the same interpreter. Compiling `assembly` takes 18 ms, its work on an answer 2
    ms, and every call searches the whole source.
    """
    codes = {}
    for name in modules:
        text = (files("reward.execution") / f"{name}.py").read_text(encoding="utf-8")
        codes[f"reward.execution.{name}"] = compile(text, f"{name}.py", "exec", dont_inherit=True, optimize=2)
    packed = base64.b64encode(zlib.compress(marshal.dumps(codes))).decode()
    return f"{_LOADER}_own = _loaded({packed!r})\n{function} = _own[{function!r}]\n"


def _short(value: Any, limit: int = 60) -> str:
    text = presentable(shown(value))
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
