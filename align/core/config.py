"""The one base class of everything that can be written in a recipe.

A declaration is the object: its fields are the knobs, its methods are the behaviour. Values are read once, unknown
keys are refused with the nearest valid key, and nothing changes after that. `Plugin` adds `kind`, through which a
field that expects "some reward" or "some stage" finds the class (see `align.core.catalog`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from align.core import catalog
from align.core.explained import OPTIONS, UNKNOWN_KEY, WRONG_KIND, explain, shown


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
        """Say what is wrong in plain words."""
        try:
            return handler(data)
        except ValidationError as error:
            raise ValidationError.from_exception_data(cls.__name__, explain(cls, data, error.errors())) from None


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
        short = isinstance(data, str)
        if short:
            data = {"kind": data}
        if not isinstance(data, Mapping):
            raise _at("", f"a mapping with a 'kind' is expected here, not {shown(data)}", data)
        names = catalog.kinds(cls.family)
        if "kind" not in data and (key := catalog.kind_key(data, names)):
            raise _at(key, "unknown key; did you mean 'kind'?", data, ["kind"], UNKNOWN_KEY)
        if not data.get("kind"):
            raise _at("kind", f"'kind' is missing; one of: {', '.join(names)}", data, names)
        if not isinstance(data["kind"], str):
            raise _at("kind", f"a text is expected here, not {shown(data['kind'])}; one of: {', '.join(names)}", data, names)
        try:
            target = catalog.choose(cls.family, data, cls)
        except catalog.PluginError as error:
            options = names if error.field == "kind" else catalog.modes(cls.family, str(data["kind"]))
            raise _at("" if short else error.field, str(error), data, options) from None
        return target.model_validate(dict(data))

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Yield (field, what is wrong) for mistakes that a type cannot express. Cheap: `align check` calls it."""
        return ()

    def start(self, locate: Callable[[str], str]) -> None:
        """Take what is needed to work (weights, processes). `locate` turns a reference of the recipe into a path or hub id."""

    def stop(self) -> None:
        """Give it back."""


def _at(field: str, message: str, data: Any, options: Iterable[str] = (), kind: Any = WRONG_KIND) -> ValidationError:
    """Return a validation error that keeps its place (a plain ValueError would lose the field)."""
    loc = (field,) if field else ()
    error = PydanticCustomError(kind, "{why}", {"why": message, OPTIONS: list(options)})
    return ValidationError.from_exception_data("Plugin", [InitErrorDetails(type=error, loc=loc, input=data)])
