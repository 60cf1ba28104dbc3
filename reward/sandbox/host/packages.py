"""What a zygote has imported before it forks, and which packages sandboxed code may import at all.

What was imported once need not be imported by every fork; but every fork pays for the pages of all of it,
most when it ends: numpy alone takes a third of a small check. So there are two kinds of zygote, and a piece
of code goes to the large one when its text names a module that only the large one has. Code that hides the
name gets the module too, from disk.

Packages are looked up in the trainer's process, which has the same interpreter: in the zygote, what the
search leaves in memory would be copied at every fork.
"""

from __future__ import annotations

import contextlib
import importlib.util
import re
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions

SMALL = """
abc array ast base64 binascii bisect cmath collections contextlib copy dataclasses datetime decimal enum fractions functools
heapq inspect io itertools json keyword linecache math numbers operator random re string struct textwrap threading time
traceback types typing zlib
"""
"""Imported by every zygote: what solutions use, and what the sandbox itself does."""
LARGE = """
calendar csv difflib graphlib hashlib html pathlib pprint queue secrets statistics tempfile timeit unicodedata unittest uuid
zoneinfo concurrent.futures
"""
"""Imported by the large kind only, with the allowed packages. Not asyncio, in neither: it takes 4 MB of every
fork."""


def preloaded(packages: Sequence[str], large: bool) -> list[str]:
    """Return what a zygote imports when it starts."""
    return [*SMALL.split(), *(LARGE.split() if large else ()), *(packages if large else ())]


def needs_large(packages: Sequence[str], *texts: str) -> bool:
    """Does any text name a module that only the large kind of zygote has?"""
    names = _large_names(tuple(packages))
    return any(names.search(text) for text in texts)


def needs_pytest(tests: str) -> bool:
    """Are tests written for pytest, and is it installed? They name it, or define what it sets up or calls."""
    return _FOR_PYTEST.search(tests) is not None and importlib.util.find_spec("pytest") is not None


_FOR_PYTEST = re.compile(
    r"\bpytest\b|\bdef test\w*\((?!\)|self\b)|^class Test"
    r"|\bdef (?:setup|teardown)_(?:module|function|class|method)\b",
    re.MULTILINE,
)


@cache
def _large_names(packages: tuple[str, ...]) -> re.Pattern[str]:
    named = {name.partition(".")[0] for name in [*LARGE.split(), *packages]}
    named |= {"np"} if "numpy" in named else set()  # tests use it without an import
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(named)))})\b")


@cache
def importable(packages: tuple[str, ...]) -> list[str]:
    """Return the packages and those that they require, by the names that are imported."""
    modules = packages_distributions()
    provides: dict[str, list[str]] = {}
    for module, names in modules.items():
        for name in names:
            provides.setdefault(_normal(name), []).append(module)
    left, seen = [_normal(d) for p in packages for d in modules.get(p, ())], set()
    while left:
        name = left.pop()
        if name in seen:
            continue
        seen.add(name)
        with contextlib.suppress(PackageNotFoundError):
            wanted = distribution(name).requires or []
            left += [_normal(_name_of(one)) for one in wanted if "extra ==" not in one]
    return list(
        dict.fromkeys([*packages, *(module for name in sorted(seen) for module in provides.get(name, ()))])
    )


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _name_of(requirement: str) -> str:
    end = next((i for i, c in enumerate(requirement) if not (c.isalnum() or c in "-_.")), len(requirement))
    return requirement[:end]
