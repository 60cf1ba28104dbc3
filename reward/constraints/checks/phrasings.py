"""The sentences that ask for each check, several for each, so that data made with them varies.

Every sentence asks for exactly what its check tests ("Answer in at most 20 words."). If a check is strict
(about blank lines, case, other text), each of its sentences says so. An argument in braces is written out
according to its format: `{n:word}` is "1 word" or "20 words", `{position:th}` is "3rd", `{string}` gets
quotes, `{words:and}` is a list, `{marker:raw}` stays unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from align.core.validation_errors import did_you_mean
from reward.constraints.checks.languages import NAMES

PHRASINGS: dict[str, tuple[str, ...]] = {
    "acrostic": (
        "Write an acrostic: the first characters of your lines, in order, spell {string}, one line for each "
        "letter.",
        "Write one line for each letter of {string}, in order, each line beginning with its letter, and no "
        "other lines.",
        "Let the first letters of your lines, read downwards, spell {string}, with no line left over.",
    ),
    "all_caps": (
        "Write in capital letters only.",
        "Use no lower-case letters: every letter of your answer is a capital.",
        "Answer in words whose letters are all upper-case.",
    ),
    "all_lowercase": (
        "Write in lower-case letters only.",
        "Use no capital letters: every letter of your answer is lower-case.",
        "Answer in words without a single upper-case letter.",
    ),
    "bullet_points": (
        'Include exactly {n:bullet point}: lines that begin, without indentation, with "- " or "* ".',
        'Somewhere in your answer, give exactly {n:item} as Markdown bullets ("- " or "* " at the start of '
        "the line).",
        'Your answer must have exactly {n:line} that {n:verb|begins|begin} with "- " or "* " and an item.',
    ),
    "bullets": (
        'Answer only with {n:different item}, each on a line of its own that begins with "- ", without blank '
        "lines.",
        'Write a list and nothing else: exactly {n:line} "- item", no blank line, no indentation, no item '
        "twice.",
        'Give just {n:bullet point}, all different, one a line, each starting with "- ", with no other text '
        "or blank lines.",
    ),
    "capital_words_at_least": (
        'Write at least {n:word} entirely in capital letters (a one-letter word such as "I" counts).',
        'Put {n:word} or more in all capitals; "I" and "A" count, too.',
        'Use all-capital words at least {n:time}, one-letter words such as "I" included.',
    ),
    "capital_words_at_most": (
        'Write at most {n:word} entirely in capital letters (a one-letter word such as "I" counts).',
        'Put no more than {n:word} in all capitals; "I" and "A" count, too.',
        'Use all-capital words at most {n:time}, one-letter words such as "I" included.',
    ),
    "code_block": (
        "Include exactly one fenced code block, marked {language:raw}: a line ```{language:raw}, the code, a "
        "line ```.",
        "Show code in exactly one block that opens with the line ```{language:raw} and closes with the line "
        "```.",
        "Put one code block into your answer, no more, fenced by ```{language:raw} above and ``` below, not "
        "indented.",
    ),
    "contains": (
        "Use {string} somewhere in your answer.",
        "Your answer must contain {string}.",
        "Make sure that {string} appears in your answer.",
    ),
    "csv_table": (
        "Answer only with CSV: {rows:row} including the heading, each with {columns:comma-separated field}, "
        "no blank row.",
        "Write nothing but CSV with {columns:column} and {rows:row}; the heading counts as a row, and no row "
        "is blank.",
        "Give just a comma-separated table, {rows:row} (heading included) of {columns:field}, without a code "
        "fence.",
    ),
    "ends_with": (
        "End your answer with exactly {string}, with nothing after it.",
        "The last characters of your answer must be {string}, capitals and punctuation as given.",
        "Finish with {string}, written just like that, and add nothing after it.",
    ),
    "equals_number": (
        "Answer with the number {number} alone, in digits.",
        "Write {number} as a decimal number and nothing else.",
        "Give just the number {number}: no words, no unit, no full stop.",
    ),
    "forbidden_words": (
        "Do not use any of these words: {words:and}.",
        "Avoid the following words altogether: {words:and}.",
        "None of these may occur in your answer as a word: {words:and}.",
    ),
    "headings": (
        'Use exactly {n:Markdown heading}, such as a line of one to six "#", a space and a text.',
        'Include exactly {n:heading} in Markdown ("# ..." to "###### ...", or a text underlined by "===" or '
        '"---").',
        "Structure your answer with exactly {n:heading} in Markdown style.",
    ),
    "highlights": (
        "Highlight at least {n:piece} of text with asterisks, like *this* or **this**.",
        "Put at least {n:passage} between asterisks, as in *passage* or **passage**, each within one line.",
        "Mark {n:word or phrase|words or phrases} or more with *single* or **double** asterisks.",
    ),
    "includes_words": (
        "Use each of these as a word at least once: {words:and}.",
        "All of the following words must occur in your answer: {words:and}.",
        "Include these words: {words:and}.",
    ),
    "iso_dates": (
        "Include at least {n:date} in the format YYYY-MM-DD.",
        "Mention {n:date} or more, written as YYYY-MM-DD.",
        "Your answer must have at least {n:calendar date} in ISO format (YYYY-MM-DD).",
    ),
    "json_keys": (
        "Answer only with one JSON object that has exactly these keys: {keys:and}. No code fence.",
        "Write a bare JSON object and nothing else, with the keys {keys:and} and no others, each once.",
        "Your whole answer must parse as a JSON object with just these keys, in any order: {keys:and}.",
    ),
    "json_object": (
        "Answer only with this JSON object, spacing and order of keys as you like, no code fence: {object}",
        "Write nothing but a JSON object equal to this one: {object}",
        "Your whole answer must parse as JSON and be equal to {object}",
    ),
    "json_value": (
        "Answer only with a JSON object or array, without a code fence, no key twice in an object.",
        "Your whole answer must parse as a JSON object or array, with no object using the same key twice.",
        "Write bare JSON and nothing else: an object or an array, keys unique, no code fence.",
    ),
    "language": (
        "Answer in {language:language}.",
        "Write your whole answer in {language:language}.",
        "Your answer must be in {language:language}.",
    ),
    "letter_at_least": (
        "Use the letter {letter} at least {n:time}, capital or not.",
        "The letter {letter} must occur {n:time} or more in your answer; upper and lower case both count.",
        "Have at least {n:occurrence} of the letter {letter}, in either case.",
    ),
    "letter_at_most": (
        "Use the letter {letter} at most {n:time}, capital or not.",
        "The letter {letter} may occur no more than {n:time} in your answer; upper and lower case both "
        "count.",
        "Have at most {n:occurrence} of the letter {letter}, in either case.",
    ),
    "line_count": (
        "Write exactly {n:line}; blank lines do not count.",
        "Your answer must have exactly {n:line}, not counting blank ones.",
        "Use exactly {n:line} of text, with or without blank lines between.",
    ),
    "lines_start_with": (
        "Begin every line with {string}.",
        "Each line of your answer must start with {string}, without indentation; blank lines may be left as "
        "they are.",
        "Put {string} at the start of each line that is not blank.",
    ),
    "markdown_table": (
        "Include exactly one Markdown table with {columns:column} and {rows:row} below its heading.",
        "Show one table, no more, in Markdown: {columns:column}, {rows:row} not counting the heading.",
        'Put one Markdown table (cells between "|") of {columns:column} and {rows:row} under the heading '
        "into your answer, "
        "and no other table.",
    ),
    "max_characters": (
        "Use at most {n:character}, spaces included.",
        "Your answer may be no longer than {n:character}, counting spaces.",
        "Keep it to {n:character} or fewer, spaces and line breaks counted.",
    ),
    "max_sentence_words": (
        "No sentence may have more than {n:word}.",
        "Keep every sentence to {n:word} or fewer.",
        "Write only sentences of at most {n:word}.",
    ),
    "max_sentences": (
        "Answer in at most {n:sentence}.",
        "Use no more than {n:sentence}.",
        "Keep it to {n:sentence} or fewer.",
    ),
    "max_word_length": (
        "Use no word longer than {n:character}.",
        "Every word must have {n:character} or fewer.",
        "Write only with words of at most {n:character}.",
    ),
    "max_words": (
        "Answer in at most {n:word}.",
        "Use no more than {n:word}.",
        "Keep your answer to {n:word} or fewer.",
    ),
    "min_characters": (
        "Write at least {n:character}, spaces included.",
        "Your answer must be {n:character} long or longer, counting spaces.",
        "Use no fewer than {n:character}, spaces and line breaks counted.",
    ),
    "min_sentences": (
        "Write at least {n:sentence}.",
        "Use {n:sentence} or more.",
        "Your answer must have no fewer than {n:sentence}.",
    ),
    "min_words": (
        "Write at least {n:word}.",
        "Use {n:word} or more.",
        "Your answer must have no fewer than {n:word}.",
    ),
    "no_characters": (
        "Do not use any of these characters: {characters:each}.",
        "Your answer must not have any of the characters {characters:each}.",
        "Avoid the following characters altogether: {characters:each}.",
    ),
    "no_commas": (
        'Do not use commas (",", or "，" and "،" in other scripts).',  # noqa: RUF001 (the commas are meant)
        'Your answer must not have a comma: no "," and none of another script ("，", "、", "،").',  # noqa: RUF001
        'Write without commas (",", and in other scripts "、" and the like).',
    ),
    "no_digits": (
        "Do not use any digits.",
        "Your answer must not have a digit.",
        "Write without digits.",
    ),
    "no_palindromes": (
        "Use no word of three or more characters that reads the same backwards, capitals or not.",
        'Avoid palindromes, such as "eye" or "Anna", among your words of three or more characters.',
        "None of your words of three or more characters may be a palindrome, capitals or not.",
    ),
    "no_repeated_word": (
        "Do not use any word twice.",
        "Use every word at most once; capitals make no difference.",
        "No word may be repeated in your answer.",
    ),
    "numbered_list": (
        "Answer only with a numbered list of exactly {n:item}, one a line, each begun by its number, a full "
        "stop and a "
        'space ("1. "), without blank lines.',
        'Write nothing but {n:line}, numbered "1. ", "2. " and so on, with no blank line and no other text.',
        'Give just a list of {n:item}, each on one line after its number in the form "1. ", no indentation '
        "or blank lines.",
    ),
    "one_of": (
        "Answer with exactly one of these and nothing else: {options:or}.",
        "Your whole answer must be one of {options:or}, written just like that.",
        "Choose one of the following and write only that, as given: {options:or}.",
    ),
    "paragraph_count": (
        "Write exactly {n:paragraph}, with blank lines between paragraphs.",
        "Your answer must have exactly {n:paragraph}; whatever text stands between blank lines is a "
        "paragraph.",
        "Use exactly {n:block} of text, a blank line after each but the last.",
    ),
    "paragraph_first_word": (
        "The {paragraph:th} paragraph must begin with the word {word} (blank lines divide paragraphs).",
        "Let {word} be the first word of the {paragraph:th} paragraph, with paragraphs divided by blank "
        "lines.",
        "Divide paragraphs by blank lines, and start the {paragraph:th} one with the word {word}.",
    ),
    "parts": (
        "Give exactly {n:different part}, with a line that is just {separator} between them.",
        "Write {n:part}, no two the same, divided by lines that hold only {separator}; none goes before the "
        "first or after the "
        "last part.",
        "Your answer must consist of exactly {n:different part}, a line {separator} between one part and the "
        "next.",
    ),
    "placeholders": (
        "Use at least {n:different placeholder} in square brackets, such as [name].",
        "Leave {n:different blank} or more to fill in, each as a name in square brackets, like [date].",
        "Include at least {n:different placeholder} of the form [address].",
    ),
    "postscript": (
        "Close with a postscript: a last paragraph of its own, after a blank line, that begins with "
        "{marker}.",
        "After a blank line, let your last paragraph be a postscript that starts with {marker} and goes on.",
        "Add a postscript at the end, as a paragraph of its own, beginning with {marker} and then its text.",
    ),
    "quoted": (
        'Put your whole answer between straight double quotes ("), and use no other double quotes in it.',
        'The first and the last character of your answer must be ", and there may be no other.',
        'Write everything inside one pair of straight double quotes ("), with none inside.',
    ),
    "repeat": (
        "Write the word {word} exactly {n:time}, with single spaces between, and nothing else.",
        "Repeat {word} so that it stands there {n:time}, one space between, no punctuation, no other text.",
        "Your whole answer: {word}, {n:time}, in the same case, divided by single spaces.",
    ),
    "repeat_then_answer": (
        "First repeat what is quoted here, word for word and without the quotes, then, after a space or a "
        "line break, give "
        "your answer: {request:stripped}",
        "Begin with this request exactly as it stands between the quotes, leave a space or line, and then "
        "answer: "
        "{request:stripped}",
        "Copy the text between these quotes without any change, then go on after white space with your "
        "answer: "
        "{request:stripped}",
    ),
    "sections": (
        "Write exactly {n:section}, each below a line that is just {marker:one} for the first, and so on.",
        "Divide your answer into {n:section}; above each goes a line of its own with {marker:raw} and the "
        "section's number, "
        "from {marker:one} on, and text below.",
        "Head your {n:section} with {marker:one} and so on, each alone on its line, and leave none empty.",
    ),
    "starts_with": (
        "Begin your answer with exactly {string}.",
        "The first characters of your answer must be {string}, capitals and punctuation as given.",
        "Start with {string}, written just like that, with nothing before it.",
    ),
    "title": (
        "Put a title in double angle brackets, as in <<title>>, alone on the first line, and your text below "
        "it.",
        "Let the first line be just <<, a title and >>, and go on in the next lines.",
        "Start with a line that is a title wrapped like <<this>> and nothing else; your answer follows under "
        "it.",
    ),
    "word_at": (
        "The {position:th} word of your answer must be {word}.",
        "Let {word} be the {position:th} word.",
        "Make sure that word number {position} of your answer is {word}.",
    ),
    "word_at_least": (
        "Use {word} as a word at least {n:time}.",
        "The word {word} must occur {n:time} or more.",
        "Have at least {n:occurrence} of the word {word} in your answer.",
    ),
    "word_at_most": (
        "Use {word} as a word at most {n:time}.",
        "The word {word} may occur no more than {n:time}.",
        "Have at most {n:occurrence} of the word {word} in your answer.",
    ),
    "word_count_between": (
        "Answer in {low} to {high:word}.",
        "Use at least {low} and at most {high:word}.",
        "Your answer must be from {low} to {high:word} long.",
    ),
    "words_start_with": (
        "Use only words that begin with the letter {letter}.",
        "Every word of your answer must start with {letter}, capital or not.",
        "Write with no word but such as begin with {letter}.",
    ),
}
"""The sentences that ask for each check, by its name."""

ADDED: dict[tuple[str, str], tuple[str, str]] = {
    ("all_caps", "min_words"): ("", " At least {min_words:word} must have letters."),
    ("contains", "ignore_case"): (
        " Keep capitals and small letters as given.",
        " Capitals or small letters do not matter.",
    ),
}
"""Texts that an optional argument adds to the sentence: one if it is absent or has no effect, one if it is
given."""


def describe(check: str, arguments: Mapping[str, Any], phrasing: int = 0) -> str:
    """Return the instruction that asks for a check; `phrasing`, modulo their number, picks a sentence.

    `arguments` are a row's; they may include `check` and null values.

    Raises:
        ValueError: there is no such check, or an argument is missing.
    """
    if check not in PHRASINGS:
        raise ValueError(f"no check {check!r}{did_you_mean(check, PHRASINGS)}")
    shown = {
        name: _Shown(value) for name, value in arguments.items() if name != "check" and value is not None
    }
    sentence = PHRASINGS[check][phrasing % len(PHRASINGS[check])]
    for (of, name), (absent, given) in ADDED.items():
        if of == check:
            sentence += given if int(arguments.get(name) or 0) > (name == "min_words") else absent
    try:
        return sentence.format_map(shown)
    except KeyError as error:
        raise ValueError(f"check {check!r} needs the argument {error}") from error


class _Shown:
    """An argument that `format` writes in words, quotes or JSON."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __format__(self, how: str) -> str:
        """Write a list, a quoted string, a JSON object, a language, or a number with its noun."""
        value = self.value
        if how == "each":
            return _joined(list(value), "and")
        if isinstance(value, list):
            return _joined(value, how)
        if isinstance(value, str):
            ways = {
                "raw": value,
                "language": NAMES.get(value, value),
                "one": _quoted(f"{value} 1"),
                "stripped": _quoted(value.strip()),
            }
            return ways.get(how) or _quoted(value)
        if isinstance(value, dict):
            return json.dumps(value, ensure_ascii=False)
        return _counted(value, how)


def _counted(n: int | float, how: str) -> str:
    if how == "th":
        teen = n % 100 in (11, 12, 13)
        return f"{n}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(int(n) % 10, 'th')}"
    if not how:
        return str(n)
    one, _, many = how.removeprefix("verb|").partition("|")
    noun = one if n == 1 else many or f"{one}s"
    return noun if how.startswith("verb|") else f"{n} {noun}"


def _joined(strings: list[str], word: str) -> str:
    *head, last = map(_quoted, strings) if strings else ["(none)"]
    return f"{', '.join(head)} {word} {last}" if head else last


def _quoted(string: str) -> str:
    r"""Quote a string with quotation marks that it does not contain: "so", “so” or «so»."""
    for opening, closing in ('""', "“”", "«»"):
        if opening not in string and closing not in string:
            return f"{opening}{string}{closing}"
    return f"“{string}”"
