"""Names of units of measurement."""

from __future__ import annotations

import re

UNITS = {
    "m": "m metre meter", "cm": "cm centimetre centimeter", "mm": "mm millimetre millimeter",
    "km": "km kilometre kilometer", "in": "inch inche", "ft": "ft foot feet", "yd": "yard", "mi": "mile",
    "s": "s sec second", "min": "min minute", "h": "h hr hour", "day": "day", "week": "week",
    "month": "month", "year": "year", "g": "gram", "kg": "kg kilogram", "mg": "mg milligram",
    "lb": "lb pound", "oz": "oz ounce", "l": "litre liter", "ml": "ml millilitre milliliter",
    "$": "$ dollar usd", "cent": "cent ¢", "€": "€ euro", "£": "£", "%": "% percent pct percentage",
    "deg": "degree deg °", "rad": "rad radian", "mph": "mph", "c": "celsius", "f": "fahrenheit",
    "gal": "gal gallon", "qt": "quart", "pt": "pint", "acre": "acre", "ha": "hectare ha", "t": "ton tonne",
    "hz": "hz hertz", "khz": "khz", "a": "ampere amp", "ma": "ma", "v": "volt", "w": "watt",
    "kw": "kw kilowatt", "j": "joule", "n": "newton", "pa": "pascal", "ms": "ms millisecond", "dime": "dime",
    "nickel": "nickel", "penny": "penny pennie", "quarter": "quarter", "boy": "boy", "girl": "girl",
    "man": "man men", "woman": "woman women", "‰": "‰", "january": "january", "february": "february",
    "march": "march", "april": "april", "may": "may", "june": "june", "july": "july", "august": "august",
    "september": "september", "october": "october", "november": "november", "december": "december",
}  # fmt: skip
"""Units -> their names, without the s of a plural."""
UNIT = {word: unit for unit, words in UNITS.items() for word in words.split()}

SMALLER = {
    "year": "month", "week": "day", "day": "h", "h": "min", "min": "s", "ft": "in", "lb": "oz", "$": "cent",
    "m": "cm", "km": "m", "kg": "g",
}  # fmt: skip
"""Units -> the smaller unit of the rest of a quantity, as in 5 feet 6 inches."""


def unit_of(word: str) -> str | None:
    """Return the unit that a word names, in the singular or plural, or None."""
    return UNIT.get(word.lower()) or UNIT.get(word.lower().removesuffix("s"))


MEASURE = re.compile(
    r"\\?%|\s?°\s?[CF]?\b|\s+(?:(?:square|cubic|sq\.?)\s+)?(?P<unit>[A-Za-z]{1,12})\b(?:\s?(?:\^\s?\{?[23]\}?|[\u00b2\u00b3]))?"
)
"""Text after a number that may be a unit; `unit_of` decides whether it is one."""
