r"""Which answer does a text state? One order, pure functions on text.

What a model thinks before it answers does not count. Then, in this order:

1. the last `\boxed{...}` whose braces balance, unless a "final answer" is stated behind it; boxes that one phrase joins
   ("\boxed{1} and \boxed{2}") are one list of answers;
2. the line after the last `####`, where it is a number or ends the text (others are headings of Markdown);
3. what follows the last "answer is", "answer:" and the like, in some languages, to the end of the sentence or line;
4. what the last `<answer>` tag holds, else the choice that is called right ("option B is correct");
5. the whole text, where it is nothing but an answer: formulas, numbers and letters;
6. the last formula of the last sentence that has a formula or a number: a number inside a formula is no answer of its own;
7. the last number of that sentence.

The last two are guesses that small base models need. A completion that was cut while it counted may be right by luck, so
samplers must also look at `finish_reason`.
"""

from __future__ import annotations

import re
from itertools import permutations

from align.core.rows import spoken
from reward.numbers import DIGITS, OVER

_BOXED = re.compile(r"(?P<box>\\(?:boxed|fbox)\s*\{)|\\.|[{}]", re.DOTALL)
_DRESS = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mbox|operatorname)\s*\{([^{}]*)\}"
    r"|\\[()\[\],;:! ]|\\q?quad(?![A-Za-z])|[$~&{}]|\\left|\\right"
)
_LABEL = re.compile(r"(?:\\?[A-Za-z]+(?:_\{?\w+\}?|\d*)?\s*(?:=|:|\\in)\s*)$")
_JOINED = re.compile(
    r"[\s,;.:]*|[^,;]{0,40}?(?:,|;|\band\b|\bor\b|\bet\b|\bund\b|\by\b|\b\u0438\b|和|或|、)[\s,;:]*(?:and|or)?\s*(?:for\b.{0,30})?",
    re.IGNORECASE,
)
_APART = re.compile(
    r"\b(?:so|then|hence|thus|therefore|since|because|not|no|but|instead|wait|equals?|is|are|gives?|which|that|plus|minus|times"
    r"|actually|first|now|let|we|from|if|when|where|substitut\w*|answer)\b|[+*/^=<>]|\n\s*\n",
    re.IGNORECASE,
)
_CUE = re.compile(
    r"(?:\banswers?\b(?:\s+(?:to|for|of)\s+[^.:\n]{1,80}?)?\s*\*{0,2}(?:\s+(?:is|are|would\s+be|will\s+be|should\s+be|must\s+be"
    r"|equals)\b|\s*[:=\uff1a])|\*\*(?:final\s+)?answer\*\*\s*\n"
    r"|\br[ée]ponse(?:\s+finale)?\s*(?:est\b|:)|\brespuesta(?:\s+final)?\s*(?:es\b|:)|\bantwort\s*(?:ist\b|lautet\b|:)"
    r"|\brisposta(?:\s+finale)?\s*(?:è|:)|\bresposta(?:\s+final)?\s*(?:é|:)|"
    r"\b\u043e\u0442\u0432\u0435\u0442\s*(?:\u0440\u0430\u0432\u0435\u043d\b|[:\u2014\u2013-])"
    r"|答案\s*(?:是|为|為|[:\uff1a])|答え\s*(?:は|[:\uff1a])|(?:정답|답)\s*(?:은|[:\uff1a]))[\s:*_]*",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\b(?:not|n't|don't|doesn't|cannot|can't)\s+(?:think|believe|say|sure|mean)[^.!?\n]*\Z", re.IGNORECASE)
_DENIES = re.compile(
    r"\banswer\s+(?:is\s+not|isn't|isn\u2019t|cannot\s+be)\b|n['\u2019]t\s+think\b|\bnot\s+sure\b|\brespuesta\s+no\s+es\b"
    r"|\bréponse\s+n['\u2019]est\s+pas\b|\bantwort\s+ist\s+nicht\b|\b\u043e\u0442\u0432\u0435\u0442\s+\u043d\u0435\b|答案不是|\banswer\s+is\s+unknown\b",
    re.IGNORECASE,
)
"""What says that the number in a sentence is not the answer."""
_FINAL = re.compile(r"\bfinal\s+answer\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<![.?!])[.?!]++[*_\"')\]]*+(?=\s|$)|[\u3002\uff01\uff1f]|\n")
_DISPLAY = re.compile(r"\\\[.*?\\\]|\$\$.*?\$\$", re.DOTALL)
_FORMULA = re.compile(r"\$\$.+?\$\$|\\\[.+?\\\]|\\\(.+?\\\)|(?<!\\)\$[^$\n]*?(?<![-+*/=\s\\])\s*\$(?!\d)", re.DOTALL)
"""Formulas between marks. "$30-$20=$10" has none: behind the second sign stands a digit, as behind money."""
_REASON = re.compile(
    r"(?:,?\s+(?:since|because|as|so|which|after|for)\b|,\s+(?:not|weil|denn|porque|car|parce\s+que|perché|poiché|pois)\b"
    r"|,\s+(?:\u0442\u0430\u043a\s+\u043a\u0430\u043a|\u043f\u043e\u0442\u043e\u043c\u0443)\b|[,\uff0c]\s*(?:因为|因為)).*",
    re.IGNORECASE | re.DOTALL,
)
_PARTICLE = re.compile(r"(?<=[\d\ue000])\s*(?:개|個|个)?\s*(?:입니다|이다|です|である|だ)\s*$")
_CHOSEN = re.compile(
    r"\b(?:option|choice)\s*\(?(?-i:([A-J]))\)?\s+is\s+(?:the\s+)?(?:correct|right|answer)\b|\b(?:correct|right)\s+(?:option|choice)"
    r"\s+(?:is|would\s+be)\s*\(?(?-i:([A-J]))\b|(?:故选|答案选|故選)\s*[:\uff1a]?\s*(?-i:([A-J]))",
    re.IGNORECASE,
)
"""Where a text names the choice that it takes."""
_REMARK = re.compile(r"\s+\([^()]*[A-Za-z]{2,}[^()]*\)\s*$")
_IS = re.compile(r"\b(?:is|are|equals|becomes|be)\b[:\s]*", re.IGNORECASE)
_FRACTION = rf"\\[dtc]?frac{OVER}"
_LAST_NUMBER = re.compile(
    rf"(?<![\w.])(?:(?<![\w)\]}}])[-\u2212])?(?:\d+,\d\d\s?[$€£]|{_FRACTION}|(?:{DIGITS})(?:\s?/\s?(?:{DIGITS}))?)", re.ASCII
)
_NUMBER_ONLY = re.compile(rf"[-+\u2212$£€ ]*(?:{DIGITS})(?:\s*/\s*(?:{DIGITS}))?[\s%.]*")
_FACTORS = {"".join(order) for run in ("abc", "xyz", "pqr", "mnp", "uvw", "rst", "lmn") for order in permutations(run)}
"""Runs of letters that are products of variables rather than words."""
MAX_WHOLE = 400
"""Longest text that can be nothing but an answer, in characters."""
_COMMANDS = re.compile(r"\\(?:text\w*|mathrm|mbox|operatorname|begin|end)\s*\{[^{}]*\}|\\[A-Za-z]+")
_FUNCTIONS = re.compile(r"\b(?:sin|cos|tan|cot|sec|csc|log|exp|min|max|gcd|lcm|det|mod|sqrt|arcsin|arccos|arctan)\b")


def final_answer(text: str) -> str | None:
    """Return the final answer that a solution states, unchanged but for outer spaces, or None when it has none."""
    text = spoken(text)
    boxes, end = _boxes(text)
    behind = _FINAL.search(text, end)
    if boxes and not behind:
        return boxes
    cued = _cued(text, behind.start() if boxes and behind else 0)
    if boxes and not (cued and re.search(r"\d|\\[A-Za-z]", cued)):
        return boxes
    return _headed(text) or cued or _tagged(text) or _chosen(text) or _whole(text) or _guess(text)


def _headed(text: str) -> str | None:
    """Return the line behind the last `####` that is no heading."""
    length = len(text.rstrip())
    for mark in reversed(list(re.finditer(r"####([^\n]*)", text))):
        line = mark.group(1).strip()
        if line and (mark.end() >= length or _NUMBER_ONLY.fullmatch(line)):
            return line
    return None


def _cued(text: str, start: int) -> str | None:
    """Return what the last cue from a place on says."""
    masked = _masked(text)
    for cue in reversed(list(_CUE.finditer(text, start))):
        if _DENIED.search(text, max(0, cue.start() - 60), cue.start()):
            continue  # "I don't think the answer is 5"
        display = _DISPLAY.match(text, cue.end())
        end = None if display else _SENTENCE_END.search(masked, cue.end())
        said = display.group() if display else text[cue.end() : end.start() if end else None]
        if said.strip(" *_`"):
            return pith(said.strip(" *_`"))
    return None


def _chosen(text: str) -> str | None:
    """Return the letter of the choice that a text takes last."""
    named = [next(filter(None, found.groups())) for found in _CHOSEN.finditer(text)]
    return named[-1] if named else None


def _tagged(text: str) -> str | None:
    """Return what the last complete answer tag holds."""
    lower = text.lower()
    end = lower.rfind("</answer>")
    start = lower.rfind("<answer>", 0, end) if end >= 0 else -1
    return pith(text[start + len("<answer>") : end].strip()) or None if start >= 0 else None


def _whole(text: str) -> str | None:
    """Return a text that is nothing but an answer: no word beside formulas, numbers and letters."""
    whole = text.strip()
    if not whole or "\n" in whole or len(whole) > MAX_WHOLE:
        return None
    letters = re.findall(r"[^\W\d_\ue000]{2,}", _without_commands(_masked(whole)))
    if any(word.lower() not in ("and", "or") for word in letters):
        return None
    return whole if re.search(r"\w|\ue000|\\[A-Za-z]", whole) else None


def gold_answer(text: str) -> str:
    r"""Return the answer of a gold column: GSM8K's after `####`, MATH's in `\boxed`, else all of it."""
    stated = final_answer(text) if "####" in text or "\\boxed" in text else None
    return (stated or text).strip()


def pith(said: str) -> str:
    """Return the answer of a sentence without what explains it: "the largest n is 34, since ..." is 34."""
    masked = _masked(said)
    reason = _REASON.search(masked)
    if reason and re.search(r"[\d\ue000]|^\W*[A-J]\W*$", masked[: reason.start()]):
        said, masked = said[: reason.start()], masked[: reason.start()]
    if remark := _REMARK.search(masked):
        head = masked[: remark.start()].strip()
        said, masked = (said[: remark.start()], masked[: remark.start()]) if head else (said, masked)
    if particle := _PARTICLE.search(masked):
        said, masked = said[: particle.start()], masked[: particle.start()]
    *_, last = [0, *(found.end() for found in _IS.finditer(masked))]
    said = said[last:].strip(" *_`") or said.strip(" *_`")
    formulas = [found.group() for found in _FORMULA.finditer(said) if not _prose(found.group())]
    rest = _FORMULA.sub(" ", said)
    if len(formulas) == 1 and re.search(r"[A-Za-z]{3,}", rest) and not re.search(r"\d", rest) and not CHANGES.search(rest):
        return formulas[0]
    return said


def _guess(text: str) -> str | None:
    """Return the last formula of the last sentence that has a formula or a number, or its last number."""
    masked = _masked(text)
    starts = [0, *(end.end() for end in _SENTENCE_END.finditer(masked))]
    for start, stop in zip(reversed(starts), [len(text), *reversed(starts[1:])], strict=True):
        if _DENIES.search(text, start, stop):
            continue
        formulas = [f.group() for f in _FORMULA.finditer(text, start, stop) if not _prose(f.group())]
        formulas = [f for f in formulas if not re.fullmatch(r"[$\s]*\\(?:boxed|fbox)\s*\{\s*\}[$\s]*", f)]
        telling = [f for f in formulas if re.search(r"\d|[=<>^+*/|]|\\[A-Za-z]{2,}|[A-Za-z]{2}", f.strip("$\\()[] "))]
        numbers = _numbers(re.sub("\ue000+", " x ", masked[start:stop]))
        if telling or numbers or formulas:
            return telling[-1] if telling else numbers[-1] if numbers else formulas[-1]
    return None


_BARE = re.compile(
    r"[(\[]\s*-?[\w.]+(?:\s*,\s*-?[\w.]+)+\s*[)\]]"  # (3, 5)
    r"|(?<!\b(?i:day)\s)(?<!\b(?i:week)\s)(?<!\b(?i:year)\s)(?<!\b(?i:month)\s)(?<!\b(?i:night)\s)"  # but no "Week 3:210"
    r"(?<![\w:])\d+(?::\d+)+"  # 3:5, 2:30
    r"|(?<![\w.,])-?\d[\d.]*(?:[\^\u03c0\u221a\u00b7!\u00b2\u00b3][\w.(){}+-]*|\s(?:\u03c0|pi\b))+"  # 5^3, 12 pi
    r"|-?\d*[xyzn](?:\^\w+)?(?:\s?[-+*/]\s?\d*[xyzn]?(?:\^\w+)?)+(?!\w)"  # 2x + 3
    r"|(?<!\w)[a-zA-Z]\^\{?\w+\}?|\u221a\s?\w+|(?<![\w.,])-?\d+[xyznpqr](?!\w)"  # x^2, 7x
)
"""What a number can stand in without dollar signs around it."""
_NAMED = re.compile(
    r"\b(?:error|lemma|theorem|step|problem|question|exercise|example|figure|section|equation|page|case|chapter|note|aime|amc)"
    r"\s*#?\Z",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    r"\b(?:at\s+(?:least|most)|(?:less|more|greater|fewer|smaller|larger)\s+than|nearly|almost|minus|negative|twice|half\s+of)"
    r"\s+\Z",
    re.IGNORECASE,
)
_BEHIND = re.compile(r"\s+or\s+(?:more|less|fewer)\b|\s+out\s+of\s+\d+(?![\w.])")


def _numbers(sentence: str) -> list[str]:
    """Return the numbers of a sentence, each with what makes another number of it; none from the names of things."""
    spans = [(found.start(), found.end()) for found in _BARE.finditer(sentence)]
    found: list[tuple[int, str]] = [(start, sentence[start:end]) for start, end in spans]
    for number in _LAST_NUMBER.finditer(sentence):
        start, end = number.span()
        if any(a < end and start < b for a, b in spans) or _NAMED.search(sentence, max(0, start - 30), start):
            continue
        before, behind = _BEFORE.search(sentence, max(0, start - 30), start), _BEHIND.match(sentence, end)
        found.append((start, sentence[before.start() if before else start : behind.end() if behind else end]))
    return [text for _, text in sorted(found)]


def _masked(text: str) -> str:
    """Return a text in which formulas are other letters, as many as they have."""
    return _FORMULA.sub(lambda found: _mask(found.group()), text)


def _mask(formula: str) -> str:
    if _prose(formula):
        return formula
    ends = re.search(r"[.?!]\W*$", formula)  # a sentence may end inside
    return "\ue000" * (len(formula) - 1) + ("." if ends else "\ue000")


def _prose(formula: str) -> bool:
    """Is what stands between two dollar signs prose, as in "$5 and then $6"?"""
    return formula.startswith("$") and not formula.startswith("$$") and in_words(formula.strip("$"))


def in_words(text: str) -> bool:
    """Is this prose, which math-verify would read as a product of letters?"""
    if re.search(r"\$|\\\(|\\\[", text):
        return False
    return any(word not in _FACTORS for word in re.findall(r"[^\W\d_]{3,}", _without_commands(text)))


def _without_commands(text: str) -> str:
    """Return a text without LaTeX's commands, what they call text, and names of functions."""
    return _FUNCTIONS.sub(" ", _COMMANDS.sub(" ", text))


def _boxes(text: str) -> tuple[str | None, int]:
    """Return the inside of the last complete box, joined with those that belong to it, and its end; one pass over the text."""
    found: list[tuple[int, int, str]] = []
    opened: list[tuple[int, int] | None] = []
    for token in _BOXED.finditer(text):
        if token["box"]:
            opened.append((token.start(), token.end()))
        elif token.group() == "{":
            opened.append(None)
        elif token.group() == "}" and opened:
            box = opened.pop()
            inside = text[box[1] : token.start()].strip() if box else ""
            if box and inside and not (found and found[-1][0] > box[0]):  # of nested boxes the inner one counts
                found.append((box[0], token.end(), inside))
    while found and _NEGATED.search(text, max(0, found[-1][0] - 20), found[-1][0]):
        found.pop()  # "\boxed{3}, not \boxed{4}"
    if not found:
        return None, 0
    group = [found[-1]]
    for box in reversed(found[:-1]):
        if not _joins(text[box[1] : group[0][0]]):
            break
        group.insert(0, box)
    if len(group) == 1:
        return _with_surroundings(text, *group[0]), group[0][1]
    inside = list(dict.fromkeys(box[2] for box in group))
    return ", ".join(inside), found[-1][1]


_NEGATED = re.compile(r"\bnot\s+\$?\s*\Z", re.IGNORECASE)
_SIGN = re.compile(r"(?:\A|[$=(:\n])\s*[-\u2212]\s*\Z")
_FACTOR = re.compile(
    r"\s?(?:\^\s*(?:\{[^{}]*\}|\w)|\\(?:pi|sqrt\{[^{}]*\})(?![A-Za-z])|(?:\\times|\\cdot)(?![A-Za-z])[^$\n]{1,30}?|[a-z])"
    r"(?=\s*(?:\$|\\[)\]]))"
)
_ROOT = re.compile(r"(\\sqrt\s*)\{\s*\Z")


def _with_surroundings(text: str, start: int, end: int, inside: str) -> str:
    r"""Return what a box holds, with a sign before it or a factor behind it that belong to the answer: `-\boxed{4}`."""
    before, behind = text[max(0, start - 40) : start], text[end : end + 60]
    if root := _ROOT.search(before):
        return f"{root[1]}{{{inside}}}"
    sign = "-" if _SIGN.search(before if start <= 40 else "." + before) else ""
    factor = _FACTOR.match(behind)
    return sign + inside + (factor.group() if factor else "")


def _joins(between: str) -> bool:
    """Does the text between two boxes make them one list of answers?"""
    if len(between) > 120:
        return False
    plain = _DRESS.sub(lambda found: f" {found[1] or ''} ", _LABEL.sub("", between.rstrip().removesuffix("$").rstrip()))
    return not _APART.search(plain) and _JOINED.fullmatch(plain.strip()) is not None


CHANGES = re.compile(
    r"\b(?:not|no|never|none|least|most|less|more|fewer|greater|smaller|larger|than|under|over|above|below|between|except|without|up"
    r"|hundreds?|thousands?|millions?|billions?|trillions?|dozens?|half|halves|thirds?|quarters?|fourths?|fifths?|sixths?|sevenths?"
    r"|eighths?|ninths?|tenths?|hundredths?|thousandths?|twice|thrice|double|triple|square|root|cube|pi|e|i|squared|cubed|times"
    r"|plus|minus|negative|divided|percent\s+of|factorial|power|at\s+minimum|at\s+maximum|almost|nearly|exceeds?|beyond|but"
    r"|multiples?\s+of|divisible|factors?\s+of|log|reciprocal|inverse|opposite|undefined|sum\s+of|product\s+of|gross|lakhs?|crores?"
    r"|bn|mn|basis\s+points?|per\s+mille"
    r"|nicht|keine?|mindestens|höchstens|weniger|mehr|hälfte|doppelt|millionen|milliarden|tausend|hundert"
    r"|pas|moins|moitié|mille|menos|más|mitad|millones|meno|più|metà|milioni|metade"
    r"|не|менее|более|меньше|больше|половина|тысяч\w*|миллион\w*)\b|不是|至少|至多|最多|最少|少于|多于|大于|小于|倍|千|万|亿",
    re.IGNORECASE,
)
"""Words that make another number of the one beside them."""
