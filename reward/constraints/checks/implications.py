"""State what must be true of every text that passes a check; `conflicts.py` decides by these facts.

The implied facts are necessary conditions, not sufficient ones: a text that contradicts one of them certainly
fails. A check that is not in the table implies nothing. The facts hold for the stripped text that a check
gets.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from reward.constraints.checks.keywords import is_palindrome
from reward.constraints.checks.languages import LATIN, NAMES
from reward.constraints.checks.letter_case import RAISED
from reward.constraints.checks.punctuation import COMMAS
from reward.constraints.checks.reading import MARKS, NO_SPACES, folded
from reward.constraints.checks.units import lowered, words

Bounds: TypeAlias = dict[str, tuple[float, float]]
"""Smallest and largest possible number of something, by its name; both ends are included."""

ANY = math.inf


@dataclass(frozen=True, slots=True)
class Needed:
    """A string that the text must contain.

    `left` and `right` say what may be next to its ends: nothing (an end of the text), no letter or digit
    ("boundary"), or anything.
    """

    string: str
    left: str = "anything"
    right: str = "anything"
    any_case: bool = False


@dataclass(frozen=True, slots=True)
class Implied:
    """The facts that are true of every text that passes."""

    bounds: Bounds = field(default_factory=dict)
    needs: tuple[Needed, ...] = ()
    bans: Callable[[str], bool] | None = None
    """Returns whether a character is certain not to occur."""
    first: tuple[str, ...] = ()
    """The text begins with one of these strings."""
    last: tuple[str, ...] = ()
    """The text ends with one of these strings."""
    every_line: tuple[str, ...] = ()
    """Each line that is not blank begins with one of these strings."""
    some_line: tuple[str, ...] = ()
    """At least one line begins with one of these strings, after its indent."""
    slots: dict[str, str] = field(default_factory=dict)
    """Bare words, case folded, by their place."""
    initial: str = ""
    """Each bare word begins with this character, case folded."""
    initials: tuple[str, ...] = ()
    """For each of these characters, case folded, there is a bare word that begins with it."""
    texts: tuple[str, ...] | None = None
    """All texts that pass, if they can be listed."""
    language: str = ""


Arguments: TypeAlias = Mapping[str, Any]


def _at_least(what: str) -> Callable[[Arguments], Implied]:
    return lambda a: Implied({what: (a["n"], ANY)})


def _at_most(what: str) -> Callable[[Arguments], Implied]:
    return lambda a: Implied({what: (0, a["n"])})


def _exactly(what: str) -> Callable[[Arguments], Implied]:
    return lambda a: Implied({what: (a["n"], a["n"])})


def _marked(what: str, n: int) -> Bounds:
    """Return the bounds of lines that are a mark, a space and a text, which may have no word."""
    return {what: (n, n), "lines": (n, ANY)}


def _strings(*strings: str) -> tuple[Needed, ...]:
    return tuple(map(Needed, strings))


def _word(word: str) -> Needed:
    return Needed(word, "boundary", "boundary", any_case=True)


def _is_small(character: str) -> bool:
    return character.isalpha() and not character.isupper() and character not in RAISED


def _small_in(value: Any) -> int:
    r"""Return 1 if a value's JSON needs a small letter (even as \\u0061; `null` and booleans do), else 0."""
    if isinstance(value, str):
        return int(any(map(_is_small, value)))
    if isinstance(value, dict):
        return max((_small_in(part) for pair in value.items() for part in pair), default=0)
    if isinstance(value, list):
        return max(map(_small_in, value), default=0)
    return int(value is None or isinstance(value, bool))


def _json(keys: Mapping[str, Any] | list[str], value: Any) -> Implied:
    inside = _strings('"', ":") if keys else ()
    comma = _strings(",") if len(keys) > 1 else ()
    return Implied(
        {"small letters": (_small_in(value), ANY)},
        _strings("{", "}") + inside + comma,
        first=("{",),
        last=("}",),
    )


def _acrostic(a: Arguments) -> Implied:
    n = len(a["string"])
    return Implied({"lines": (n, n), "lines that begin with no letter": (0, 0), "letters": (n, ANY)})


def _all_caps(a: Arguments) -> Implied:
    n = max(a.get("min_words") or 1, 1)
    bounds: Bounds = {"letters": (n, ANY), "words": (n, ANY), "capital words": (n, ANY)}
    return Implied(bounds | {"small letters": (0, 0), "letters without case": (0, 0)}, bans=_is_small)


def _all_lowercase(_: Arguments) -> Implied:
    bounds: Bounds = {"letters": (1, ANY), "capital words": (0, 0), "letters without case": (0, 0)}
    return Implied(bounds, bans=lambda c: c.isalpha() and not c.islower())


def _bullets(a: Arguments) -> Implied:
    n = a["n"]
    bounds: Bounds = {"lines": (n, n), "paragraphs": (0, 1), "bullet points": (n, n)}
    return Implied(bounds, _strings("- "), first=("- ",), every_line=("- ",))


def _numbered_list(a: Arguments) -> Implied:
    n = a["n"]
    bounds: Bounds = {"lines": (n, n), "paragraphs": (1, 1), "bullet points": (0, 0)}
    bounds |= {"sentences": (n, ANY), "digits": (n, ANY)}
    numbers = (
        tuple(f"{number}. " for number in range(1, min(n, 1000) + 1)) if n <= 1000 else tuple("123456789")
    )
    return Implied(bounds, first=("1. ",), every_line=numbers, needs=_strings("1. "))


def _csv_table(a: Arguments) -> Implied:
    return Implied({"lines": (a["rows"], ANY)}, _strings(",")) if a["columns"] > 1 else Implied()


def _equals_number(_: Arguments) -> Implied:
    bounds: Bounds = dict.fromkeys(("words", "lines", "paragraphs"), (1, 1)) | {
        "letters": (0, 0),
        "digits": (1, ANY),
    }
    return Implied(
        bounds, bans=lambda c: c not in "-.0123456789", first=tuple("-0123456789"), last=tuple("0123456789")
    )


def _iso_dates(a: Arguments) -> Implied:
    return Implied({"digits": (8 * a["n"], ANY)}, _strings("-")) if a["n"] else Implied()


def _language(a: Arguments) -> Implied:
    code = a["language"]
    caseless = code in NAMES and code not in LATIN and code not in ("el", "ka", "ru")
    return Implied({"letters": (1, ANY), "letters without case": (int(caseless), ANY)}, language=code)


def _markdown_table(a: Arguments) -> Implied:
    return Implied({"lines": (2 + a["rows"], ANY)}, _strings("|", "-"))


def _paragraph_first_word(a: Arguments) -> Implied:
    n, word = a["paragraph"], folded(a["word"])
    slot = {"word 1" if n == 1 else f"first word of paragraph {n}": word}
    return Implied({"paragraphs": (n, ANY)} | _palindrome(word), slots=slot, initials=(word[0],))


def _word_at(a: Arguments) -> Implied:
    n, word = a["position"], folded(a["word"])
    return Implied({"words": (n, ANY)} | _palindrome(word), slots={f"word {n}": word}, initials=(word[0],))


def _palindrome(word: str) -> Bounds:
    return {"palindromes": (1, ANY)} if is_palindrome(word) else {}


def _parts(a: Arguments) -> Implied:
    n, separator = a["n"], a["separator"]
    return Implied(
        {"lines": (2 * n - 1, ANY)},
        _strings(separator) if n > 1 else (),
        some_line=(separator,) if n > 1 else (),
    )


def _sections(a: Arguments) -> Implied:
    n, marker = a["n"], a["marker"]
    again = n > 1 and stands_alone(marker)
    bounds: Bounds = {"lines": (2 * n, ANY), "digits": (n, ANY)}
    bounds |= {"repeated words": (1, ANY)} if again else {}
    return Implied(bounds, _strings(f"{marker} 1"), some_line=(f"{marker} 1",), initials=("1",))


def _starts_with(a: Arguments) -> Implied:
    string = a["string"]
    found = words(string) if stands_alone(string) else []
    word = folded(found[0]) if found else ""
    slots = {"word 1": word} if len(found) > 1 or (found and string[-1].isspace()) else {}
    initials = (word[0],) if word[:1].isalpha() else ()
    return Implied(needs=(Needed(string, left="nothing"),), first=(string,), slots=slots, initials=initials)


def stands_alone(string: str) -> bool:
    """Are the inner words of a string the same in every text that contains it?

    Not if emphasis or links may begin before the string; and words of scripts without spaces depend on their
    neighbours.
    """
    return bool(words(string)) and not re.search(rf"[{re.escape(MARKS)}\[\]{NO_SPACES}]", string)


IMPLICATIONS: dict[str, Callable[[Arguments], Implied]] = {
    "acrostic": _acrostic,
    "all_caps": _all_caps,
    "all_lowercase": _all_lowercase,
    "bullet_points": lambda a: Implied(
        _marked("bullet points", a["n"]), some_line=("- ", "* ") if a["n"] else ()
    ),
    "bullets": _bullets,
    "capital_words_at_least": lambda a: Implied(
        dict.fromkeys(("capital words", "words", "letters"), (a["n"], ANY))
    ),
    "capital_words_at_most": _at_most("capital words"),
    "code_block": lambda a: Implied({"lines": (3, ANY)}, _strings(f"```{a['language']}"), some_line=("```",)),
    "contains": lambda a: Implied(needs=(Needed(a["string"], any_case=bool(a.get("ignore_case"))),)),
    "csv_table": _csv_table,
    "ends_with": lambda a: Implied(needs=(Needed(a["string"], right="nothing"),), last=(a["string"],)),
    "equals_number": _equals_number,
    "forbidden_words": lambda a: Implied({f"word {folded(word)}": (0, 0) for word in a["words"]}),
    "headings": lambda a: Implied(_marked("headings", a["n"])),
    "highlights": lambda a: Implied(needs=_strings("*") if a["n"] else ()),
    "includes_words": lambda a: Implied(
        {f"word {folded(word)}": (1, ANY) for word in a["words"]}, tuple(map(_word, a["words"]))
    ),
    "iso_dates": _iso_dates,
    "json_keys": lambda a: _json(a["keys"], a["keys"]),
    "json_object": lambda a: _json(a["object"], a["object"]),
    "json_value": lambda _: Implied(first=("{", "["), last=("}", "]")),
    "language": _language,
    "letter_at_least": lambda a: Implied({f"letter {lowered(a['letter'])}": (a["n"], ANY)}),
    "letter_at_most": lambda a: Implied({f"letter {lowered(a['letter'])}": (0, a["n"])}),
    "line_count": _exactly("lines"),
    "lines_start_with": lambda a: Implied(
        {"lines": (1, ANY)}, _strings(a["string"]), first=(a["string"],), every_line=(a["string"],)
    ),
    "markdown_table": _markdown_table,
    "max_characters": _at_most("characters"),
    "max_sentences": _at_most("sentences"),
    "max_word_length": _at_most("characters in the longest word"),
    "max_words": _at_most("words"),
    "min_characters": _at_least("characters"),
    "min_sentences": _at_least("sentences"),
    "min_words": _at_least("words"),
    "no_characters": lambda a: Implied(bans=lambda c: c in a["characters"]),
    "no_commas": lambda _: Implied(bans=lambda c: c in COMMAS),
    "no_digits": lambda _: Implied({"digits": (0, 0)}, bans=str.isdigit),
    "no_palindromes": lambda _: Implied({"palindromes": (0, 0)}),
    "no_repeated_word": lambda _: Implied({"repeated words": (0, 0)}),
    "numbered_list": _numbered_list,
    "one_of": lambda a: Implied(texts=tuple(a["options"])),
    "paragraph_count": _exactly("paragraphs"),
    "paragraph_first_word": _paragraph_first_word,
    "parts": _parts,
    "placeholders": lambda a: Implied(needs=_strings("[", "]") if a["n"] else ()),
    "postscript": lambda a: Implied(
        {"paragraphs": (2, ANY)}, _strings(a["marker"]), some_line=(a["marker"],)
    ),
    "quoted": lambda _: Implied(first=('"',), last=('"',), needs=_strings('"')),
    "repeat": lambda a: Implied(texts=(" ".join([a["word"]] * a["n"]),)),
    "repeat_then_answer": lambda a: _starts_with({"string": a["request"].strip()}),
    "sections": _sections,
    "starts_with": _starts_with,
    "title": lambda _: Implied({"lines": (2, ANY)}, _strings("<<", ">>"), first=("<<",)),
    "word_at": _word_at,
    "word_at_least": lambda a: Implied(
        {f"word {folded(a['word'])}": (a["n"], ANY)}, (_word(a["word"]),) if a["n"] else ()
    ),
    "word_at_most": lambda a: Implied({f"word {folded(a['word'])}": (0, a["n"])}),
    "word_count_between": lambda a: Implied({"words": (a["low"], a["high"])}),
    "words_start_with": lambda a: Implied({"letters": (1, ANY)}, initial=lowered(a["letter"])[0]),
}
"""The facts that each check implies, by its name."""
