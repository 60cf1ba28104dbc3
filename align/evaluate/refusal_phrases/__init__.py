"""Phrases with which chat models refuse, a file a language."""

from align.evaluate.refusal_phrases.arabic import ARABIC
from align.evaluate.refusal_phrases.chinese import CHINESE
from align.evaluate.refusal_phrases.english import ENGLISH
from align.evaluate.refusal_phrases.french import FRENCH
from align.evaluate.refusal_phrases.german import GERMAN
from align.evaluate.refusal_phrases.italian import ITALIAN
from align.evaluate.refusal_phrases.japanese import JAPANESE
from align.evaluate.refusal_phrases.korean import KOREAN
from align.evaluate.refusal_phrases.phrases import Phrases
from align.evaluate.refusal_phrases.portuguese import PORTUGUESE
from align.evaluate.refusal_phrases.russian import RUSSIAN
from align.evaluate.refusal_phrases.spanish import SPANISH

LANGUAGES = (
    ENGLISH,
    CHINESE,
    SPANISH,
    FRENCH,
    GERMAN,
    PORTUGUESE,
    ITALIAN,
    RUSSIAN,
    JAPANESE,
    KOREAN,
    ARABIC,
)
"""All languages; where phrases of two languages match at one place, the first one names the language."""

__all__ = ["LANGUAGES", "Phrases"]
