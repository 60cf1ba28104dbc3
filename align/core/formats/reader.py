"""A record to the rows that it holds: which columns are which, and what the columns beside the conversation say.

A null is absent, so a union of several shapes in one table (CSV, Parquet) is read row by row. Columns that are not used are
collected, to be told once; a column that changes what a row means (images, weights of rows, token masks) refuses the row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from align.core.errors import BadRow
from align.core.formats import shapes, values
from align.core.formats.shapes import ANSWER_REMEDY, Columns, Parts
from align.core.formats.turns import read_tools
from align.core.rows import Demonstration, Preference, Prompt, Row, Unpaired

ALIASES = {
    "chosen": ("preferred_output", "chosen_response"),
    "completion": ("response", "output"),
    "label": ("kto_tag",),
    "messages": ("conversations", "conversation"),
    "prompt": ("query", "question"),
    "rejected": ("non_preferred_output", "rejected_response", "rejected_messages"),
    "system": ("system_prompt",),
    "tools": ("functions",),
}
"""Our columns, and what others call the same."""
REFUSED = {
    **dict.fromkeys(("image", "images", "audio", "audios", "video", "videos"), "only text can be used"),
    **dict.fromkeys(("weight", "loss_weight", "sample_weight"), "rows have no weight here"),
    **dict.fromkeys(("loss_mask", "completion_mask", "assistant_masks"), "turns are masked here, not tokens (`train: false`)"),
    "chat_template_kwargs": "the chat template is the same for all rows",
    "completions": "several completions in one row are not read",
}
"""Columns that change what a row means, and why a row that has one is refused."""


class Reader:
    """Reads the records of one source."""

    def __init__(self, columns: Mapping[Any, str], ignore: Collection[str] = ()) -> None:
        """Take what the recipe says of the columns.

        Args:
            columns: our column -> the record's.
            ignore: columns that are not looked at, whatever they hold.
        """
        self.columns, self.ignore = dict(columns), frozenset(ignore)
        self._held: dict[str, None] = {}
        self._used: set[str] = set(self.ignore)
        self._unread_keys: set[str] = set()

    @property
    def unused(self) -> list[str]:
        """Columns that held something and of which nothing was read, and keys of turns (`turn.date`)."""
        return [name for name in self._held if name not in self._used] + [f"turn.{key}" for key in sorted(self._unread_keys)]

    def read(self, record: Any) -> list[Row]:
        """Return the rows that a record holds: its preference, demonstration or unpaired row, and the prompt of it.

        Raises:
            BadRow: why the record is of no use.
        """
        if not isinstance(record, dict):
            raise BadRow("not a JSON object")
        missing = [source for source in self.columns.values() if source not in record]
        if missing:
            raise BadRow(f"no column {missing[0]!r}")
        self._held |= dict.fromkeys(str(name) for name, value in record.items() if value is not None)
        named, source = self._named(record)
        _refuse_other_meanings(named, {source[name] for name in source} - set(self.columns.values()))
        columns = Columns(named, source, self._unread_keys)
        rows = _rows(columns, shapes.read(columns))
        self._used |= {source[name] for name in columns.taken if name in source}
        return rows

    def _named(self, record: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Return a record under our names, and what it calls each of them."""
        named = {k: v for k, v in record.items() if k not in self.columns.values() and k not in self.ignore}
        source = {name: name for name in named} | self.columns
        named |= {ours: record[theirs] for ours, theirs in self.columns.items()}
        for ours, theirs in ALIASES.items():
            there = [name for name in theirs if name in named]
            filled = [name for name in there if named[name] is not None]
            if there and named.get(ours) is None and (filled or ours not in named):
                name = (filled or there)[0]
                named[ours], source[ours] = named.pop(name), name
        return named, source


def _refuse_other_meanings(named: Mapping[str, Any], guessed: Collection[str]) -> None:
    """Raise BadRow where a column changes what the row means in a way that is not known here.

    Args:
        named: the record under our names.
        guessed: its own names that the recipe does not speak of.
    """
    for name, why in REFUSED.items():
        value = named.get(name)
        if value is not None and value not in ("", [], {}) and not ("weight" in name and value == 1):
            raise BadRow(f"column {name!r} changes what a row means: {why}", remedy=f"`ignore: [{name}]` reads the rest of it")
    if "question" in guessed and named.get("completion") is None and named.get("answer") is not None:
        raise BadRow("is `answer` to be imitated or to be compared with?", remedy=ANSWER_REMEDY)


def _rows(columns: Columns, parts: Parts) -> list[Row]:
    """Return the rows that a record's parts make."""
    tools = read_tools(columns.take("tools")) if columns.has("tools") else []
    prompt = Prompt(
        messages=parts.prompt,
        answer=values.read_answer(columns.take("answer")),
        tests=values.read_tests(columns.take("tests")),
        tags=values.read_tags(columns.take("tags")),
        tools=tools,
    )
    if parts.chosen is not None:
        margin = values.read_number(columns.take("margin"))
        chosen, rejected = parts.chosen, parts.rejected
        return [prompt, Preference(prompt=parts.prompt, chosen=chosen, rejected=rejected, margin=margin, tools=tools)]
    if parts.completion is None:
        return [prompt]
    label = values.read_label(columns.named.get("label"))
    if label is None:
        return [prompt, Demonstration(prompt=parts.prompt, completion=parts.completion, tools=tools)]
    columns.take("label")
    return [prompt, Unpaired(prompt=parts.prompt, completion=parts.completion, label=label, tools=tools)]
