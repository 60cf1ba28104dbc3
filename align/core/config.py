"""The one base class of everything that can be written in a recipe.

A class declares the fields that a recipe can set and, as methods, what it does with them. Values are read
once and never change. An unknown key is refused, and the error names the nearest valid key. `Plugin` adds
`kind`, by which a field that expects "some reward" or "some stage" finds the class (see
`align.core.catalog`).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from align.core import catalog
from align.core.validation_errors import (
    DEPTH,
    MEANT,
    OPTIONS,
    UNKNOWN_KEY,
    WRONG_KIND,
    WRONG_TYPE,
    explain,
    shown,
)


class Config(BaseModel):
    """A frozen record read from a recipe: no unknown keys, no NaN; a string below each field documents it."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )
    operational: ClassVar[frozenset[str]] = frozenset()
    """Fields that change how the work is done, not what is made. They are not part of the fingerprint."""

    @model_validator(mode="wrap")
    @classmethod
    def _explain_errors(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Replace pydantic's errors with sentences in plain words."""
        wrong = list(_misplaced_booleans(cls, data)) if isinstance(data, Mapping) else []
        try:
            value = handler(data)
        except ValidationError as error:
            wrong = explain(cls, data, error.errors()) + wrong
        if wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return value


class Plugin(Config):
    """A Config chosen by `kind`: the base of stages, generators, rewards and optimizers.

    The abstract base of each family declares `family`. Validating it looks up `kind` and validates the class
    that it finds, so a field annotated with the base accepts every built-in and every user class.
    """

    family: ClassVar[str]
    version: ClassVar[str] = "1"
    """Part of the fingerprint. Bump it when the same fields come to mean something else."""

    kind: str = ""
    """Which implementation: a built-in name, `package.module:Class`, or a name that a plug-in registers."""

    @model_validator(mode="wrap")
    @classmethod
    def _resolve_kind(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if "family" not in cls.__dict__ or isinstance(data, cls):
            return handler(data)
        short = isinstance(data, str)
        if short:
            data = {"kind": data}
        if not isinstance(data, Mapping):
            what = "a mapping with a 'kind'"
            raise _at("", f"{what} is expected here, not {shown(data)}", data, kind=WRONG_TYPE, words=what)
        names = catalog.kinds(cls.family)
        if "kind" not in data and (key := catalog.kind_key(data, names)):
            raise _at(key, "unknown key; did you mean 'kind'?", data, kind=UNKNOWN_KEY)
        if not data.get("kind"):
            raise _at("kind", f"'kind' is missing; one of: {', '.join(names)}", data, names)
        if not isinstance(data["kind"], str):
            raise _at(
                "kind",
                f"a text is expected here, not {shown(data['kind'])}; one of: {', '.join(names)}",
                data,
                names,
            )
        try:
            target = catalog.choose(cls.family, data, cls)
        except catalog.PluginError as error:
            options = names if error.field == "kind" else catalog.modes(cls.family, str(data["kind"]))
            raise _at("" if short else error.field, str(error), data, options) from None
        try:
            return target.model_validate(dict(data))
        except ValidationError:
            raise
        except (Exception, SystemExit) as error:  # raised by a validator or default of a user's class
            where = traceback.extract_tb(error.__traceback__)[-1]
            what = f"{target.__name__} raised {type(error).__name__} over these fields"
            said = f"{what}: {' '.join(str(error).split())}"
            raise _at("", f"{said} ({where.filename}:{where.lineno})", data) from None

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Yield (field, what is wrong) for mistakes that types cannot express.

        `align check` calls this, so it must be quick.
        """
        return ()

    def start(self, locate: Callable[[str], str]) -> None:
        """Prepare what is needed to work (weights, processes).

        Args:
            locate: turns a reference of the recipe into a path or hub id.
        """

    def stop(self) -> None:
        """Release what `start`, or the work since then, has taken up."""


def _misplaced_booleans(cls: type[BaseModel], data: Mapping[Any, Any]) -> Iterator[InitErrorDetails]:
    """Yield an error for each boolean where only a number can stand; pydantic would read it as 1 or 0."""
    for name, field in cls.model_fields.items():
        kinds = set(_leaves(field.annotation))
        if kinds & {int, float} and bool not in kinds:
            key = field.alias or name
            for loc, raw in _bools(data.get(key), (key,)):
                why = {
                    "why": f"a number is expected here, not {shown(raw)}",
                    "words": "a number",
                    DEPTH: len(loc),
                }
                yield InitErrorDetails(type=PydanticCustomError(WRONG_TYPE, "{why}", why), loc=loc, input=raw)


def _leaves(annotation: Any) -> Iterator[Any]:
    inside = get_args(annotation)
    if get_origin(annotation) in (Annotated, Literal):
        inside = inside[:1] if get_origin(annotation) is Annotated else tuple(map(type, inside))
    yield from (leaf for part in inside for leaf in _leaves(part)) if inside else (annotation,)


def _bools(raw: Any, loc: tuple[int | str, ...]) -> Iterator[tuple[tuple[int | str, ...], bool]]:
    """Yield (location, value) of every boolean in a value and in lists inside it."""
    if isinstance(raw, bool):
        yield loc, raw
    for i, item in enumerate(raw) if isinstance(raw, list) else ():
        yield from _bools(item, (*loc, i))


def _at(
    field: str, message: str, data: Any, options: Iterable[str] = (), kind: Any = WRONG_KIND, **more: Any
) -> ValidationError:
    """Return a validation error that knows its field, which a plain ValueError would lose."""
    loc = (field,) if field else ()
    context = {
        "why": message,
        OPTIONS: list(options),
        MEANT: "kind" if kind == UNKNOWN_KEY else None,
        DEPTH: len(loc),
        **more,
    }
    error = PydanticCustomError(kind, "{why}", context)
    return ValidationError.from_exception_data("Plugin", [InitErrorDetails(type=error, loc=loc, input=data)])
