"""Which modules come with the packages that sandboxed code may import: their own, and those of what they require.

Looked up in the trainer's process, which has the same interpreter: in the zygote, what the search leaves in memory would
be copied at every fork.
"""

from __future__ import annotations

import contextlib
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions


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
    return list(dict.fromkeys([*packages, *(module for name in sorted(seen) for module in provides.get(name, ()))]))


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _name_of(requirement: str) -> str:
    end = next((i for i, c in enumerate(requirement) if not (c.isalnum() or c in "-_.")), len(requirement))
    return requirement[:end]
