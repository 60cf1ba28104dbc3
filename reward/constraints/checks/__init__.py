"""Ready-made checks: IFEval's 25 instructions and more, one pure function for each, in files by family.

The idea is IFEval's (Zhou et al. 2023, table 1) and AutoIF's (Dong et al. 2024): instructions that code can
verify. A check is `(text, *, arguments) -> str`: it returns "" if the stripped text obeys, else the reason in
words. The docstring of a check is its exact meaning (`docs/constraints.md` lists all in a table).
`reading.py` defines what a reader sees; `units.py` and `sentences.py` define words, lines, paragraphs and
sentences; `phrasings.py` has the sentences that ask for a check; `conflicts.py` finds checks that cannot be
asked for together.

Departures from IFEval:
1. Definitions are our own and strict: there is no "loose" reading, and a text passes only if it does what the
   instruction asks.
2. Nothing is downloaded: ICU finds the words of scripts without spaces; the check `language`, for Latin
   scripts, needs the extra `language`.
3. A check takes time linear in the length of the text, whatever a model wrote.
"""

from __future__ import annotations

from collections.abc import Callable

from reward.constraints.checks.combination import parts, repeat, repeat_then_answer
from reward.constraints.checks.content import equals_number, iso_dates, one_of, placeholders, postscript
from reward.constraints.checks.format import (
    bullet_points,
    bullets,
    code_block,
    headings,
    highlights,
    markdown_table,
    numbered_list,
    sections,
    title,
)
from reward.constraints.checks.keywords import (
    contains,
    forbidden_words,
    includes_words,
    letter_at_least,
    letter_at_most,
    no_palindromes,
    no_repeated_word,
    word_at_least,
    word_at_most,
)
from reward.constraints.checks.languages import language
from reward.constraints.checks.length import (
    line_count,
    max_characters,
    max_sentence_words,
    max_sentences,
    max_word_length,
    max_words,
    min_characters,
    min_sentences,
    min_words,
    paragraph_count,
    word_count_between,
)
from reward.constraints.checks.letter_case import (
    all_caps,
    all_lowercase,
    capital_words_at_least,
    capital_words_at_most,
)
from reward.constraints.checks.position import (
    acrostic,
    ends_with,
    lines_start_with,
    paragraph_first_word,
    starts_with,
    word_at,
    words_start_with,
)
from reward.constraints.checks.punctuation import no_characters, no_commas, no_digits, quoted
from reward.constraints.checks.structured import csv_table, json_keys, json_object, json_value

__all__ = ["CHECKS", "PARSED"]

CHECKS: dict[str, Callable[..., str]] = {
    "acrostic": acrostic,
    "all_caps": all_caps,
    "all_lowercase": all_lowercase,
    "bullet_points": bullet_points,
    "bullets": bullets,
    "capital_words_at_least": capital_words_at_least,
    "capital_words_at_most": capital_words_at_most,
    "code_block": code_block,
    "contains": contains,
    "csv_table": csv_table,
    "ends_with": ends_with,
    "equals_number": equals_number,
    "forbidden_words": forbidden_words,
    "headings": headings,
    "highlights": highlights,
    "includes_words": includes_words,
    "iso_dates": iso_dates,
    "json_keys": json_keys,
    "json_object": json_object,
    "json_value": json_value,
    "language": language,
    "letter_at_least": letter_at_least,
    "letter_at_most": letter_at_most,
    "line_count": line_count,
    "lines_start_with": lines_start_with,
    "markdown_table": markdown_table,
    "max_characters": max_characters,
    "max_sentence_words": max_sentence_words,
    "max_sentences": max_sentences,
    "max_word_length": max_word_length,
    "max_words": max_words,
    "min_characters": min_characters,
    "min_sentences": min_sentences,
    "min_words": min_words,
    "no_characters": no_characters,
    "no_commas": no_commas,
    "no_digits": no_digits,
    "no_palindromes": no_palindromes,
    "no_repeated_word": no_repeated_word,
    "numbered_list": numbered_list,
    "one_of": one_of,
    "paragraph_count": paragraph_count,
    "paragraph_first_word": paragraph_first_word,
    "parts": parts,
    "placeholders": placeholders,
    "postscript": postscript,
    "quoted": quoted,
    "repeat": repeat,
    "repeat_then_answer": repeat_then_answer,
    "sections": sections,
    "starts_with": starts_with,
    "title": title,
    "word_at": word_at,
    "word_at_least": word_at_least,
    "word_at_most": word_at_most,
    "word_count_between": word_count_between,
    "words_start_with": words_start_with,
}
"""Every check by name. It takes the stripped text and the row's arguments; it returns why the text fails, or
""."""

PARSED = frozenset({"csv_table", "json_keys", "json_object", "json_value"})
"""The checks that use a parser: they get the text unchanged, not as a person reads it (`reading.as_read`)."""
