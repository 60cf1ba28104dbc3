"""Send exceptions that the solution raised as data, and raise them again in the tests' process.

A standard library class that tests may expect becomes that class there. A class of the solution's own becomes
a class of the same name with the same built-in base. The text, arguments, attributes and cause are what the
solution reports.
"""

from __future__ import annotations

import builtins
import json
import sys
from collections.abc import Callable, Mapping
from traceback import walk_tb
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
"""Modules whose exceptions keep their class when the tests' process raises them again; other exceptions
become their first built-in base class."""
MAX_TOLD = 50_000
"""Most bytes of an exception's arguments and attributes; beyond that only the text is sent."""
MAX_CAUSES = 5
MAX_CLASSES = 50
"""Most classes of one exception that are looked up in the tests' process."""


def told(error: BaseException, depth: int = 0) -> dict[str, Any]:
    """Return an exception as data: its classes as (module, name), its own class first, and its content."""
    classes = [[str(kind.__module__), kind.__name__] for kind in type(error).__mro__[:-1]]
    said: dict[str, Any] = {"classes": classes, "text": text(error)}
    try:
        held = {name: value for name, value in vars(error).items() if not name.startswith("_")}
        packed = values.pack([list(error.args), held], values.no_data)
        if len(json.dumps(packed)) <= MAX_TOLD:
            said["held"] = packed
    except Exception:  # the text is enough when the content cannot be sent
        pass
    if error.__cause__ is not None and depth < MAX_CAUSES:
        said["cause"] = told(error.__cause__, depth + 1)
    return said


def lines_in(error: BaseException, file: str) -> list[int]:
    """Return the lines of a file in an exception's traceback, outermost first."""
    frames = walk_tb(error.__traceback__)
    return [number for frame, number in frames if frame.f_code.co_filename == file]


def text(error: BaseException) -> str:
    """Return an exception's text, which a hostile class can make anything."""
    try:
        return str(error)[:10_000]
    except BaseException as again:  # a hostile __str__ must not lose the verdict
        return f"(its text raises {type(again).__name__})"


def again(said: dict[str, Any], own: Callable[[str], type[Exception] | None]) -> Exception:
    """Return the solution's exception as one that the tests may expect.

    Args:
        said: the data from `told`; a hostile process may have written it.
        own: returns the class that stands for one of the solution's exception classes, by its name.
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
    """Return a class that the tests may expect in place of one of the solution's exception classes.

    Args:
        name: the name of the solution's class.
        names: what the solution reports about its names, base classes included (`inside.solution`).
        made: the classes that were made before.
        refuse: raises an exception; called when the tests construct such an exception or use the class's own
            attributes.
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
        if attribute.startswith("_"):  # Python and its library look for such names in any exception
            raise AttributeError(attribute)
        refuse(attribute)  # the solution's class may define this attribute

    body = {"__module__": "solution", "__init__": refuse, "__str__": lambda self: vars(self)["_text"]}
    body["__getattr__"] = look
    parents = (parent,) if issubclass(parent, standard) else (parent, standard)
    try:
        made[name] = type(name, parents, body)
    except TypeError:  # the two base classes cannot be combined here
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
    """Return an exception class that the tests' process may raise, else None.

    A StopIteration would end a `map` or a `for` of the tests as if there were nothing left to compare.
    """
    is_exception = isinstance(found, type) and issubclass(found, Exception)
    return found if is_exception and not issubclass(found, StopIteration | StopAsyncIteration) else None


def _made(kind: type[Exception], text: str, args: list[Any] | None, held: dict[str, Any]) -> Exception | None:
    try:
        if kind.__module__ == "solution":
            raise TypeError("the tests make none")
        error = kind(text) if args is None else kind(*args)
    except Exception:  # the class takes other arguments than it stores
        try:
            error = kind.__new__(kind)
            error.args = (text,) if args is None else tuple(args)
        except TypeError:
            return None
    vars(error).update((name, value) for name, value in held.items() if not hasattr(kind, name))
    vars(error)["_text"] = text
    return error
