"""The one base class of everything that can be written in a recipe.

A declaration is the object: its fields are the knobs, its methods are the behaviour. Values are read once, unknown
keys are refused with the nearest valid key, and nothing changes after that. `Plugin` adds `kind`, through which a
field that expects "some reward" or "some stage" finds the class (see `align.core.catalog`).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from align.core import catalog


class Config(BaseModel):
    """A frozen record read from a recipe: unknown keys refused, no NaN, each field documented by the string below it."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )
    operational: ClassVar[frozenset[str]] = frozenset()
    """Fields that change how the work is done and not what is made: no part of the fingerprint."""

    @model_validator(mode="wrap")
    @classmethod
    def _explain_errors(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Give every unknown key its nearest valid key; leave other errors as they are."""
        try:
            return handler(data)
        except ValidationError as error:
            raise ValidationError.from_exception_data(cls.__name__, [_explained(cls, e) for e in error.errors()]) from None


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" when an option is close to the word, else the options, else nothing."""
    options = sorted(options)
    close = difflib.get_close_matches(word, options, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    shown = ", ".join(options[:12]) + (", ..." if len(options) > 12 else "")
    return f"; one of: {shown}" if options else ""


def _explained(cls: type[BaseModel], error: Any) -> InitErrorDetails:
    message, kind = error["msg"], error["type"]
    if kind == "extra_forbidden" and len(error["loc"]) == 1:
        valid = [field.alias or name for name, field in cls.model_fields.items() if name != "kind"]
        message, kind = f"unknown key{did_you_mean(str(error['loc'][0]), valid)}", "unknown_key"
    elif kind == "missing" and len(error["loc"]) == 1:
        message, kind = "this key is required", "missing_key"
    elif kind == "list_type" and isinstance(error["input"], str):
        message, kind = f"a list is expected here: [{error['input']}]", "not_a_list"
    elif kind == "value_error":
        message = message.removeprefix("Value error, ")
    return InitErrorDetails(type=PydanticCustomError(kind, "{why}", {"why": message}), loc=error["loc"], input=error["input"])


class Plugin(Config):
    """A Config chosen by `kind`: the base of stages, generators, rewards and optimizers.

    A family's abstract base declares `family`; validating it looks `kind` up and validates the class found, so a field
    annotated with the base accepts every built-in and every user class alike.
    """

    family: ClassVar[str]
    version: ClassVar[str] = "1"
    """Part of the fingerprint of what it makes: bump it when the meaning of the same fields changes."""

    kind: str = ""
    """Which implementation: a built-in name, `package.module:Class`, or a name that an installed plug-in registers."""

    @model_validator(mode="wrap")
    @classmethod
    def _resolve_kind(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if "family" not in cls.__dict__ or isinstance(data, cls):
            return handler(data)
        if isinstance(data, str):
            data = {"kind": data}
        if not isinstance(data, Mapping):
            raise _at("", f"a mapping with a 'kind' is expected here, not {type(data).__name__}", data)
        if not data.get("kind"):
            raise _at("kind", f"'kind' is missing; one of: {', '.join(catalog.kinds(cls.family))}", data)
        try:
            target = catalog.choose(cls.family, data, cls)
        except catalog.PluginError as error:
            raise _at(error.field, str(error), data) from None
        return target.model_validate(dict(data))

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Yield (field, what is wrong) for mistakes that a type cannot express. Cheap: `align check` calls it."""
        return ()

    def start(self, locate: Callable[[str], str]) -> None:
        """Take what is needed to work (weights, processes). `locate` turns a reference of the recipe into a path or hub id."""

    def stop(self) -> None:
        """Give it back."""


def _at(field: str, message: str, data: Any) -> ValidationError:
    """Return a validation error that keeps its place (a plain ValueError would lose the field)."""
    loc = (field,) if field else ()
    detail = InitErrorDetails(type=PydanticCustomError("kind", "{why}", {"why": message}), loc=loc, input=data)
    return ValidationError.from_exception_data("Plugin", [detail])
