"""Check the language of an answer (IFEval's `language`): by script, and by py3langid in Latin scripts.

Nothing is downloaded. A letter's script is the first word of its Unicode name. At least two thirds of the
letters must belong to the language's script:

- Arabic, Bengali, Chinese, Georgian, Greek, Hebrew, Hindi, Japanese, Korean, Russian, Tamil, Telugu and Thai
  are recognised by their script, and at most one letter in 50 may belong to a neighbour's alphabet:
  Ukrainian, Serbian and Macedonian fail as Russian, Persian and Urdu as Arabic. Bulgarian passes for Russian,
  Marathi for Hindi, Cantonese for Chinese. Japanese is Chinese characters and kana, with kana at least a
  tenth of the letters; Chinese has a smaller share of kana.
- For the 18 languages in Latin script, py3langid (Lui & Baldwin 2012, "langid.py"; the extra `language`) must
  give the wanted language at least half of the probability, among these 18: Malay passes for Indonesian,
  Catalan for Spanish. The text is lower-cased first. Measured with py3langid 0.4.0 on 90 sentences and short
  lists of our own, 5 a language: the wanted one came first in all and got half in 89; a word or two ("Oui.",
  "ok") is not enough and fails.

A text half in one language and half in another passes as one of them or as none. Departure: IFEval asks
langdetect (last released in 2021; right on 86 of those 90, and on 23 when they are in capitals) and passes
any text that it cannot read.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache
from typing import Any

LATIN = {
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "sv": "Swedish",
    "tr": "Turkish",
    "vi": "Vietnamese",
}
"""Languages that py3langid distinguishes, by ISO 639-1 code."""

SCRIPTS = {
    "ar": ("Arabic", ("ARABIC",)),
    "bn": ("Bengali", ("BENGALI",)),
    "el": ("Greek", ("GREEK",)),
    "he": ("Hebrew", ("HEBREW",)),
    "hi": ("Hindi", ("DEVANAGARI",)),
    "ja": ("Japanese", ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC")),
    "ka": ("Georgian", ("GEORGIAN",)),
    "ko": ("Korean", ("HANGUL",)),
    "ru": ("Russian", ("CYRILLIC",)),
    "ta": ("Tamil", ("TAMIL",)),
    "te": ("Telugu", ("TELUGU",)),
    "th": ("Thai", ("THAI",)),
    "zh": ("Chinese", ("CJK", "IDEOGRAPHIC")),
}
"""Languages that are recognised by their script: their name, and the first words of their letters' Unicode
names."""

FOREIGN = {"ar": "پچژگڤکیےٹڈڑںہۆێڵڕ", "ru": "іїєґўјљњћђџѓќѕ"}
"""Letters of the script that belong to neighbouring languages (Persian, Urdu, Kurdish; Ukrainian, Serbian)
only."""

NAMES = LATIN | {code: name for code, (name, _) in SCRIPTS.items()}
"""Every language that can be asked for, by ISO 639-1 code."""


def language(text: str, *, language: str) -> str:
    """The text is in `language` (an ISO 639-1 code), as far as script and py3langid tell.

    Raises:
        ValueError: the language is not among `NAMES`.
        RuntimeError: it needs py3langid, which is not installed.
    """
    if language not in NAMES:
        raise ValueError(f"no language {language!r}; one of {', '.join(sorted(NAMES))}")
    identify = identifier() if language in LATIN else None
    letters = scripts(text)
    total = sum(letters.values())
    own = sum(letters[script] for script in (SCRIPTS[language][1] if language in SCRIPTS else ("LATIN",)))
    if not total or own * 3 < total * 2:
        return f"{own} of {total} letters are of the script of {NAMES[language]}, two thirds wanted"
    if identify:
        return _misread(text, language, identify)
    foreign = sum(text.lower().count(letter) for letter in FOREIGN.get(language, ""))
    if foreign * 50 > total:
        return f"{foreign} of {total} letters are not of the alphabet of {NAMES[language]}"
    kana = sum(letters[script] for script in SCRIPTS["ja"][1][1:4])
    if language in ("ja", "zh") and (kana * 10 >= total) != (language == "ja"):
        wanted = "at least" if language == "ja" else "less than"
        return f"{kana} of {total} letters are kana, {wanted} a tenth wanted"
    return ""


def _misread(text: str, language: str, identify: Any) -> str:
    """Return which other language a text in Latin script seems to be in; "" if it is the wanted one."""
    found, probability = identify.classify(text.lower())
    sure = found == language and probability >= 0.5
    return "" if sure else f"reads like {LATIN[found]} ({probability:.0%}), not {LATIN[language]}"


def scripts(text: str) -> Counter[str]:
    """Count the letters of a text by the first word of their Unicode name; width does not matter."""
    found: Counter[str] = Counter()
    for character, count in Counter(text).items():
        if character.isalpha():
            name = (
                unicodedata.name(character, "UNNAMED").removeprefix("HALFWIDTH ").removeprefix("FULLWIDTH ")
            )
            found[name.split()[0]] += count
    return found


@cache
def identifier() -> Any:
    """Return py3langid's model for the languages in Latin script; the first call takes half a second.

    Raises:
        RuntimeError: py3langid is not installed.
    """
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 (an extra)
    except ImportError as error:
        names = ", ".join(sorted(LATIN))
        needed = f"the check 'language' needs py3langid for {names} ({error})"
        raise RuntimeError(f"{needed}: pip install 'align-toolkit[language]'") from error
    found = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    found.set_languages(sorted(LATIN))
    return found
