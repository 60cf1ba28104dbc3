r"""Find the formula or number in a sentence that is the answer, and remove explanations around it.

Small base models answer in prose. A sentence may have several numbers; a careful reader takes the one that
answers the question, not always the last one. So these parts are removed first: reasons ("because 5 < 6"),
remarks in brackets, names ("step 2"), "2nd", "8-hour". Of the rest, the last formula is taken; else the
result of the last calculation ("120/24 = 5 hours to read 120 pages"); else the last number that is not part
of a circumstance ("64 dollars for the 16 glasses", "135 meters in 5 minutes"); else the last number. On
GSM8K's own solutions without their last line, this finds 7,402 of 7,473 answers; taking the last number finds
7,264.
"""

from __future__ import annotations

import re
from itertools import permutations

from reward.mathematics.measures import MEASURE, SMALLER, unit_of
from reward.mathematics.number_words import COUNTED, counted
from reward.mathematics.numbers import DIGITS, OVER

# -- formulas and prose --------------------------------------------------------------------------------------

_FORMULA = re.compile(
    r"\\begin\{(?P<name>align|aligned|gather|gathered|equation|eqnarray|multline)(?P<star>\*?)\}(?:(?!\\begin\{(?P=name)).)*?"
    r"\\end\{(?P=name)(?P=star)\}|\$\$.+?\$\$|\\\[(?:(?!\\\[).)+?\\\]|\\\((?:(?!\\\().)+?\\\)"
    r"|(?<!\\)\$[^$\n]*?(?<![-+*/=\s\\])\s*\$(?!\d)",
    re.DOTALL,
)
"""Formulas between marks. No formula contains its own opening mark again, so that a text of opening marks
alone is read in linear time. "$30-$20=$10" has no formula: the second sign is followed by a digit, as in an
amount of money."""
ENVIRONMENT = re.compile(
    r"\\(?:begin|end)\{(?:align|aligned|gather|gathered|equation|eqnarray|multline)\*?\}"
)
_FACTORS = {
    "".join(order) for run in ("abc", "xyz", "pqr", "mnp", "uvw", "rst", "lmn") for order in permutations(run)
}
"""Runs of letters that are products of variables and not words."""
_COMMANDS = re.compile(r"\\(?:text\w*|mathrm|mbox|operatorname|begin|end)\s*\{[^{}]*\}|\\[A-Za-z]+")
_FUNCTIONS = re.compile(
    r"\b(?:sin|cos|tan|cot|sec|csc|log|exp|min|max|gcd|lcm|det|mod|sqrt|arcsin|arccos|arctan)\b"
)


def masked(text: str) -> str:
    """Replace each formula by as many private-use characters as it has."""
    return _FORMULA.sub(lambda found: _mask(found.group()), text)


def _mask(formula: str) -> str:
    if _is_prose(formula):
        return formula
    ends = re.search(r"[.?!]\W*$", formula)  # a sentence may end inside the formula
    return "\ue000" * (len(formula) - 1) + ("." if ends else "\ue000")


def _is_prose(formula: str) -> bool:
    """Is the text between two dollar signs prose, as in "$5 and then $6"?"""
    return formula.startswith("$") and not formula.startswith("$$") and in_words(formula.strip("$"))


def in_words(text: str) -> bool:
    """Is a text prose, which math-verify would read as a product of letters?"""
    if re.search(r"\$|\\\(|\\\[", text):
        return False
    return any(word not in _FACTORS for word in re.findall(r"[^\W\d_]{3,}", without_commands(text)))


def without_commands(text: str) -> str:
    """Return a text without LaTeX commands, their text arguments, and names of functions."""
    return _FUNCTIONS.sub(" ", _COMMANDS.sub(" ", text))


CHANGES = re.compile(
    r"\b(?:not|no|never|none|least|most|less|more|fewer|greater|smaller|larger|than|under|over|above|below|between|except|without|up"
    r"|hundreds?|thousands?|millions?|billions?|trillions?|dozens?|half|halves|thirds?|quarters?|fourths?|fifths?|sixths?|sevenths?"
    r"|eighths?|ninths?|tenths?|hundredths?|thousandths?|twice|thrice|double|triple|square|root|cube|pi|e|i|squared|cubed|times"
    r"|plus|minus|negative|divided|percent\s+of|factorial|power|at\s+minimum|at\s+maximum|almost|nearly|exceeds?|beyond|but"
    r"|multiples?\s+of|divisible|factors?\s+of|log|reciprocal|inverse|opposite|undefined|sum\s+of|product\s+of|gross|lakhs?|crores?"
    r"|bn|mn|basis\s+points?|per\s+mille|sqrt|different\s+from|step|part|before|after|until|each|and\s+a\s+bit|sin|cos|tan|ln|exp|base|side|scores?|nd|st|rd|th"
    r"|nicht|keine?|mindestens|höchstens|weniger|mehr|hälfte|doppelte?|größer|kleiner|millionen|milliarden|tausend|hundert"
    r"|fois|veces|racine|raíz|wurzel|pas|supérieure?|inférieure?|moins|moitié|mille|menos|más|mayor|menor|doble|almeno|niet|nie|não|non|bukan|mitad|millones|meno|più|metà|milioni|metade"
    r"|удвоенн\w*|не|менее|более|меньше|больше|половина|тысяч\w*|миллион\w*)\b|不是|以上|以下|多个|超过|不到|平方|立方|至少|至多|最多|最少|少于|多于|大于|小于|倍|千|万|亿|ではありません|ではない|아닙니다|아니|이상|이하|미만|không\s+phải",
    re.IGNORECASE,
)
"""Words that change the number beside them into another one."""


# -- the answer of a sentence that is known to state one -----------------------------------------------------

_REASON = re.compile(
    r"(?:,?\s+(?:since|because|as|so|which|after|for|when|if|rather\s+than|instead\s+of|porque|parce\s+que|perché|poiché|weil|vì|karena)\b"
    r"|\s+[\u2014\u2013]\s+|;\s+(?=[^;]*[A-Za-z]{3})|\uff0c\s*(?:每|其中|不是)"
    r"|,\s+(?:not|and\s+not|giving|making|yielding|leaving|with|where|when|denn|car|pois|bo|da|ya\s+que|puisque|ponieważ|çünkü|nicht|no|non)\b|,?\s+(?:and\s+not|und\s+nicht|et\s+non|y\s+no)\b"
    r"|,?\s+\u0430\s+\u043d\u0435\b"
    r"|,\s+(?:\u0442\u0430\u043a\s+\u043a\u0430\u043a|\u043f\u043e\u0442\u043e\u043c\u0443)\b|[,\uff0c]\s*(?:因为|因為)).*",
    re.IGNORECASE | re.DOTALL,
)
_PARTICLE = re.compile(r"(?<=[\d\ue000])\s*(?:개|個|个)?\s*(?:입니다|이다|です|である|だ)\s*$")
_REMARK = re.compile(r"\s+\([^()]*[A-Za-z]{2,}[^()]*\)\s*$")
_IS = re.compile(r"\b(?:is|are|equals|becomes|be)\b[:\s]*", re.IGNORECASE)
_EMPHASIS = re.compile(r"(?<![\w)])\*\*|\*\*(?![\w(])")
_BUT = re.compile(
    r"\b(?:not|nicht|no\s+es|n['\u2019]est\s+pas)\s+\S{1,20}?\s*,?\s+(?:but|sondern|sino|mais)\s+(?:rather\s+)?(?=\S)"
    r"|不是[^\uff0c]{1,20}\uff0c而是",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"(?:the|la|el|le|die|der|das|option|choice)\s+(?=\(?[A-J]\)?\W*\Z)", re.IGNORECASE)


def pith(said: str) -> str:
    """Return the answer from a sentence without explanation: "the largest n is 34, since ..." gives 34."""
    if but := _BUT.search(said):
        said = said[but.end() :]
    hidden = masked(said)
    reason = _REASON.search(hidden)
    if reason and re.search(r"[\d\ue000]|^\W*[A-J]\W*$", hidden[: reason.start()]):
        said, hidden = said[: reason.start()], hidden[: reason.start()]
    for beside in (_REMARK, _PARTICLE):
        found = beside.search(hidden)
        if found and hidden[: found.start()].strip():
            said, hidden = said[: found.start()], hidden[: found.start()]
    said, hidden = _EMPHASIS.sub("", said), _EMPHASIS.sub("", hidden)
    *_, last = [0, *(found.end() for found in _IS.finditer(hidden))]
    said = _ARTICLE.sub("", said[last:].strip(" *_`") or said.strip(" *_`"))
    formulas = [found.group() for found in _FORMULA.finditer(said) if not _is_prose(found.group())]
    rest = _FORMULA.sub(" ", said)
    if (
        len(formulas) == 1
        and re.search(r"[A-Za-z]{3,}", rest)
        and not re.search(r"\d", rest)
        and not CHANGES.search(rest)
    ):
        return formulas[0]
    return said


# -- the answer of a text that does not mark its answer ------------------------------------------------------

SENTENCE_END = re.compile(
    r"(?<![.?!])(?:(?!(?<=\d)!(?:\s+[^A-Z\s]|\.|[)\]]+\s*[-=+*/]))[.?!])++[*_\"')\]]*+(?=\s|$)|(?<=\d!)\.(?=\s|$)|[\u3002\uff01\uff1f]|\n"
)
"""The end of a sentence; "6! = 720" continues."""
_DENIES = re.compile(
    r"\banswer\s+(?:is\s+not|isn't|isn\u2019t|cannot\s+be)\b|n['\u2019]t\s+think\b|\bnot\s+sure\b|\brespuesta\s+no\s+es\b"
    r"|\bréponse\s+n['\u2019]est\s+pas\b|\bantwort\s+ist\s+nicht\b|\b\u043e\u0442\u0432\u0435\u0442\s+\u043d\u0435\b|答案不是|\banswer\s+is\s+unknown\b"
    r"|\b(?:it|[a-z])\s+(?:is\s+not|isn['\u2019]t|cannot\s+(?:be|equal)|can['\u2019]t\s+(?:be|equal))\s+\$?-?\d|\d\$?\s+(?:is|are)\s+(?:wrong|incorrect|impossible|too\s)"
    r"|\bdoes\s+not\s+work\b|\bexclude\b|\bno\s+solutions?\s+with\b|\bresposta\s+não\b|\brisposta\s+non\b|\bantwoord\s+is\s+niet\b"
    r"|\bodpowiedź\s+to\s+nie\b|\bkhông\s+phải\b|\bbukan\b|\b(?:wrong|incorrect|impossible)\b[^.]{0,40}\banswer\b|\u0644\u064a\u0633",
    re.IGNORECASE,
)
"""Phrases that say that the number in a sentence is not the answer."""
_ASIDE = re.compile(
    r"\W*(?:(?:note|remark|check|checking|double-check|confidence|difficulty|time\s+taken|key\s+formula|p\.?s|explanation|reasoning|verification|to\s+verify|hope|i\s+hope|let\s+me\s+know|feel\s+free|if\s+you\s+have)\b|\([^()]*\)\W*\Z)",
    re.IGNORECASE,
)
"""A sentence that is not about the answer: a note, a remark in brackets."""
_QUESTION = re.compile(
    r"\W*(?:is|are|was|could|can|would|does|do|did|what|why|how|which|who|should)\b[^\n]*\?\W*\Z",
    re.IGNORECASE,
)
_SAYS_NOTHING = re.compile(r"[$\s]*\\(?:(?:boxed|fbox)\s*\{\s*\}|blacksquare|square|Box|qed)[$\s]*")
LONGEST = 4_000
"""Number of characters at the end of a sentence that are read. A runaway text has no end of sentence."""
_BRACKETS = re.compile(
    r"(?:\s+\((?!\s*-?[\w.]+(?:\s*,\s*-?[\w.]+)+\s*\))[^()]*\)|\uff08[^\uff08\uff09]*\uff09)\W*\Z"
)
"""A remark at the end of a sentence; but not a point (3, 5)."""
_BECAUSE = re.compile(
    r"(?<!\band)(?<!\bbut)(?<!\bso),?\s+"
    r"(?:(?:because|since)\b|(?:and\s+)?not\s+(?=[$€£\d\ue000])|check(?:ing)?\s*:).*",
    re.IGNORECASE | re.DOTALL,
)


def told(text: str) -> str | None:
    """Return the answer from the last sentence that has a formula or a number.

    Asides, such as notes, are used only if there is nothing else.
    """
    hidden = masked(text)
    starts = [0, *(end.end() for end in SENTENCE_END.finditer(hidden))]
    spans = [*zip(starts, [*starts[1:], len(text)], strict=True)][::-1]
    aside: str | None = None
    for start, stop in spans:
        if _DENIES.search(text, start, stop) or _QUESTION.match(text[start:stop]):
            continue
        start = max(start, stop - LONGEST)
        found = _of_sentence(text[start:stop], hidden[start:stop])
        if found and not _ASIDE.match(text[start:stop].strip()):
            return found
        aside = aside or found
    return aside


_TELLS = re.compile(r"\d|[=<>^+*/|]|\\[A-Za-z]{2,}|[A-Za-z]{2}")
"""A pattern of formulas that are more than the name of a variable."""


def _of_sentence(sentence: str, hidden: str) -> str | None:
    """Return the formula or number in a sentence that answers the question."""
    for aside in (_BECAUSE, _BRACKETS):
        found = aside.search(hidden)
        if found and re.search(r"[\d\ue000]", hidden[: found.start()]):
            sentence, hidden = sentence[: found.start()], hidden[: found.start()]
    formulas = [
        f
        for f in _FORMULA.finditer(sentence)
        if not _is_prose(f.group()) and not _SAYS_NOTHING.fullmatch(f.group())
    ]
    telling = [f for f in formulas if _TELLS.search(f.group().strip("$\\()[] "))]
    if telling:
        plain = [f for f in telling if not _is_circumstance(hidden, f.start())]
        return _joined(sentence, plain or telling)
    number = _number(re.sub("\ue000+", " x ", hidden))
    return number or (formulas[-1].group() if formulas else None)


_CONDITION = re.compile(r"\b(?:since|because|if|when|as|for|where|with)\s+\Z", re.IGNORECASE)


def _joined(sentence: str, formulas: list[re.Match[str]]) -> str:
    """Return the last formula and those joined to it by commas, "and" or "or"; or its last aligned line."""
    group = [formulas[-1]]
    for one in reversed(formulas[:-1]):
        if not re.fullmatch(
            r"\s*(?:,|,?\s*(?:and|or|et|und|y|oder)|和|或)\s*", sentence[one.end() : group[0].start()]
        ):
            break
        if _CONDITION.search(sentence, 0, one.start()):
            break  # "Since $x<0$, $x=-2$"
        group.insert(0, one)
    if len(group) > 1:
        return ", ".join(one.group().strip("$").removeprefix("\\(").removesuffix("\\)") for one in group)
    formula = group[0].group()
    if not ENVIRONMENT.search(formula):
        return formula
    lines = [line for line in re.split(r"\\\\", ENVIRONMENT.sub(" ", formula)) if re.search(r"\w", line)]
    last = re.sub(r"\\\]|[$&]", " ", lines[-1]) if lines else ""
    return f"${' '.join(last.split()).strip('. ')}$" if last else formula


# -- numbers -------------------------------------------------------------------------------------------------

_FRACTION = rf"\\[dtc]?frac{OVER}"
_SPACED = r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?![\d-]|\.\d)(?:,\d+)?"
_EUROPEAN = r"\d{1,3}(?:\.\d{3})+,\d+|\d+,\d{1,2}(?![\d,])"
_SCALED = r"(?:\s(?:hundred|thousand|million|billion|trillion|dozen)\b|[kK]\b)?"
_NUMBER = re.compile(
    rf"(?<![\w.])(?:(?<![\w)\]}}])[-\u2212\u2013]|(?<==\s)[-\u2212]\s)?(?:\d+,\d\d\s?[$€£]|{_FRACTION}"
    rf"|\d+\s+(?:and\s+)?\d+/\d+|\d+\s+and\s+a\s+half"
    rf"|(?:{_SPACED}|{_EUROPEAN}|{DIGITS})(?:\s?/\s?(?:{DIGITS}))?{_SCALED})",
    re.ASCII,
)
_PLAIN_FORMULA = re.compile(
    r"[(\[]\s*-?[\w.]+(?:\s*,\s*-?[\w.]+)+\s*[)\]]"  # (3, 5)
    # a ratio or time of day such as 3:5 or 2:30, but not "Week 3:210"
    r"|(?<!\b(?i:day)\s)(?<!\b(?i:week)\s)(?<!\b(?i:year)\s)(?<!\b(?i:month)\s)(?<!\b(?i:night)\s)"
    r"(?<![\w:])\d+(?::\d+)+"
    r"|\b\d+\s+(?:R|r|remainder)\s+\d+"
    # log 2, C(12, 3)
    r"|\b(?:log|ln|sin|cos|tan|sqrt|arctan|C|P)(?:_?\d+)?\s?\([^()]{1,20}\)|\b(?:log|ln|sin|cos|tan)\s\d+"
    r"|(?<![\w.,])-?\d[\d.]*(?:(?:[\^\u03c0\u221a\u00b2\u00b3]|!(?=\s*[-=*/+()!]|\s+[a-z])|\u00b7\s?(?=\d)|\s[x\u00d7*]\s(?=10\s?\^))[\w.(){}+-]*|\s(?:\u03c0|pi\b))+"
    r"|-?\d*[xyzn](?:\^\w+)?(?:\s?[-+*/]\s?\d*[xyzn]?(?:\^\w+)?)+(?!\w)"  # 2x + 3
    r"|(?<!\w)[a-zA-Z]\^\{?\w+\}?|\u221a\s?\w+(?:/\d+)?|(?<![\w.,])-?\d+[xyznpqr](?!\w)"  # x^2, 7x
)
"""Expressions without dollar signs that a number can be part of: 5^3, 12 pi, 3 x 10^4 and the like."""
NAMED = re.compile(
    r"\b(?:error|lemma|theorem|step|problem|question|exercise|example|figure|section|equation|page|case|chapter|part|note|aime|amc)"
    r"\s*#?\Z",
    re.IGNORECASE,
)
"""Words whose next number is a name."""
_BEFORE = re.compile(
    r"\b(?:at\s+(?:least|most|minimum|maximum)|(?:less|more|greater|fewer|smaller|larger)\s+than|nearly|almost|minus|negative"
    r"|twice|half(?:\s+of)?|double|triple|(?:a\s+)?(?:third|quarter)\s+of|(?:square\s+|cube\s+)?root\s+of|(?:square|cube)\s+of|reciprocal\s+of|exceeds?|multiples?\s+of"
    r"|divisible\s+by|except|to\s+the\s+power(?:\s+of)?|times|(?<!rounds\s)(?<!rounded\s)up\s+to|deux\s+fois|dos\s+veces|doppelt|zweimal|racine\s+carrée\s+de|raíz\s+cuadrada\s+de|(?:größer|kleiner|mehr|weniger)\s+als|mindestens|höchstens|(?:mayor|menor|más|menos)\s+que|al\s+menos|au\s+moins"
    r"|(?:sup|inf)érieure?\s+à|almeno)\s+\Z|(?:超过|不到|不足|小于|大于|少于|多于|至少|至多)\s*\Z",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r"\s+(?:squared|cubed|(?:less|more)\s+than\s+[$€£]?\d[\d.,]*|or\s+(?:more|less|fewer))\b"
    r"|\s+out\s+of\s+\d+(?![\w.])|\s+at\s+(?:most|least)\b|\s+\w+\s+below\s+zero\b"
)
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b")
_ADJECTIVE = re.compile(r"-[A-Za-z]{2,}|\s+of\s+(?:which|whom)\b")
"""Endings that make a number the rank or the kind of a thing: 3rd, 600-meter."""
_DETERMINED = (
    r"(?:(?:the|those|these|his|her|their|its|all|each|every|only|extra|another"
    r"|remaining|next|first|last|original|[a-z]+ing)\s+)*"
)
_CIRCUMSTANCE = re.compile(
    rf"(?:\b(?:in|after|for|at|over|during|per|within|before|until|than|when|if|where|to\s+[a-z]+)\s+{_DETERMINED}"
    r"|\b(?:after|by|for|from)\s+[a-z]+ing\s+(?:[a-z]+\s+){0,2}|\bfrom\s+[$€£]?|\bfrom\s+\S{1,20}\s+to\s+"
    r"|\b(?:compared\s+(?:to|with)|divided\s+by|such\s+that|satisfying|using|iff|with\s+equality|(?:solutions?|roots?)\s+(?:to|of))\s+"
    rf"|\b(?:of|with|from)\s+(?:the|those|these|his|her|their|its|all)\s+{_DETERMINED}[$€£]?|\d\s+of\s+|\b(?:at|for|when|if|where)\s+[a-z]\s*=\s*)\Z"
)
_EQUALS = re.compile(r"=\s*[$€£]?\s*\Z")
_GOES_ON = re.compile(r"\s*[-+*/x\u00d7\u00f7]\s*[$€£]?\d")
_IS_LETTER = re.compile(r"\s*=\s*(?:[A-Za-z](?!\w)|[$€£]?\d[\d.]*\s*[-+*/x\u00d7\u00f7]\s*\d)")
_AFTER = re.compile(r"\b(?:which|meaning|so|therefore|thus|hence|rounds?|rounded)\b", re.IGNORECASE)
"""Words that lead from the result of a calculation to another number: "16.75, which rounds up to 17"."""
_RATIO = re.compile(r"\b(?:ratios?|odds)\b[^.]{0,60}?\b(\d+)\s+to\s+(\d+)\b", re.IGNORECASE)
_CHANCE = re.compile(
    r"\b(?:probability|chances?|likelihood|fraction)\b[^.]{0,60}?\b(\d+)\s+(?:in|out\s+of)\s+(\d+)\b",
    re.IGNORECASE,
)
_RANGE = re.compile(r"\b(?:between|from)\s+[-$€£]*[\d.,]+\s+(?:and|to)\s+[-$€£]*\d(?:[\d.,]*\d)?")
_LIST = re.compile(
    rf"(?<![\w.,])-?(?:{DIGITS})(?:,\s-?(?:{DIGITS}))*(?:,?\sand|\sor)\s-?(?:{DIGITS})(?![\w.]*\d)"
)
_COUNTED = re.compile(
    rf"\b(?:is|are|be|equals|has|have|makes|gives|leaves|bought|buys|needs)\s+(?:exactly\s+|only\s+)?({COUNTED})\b"
)


_MORE = re.compile(r",?\s+(?:and\s+)?\d+\s+([A-Za-z]+)\b")


def _with_unit(sentence: str, end: int) -> int:
    """Return the end of a number with its unit and a smaller unit after it: "3 hours and 15 minutes"."""
    found = MEASURE.match(sentence, end)
    named = found is not None and (
        found["unit"] is None or (unit_of(found["unit"]) and not CHANGES.search(found["unit"]))
    )
    if not found or not named:
        return end
    more = _MORE.match(sentence, found.end()) if found["unit"] else None
    return (
        more.end() if more and SMALLER.get(unit_of(found["unit"]) or "") == unit_of(more[1]) else found.end()
    )


def _number(sentence: str) -> str | None:
    """Return the number that answers the question, with words that change it ("at least 10")."""
    for pattern, mark in ((_RATIO, ":"), (_CHANCE, "/")):
        if found := pattern.search(sentence):
            return mark.join(found.groups())
    numbers = _numbers(sentence)
    if not numbers:
        return _in_words(sentence)
    results = [i for i, (start, end, _) in enumerate(numbers) if _is_result(sentence, start, end)]
    if not results:
        return (_plain(sentence, numbers) or numbers)[-1][2]
    _, end, result = numbers[results[-1]]
    rest = numbers[results[-1] + 1 :]
    after = _AFTER.search(sentence, end)
    start, _, last = (_plain(sentence, rest) or rest or [(-1, -1, "")])[-1]
    return last if after and after.end() <= start else result


def _in_words(sentence: str) -> str | None:
    """Return the last number in words; "one" and "a" do not count, as any sentence may have them."""
    words = [found[1] for found in _COUNTED.finditer(sentence.lower()) if found[1] not in ("a", "one")]
    values = [value for value in map(counted, words) if value is not None]
    return str(values[-1]) if values else None


def _plain(sentence: str, numbers: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Return the numbers that are not part of a circumstance."""
    return [one for one in numbers if not _is_circumstance(sentence, one[0])]


def _is_circumstance(sentence: str, start: int) -> bool:
    """Is the expression that begins here part of a circumstance: "for the 16 glasses", "in 5 minutes"?"""
    return _CIRCUMSTANCE.search(sentence[max(0, start - 80) : start].lower()) is not None


def _is_result(sentence: str, start: int, end: int) -> bool:
    """Is a number the result of a calculation, "24 / 6 = 4", or equal to a calculation or letter, "4 = x"?"""
    equals = _EQUALS.search(sentence, max(0, start - 8), start) and not _GOES_ON.match(sentence, end)
    return bool((equals and not _is_circumstance(sentence, start)) or _IS_LETTER.match(sentence, end))


def _overlaps(start: int, end: int, found: list[tuple[int, int, str]]) -> bool:
    """Does a span overlap one that was found before?"""
    return any(a < end and start < b for a, b, _ in found)


def _with_neighbours(sentence: str, start: int, end: int) -> tuple[int, int, str]:
    """Return a number's span, and the number with its currency, its unit and words that change it."""
    before, behind = _BEFORE.search(sentence, max(0, start - 30), start), _BEHIND.match(sentence, end)
    end = behind.end() if behind else _with_unit(sentence, end)
    begins = before.start() if before else start - (sentence[max(0, start - 1) : start] in ("$", "€", "£"))
    return start, end, re.sub(r"^([-\u2212])\s", r"\1", sentence[begins:end])


def _numbers(sentence: str) -> list[tuple[int, int, str]]:
    """Return the numbers of a sentence with their spans, without numbers that name or describe things."""
    found: list[tuple[int, int, str]] = []
    for pattern in (_RANGE, _PLAIN_FORMULA, _LIST):
        found += [
            (*one.span(), one.group())
            for one in pattern.finditer(sentence)
            if not _overlaps(*one.span(), found)
        ]
    whole = list(found)
    for number in _NUMBER.finditer(sentence):
        start, end = number.span()
        if not _overlaps(start, end, [*whole, *found[-1:]]) and not NAMED.search(
            sentence, max(0, start - 30), start
        ):
            found.append(_with_neighbours(sentence, start, end))
    found = [one for one in found if not _ORDINAL.match(sentence, one[1])]
    proper = [one for one in found if not _ADJECTIVE.match(sentence, one[1])]
    return sorted(proper or found)
