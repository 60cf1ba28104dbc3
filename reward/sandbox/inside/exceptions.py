"""Exceptions that the solution raised, told as data and raised again in the tests' process, by type and message.

A class of the standard library that tests may expect is that class there; one of the solution's own is a
class of the same name, with the built-in base that it has. Text, arguments, attributes and cause are what the
solution says.
"""

from __future__ import annotations

import builtins
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from . import values

_RAISABLE = {
    "binascii",
    "dataclasses",
    "decimal",
    "json.decoder",
    "queue",
    "re",
    "statistics",
    "struct",
    "zlib",
    "_csv",
}
"""Modules whose exceptions are raised in the tests' process when the solution raised them; others as their
first built-in base class."""
MAX_TOLD = 50_000
"""Bytes of arguments and attributes of an exception; of one with more, only the text is told."""
MAX_CAUSES = 5
MAX_CLASSES = 50
"""Classes of one exception that are looked for here."""


def told(error: BaseException, depth: int = 0) -> dict[str, Any]:
    """Return an exception as data: its classes as (module, name), its own first, and what it says."""
    classes = [[str(kind.__module__), kind.__name__] for kind in type(error).__mro__[:-1]]
    said: dict[str, Any] = {"classes": classes, "text": text(error)}
    try:
        held = {name: value for name, value in vars(error).items() if not name.startswith("_")}
        packed = values.pack([list(error.args), held], values.no_data)
        if len(json.dumps(packed)) <= MAX_TOLD:
            said["held"] = packed
    except Exception:  # of what cannot be told, the text is enough
        pass
    if error.__cause__ is not None and depth < MAX_CAUSES:
        said["cause"] = told(error.__cause__, depth + 1)
    return said


def text(error: BaseException) -> str:
    """Return an exception's text, which its class may make of what it likes."""
    try:
        return str(error)[:10_000]
    except BaseException as again:  # a hostile __str__ is no reason to lose the verdict
        return f"(its text raises {type(again).__name__})"


def again(said: dict[str, Any], own: Callable[[str], type[Exception] | None]) -> Exception:
    """Return an exception of the solution's as one that the tests may expect.

    Args:
        said: see `told`; an enemy may have written it.
        own: gives the class that stands for an exception of the solution's, by its name.
    """
    args, held = values.unpack(said["held"], values.no_data) if "held" in said else (None, {})
    tried = (
        _made(kind, str(said["text"]), args, held) for kind in _known(said["classes"][:MAX_CLASSES], own)
    )
    error = next((made for made in tried if made), RuntimeError(str(said["text"])))
    if "cause" in said:
        error.__cause__ = again(said["cause"], own)
    return error


def own_class(
    name: str, names: Mapping[str, list[str]], made: dict[str, type[Exception]], refuse: Callable[..., Any]
) -> type[Exception]:
    """Return a class that the tests may expect for an exception class of the solution's.

    Args:
        name: its name.
        names: what the solution says of its names, bases among it (`inside.solution`).
        made: the classes that were made before.
        refuse: raises; it is called where the tests make such an exception, or ask for what its class holds.
    """
    if name in made:
        return made[name]
    bases = [base for base in names[name][2:] if base != name]
    own = [base for base in bases if names.get(base, [""])[0] == "exception" and base not in vars(builtins)]
    standard = next(
        (found for base in bases if (found := _raisable(getattr(builtins, base, None)))), Exception
    )
    parent = own_class(own[0], names, made, refuse) if own else standard

    def look(error: BaseException, attribute: str) -> Any:
        if attribute.startswith("_"):  # what Python and its library look for in any exception
            raise AttributeError(attribute)
        refuse(attribute)  # its class may give it one

    body = {"__module__": "solution", "__init__": refuse, "__str__": lambda self: vars(self)["_text"]}
    body["__getattr__"] = look
    parents = (parent,) if issubclass(parent, standard) else (parent, standard)
    try:
        made[name] = type(name, parents, body)
    except TypeError:  # the two do not go together here
        made[name] = type(name, (parent,), body)
    return made[name]


def _known(classes: list[Any], own: Callable[[str], type[Exception] | None]) -> list[type[Exception]]:
    found: list[Any] = []
    for module, name in classes:
        if module == "solution":
            found.append(own(str(name)))
        elif module in _RAISABLE or module == "builtins":
            found.append(
                _raisable(getattr(builtins if module == "builtins" else sys.modules.get(module), name, None))
            )
    return [kind for kind in found if kind]


def _raisable(found: Any) -> Any:
    """Return an exception class that may be raised in the tests' process, else None.

    A StopIteration would end a `map` or a `for` of the tests as if there were nothing more to compare.
    """
    is_exception = isinstance(found, type) and issubclass(found, Exception)
    return found if is_exception and not issubclass(found, StopIteration | StopAsyncIteration) else None


def _made(kind: type[Exception], text: str, args: list[Any] | None, held: dict[str, Any]) -> Exception | None:
    try:
        if kind.__module__ == "solution":
            raise TypeError("the tests make none")
        error = kind(text) if args is None else kind(*args)
    except Exception:  # its class wants other arguments than it keeps
        try:
            error = kind.__new__(kind)
            error.args = (text,) if args is None else tuple(args)
        except TypeError:
            return None
    vars(error).update((name, value) for name, value in held.items() if not hasattr(kind, name))
    vars(error)["_text"] = text
    return error
