r"""Extract the final answer that a text states, with pure functions on text.

A model's thoughts before its answer do not count. Then these places are tried, in this order:

1. the last `\boxed{...}` with balanced braces, unless a "final answer" is stated after it; boxes that one
   phrase joins ("\boxed{1} and \boxed{2}") are one list of answers;
2. the line after the last `####`, if it is a number or ends the text (other lines are headings of Markdown);
3. the text after the last "answer is", "answer:" and the like, in several languages, to the end of the
   sentence or line;
4. the content of the last `<answer>` tag, else the choice that is called right ("option B is correct");
5. the whole text, if it is nothing but an answer: formulas, numbers and letters;
6. the formula or number that answers the question in the last sentence that has one
   (`reward.mathematics.sentence`): a guess that small base models need.

A completion that was truncated while it was counting may be right by luck, so samplers must also check
`finish_reason`.
"""

from __future__ import annotations

import re

from align.core.rows import spoken
from reward.mathematics.number_words import counted
from reward.mathematics.numbers import DIGITS
from reward.mathematics.sentence import ENVIRONMENT, SENTENCE_END, masked, pith, told, without_commands
from reward.mathematics.signs import in_ascii_digits

_BOXED = re.compile(r"(?P<box>\\(?:boxed|fbox|framebox)\s*\{)|\\.|[{}]", re.DOTALL)
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
_SAID = r"(?:\s+(?:is(?:\s+actually)?|are|would\s+be|will\s+be|should\s+be|must\s+be|equals)\b|\s*[:=\uff1a])"
_CUE = re.compile(
    rf"(?:\b(?:answers?|correct\s+value)\b(?:\s+(?:to|for|of)\s+[^.:\n]{{1,80}}?)?\s*\*{{0,2}}{_SAID}"
    r"|\*\*(?:final\s+)?answer\*\*\s*\n|^\#+\s*(?:final\s+)?answer\s*\n"
    r"|\br[ée]ponse(?:\s+\w+)?\s*(?:est\b|:)|\brespuesta(?:\s+(?!no\b)\w+)?\s*(?:es\b|:)|\bantwort\s*(?:ist\b|lautet\b|:)"
    r"|\brisposta(?:\s+(?!non\b)\w+)?\s*(?:è|:)|\bresposta(?:\s+(?!não\b)\w+)?\s*(?:é|:)|\bantwoord\s*(?:is\b|:)|\bodpowiedź\s*(?:to\b|:)"
    r"|\bjawaban(?:nya)?\s*(?:adalah\b|:)|\bcevap\s*:|\bđáp\s+án\s*(?:là\b|:)"
    r"|\b\u043e\u0442\u0432\u0435\u0442\s*(?:\u0440\u0430\u0432\u0435\u043d\b|[:\u2014\u2013-])|\b\u0432\u0456\u0434\u043f\u043e\u0432\u0456\u0434\u044c\s*[:\u2014\u2013-]"
    r"|\u0627\u0644(?:\u0625\u062c\u0627\u0628\u0629|\u062c\u0648\u0627\u0628)\s*(?:\u0647\u0648|\u0647\u064a|:)|\u0909\u0924\u094d\u0924\u0930\s*:|\u0989\u09a4\u09cd\u09a4\u09b0\s*:"
    r"|【答案】|\u0e04\u0e33\u0e15\u0e2d\u0e1a\s*(?:\u0e04\u0e37\u0e2d|:)|答案?\s*(?:是|为|為|[:\uff1a])[:\uff1a]?|答え\s*(?:は|[:\uff1a])、?|(?:정답|답)\s*(?:은|[:\uff1a]))[\s:*_]*",
    re.IGNORECASE | re.MULTILINE,
)
_NEXT_TURN = re.compile(r"\n\s*(?:\#+\s*)?(?:(?P<chat>Human|User|Q)|Question|Problem)\s*\d*\s*:")
_LINES = re.compile(r"(?:[-\u2022*]\s+)?(?P<first>[^\n]+)(?P<rest>(?:\n\s*[-\u2022*]\s+[^\n]+)+)")
_VALUE_LINE = re.compile(r"\s*(?:[-\u2022*]\s+)?([$\\(]*[A-Za-z]\w*\s*=[^\n=]{1,60})")
_DENIED = re.compile(
    r"\b(?:not|n't|don't|doesn't|cannot|can't)\s+(?:think|believe|say|sure|mean)[^.!?\n]*\Z"
    r"|\b(?:wrong|incorrect|mistaken|impossible|(?:many|some|most)\s+(?:people|students)|common(?:ly)?)\b[^.!?\n]*\Z",
    re.IGNORECASE,
)
_FINAL = re.compile(
    r"\b(?:final|corrected|correct|right)\s+(?:answer|value)\b|\bcorrection\s*:|\banswer\s+(?:should\s+be|is\s+actually)\b"
    r"|\b(?:oops|wait|edit|mistake|incorrect|wrong)\b",
    re.IGNORECASE,
)
"""Words after a box that may take it back. They do so if an answer is stated after them."""
_CORRECTS = re.compile(
    r"(?:\b(?:oops|wait|edit|sorry|actually|wrong|incorrect|mistake)\b[^\n\d]{0,40}?\b(?:it(?:['\u2019]s|\s+is|\s+should\s+be)|i\s+meant)"
    r"|\?\s+No,)\s+(?:actually\s+)?(?=[-$\\\d])",
    re.IGNORECASE,
)
_DISPLAY = re.compile(r"\\\[(?:(?!\\\[).)*?\\\]|\$\$.*?\$\$", re.DOTALL)
_CHOSEN = re.compile(
    r"\b(?:option|choice)\s*\(?(?-i:([A-J]))\)?\s+is\s+(?:the\s+)?(?:correct|right|answer)\b|\b(?:correct|right)\s+(?:option|choice)"
    r"\s+(?:is|would\s+be)\s*\(?(?-i:([A-J]))\b|(?:故选|答案选|故選|选择|選擇|本题选|应选|正确(?:选项|答案)(?:是|为))\s*[:\uff1a]?[\s*]*(?-i:([A-J]{1,5}))(?![A-Za-z])"
    r"|\b(?:choose|pick|select|go\s+with|must\s+be|has\s+to\s+be|it['\u2019]s|it\s+is)\s+(?:(?:option|choice)\s+(?:(?-i:([A-J]))\b|\(([A-J])\))"
    r"|(?-i:([A-J]))(?=[.!)\s]*\Z)|\(([A-J])\))",
    re.IGNORECASE,
)
"""Phrases in which a text names its choice."""
_NUMBER_ONLY = re.compile(rf"[-+\u2212$£€ ]*(?:{DIGITS})(?:\s*/\s*(?:{DIGITS}))?[\s%.]*")
_QUANTITY = re.compile(
    r"[$€£]?\s?-?(?:\d[\d.,/]*)(?:\s+(?!(?:is|are|was|were)\b)[^\W\d_=]+){1,4}\.?|[A-J][.)]\s[^\n]{1,80}"
)
"""A text that is an answer although it has words: "5 gallons", "B. 5 apples"."""
MAX_WHOLE = 400
"""Longest text that can be nothing but an answer, in characters."""


def final_answer(text: str) -> str | None:
    """Return the final answer that a solution states, without outer spaces; None if it states none."""
    text = re.sub(r"\\boxed\s+(\d+)(?![\d.])", r"\\boxed{\1}", in_ascii_digits(spoken(text)))
    text, found = _without_refused(_first_turn(text))
    boxes, end = _boxes(text, found)
    behind = _FINAL.search(text, end)
    if boxes and not behind:
        return boxes
    cued = _cued(text, behind.start() if boxes and behind else 0)
    if boxes and not (cued and re.search(r"\d|\\[A-Za-z]", cued)):
        return boxes
    return _headed(text) or cued or _tagged(text) or _chosen(text) or _whole(text) or told(text)


def _first_turn(text: str) -> str:
    """Cut a text where a base model, after its answer, continues with questions of its own."""
    said = re.search(r"\d", text) if _NEXT_TURN.search(text) else None
    if not said:
        return text
    stated = min(
        (found.end() for found in (re.search(r"\\boxed", text), _CUE.search(text)) if found),
        default=len(text),
    )
    for turn in _NEXT_TURN.finditer(text, said.end()):
        if turn["chat"] or stated <= turn.start():
            return text[: turn.start()]
    return text


def _headed(text: str) -> str | None:
    """Return the line after the last `####` that is no heading."""
    length = len(text.rstrip())
    for mark in reversed(list(re.finditer(r"####([^\n]*)", text))):
        line = mark.group(1).strip()
        if line and (mark.end() >= length or _NUMBER_ONLY.fullmatch(line)):
            return line
    return None


def _cued(text: str, start: int) -> str | None:
    """Return the text after the last cue ("answer is") that stands after `start`."""
    hidden = masked(text)
    cues = list(_CUE.finditer(text, start))
    corrects = [
        found for found in _CORRECTS.finditer(text, cues[0].end() if cues else start) if cues or start
    ]
    for cue in sorted([*cues, *corrects], key=lambda found: found.start(), reverse=True):
        if _DENIED.search(text, max(0, cue.start() - 60), cue.start()):
            continue  # "I don't think the answer is 5"
        if values := _values(text, cue.end()):
            return values
        display = _DISPLAY.match(text, cue.end())
        end = None if display else SENTENCE_END.search(hidden, cue.end())
        said = display.group() if display else text[cue.end() : end.start() if end else None]
        if said.strip(" *_`"):
            return pith(said.strip(" *_`"))
    return None


def _values(text: str, start: int) -> str | None:
    """Return "x = 3, y = 4" if a list of such lines begins here."""
    lines = _LINES.match(text, start)
    values = (
        [_VALUE_LINE.fullmatch(line) for line in (lines["first"] + lines["rest"]).splitlines()]
        if lines
        else []
    )
    return ", ".join(value[1].strip() for value in values if value) if values and all(values) else None


def _chosen(text: str) -> str | None:
    """Return the letter of the last choice that a text names as its answer."""
    named = [next(filter(None, found.groups())) for found in _CHOSEN.finditer(text)]
    return named[-1].upper() if named else None


def _tagged(text: str) -> str | None:
    """Return the content of the last complete answer tag."""
    lower = text.lower()
    end = lower.rfind("</answer>")
    start = lower.rfind("<answer>", 0, end) if end >= 0 else -1
    return pith(text[start + len("<answer>") : end].strip()) or None if start >= 0 else None


def _whole(text: str) -> str | None:
    """Return the whole text if it is nothing but an answer: formulas, numbers and letters, no words."""
    whole = re.sub(r"\A\s*(?:[\u2022>*]\s+|1\.\s+)", "", text).strip()
    if not whole or "\n" in whole or len(whole) > MAX_WHOLE:
        return None
    if _QUANTITY.fullmatch(whole) or counted(whole.rstrip(".")) is not None:
        return whole
    if ENVIRONMENT.match(whole):
        return None  # aligned lines, of which the last is the answer
    letters = re.findall(r"[^\W\d_\ue000]{2,}", without_commands(masked(whole)))
    if any(word.lower() not in ("and", "or") for word in letters if not re.match("[或和]", word)):
        return None
    return whole if re.search(r"\w|\ue000|\\[A-Za-z]", whole) else None


def gold_answer(text: str) -> str:
    r"""Return the answer of a gold column: after `####` (GSM8K), in `\boxed` (MATH), or the whole text."""
    stated = final_answer(text) if "####" in text or "\\boxed" in text else None
    return (stated or text).strip()


_Box = tuple[int, int, str]
"""Start and end of a box, and its content."""


def _boxes(text: str, found: list[_Box]) -> tuple[str | None, int]:
    """Return the content of the last box, joined with the boxes that belong to it, and its end."""
    if not found:
        return None, 0
    group = [found[-1]]
    for box in reversed(found[:-1]):
        if not _is_joint(text[box[1] : group[0][0]]):
            break
        group.insert(0, box)
    if len(group) == 1:
        return _with_surroundings(text, *group[0]), group[0][1]
    inside = list(dict.fromkeys(box[2] for box in group))
    return ", ".join(inside), found[-1][1]


def _complete_boxes(text: str) -> list[_Box]:
    """Return all complete boxes in one pass; of nested boxes, the inner one."""
    found: list[_Box] = []
    opened: list[tuple[int, int] | None] = []
    for token in _BOXED.finditer(text):
        if token["box"]:
            opened.append(token.span())
        elif token.group() == "{":
            opened.append(None)
        elif token.group() == "}" and opened and (box := opened.pop()):
            inside = text[box[1] : token.start()].strip()
            if inside and not (found and found[-1][0] > box[0]):
                found.append((box[0], token.end(), inside))
    return found


def _without_refused(text: str) -> tuple[str, list[_Box]]:
    r"""Remove boxes that the text rejects, "\boxed{3}, not \boxed{4}"; return the remaining boxes too."""
    found = _complete_boxes(text)
    refused = [box for box in found if _is_refused(text, box[0], box[1])]
    if not refused:
        return text, found
    ends = [0, *(end for _, end, _ in refused)]
    starts = [*(start for start, *_ in refused), len(text)]
    text = " ".join(text[end:start] for end, start in zip(ends, starts, strict=True))
    return text, _complete_boxes(text)


def _is_refused(text: str, start: int, end: int) -> bool:
    """Does the text say that a box is not the answer?"""
    return bool(_NEGATED.search(text, max(0, start - 40), start) or _REFUSED.match(text, end))


_NEGATED = re.compile(
    r"(?:\bnot|n['\u2019]t(?:\s+(?:be|equal))?|\bcannot\s+(?:be|equal)|\bnot\s+equal\s+to|\b(?:rule|ruled|rules)\s+out|\bexclude[sd]?"
    r"|\breject(?:s|ed)?|\b(?:wrong|incorrect|common)\s+(?:answer|value|mistake)s?\s+(?:is|are|would\s+be))\s+\$?\s*\Z",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"[\s$]*(?:(?:is|are|was|would\s+be)\s+(?:wrong|incorrect|impossible|too\s|not\s)|violates|does\s+not\s+work|fails)",
    re.IGNORECASE,
)
"""The words before, and after, a box that is not the answer."""
_BOUND = re.compile(
    r"(?:\b(?:less|more|greater|fewer|smaller|larger)\s+than|\bat\s+(?:least|most)|\bup\s+to)\s+\$?\s*\Z"
    r"|(?<![A-Za-z])[A-Za-z]\s*(?:[<>]|\\(?:leq?|geq?|neq?|lt|gt)(?![A-Za-z]))\s*\Z",
    re.IGNORECASE,
)
_TOP = re.compile(r"\\[dtc]?frac\s*\{\s*\Z"), re.compile(r"\s*\}\s*\{[^{}]*\}")
_SIGN = re.compile(r"(?:\A|[$=(:\n])\s*[-\u2212]\s*\Z")
_FACTOR = re.compile(
    r"\s?(?:!|[-+/]\s?\d+|\^\s*(?:\{[^{}]*\}|\w)|\\(?:pi|sqrt\{[^{}]*\})(?![A-Za-z])|(?:\\times|\\cdot)(?![A-Za-z])[^$\n]{1,30}?|[a-z])"
    r"(?=\s*(?:\$|\\[)\]]))"
)
_ROOT = re.compile(r"(\\sqrt\s*)\{\s*\Z")


def _with_surroundings(text: str, start: int, end: int, inside: str) -> str:
    r"""Return a box's content, with a sign or factor outside it that is part of the answer: `-\boxed{4}`."""
    before, behind = text[max(0, start - 40) : start], text[end : end + 60]
    if root := _ROOT.search(before):
        return f"{root[1]}{{{inside}}}"
    if (top := _TOP[0].search(before)) and (bottom := _TOP[1].match(behind)):
        return f"{top.group()}{inside}{bottom.group()}"
    bound = _BOUND.search(before)
    sign = (
        bound.group().replace("$", "")
        if bound
        else "-"
        if _SIGN.search(before if start <= 40 else "." + before)
        else ""
    )
    factor = _FACTOR.match(behind)
    return sign + inside + (factor.group() if factor else "")


def _is_joint(between: str) -> bool:
    """Does the text between two boxes make them one list of answers?"""
    if len(between) > 120:
        return False
    plain = _DRESS.sub(
        lambda found: f" {found[1] or ''} ", _LABEL.sub("", between.rstrip().removesuffix("$").rstrip())
    )
    return not _APART.search(plain) and _JOINED.fullmatch(plain.strip()) is not None
