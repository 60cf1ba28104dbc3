"""Exceptions that the solution raised, told as data and raised again in the tests' process.

A class of the standard library that tests may expect is that class there; the solution's own are made anew, with the
bases that they have. Their text, arguments, attributes and cause are what the solution says.
"""

from __future__ import annotations

import builtins
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

_RAISABLE = {"binascii", "dataclasses", "decimal", "json.decoder", "queue", "re", "statistics", "struct", "zlib", "_csv"}
"""Modules whose exceptions are raised in the tests' process when the solution raised them; others as their first
built-in base class."""
MAX_ABOUT = 50_000
"""Bytes of arguments and attributes of an exception; of one with more, only the text is told."""
MAX_CAUSES = 5
MAX_CLASSES = 50
"""Classes of one exception that are looked for here."""


def about(error: BaseException, pack: Callable[[Any], Any], depth: int = 0) -> dict[str, Any]:
    """Return what is told of an exception besides its classes and text."""
    try:
        said: dict[str, Any] = {"args": [pack(argument) for argument in error.args]}
        said["vars"] = [[name, pack(value)] for name, value in vars(error).items() if not name.startswith("_")]
        if len(json.dumps(said)) > MAX_ABOUT:
            said = {}
    except Exception:  # of what cannot be told, the text is enough
        said = {}
    cause = error.__cause__
    if cause is not None and depth < MAX_CAUSES:
        said["cause"] = [classes(cause), text(cause), about(cause, pack, depth + 1)]
    return said


def classes(error: BaseException) -> list[list[str]]:
    """Return the classes of an exception as (module, name), its own first."""
    return [[str(kind.__module__), kind.__name__] for kind in type(error).__mro__[:-1]]


def text(error: BaseException) -> str:
    """Return an exception's text, which its class may make of what it likes."""
    try:
        return str(error)[:10_000]
    except BaseException as again:  # a hostile __str__ is no reason to lose the verdict
        return f"(its text raises {type(again).__name__})"


def again(kinds: list[Any], text: str, said: dict[str, Any], own: Mapping[str, type], read: Callable[[Any], Any]) -> Exception:
    """Return an exception of the solution's as one that the tests may expect.

    Args:
        kinds: its classes, as `classes` gives them.
        text: what it says.
        said: see `about`.
        own: the solution's exceptions, by name.
        read: unpacks a value.
    """
    args = [read(argument) for argument in said["args"]] if "args" in said else None
    kept = [(str(name), read(value)) for name, value in said.get("vars", [])]
    tried = (_made(kind, text, args, kept) for kind in _known(kinds[:MAX_CLASSES], own))
    error = next((made for made in tried if made), RuntimeError(text))
    if "cause" in said:
        kinds, text, about = said["cause"]
        error.__cause__ = again(kinds, str(text), about, own, read)
    return error


def own_class(
    name: str, offered: Mapping[str, list[str]], made: dict[str, type[Exception]], make: Callable[..., Any]
) -> type[Exception]:
    """Return a class for an exception of the solution's, with bases as the solution says it has.

    What an exception that the tests made says of itself is asked of one that `make` makes by the same arguments.
    """
    if name in made:
        return made[name]
    bases = offered[name][2:]
    own = [base for base in bases if base != name and offered.get(base, [""])[0] == "exception" and base not in vars(builtins)]
    if own:
        parent: type[Exception] = own_class(own[0], offered, made, make)
    else:
        parent = next((found for base in bases if (found := _raisable(getattr(builtins, base, None)))), Exception)
    second = next((found for base in bases if (found := _raisable(getattr(builtins, base, None)))), Exception)

    def ask(error: Any, attribute: str) -> Any:
        if attribute.startswith("_") or "_text" in vars(error):
            raise AttributeError(f"{name!r} object has no attribute {attribute!r}")
        return getattr(_asked(error), attribute)

    def _asked(error: Any) -> Any:
        kept = vars(error)
        kept["_asked"] = kept.get("_asked") or make(name, error.args, kept.get("_given", {}))
        return kept["_asked"]

    def text(error: Any) -> str:
        return str(vars(error)["_text"] if "_text" in vars(error) else _asked(error))

    body = {"__module__": "solution", "__init__": _keep, "__getattr__": ask, "__str__": text}
    parents = (parent,) if issubclass(parent, second) else (parent, second)
    try:
        made[name] = type(name, parents, body)
    except TypeError:  # the two do not go together here
        made[name] = type(name, (parent,), body)
    return made[name]


def _keep(error: Any, *args: Any, **kwargs: Any) -> None:
    vars(error)["_given"] = kwargs


def _known(kinds: list[Any], own: Mapping[str, type]) -> list[type[Exception]]:
    found: list[Any] = []
    for module, name in kinds:
        if module == "solution" and name in own:
            found.append(own[name])
        elif module in _RAISABLE or module == "builtins":
            found.append(_raisable(getattr(builtins if module == "builtins" else sys.modules.get(module), name, None)))
    return [kind for kind in found if kind]


def _raisable(found: Any) -> Any:
    """Return an exception class that may be raised in the tests' process, else None.

    A StopIteration would end a `map` or a `for` of the tests as if there were nothing more to compare.
    """
    is_exception = isinstance(found, type) and issubclass(found, Exception)
    return found if is_exception and not issubclass(found, StopIteration | StopAsyncIteration) else None


def _made(kind: type[Exception], text: str, args: list[Any] | None, kept: list[tuple[str, Any]]) -> Exception | None:
    try:
        error = kind(text) if args is None else kind(*args)
    except Exception:  # its class wants other arguments than it keeps
        try:
            error = kind.__new__(kind)
            error.args = (text,)
        except TypeError:
            return None
    vars(error).update((name, value) for name, value in kept if not hasattr(kind, name) and not name.startswith("_"))
    vars(error)["_text"] = text
    return error
