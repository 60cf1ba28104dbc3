"""Put together the program that an answer means, as a reader would. This module runs in the sandbox.

Nothing here is called in the trainer's process on a model's text, because a source can be crafted to crash a
parser.

1. An answer that is Python as it stands is the program. Otherwise its parts are its fenced blocks and the
   runs of lines of Python between its sentences. These runs count only if the blocks do not hold the program,
   or if a run holds the program again, without a fence.
2. A part under a line such as "For reference, the original code was:" is set aside if another part will do.
3. The main part is the last that defines the entry point. A mere signature, or a body of `...`, is a
   definition only if there is no other. For a program that reads its input, the main part is the last part
   that reads it, else the last that prints. A part that feeds itself an input (`sys.stdin = StringIO("1 2")`)
   only tries out another part.
4. An answer that only continues the prompt's code (a function's body) is appended to it.
5. Names that the main part or the tests use, and that the main part does not define, are taken from the other
   parts, else from the prompt's code. Only the statements that define these names are taken, so a usage
   example never runs. A function that a later part defines anew replaces the earlier one in its place, if it
   can be called in the same way and does not itself call the entry point.
6. If the entry point is a method of a class, such as `Solution`, the program gets a function that calls the
   method of a new instance, and the names that LeetCode imports. Any program may use the names of `typing`
   that the prompt uses, without importing them.
"""

from __future__ import annotations

import ast
import re
import textwrap
import typing
from collections.abc import Sequence
from typing import Any

from reward.execution.python import (
    DEFINITIONS,
    as_python,
    binds,
    compiles,
    is_empty,
    is_future,
    longest,
    names_of,
    not_builtin,
    used_by,
    without_words,
    written,
)

MAX_LINE = 200
"""Most characters of a line that are searched for a remark that the code below it is not the answer."""
MAX_RUNS = 20
"""Most runs of Python lines that are looked for between an answer's sentences."""
_START = re.compile(
    r"(?:async )?def \w|class \w|@\w|import \w|from [\w.]+ import\b|if __name__"
    r"|(?:for|while|if|with)\b.*:\s*(?:#.*)?$|try:|print\("
    r"|[A-Za-z_][\w.]*(?:\[.*\])?(?:, ?\w+)* ?[-+*/|&]?= ?[^=]|main\(\)"
)
"""How a line of a program may begin between sentences."""
_PRINTS = re.compile(r"\bprint\b|\bwrite\b")
_READS = re.compile(r"\binput\s*\(|\bstdin\b|\bopen\s*\(\s*0|\bfileinput\b|/dev/stdin|\bread\s*\(\s*0")
_FEEDS = (
    r"\bstdin\s*=\s*(?:\w+\.)?(?:StringIO|BytesIO|TextIOWrapper)\((?!.*(?:stdin|read\())"
    r"|\b(?:patch|setattr)\([^)\n]*(?:stdin|input\b)"
)
"""How a program gives itself an input instead of reading it."""
_HINTS = (
    "wrong", "incorrect", "bug", "broken", "fault", "flaw", "erroneous", "failing", "bad", "original", "old",
    "previous", "earlier", "initial", "before", "instead", "not", "n't", "mistake", "error",
)  # fmt: skip
"""Every text that `_ASIDE` matches holds one of these. They are searched first, because compiling `_ASIDE`
takes more than a millisecond."""
_CODE_WORD = r"(?:code|version|attempt|try|solution|implementation|program|function|snippet|answer|draft|one)"
_BAD_WORD = (
    r"(?:wrong|incorrect|buggy|broken|faulty|flawed|erroneous|failing|bad|original|old|previous|earlier"
    r"|initial)"
)
_OPENS = r"""
    (?:and,?\ |but,?\ |just\ )* (?:for\ (?:reference|comparison|contrast),?\ )?
    (?: (?: (?:here|this|that|it)(?:\ is|\ was|'s) | compared?(?:\ it|\ this)?\ (?:with|to)
      | (?:it|this)\ replaces | (?:instead|in\ place)\ of | rather\ than )\ )?
    (?:(?:the|your|my|an?|this|that)\ )?"""
_ASIDE = rf"""(?xi)
    {_OPENS} (?:\(?{_BAD_WORD}\)?,?\ ?)+ (?:{_CODE_WORD}\ ?)? (?:\({_BAD_WORD}\)?\ ?)?
    (?:(?:for|as\ an?)\ (?:reference|comparison|contrast)\ ?)? (?:(?:was|is|were|read|looked\ like)\ ?)?
    (?:this|below|the\ following|as\ follows)?
    | before | instead\ of(?:\ this)? | do(?:n't|\ not)\ (?:write|use|do)(?:\ this)?
    | {_OPENS} common\ (?:mistake|error|bug)"""
"""Matches a whole line or sentence above code that is not the answer: "For reference, your original
(wrong) code was". A line that says anything more, such as "the original code, with the bug removed", does
not match."""
_LEETCODE = """
import bisect, collections, copy, datetime, functools, heapq, itertools, math, operator, random, re, \
    string, sys
from typing import *
from functools import *
from collections import *
from itertools import *
from heapq import *
from bisect import *
from string import *
from operator import *
from math import *
from builtins import *
inf = float("inf")
"""
"""The names that a LeetCode solution may use without an import, as LeetCodeDataset (arXiv 2504.14655) puts
them before each solution. The built-in functions come last, because `pow` of `math` takes no modulus."""


class CodePart:
    """A text that may be a part of the program, with the names that it defines and uses if it is Python."""

    def __init__(self, text: str, before: str = "") -> None:
        """Read a text; `before` is what stands above it in the answer."""
        self.written, self.before = text, before
        self.text, self.whole = as_python(text)
        self.body = ast.parse(self.text).body if self.whole else []
        self.bound, self.used = names_of(self.text) if self.whole else (set(), set())

    @property
    def is_aside(self) -> bool:
        """Does the text above it, or its only comment, at its top, say that it is not the answer?"""
        return _is_set_aside(self.before) or _is_set_aside(_only_comment(self.written))

    def defines(self, name: str, owner: str) -> bool:
        """Does it define the entry point, or a class with a method of that name?"""
        if not self.whole:
            definition = rf"^[ \t]*(?:async[ \t]+)?def[ \t]+{re.escape(name)}\b"
            return re.search(definition, self.text, re.MULTILINE) is not None
        return name in self.bound or bool(self.class_of(name, owner))

    def class_of(self, name: str, owner: str) -> str:
        """Return the class with the method: the named one, else `Solution`, else the last; "" if none."""
        classes = [node for node in self.body if isinstance(node, ast.ClassDef)]
        having = [node.name for node in classes if any(name in binds(inner) for inner in node.body)]
        last = "" if owner else (having or [""])[-1]
        return next((kind for kind in (owner, "Solution") if kind in having), last)

    def is_program(self, name: str | None, owner: str) -> bool:
        """Does it hold the entry point or, for a whole program, code that reads the input and prints?"""
        if name:
            return self.defines(name, owner) and not self.is_sketch(name)
        return bool(_READS.search(self.text) and _PRINTS.search(self.text))

    def is_sketch(self, name: str) -> bool:
        """Is its definition of the function only a signature, with a body that does nothing?"""
        if not self.whole:
            after = re.split(rf"\bdef[ \t]+{re.escape(name)}\b", self.text)[-1]
            return re.fullmatch(r"\s*\([^()]*\)\s*(?:->[^:]*)?:?(?:\s|#.*)*", after) is not None
        found = [node for node in ast.walk(ast.Module(self.body, [])) if getattr(node, "name", "") == name]
        return bool(found) and is_empty(found[-1])


def assemble(
    answer: dict[str, Any],
    prompts: list[dict[str, Any]],
    name: str | None,
    owner: str,
    tests: str,
    reads_input: bool,
) -> str | None:
    """Return the program that an answer means; None if it holds none.

    Args:
        answer: a dictionary with `whole`, its text; `pieces`, a pair for each block (the lines before it, and
            its text, "" if it is not Python) and a last pair for the lines after all blocks; `fenced`,
            whether it has blocks of any kind.
        prompts: such a dictionary for each message of the prompt.
        name: the entry point; None if nothing names it, or if the program is run as a whole.
        owner: the class that has the entry point as a method, if the tests name it, else "".
        tests: the tests' source; the program must also define the names that it uses.
        reads_input: whether the program is run as a whole, on an input.
    """
    name = name if name or reads_input else _tested(tests, answer["whole"])
    parts = _parts(answer, prompts, name, owner, reads_input)
    if not parts:
        return answer["whole"] if _begins_like_program(answer) else None
    main = _main(parts, name, owner, reads_input)
    if not main.whole:
        return main.text
    if name and (owner or _shows_method(prompts, name)):
        made = _as_method(main, name, owner)
        parts, main = [made if part is main else part for part in parts], made
    given = [*_typing(prompts), *(part for prompt in prompts for part in _given(prompt))]
    return _joined(main, parts, given, _wanted(tests), name or "", owner)


def _begins_like_program(answer: dict[str, Any]) -> bool:
    """Does an answer without any part begin like a program? Then it has a syntax error to report."""
    return not answer["fenced"] and any(_START.match(line) for line in answer["whole"].split("\n"))


def _shows_method(prompts: list[dict[str, Any]], name: str) -> bool:
    """Does the prompt show the entry point as a function with the parameter `self`?"""
    return any(re.search(rf"\bdef\s+{re.escape(name)}\(\s*self\b", prompt["whole"]) for prompt in prompts)


# -- which parts there are -----------------------------------------------------------------------------------


def _parts(
    answer: dict[str, Any], prompts: list[dict[str, Any]], name: str | None, owner: str, reads_input: bool
) -> list[CodePart]:
    """Return the parts of an answer.

    If none of them defines the function, and the answer continues the prompt's code, that code with its
    continuation is the only part.
    """
    whole = CodePart(without_words(answer["whole"]))
    parts = [whole] if whole.body else _parts_among_prose(answer, name, owner, reads_input)
    if name and not _define(parts, name, owner):
        continued = _continued(answer, prompts, name)
        return [CodePart(continued)] if continued else parts
    return parts


def _parts_among_prose(
    answer: dict[str, Any], name: str | None, owner: str, reads_input: bool
) -> list[CodePart]:
    """Return the parts, in their order, of an answer that is not Python as it stands."""
    blocks = [CodePart(text, before) for before, text in answer["pieces"] if text]
    enough = bool(blocks) and ((name is None) or _define(blocks, name, owner))
    if enough and not (name or reads_input):
        return _kept(blocks, name, owner, reads_input)
    parts = []
    for before, text in answer["pieces"]:
        runs = _runs(before) if not enough or _may_be_program(before, name) else []
        parts += [run for run in runs if not enough or run.is_program(name, owner)]
        parts += [blocks.pop(0)] if text else []
    return _kept(parts, name, owner, reads_input)


def _may_be_program(text: str, name: str | None) -> bool:
    """Could these lines hold the program? This check is quick; finding the runs of Python takes long."""
    return bool(
        re.search(rf"\b{re.escape(name)}\b", text) if name else _READS.search(text) and _PRINTS.search(text)
    )


def _kept(parts: list[CodePart], name: str | None, owner: str, reads_input: bool) -> list[CodePart]:
    """Return the parts without those that are set aside, if these will do; else all parts."""
    kept = [part for part in parts if not part.is_aside] if len(parts) > 1 else parts
    if name or reads_input:
        will_do = any(part.is_program(name, owner) for part in kept)
    else:
        will_do = any(isinstance(node, DEFINITIONS) for part in kept for node in part.body)
    return kept if will_do else parts


def _is_set_aside(before: str) -> bool:
    """Does the text before some code say that the code is not the answer?"""
    line = re.split(r"[.!?;]\s+", before.rstrip().rpartition("\n")[2])[-1]
    words = re.sub(r"^[\W_]*(?:\d+[.)] [\W_]*)?|[\W_]+$", "", line[:MAX_LINE])
    return any(hint in words.lower() for hint in _HINTS) and re.fullmatch(_ASIDE, words) is not None


def _only_comment(text: str) -> str:
    """Return the comment at the top of some code, if it holds no other comment line; else ""."""
    comments = re.findall(r"^#.*", text.strip(), re.MULTILINE)
    return comments[0] if len(comments) == 1 and text.lstrip().startswith("#") else ""


def _blocks(text: dict[str, Any]) -> list[str]:
    return [block for _, block in text["pieces"] if block]


def _given(text: dict[str, Any]) -> list[CodePart]:
    """Return the parts of a prompt that are Python."""
    texts = _blocks(text) if text["fenced"] else [text["whole"]]
    parts = [CodePart(one) for one in texts]
    return [piece for part in parts for piece in ([part] if part.whole else _runs(part.text))]


def _runs(text: str) -> list[CodePart]:
    """Return the runs of lines of Python in a text that also holds sentences."""
    lines, runs, start = text.split("\n"), [], 0
    while start < len(lines) and len(runs) < MAX_RUNS:
        indented = _indented(lines, start)
        code = textwrap.dedent("\n".join(lines[start:indented])).split("\n") if indented else lines[start:]
        end = longest(code) if _START.match(code[0]) else 0
        if end:
            before = "\n".join(lines[max(0, start - 3) : start])
            runs.append(CodePart(without_words("\n".join(code[:end])), before))
        start += end or 1
    return [run for run in runs if run.body]


def _indented(lines: list[str], start: int) -> int:
    """Return where the indented code block at a line ends (CommonMark 0.31, 4.4); 0 if none begins there."""
    if not lines[start].startswith(("    ", "\t")) or (start and lines[start - 1].strip()):
        return 0
    ends = (n for n in range(start, len(lines)) if lines[n].strip() and lines[n][0] not in " \t")
    return next(ends, len(lines))


def _continued(answer: dict[str, Any], prompts: list[dict[str, Any]], name: str) -> str | None:
    """Return the prompt's code with the function's body from the answer appended; None if none fits."""
    heads = [head for prompt in prompts for head in _heads(prompt, name)]
    bodies = [answer["whole"]] if not answer["fenced"] else _blocks(answer)[::-1]
    for head, space in heads[::-1]:
        for body in bodies:
            for text in (body, textwrap.indent(textwrap.dedent(body), space), f"{space}{body.lstrip()}"):
                lines = f"{head}\n{text}".split("\n")
                end = longest(lines)
                part = CodePart(without_words("\n".join(lines[:end])))
                if end > head.count("\n") + 1 and part.defines(name, "") and not part.is_sketch(name):
                    return part.text
    return None


def _heads(prompt: dict[str, Any], name: str) -> list[tuple[str, str]]:
    """Return the code of a prompt that ends where a body of the function can follow.

    There may be several such pieces of code; each is returned with the indentation of the body.
    """
    heads, signature = [], rf"^([ \t]*)(?:async[ \t]+)?def[ \t]+{re.escape(name)}\b"
    for text in _blocks(prompt) if prompt["fenced"] else [prompt["whole"]]:
        lines = text.rstrip().split("\n")
        starts = [number for number, line in enumerate(lines) if _START.match(line)][:MAX_RUNS]
        for head in ("\n".join(lines[start:]) for start in starts):
            signatures = re.findall(signature, head, re.MULTILINE)
            space = f"{signatures[-1]}    " if signatures else ""
            if not signatures or not compiles(f"{head}\n{space}pass"):
                continue
            if CodePart(f"{head}\n{space}pass").is_sketch(name):  # else the function is there already
                heads.append((head, space))
            break
    return heads


# -- which part is the program, and what it needs ------------------------------------------------------------


def _define(parts: list[CodePart], name: str, owner: str) -> bool:
    return any(part.defines(name, owner) for part in parts)


def _main(parts: list[CodePart], name: str | None, owner: str, reads_input: bool) -> CodePart:
    if reads_input:
        return _main_of_whole(parts)
    if name:
        defining = [part for part in parts if part.defines(name, owner)]
        drawn = [part for part in defining if not part.is_sketch(name)]
        return (drawn or defining or parts)[-1]
    defining = [part for part in parts if any(isinstance(node, DEFINITIONS) for node in part.body)]
    return (defining or parts)[-1]


def _main_of_whole(parts: list[CodePart]) -> CodePart:
    """Return the last part that reads the input.

    If that part only defines functions, return the last part that uses them.
    """
    parts = _reading_their_input(parts)
    reading = [part for part in parts if _READS.search(part.text)]
    printing = [part for part in parts if _PRINTS.search(part.text)]
    main = (reading or printing or parts)[-1]
    if main.whole and _only_defines(main):
        using = [part for part in parts if part.used & main.bound and not _only_defines(part)]
        main = (using or [main])[-1]
    return main


def _reading_their_input(parts: list[CodePart]) -> list[CodePart]:
    """Return the parts that do not feed themselves an input, if they hold a program; else all parts."""
    own = [part for part in parts if not re.search(_FEEDS, part.text)]
    return own if any(part.is_program(None, "") for part in own) else parts


def _only_defines(part: CodePart) -> bool:
    sorts = (*DEFINITIONS, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
    return all(isinstance(node, sorts) for node in part.body)


def _joined(
    main: CodePart, parts: list[CodePart], given: list[CodePart], wanted: set[str], name: str, owner: str
) -> str:
    """Return the main part with the statements that it needs and, for a method, a function that calls it."""
    kind = main.class_of(name, owner) if name and name not in main.bound else ""
    pool = _defining([part for part in [*given, *parts] if part is not main], name)
    redefined = _redefined(main, parts, name)
    bound = main.bound | {name}
    missing = not_builtin((main.used | wanted | used_by(redefined)) - bound)
    needed = _needed(missing, bound, pool)
    if missing and (kind or "Solution" in main.bound):
        needed = [*ast.parse(_LEETCODE).body, *needed]
    lines = _replaced(main, redefined)
    future = max((node.end_lineno or 0 for node in main.body if is_future(node)), default=0)
    pieces = ["\n".join(lines[:future]), written(needed), "\n".join(lines[future:])]
    if kind:
        pieces.append(f"def {name}(*args, **kwargs):\n    return {kind}().{name}(*args, **kwargs)\n")
    return "\n".join(piece for piece in pieces if piece)


def _defining(parts: list[CodePart], name: str) -> list[ast.stmt]:
    """Return the statements of some parts that define names other than the entry point."""
    nodes = [node for part in parts for node in part.body]
    return [node for node in nodes if binds(node) and name not in binds(node)]


def _redefined(main: CodePart, parts: list[CodePart], name: str) -> list[ast.stmt]:
    """Return the definitions of later parts that replace those of the main part.

    Some later definitions only try the program out, and replace nothing: those that take other arguments, and
    those that call the entry point if the earlier definition does not. If the program is run as a whole, so
    do all definitions of a part that does more than define.
    """
    old = {node.name: node for node in main.body if isinstance(node, DEFINITIONS) and node.name != name}
    later = [part for part in parts[parts.index(main) + 1 :] if name or _only_defines(part)]
    new = {
        node.name: node
        for part in later
        for node in part.body
        if isinstance(node, DEFINITIONS) and node.name in old
    }
    return [
        node
        for node in new.values()
        if _is_called_alike(node, old[node.name])
        and (name not in used_by([node]) or name in used_by([old[node.name]]))
    ]


def _replaced(main: CodePart, redefined: Sequence[ast.stmt]) -> list[str]:
    """Return the lines of the main part with its last definitions of these names replaced; no line moves."""
    lines = main.text.split("\n")
    for new in redefined:
        old = [node for node in main.body if getattr(node, "name", "") == getattr(new, "name", None)][-1]
        first = min(node.lineno for node in (old, *getattr(old, "decorator_list", ())))
        lines[first - 1 : old.end_lineno] = [written([new]), *[""] * ((old.end_lineno or first) - first)]
    return lines


def _is_called_alike(new: Any, old: Any) -> bool:
    """Can a function be called with as many arguments as another takes? For two classes, always yes."""
    if isinstance(new, ast.ClassDef) or isinstance(old, ast.ClassDef):
        return type(new) is type(old)
    many, most = (len([*node.args.posonlyargs, *node.args.args]) for node in (old, new))
    return most - len(new.args.defaults) <= many and (many <= most or new.args.vararg is not None)


def _needed(missing: set[str], bound: set[str], pool: list[ast.stmt]) -> list[ast.stmt]:
    """Return the statements of a pool that define missing names and the names that these need, in order."""
    taken: set[int] = set()
    while new := {i for i, node in enumerate(pool) if i not in taken and binds(node) & missing}:
        taken |= new
        bound = bound | {name for i in new for name in binds(pool[i])}
        missing = not_builtin((missing | used_by([pool[i] for i in new])) - bound)
    stars = {i for i, node in enumerate(pool) if "*" in binds(node)} if missing else set()
    return [pool[i] for i in sorted(taken | stars)]


def _as_method(main: CodePart, name: str, owner: str) -> CodePart:
    """Move functions of `self` into the class that the prompt asks for, if the answer lacks the class."""
    functions = [node for node in main.body if isinstance(node, ast.FunctionDef)]
    methods = [node for node in functions if [a.arg for a in node.args.args][:1] == ["self"]]
    if name not in {node.name for node in methods}:
        return main
    rest = [node for node in main.body if node not in methods]
    body = textwrap.indent(written(methods), "    ")
    return CodePart(f"{written(rest)}\nclass {owner or 'Solution'}:\n{body}\n")


def _wanted(tests: str) -> set[str]:
    """Return the names that tests use but do not define, and those that they import from a module."""
    if not compiles(tests):
        return set()
    bound, used = names_of(tests)
    imported = [node for node in ast.walk(ast.parse(tests)) if isinstance(node, ast.ImportFrom)]
    return (used - bound) | {alias.name for node in imported for alias in node.names}


def _tested(tests: str, answer: str) -> str | None:
    """Return the one name that the tests want and the answer defines; None if there are none or several."""
    wanted = not_builtin(_wanted(tests))
    names = [name for name in wanted if re.search(rf"\b(?:def|class)\s+{re.escape(name)}\b", answer)]
    return names[0] if len(names) == 1 else None


def _typing(prompts: list[dict[str, Any]]) -> list[CodePart]:
    """Return an import of the names of `typing` that the prompt uses."""
    words = {word for prompt in prompts for word in re.findall(r"\b[A-Z]\w+", prompt["whole"])}
    names = sorted(words & set(typing.__all__))
    return [CodePart(f"from typing import {', '.join(names)}")] if names else []
