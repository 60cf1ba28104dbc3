"""Turn a record into rows: which columns are which, and what the columns beside the conversation say.

A null counts as a missing column, so that one table may hold rows of several shapes (CSV, Parquet). Columns
that are not used are collected and reported once. A row with a column that changes its meaning (images,
weights of rows, token masks) is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from align.core.errors import BadRow
from align.core.formats import hermes, shapes, values
from align.core.formats.calls import read_tools
from align.core.formats.shapes import Columns, Parts
from align.core.rows import Demonstration, Preference, Prompt, Row, Unpaired
from align.core.validation_errors import did_you_mean

ALIASES = {
    "chosen": ("preferred_output", "chosen_response"),
    "completion": ("response", "output"),
    "label": ("kto_tag",),
    "messages": ("conversations", "conversation"),
    "prompt": ("query", "question"),
    "reasoning": ("reasoning_content", "thinking"),
    "rejected": ("non_preferred_output", "rejected_response", "rejected_messages"),
    "system": ("system_prompt",),
    "tools": ("functions",),
}
"""Our names of columns, and the names that others use for them."""
OPTIONAL = frozenset({"answer", "label", "margin", "system", "tags", "tests", "tools"})
"""Columns that a record may lack although the recipe names them."""
GIVES_WAY = {
    "prompt": {"instruction", "input", "context"},
    "completion": {"chosen", "rejected", "messages", "instruction"},
    "messages": {"chosen", "rejected", "completion", "instruction"},
}
"""Column that the recipe names -> columns that are then ignored, unless the recipe names them too."""
REFUSED = {
    **dict.fromkeys(("image", "images", "audio", "audios", "video", "videos"), "only text can be used"),
    **dict.fromkeys(("weight", "loss_weight", "sample_weight"), "rows have no weight here"),
    **dict.fromkeys(
        ("loss_mask", "completion_mask", "assistant_masks"),
        "turns are masked here, not tokens (`train: false`)",
    ),
    "chat_template_kwargs": "the chat template is the same for all rows",
    "completions": "several completions in one row are not read",
}
"""Columns that change what a row means, and why a row that has one is refused."""
_SHAPES = ("messages", "completion", ("chosen", "rejected"))


class Reader:
    """Reads the records of one source."""

    def __init__(self, columns: Mapping[Any, str], ignore: Collection[str] = ()) -> None:
        """Keep what the recipe says about the columns.

        Args:
            columns: our column -> the record's; `a.b` is `b` inside the object `a`.
            ignore: columns that are not looked at, whatever they hold.
        """
        self.columns, self.ignore = dict(columns), frozenset(ignore)
        self._held: Counter[str] = Counter()
        self._used: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._unread_keys: set[str] = set()

    @property
    def unused(self) -> list[str]:
        """Columns with content of which nothing was read, and such keys of turns (`turn.date`).

        One that some records use is listed with the number of those that do not.
        """
        told = [
            name if not self._used[name] else f"{name} (in {held - self._used[name]} of {held} records)"
            for name, held in self._held.items()
            if held > self._used[name] and name not in self.ignore
        ]
        return told + [f"turn.{key}" for key in sorted(self._unread_keys)]

    @property
    def never_seen(self) -> list[str]:
        """Columns that the recipe names and no record has."""
        return sorted(set(self.columns.values()) - self._seen)

    def read(self, record: Any) -> list[Row]:
        """Return the rows of a record: its prompt, and its preference, demonstration or unpaired row.

        Raises:
            BadRow: the record cannot be used; the message says why.
        """
        if not isinstance(record, dict):
            raise BadRow("not a JSON object")
        try:
            return self._read({str(name): value for name, value in record.items()})
        except RecursionError:
            raise BadRow("nested too deeply") from None

    def _read(self, record: dict[str, Any]) -> list[Row]:
        record = {
            name: None if isinstance(value, float) and value != value else value
            for name, value in record.items()
        }
        mapped = self._mapped(record)
        named, source = self._named(record, mapped)
        _refuse_other_meanings(named)
        columns, unread = Columns(named, source, mapped, keys := set()), keys
        rows = _rows(columns, shapes.read(columns))
        self._unread_keys |= unread
        self._held.update(name for name, value in record.items() if value is not None)
        self._used.update(
            {source.get(name, name).partition(".")[0] for name in columns.taken if columns.has(name)}
        )
        return rows

    def _mapped(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the columns that the recipe names.

        Raises:
            BadRow: the record lacks one that is not optional.
        """
        found = {}
        for ours, theirs in self.columns.items():
            there, value = _inside(record, theirs)
            if there:
                self._seen.add(theirs)
            elif ours not in OPTIONAL:
                raise BadRow(f"no column {theirs!r}{did_you_mean(theirs, map(str, record))}")
            found[ours] = value
        return found

    def _named(
        self, record: dict[str, Any], mapped: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Return a record under our names of columns, and its own name for each."""
        hidden = {
            name for ours in self.columns for name in GIVES_WAY.get(ours, ()) if name not in self.columns
        }
        named = {k: v for k, v in record.items() if k not in self.columns.values() and k not in self.ignore}
        source = {name: name for name in named} | self.columns
        named |= mapped
        for ours, theirs in ALIASES.items():
            if ours not in self.columns and (name := self._alias(named, ours, theirs)):
                named[ours], source[ours] = named.pop(name), name
        return _without_blanks({name: value for name, value in named.items() if name not in hidden}), source

    def _alias(self, named: Mapping[str, Any], ours: str, theirs: tuple[str, ...]) -> str | None:
        """Return what a record calls one of our columns, if ours holds nothing; a filled one is preferred."""
        if named.get(ours) is not None:
            return None
        there = [name for name in theirs if name in named and name not in self.columns]
        filled = [name for name in there if named[name] is not None]
        if ours in named:  # ours is null, so an alias that is null would add nothing
            there = filled
        return next(iter(filled or there), None)


def _inside(record: Mapping[str, Any], name: str) -> tuple[bool, Any]:
    """Return whether a record has a column, and what it holds; `a.b` looks into the object `a`."""
    if name in record:
        return True, record[name]
    value: Any = record
    for key in name.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return False, None
        value = value[key]
    return True, value


def _without_blanks(named: dict[str, Any]) -> dict[str, Any]:
    """Treat empty lists and texts in the columns of one shape as null, if another shape has content."""
    filled = [
        shape for shape in _SHAPES if any(named.get(name) not in (None, "", [], {}) for name in _names(shape))
    ]
    for shape in _SHAPES:
        if filled and shape not in filled:
            named |= {name: None for name in _names(shape) if name in named}
    return named


def _names(shape: str | tuple[str, ...]) -> tuple[str, ...]:
    return (shape,) if isinstance(shape, str) else shape


def _refuse_other_meanings(named: Mapping[str, Any]) -> None:
    """Raise BadRow where a column changes what the row means in a way that is not known here."""
    for name, why in REFUSED.items():
        value = named.get(name)
        if value is not None and value not in ("", [], {}) and not ("weight" in name and value == 1):
            raise BadRow(
                f"column {name!r} changes what a row means: {why}",
                remedy=f"`ignore: [{name}]` reads the rest of it",
            )


def _rows(columns: Columns, parts: Parts) -> list[Row]:
    """Return the rows that a record's parts make."""
    tools = read_tools(columns.named.get("tools")) if columns.has("tools") else []
    sides = [side for side in (parts.prompt, parts.completion, parts.chosen, parts.rejected) if side]
    if any(hermes.spells_out(side, tools) for side in sides):
        tools = []  # the column is not used
    else:
        columns.take("tools")
        for side in sides if tools else ():
            side[:] = hermes.with_calls(side)
    answer, tests = values.read_answer(columns.take("answer")), values.read_tests(columns.take("tests"))
    asked = parts.prompt
    if parts.completion and (answer is not None or tests):  # they are about the conversation's last answer
        asked = asked + parts.completion[:-1]
    prompt = Prompt(
        messages=asked, answer=answer, tests=tests, tags=values.read_tags(columns.take("tags")), tools=tools
    )
    if parts.chosen is not None:
        margin = values.read_number(columns.take("margin"))
        chosen, rejected = parts.chosen, parts.rejected
        return [
            prompt,
            Preference(prompt=parts.prompt, chosen=chosen, rejected=rejected, margin=margin, tools=tools),
        ]
    if parts.completion is None:
        return [prompt]
    own = columns.own("label")
    label = values.read_label(
        columns.named.get("label"), own, certain="label" in columns.mapped or own == "kto_tag"
    )
    if label is None:
        return [prompt, Demonstration(prompt=parts.prompt, completion=parts.completion, tools=tools)]
    columns.take("label")
    return [prompt, Unpaired(prompt=parts.prompt, completion=parts.completion, label=label, tools=tools)]
