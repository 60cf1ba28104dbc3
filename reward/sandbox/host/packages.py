"""Decide what a zygote imports before it forks, and which packages sandboxed code may import at all.

A fork need not import what its zygote has imported. But every fork also pays for the memory pages of all
these modules, mostly when it ends: numpy alone takes a third of the time of a small check. So there are two
kinds of zygote, and code runs in the large kind when its text names a module that only the large kind has.
Code that hides the name can still import the module, from disk.

The trainer's process looks up the packages, because it has the same interpreter. If a zygote did it, every
fork would copy the memory that the search leaves behind.
"""

from __future__ import annotations

import contextlib
import importlib.util
import re
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions

SMALL = """
abc array ast base64 binascii bisect cmath collections contextlib copy dataclasses datetime decimal enum
fractions functools heapq inspect io itertools json keyword linecache math numbers operator random re string
struct textwrap threading time traceback types typing zlib
"""
"""Every zygote imports these: what solutions use, and what the sandbox itself needs."""
LARGE = """
calendar csv difflib graphlib hashlib html pathlib pprint queue secrets statistics tempfile timeit unicodedata
unittest uuid zoneinfo concurrent.futures
"""
"""Only the large kind imports these, together with the allowed packages. Neither imports asyncio, which takes
4 MB in every fork."""


def preloaded(packages: Sequence[str], large: bool) -> list[str]:
    """Return what a zygote imports when it starts."""
    return [*SMALL.split(), *(LARGE.split() if large else ()), *(packages if large else ())]


def needs_large(packages: Sequence[str], *texts: str) -> bool:
    """Does any text name a module that only the large kind of zygote has?"""
    names = _large_names(tuple(packages))
    return any(names.search(text) for text in texts)


def needs_pytest(tests: str) -> bool:
    """Are tests written for pytest (they name it or define what it sets up or calls), and is it installed?"""
    return _FOR_PYTEST.search(tests) is not None and importlib.util.find_spec("pytest") is not None


_FOR_PYTEST = re.compile(
    r"\bpytest\b|\bdef test\w*\((?!\)|self\b)|^class Test"
    r"|\bdef (?:setup|teardown)_(?:module|function|class|method)\b",
    re.MULTILINE,
)


@cache
def _large_names(packages: tuple[str, ...]) -> re.Pattern[str]:
    named = {name.partition(".")[0] for name in [*LARGE.split(), *packages]}
    named |= {"np"} if "numpy" in named else set()  # tests use `np` without importing it
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(named)))})\b")


@cache
def importable(packages: tuple[str, ...]) -> list[str]:
    """Return the import names of the packages and of all packages that they require."""
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
