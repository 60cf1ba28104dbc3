r"""Rewrite the numbers and operators of solutions (in words, LaTeX or Unicode) as plain arithmetic.

`plain` applies a table of patterns in order. Markup is removed ("\mathbf{5}", "<b>5</b>"). Operators and
numbers get one form ("\times", "3 times 4", "1/2 of 10"). Whatever has no certain value becomes one sign: a
decimal comma, a time, "3 dozen", "half of", "than 4", numbers of another arithmetic ("17 mod 5"). Units stay;
`equations.py` drops them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

UNKNOWN = "\u00bf"
"""The sign for a value that is not read."""
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!,?\d)")
CJK = "\u30a1-\u30fa\u3400-\u9fff\uac00-\ud7a3"
"""Katakana, Chinese characters and Korean: the scripts whose counting words follow a number directly."""
_NO_MEASURE = "万萬亿億千百十兆倍半成折點点時时双雙对對打만억천백시"
"""Those of these characters that are numbers, clock times or pairs."""
_COMPOUND = "小时|分钟|分米|厘米|毫米|千米|公里|千克|公斤|시간"
"""Units of two characters that a smaller unit may follow: two metres and five decimetres are one number."""
UNIT = (
    r"(?:(?!(?:pi|of|and|or|is|to|mod|squared|cubed|because|since|so|then|as|when|where|if|that|which|with|but|for|at|by|than|from"
    r"|plus|minus|times|divided|multiplied|equals|after|before)\b)[A-Za-zÀ-ɏЀ-ӿ]{2,}+"
    rf"|(?:(?![{_NO_MEASURE}])[{CJK}])++(?![{CJK}]))"
)
_ELSEWHERE = (
    r"^.*\b(?:base[ \t]*\d|binary|octal|hexadecimal|modulo|clock|not true|is (?:false|wrong|incorrect)"
    r"|suppose)\b.*$"
)
"""Lines whose equations belong to another arithmetic, or are not claimed to be true."""
_FOREIGN_NUMBERS = (
    r"(?:mil|mille|tausend|hundert|dutzend|docenas?|douzaines?|paare?|pares|milh(?:ão|ões)|mill(?:ón|ones)|Millionen|тысяч\w*|тыс"
    rf"|млн|млрд|миллион\w*|дюжин\w*|пар[аы]?)\b|[{_NO_MEASURE}]"
)
_LENGTH = (
    r"(?:[mck]?m|in|inch(?:es)?|ft|foot|feet|yd|yards?|miles?|units?|met(?:er|re)s?|centimet(?:er|re)s?)"
)
_PART_OF = (
    r"(?:half|thirds?|quarters?|fourths?|fifths?|sixths?|eighths?|tenths?|average|mean|median|remainder|digits?|root|square|cube"
    r"|percent(?:age)?|ratio|factorial|logarithm)"
)
"""Words that change a number after "of": "the average of 3 + 5 = 4"."""
_SPOKEN = r"times|multiplied by|divided by|plus|minus"
_WIDE = str.maketrans("＋－＝（）％．０１２３４５６７８９", "+-=()%.0123456789")  # noqa: RUF001
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def _power(match: re.Match[str]) -> str:
    """Write a raised number as a power: 10⁻² is 10^(-2)."""
    raised = match.group().translate(_RAISED)
    return f"^{raised}" if len(raised) == 1 else f"^({raised})"


def _root(match: re.Match[str]) -> str:
    """Write the root of a square number as a whole number; other roots are not read."""
    number = int(match.group(1) or match.group(2) or match.group(3))
    root = math.isqrt(number)
    return f"({root})" if root * root == number else UNKNOWN


_REWRITES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern, re.MULTILINE), to)
    for pattern, to in (
        (r"[ \t]+", " "),
        (r"\n\s*", "\n"),
        (r"==+", "="),
        (r"= ?\n(?=[-$\\(\d])(?!\d+[.)] )", "= "),
        (r"\\(?:text|math)(?:bf|it|rm|sf|tt|normal)?\s*\{([^{}\n]*)\}", r" \1 "),
        (r"\\(?:mbox|boldsymbol|bm|underline|emph|textcolor\s*\{[^{}\n]*\})\s*\{([^{}\n]*)\}", r" \1 "),
        (r"<sup>([^<>\n]*)</sup>", r"^(\1)"),
        (r"</?(?:b|i|u|strong|em|code|mark|span)(?: [^<>\n]*)?>", ""),
        (r"(?<!\w)(_{1,2})([$\d.,]+)\1(?!\w)", r"\2"),
        (r"\\(?:left|right|quad|qquad)(?![A-Za-z])|\\[,;:! ]|\\[()\[\]]", " "),
        (r"\\(?:times|cdot)(?![A-Za-z])|[\u00d7\u00b7\u2217\u2219\u22c5]", "*"),
        (r"\\div(?![A-Za-z])|[\u00f7\u2044\u2215]", "/"),
        (r"\\(?:pm|mp)(?![A-Za-z])|\u00b1", f"*{UNKNOWN}*"),
        (r"[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b]+", _power),
        (r"\^\{([^{}\n]*)\}", r"^(\1)"),
        # a mixed number, or a product
        (r"(?<=\d)[ \t]*\\[dt]?frac\s*(?:\{[^{}\n]*\}\s*\{[^{}\n]*\}|\d\d)", UNKNOWN),
        (r"\\sqrt\s*\{ ?(\d{1,9}) ?\}|\bsqrt\((\d{1,9})\)|\u221a\((\d{1,9})\)", _root),
        # twice, because a fraction may hold fractions
        *(
            2
            * (
                (r"(?<=/)( ?)\\[cdt]?frac\s*\{([^{}\n]*)\}\s*\{([^{}\n]*)\}", r"\1((\2)/(\3))"),
                (r"\\[cdt]?frac\s*\{([^{}\n]*)\}\s*\{([^{}\n]*)\}", r"(\1)/(\2)"),
            )
        ),
        (r"\\[dt]?frac\s*(\d)(\d)", r"(\1/\2)"),
        (r"\\sqrt(?:\[[^\]\n]*\])?\s*\{[^{}\n]*\}|[\u221a\u221b]|(?<=[\d)])!", UNKNOWN),
        (r"\\boxed\s*\{([^{}\n]*)\}", r"\1"),
        (r"[\u2212\u2013]", "-"),
        (r"\\?[$€£¥₩₪₫₱₴₹₺₽฿&]|\*\*(?!\s*\d)|\\(?=%)|\u00b0", ""),
        (r"\{,\}", ","),
        (r"^[ \t]*(?:[-*+•][ \t]+|\d+[.)][ \t]+)", ""),
        (r"(?<![\d.,])([1-9]\d{0,2}) (\d{3})(?: (\d{3}))?(?![\d.,]*\d|-[A-Za-z])", r"\1\2\3"),  # 17 000
        (r"(?<![\d/])\d{1,2}/\d{1,2}/\d{4}(?![\d/])", UNKNOWN),  # a date
        (r"(?<!\d)\d++:\d+(?:[ \t]*[aApP]\.?[mM]\b)?", UNKNOWN),  # a time or a ratio
        (r"(?<=\d)[ \t]*%[ \t]*(?=\d)|(?<=\d)[ \t]+mod[ \t]+(?=\d)", UNKNOWN),  # 17 % 5
        (r"(?<![\d.])\d++[ \t]*(?:[aApP]\.?[mM]\b|\(?\\?[bp]?mod\b)", UNKNOWN),  # 8 am, 2 (mod 12)
        (r"(?<![\w.,])0\d++", UNKNOWN),  # 0900
        # 3,14: without groups of three, the comma is a decimal comma or a slip
        (r"(?<![\d.,])\d++,\d[\d,]*+", UNKNOWN),
        (r"(?<![\w.])0[xX][0-9a-fA-F]+|(?<![\w.])\d[\d.]*+[eE][-+]?\d+", UNKNOWN),
        (
            r"(?<![\d.])(\d[\d.]*+)[ \t]+(?:dozens?|pairs?|couples?|scores?|gross"
            r"|hundreds?|thousands?|[mb]illions?)\b",
            UNKNOWN,
        ),
        (rf"(?<![\d.])(\d[\d.]*+) ?(?:{_FOREIGN_NUMBERS})", UNKNOWN),
        (r"(?<![\d.])\d++(?:st|nd|rd|th)\b", UNKNOWN),  # 1st half
        (r"(?<=\d)\?", UNKNOWN),
        (_ELSEWHERE, ""),
        # 26ml is no product
        (r"(?<=\d)(m[lmg]|[kcm]m|kg|lbs?|oz|ft|mph|kph|[kmgt]b|mins?|hrs?|secs?|yds?)\b", r" \1"),
        (r"(?<=\d)-(?!(?:sin|cos|tan|log|ln|exp|sqrt|abs|max|min)\b)(?=[A-Za-z]{2})", " "),  # a 12-inch board
        (
            rf"\b{_PART_OF} (?:of|when) (?=[\d(])|\b(?i:average|mean|twice|double|triple|half) (?=[\d(])",
            f"{UNKNOWN}*",
        ),
        # 3 more than 4 * 5
        (r"\b(than|(?:many|much|old|long|far|fast|tall) as) (?=[\d(])|的(?=\d)", rf"\1 {UNKNOWN}*"),
        (rf"(?<!\d)\d[\d.]*+(?:{_COMPOUND}|[{CJK}])(?=\d)", UNKNOWN),
        (r"\b[Ii]f (?=[\d(])", f"if {UNKNOWN}*"),  # a supposition is no claim
        # "plus" before "times": which comes first is not certain
        (r"\b(?:plus|minus)\b(?=[^=\n.;]{0,60}\b(?:times|divided|multiplied)\b)", f"*{UNKNOWN}*"),
        # a run-on step: "5 + 7 = 12 divided by 3 is 4"
        (rf"(= ?\d[\d.]*+(?: ?{UNIT})?) (?:{_SPOKEN}) (?=[\d(])", rf"\1 *{UNKNOWN}* "),
        (rf"(?<=[\d)%])((?: ?{UNIT})?) (?:times|multiplied by) (?=[\d(])", r"\1 * "),
        (rf"(?<=[\d)%])((?: ?{UNIT})?) divided by (?=[\d(])", r"\1 / "),
        (rf"(?<=[\d)%])((?: ?{UNIT})?) plus (?=[\d(])", r"\1 + "),
        (rf"(?<=[\d)%])((?: ?{UNIT})?) minus (?=[\d(])", r"\1 - "),
        # not after "/": "3/4 is equal to $15" may mean three quarters of something
        (rf"([-+*] ?\d[\d.]*+(?: ?{UNIT})?) (?:equals|is equal to) (?=[-\d(])", r"\1 = "),
        (rf"(?<![\d/.])(?<!\d )(\d+)/(\d+) of (\d[\d.]*+)(?=(?: ?{UNIT}){{0,2}} ?=)", r"\1*\3/\2"),
        (rf"(?<![\d/.])(\d[\d.]*+%) of (\d[\d.]*+)(?=(?: ?{UNIT}){{0,2}} ?=)", r"\1*\2"),
        (r"(?<=[\d%)]) of (?=[\d(])", f"*{UNKNOWN}*"),  # 1/2 of 10 + 4
        (r"(?<=[\d)%]) (?=\([^()=\n]*+=[^()\n]*+\))", " ; "),  # 4 (2 + 2 = 4): a remark
        (rf"(?<=[\d)])([ \t]*{_LENGTH})[ \t]*\^[ \t]*\(?[23]\)?", r"\1"),  # cm^2
        (r"(?<=[\d)%])([ \t]*(?:[A-Za-z]{2,}[ \t]+)?)[xX](?=[ \t]*[\d.(])", r"\1*"),
        (r"(?<![\d./])(\d++)(?:[ \t]+and)?[ \t]+\(?(\d+/\d+)(?![\d./])\)?", r"(\1+\2)"),  # 1 1/2, 5 and 2/3
        (r"(?<=/)([ \t]+)(\d+/\d+)(?![\d./])", r"\1(\2)"),  # 50 / 1/2
        (r"(?<!\d)\d++(?:\.\d++)?(?:\.{2,}|…)", UNKNOWN),  # 8.333...: not an equality
        (r" ?\n ?=", " ="),
    )
)


def plain(text: str) -> str:
    """Return a text with its arithmetic in plain notation; values that are not read become `UNKNOWN`."""
    text = ungrouped(text.replace("{,}", ",").translate(_WIDE))
    for pattern, to in _REWRITES:
        text = pattern.sub(to, text)
    return text


def ungrouped(text: str) -> str:
    """Return a text with "1,234" written 1234."""
    return _GROUPED.sub(lambda match: match.group().replace(",", ""), text)
