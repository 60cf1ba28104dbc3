"""Read YAML 1.2 into plain values, and keep the line of each.

The node graph is read rather than the constructed value, because it knows lines and still holds duplicate
keys. Scalars follow the YAML 1.2 core schema, so `1e-5` is a number and `off` is a word (PyYAML, YAML 1.1,
reads them as a string and as False). `<<: *anchor` takes in another mapping, as YAML 1.1 had it and everybody
expects.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from align.core.errors import Problem, RecipeError, UsageError

Path_ = tuple[str | int, ...]

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(("false", "False", "FALSE"), False)
_WORDS |= {sign + dot: float(sign + "inf") for sign in ("", "+", "-") for dot in (".inf", ".Inf", ".INF")}
_WORDS |= {w: float("nan") for w in (".nan", ".NaN", ".NAN")}
_MOST_DIGITS = 4000
"""Integers of more digits stay texts; Python reads up to 4,300 digits."""
_DEEPEST = 50
"""Levels of nesting; a recipe needs about 8, and an alias that holds itself has no end."""


@dataclass
class Yaml:
    """A YAML file as values, with the line (from 1) of each key and item, and what is wrong with its form."""

    path: str
    data: Any
    lines: dict[Path_, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, loc: Path_) -> int:
        """Return the line of the deepest part of `loc` that the file holds."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines.get(loc, 1)


def read_yaml(path: Path) -> Yaml:
    """Read a recipe file. Raises RecipeError where the file is missing or is not YAML at all."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = "is a folder" if path.is_dir() else getattr(error, "strerror", None) or "is not UTF-8 text"
        raise RecipeError(str(path), [Problem(1, "", f"cannot be read: {what}")]) from None
    source = Yaml(str(path), None)
    try:
        node = YAML(typ="rt", pure=True).compose(io.StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise RecipeError(
            str(path), [Problem(mark.line + 1 if mark else 1, "", f"not YAML: {error.problem}")]
        ) from None
    except RecursionError:
        raise RecipeError(str(path), [Problem(1, "", "nested too deeply")]) from None
    except YAMLError as error:  # a control character, which has no line
        raise RecipeError(str(path), [Problem(1, "", f"not YAML: {' '.join(str(error).split())}")]) from None
    source.data = None if node is None else _value(node, (), source)
    return source


def parse_value(text: str) -> Any:
    """Read one `--set` value by the same rules."""
    try:
        node = YAML(typ="rt", pure=True).compose(io.StringIO(text))
    except YAMLError as error:
        raise UsageError(f"--set: {text!r} is not YAML: {getattr(error, 'problem', error)}") from None
    return None if node is None else _value(node, (), Yaml("--set", None))


def _value(node: Node, loc: Path_, source: Yaml) -> Any:
    source.lines.setdefault(loc, node.start_mark.line + 1)
    if len(loc) > _DEEPEST:
        raise RecipeError(
            source.path, [Problem(source.line(loc), str(loc[0]), "nested too deeply (an alias of itself?)")]
        )
    if node.tag and not str(node.tag).startswith("tag:yaml.org,2002:"):
        where = ".".join(map(str, loc))
        source.problems.append(
            Problem(
                node.start_mark.line + 1, where, f"the tag {node.tag} means nothing here; quote the value"
            )
        )
    if isinstance(node, ScalarNode):
        return node.value if node.style or node.tag == "tag:yaml.org,2002:str" else _scalar(node.value)
    if isinstance(node, SequenceNode):
        return [_value(item, (*loc, i), source) for i, item in enumerate(node.value)]
    assert isinstance(node, MappingNode)
    result: dict[str, Any] = {}
    _fill(result, node, loc, source)
    return result


def _fill(
    result: dict[str, Any], node: MappingNode, loc: Path_, source: Yaml, inside: tuple[MappingNode, ...] = ()
) -> None:
    """Read the keys of a mapping, then those of the mappings that it takes in with `<<`; its own come first.

    Args:
        result: what is filled.
        node: the mapping.
        loc: where the recipe has it.
        source: for lines and problems.
        inside: the mappings that took this one in.
    """
    _fill_own(result, node, loc, source, inside)
    for key_node, value_node in node.value:
        if not _takes_in(key_node):
            continue
        for taken in value_node.value if isinstance(value_node, SequenceNode) else [value_node]:
            if isinstance(taken, MappingNode) and taken not in (*inside, node):
                _fill(result, taken, loc, source, (*inside, node))
            else:
                line, where = key_node.start_mark.line + 1, ".".join(map(str, (*loc, "<<")))
                source.problems.append(
                    Problem(line, where, "`<<` takes in another mapping, by its anchor: `<<: *name`")
                )


def _fill_own(
    result: dict[str, Any], node: MappingNode, loc: Path_, source: Yaml, inside: tuple[MappingNode, ...]
) -> None:
    """Read a mapping's own keys, unless a mapping that takes it in has them. Arguments: see `_fill`."""
    own: set[str] = set()
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, ScalarNode):
            where = ".".join(map(str, loc))
            source.problems.append(
                Problem(line, where, "a key must be a word; quote a value that begins with `{` or `[`")
            )
            continue
        key = str(key_node.value)
        if _takes_in(key_node):
            continue
        if key in own:
            first = source.lines[(*loc, key)]
            where = ".".join(map(str, (*loc, key)))
            if any(problem.line == line for problem in source.problems):
                continue  # told already, of another mapping that takes this one in
            source.problems.append(Problem(line, where, f"duplicate key (first on line {first}); remove one"))
            continue
        own.add(key)
        if inside and key in result:
            continue
        source.lines[(*loc, key)] = line
        result[key] = _value(value_node, (*loc, key), source)


def _takes_in(key: Node) -> bool:
    """Is it the key `<<`, not in quotes, which takes in another mapping?"""
    return isinstance(key, ScalarNode) and str(key.value) == "<<" and not key.style


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) > _MOST_DIGITS:
        return text
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
