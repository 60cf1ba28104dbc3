"""Which rows contain an item of a test set, and what of it.

The Qwen2 report does not say which texts of a conversation are compared. Here a text is one turn. A test item
has the turns of its user and its reference answer; its system prompt and answers within it are no part of the
test. A row has all its turns, whatever their roles. Each text of a row is compared with each of an item:

- An item that is hidden in a long conversation is a part of one of its turns, and the rule measures the
  shorter of two texts. An item that is spread over several turns is found by its longest piece.
- The whole conversation as one text would be worse in both directions. In thousands of words, most of the
  words of any question occur in the right order. And a prompt that is half of an item no longer counts if
  a long answer stands behind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from pydantic import Field

from align.core.config import Config
from align.core.rows import Prompt, Row, prompt_key
from data_synthesis.decontamination.pairs import Match, each_match
from data_synthesis.decontamination.text import Tokenizer, item_texts, row_texts, tokens, user_texts
from data_synthesis.deduplication.text import Compared
from data_synthesis.engine.whole_table import asked

SAME_PROMPT = "contaminated: same prompt"


class Rule(Config):
    """When a row counts as contaminated by a test item; the defaults are those of the Qwen2 report, 5.2.6."""

    ngram: int = Field(default=13, ge=1)
    """Number of neighbouring tokens in an n-gram."""
    lcs: int = Field(default=13, ge=1)
    """Smallest length of the longest common subsequence, in tokens. Shorter texts match only by `exact`."""
    share: float = Field(default=0.6, ge=0, le=1)
    """Smallest length of the longest common subsequence, as a share of the shorter text. At 1 the shorter
    text must be in the longer one, word by word in its order; at 0.3 many texts match that have nothing in
    common but frequent words."""
    require: Literal["lcs", "both"] = "both"
    """`both`: a row is contaminated if it shares an n-gram with the item and their common subsequence is long
    enough; rows without a shared n-gram are only listed. `lcs`: these are contaminated too. A turn of more
    than 500 words contains the common words of some short question in their order, whatever it is about."""
    tokenizer: Tokenizer = "words"
    """`words`; in Chinese, Japanese, Thai and similar scripts every character is a word. `characters`: every
    letter is a token in all scripts, for Korean, where the ends of words change with the sentence. With an
    alphabet, set `share` to 0.9: at 0.6, 7% of the pairs of unrelated GSM8K questions match."""
    compare: Compared = "all"
    """`all`: every turn of a row is compared. `prompt`: only the turns of its prompt."""
    exact: bool = True
    """Also drop rows whose user asks the same as in a test item, however short it is. Case, spacing and
    punctuation may differ; the signs between numbers may not."""


@dataclass(frozen=True, slots=True)
class Contaminated:
    """What a row contains of a test set: the item that it agrees with most, and the names of all."""

    reason: str
    source: str
    """The source of the item."""
    item: str
    """The id of the item; its place in the source if it has none."""
    lcs: int
    """Tokens in the longest common subsequence of the row's text and the item's."""
    row_passage: str
    """The tokens of the row's text in which the common subsequence lies."""
    item_passage: str
    items: frozenset[tuple[str, str]]
    """Source and id of every item that the row contains."""
    by_lcs_alone: bool = False
    """True: the common subsequence is long enough, and no n-gram is shared with any item."""


@dataclass(frozen=True, slots=True)
class _Item:
    name: tuple[str, str]
    """Source and id."""
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class _Hit:
    """An item in a row, and the two texts that agree."""

    item: _Item
    row_text: str
    item_text: str
    match: Match | None = None
    """None: both ask the same."""

    @property
    def strength(self) -> tuple[bool, bool, int]:
        """By what the hits of a row are compared: same prompt, then a shared n-gram, then the LCS."""
        if self.match is None:
            return True, False, 0
        return False, self.match.ngram_hit, self.match.lcs


def contaminated_rows(
    rows: Sequence[Row],
    tests: Mapping[str, Sequence[Prompt]],
    rule: Rule | None = None,
    advance: Callable[[int], object] | None = None,
) -> dict[str, Contaminated]:
    """Return the rows that contain a test item, by id, in the order of the rows.

    Args:
        rows: rows of any table, with ids.
        tests: test items by the name of their source.
        rule: when a row counts as contaminated; None: the defaults of `Rule`.
        advance: as in `find_contaminated`; a text that several rows have is searched once.
    """
    rule = rule or Rule()
    items = _items(tests)
    best: dict[int, _Hit] = {}
    every: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for row, hit in chain(
        _matching(rows, items, rule, advance), _same_prompts(rows, items) if rule.exact else ()
    ):
        every[row].add(hit.item.name)
        if row not in best or hit.strength > best[row].strength:
            best[row] = hit
    return {rows[row].id: _told(best[row], frozenset(every[row]), rule) for row in sorted(best)}


def contamination(
    found: Mapping[str, Contaminated], tests: Mapping[str, Sequence[Prompt]], rule: Rule
) -> dict[str, dict[str, int]]:
    """Return for each source of test items how many items it has, and how many of them are in which rows.

    Args:
        found: what `contaminated_rows` returned.
        tests: as given to `contaminated_rows`.
        rule: as given to `contaminated_rows`.

    Returns:
        By source: `items`; `items too short for the LCS`, which can be found only by the same prompt;
        `items found`, in any row; `rows dropped`, that contain an item of the source. A row that contains
        items of several sources counts for each.
    """
    return {
        source: {
            "items": len(prompts),
            "items too short for the LCS": sum(_too_short(prompt, rule) for prompt in prompts),
            "items found": len({item for one in found.values() for item in one.items if item[0] == source}),
            "rows dropped": sum(any(item[0] == source for item in one.items) for one in found.values()),
        }
        for source, prompts in tests.items()
    }


def _items(tests: Mapping[str, Sequence[Prompt]]) -> list[_Item]:
    return [
        _Item((source, prompt.id or str(number)), prompt)
        for source, prompts in tests.items()
        for number, prompt in enumerate(prompts)
    ]


def _by_text(texts_of_each: Iterable[list[str]]) -> dict[str, list[int]]:
    """Return for each text the numbers of the rows or items that have it."""
    found: dict[str, list[int]] = defaultdict(list)
    for number, texts in enumerate(texts_of_each):
        for text in dict.fromkeys(texts):
            found[text].append(number)
    return found


def _matching(
    rows: Sequence[Row], items: Sequence[_Item], rule: Rule, advance: Callable[[int], object] | None
) -> Iterator[tuple[int, _Hit]]:
    """Yield the number of each row that satisfies the rule with an item, and the hit."""
    own = _by_text(row_texts(row, rule.compare) for row in rows)
    others = _by_text(item_texts(item.prompt) for item in items)
    texts, wanted = list(own), list(others)
    numbers = {"ngram": rule.ngram, "lcs": rule.lcs, "share": rule.share}
    for match in each_match(texts, wanted, **numbers, tokenizer=rule.tokenizer, advance=advance):
        if match.ngram_hit or rule.require == "lcs":
            text, item_text = texts[match.train_index], wanted[match.test_index]
            hits = [_Hit(items[item], text, item_text, match) for item in others[item_text]]
            yield from ((row, hit) for row in own[text] for hit in hits)


def _same_prompts(rows: Sequence[Row], items: Sequence[_Item]) -> Iterator[tuple[int, _Hit]]:
    """Yield the number of each row whose user asks the same as in an item, and the hit."""
    same: dict[str, list[_Item]] = defaultdict(list)
    for item in items:
        same[prompt_key(item.prompt.messages)].append(item)
    same.pop(prompt_key([]), None)  # no letters and no digits: that asks nothing
    for number, row in enumerate(rows):
        for item in same.get(prompt_key(asked(row)), ()):
            own, wanted = ("\n".join(user_texts(turns)) for turns in (asked(row), item.prompt.messages))
            yield number, _Hit(item, own, wanted)


def _told(best: _Hit, every: frozenset[tuple[str, str]], rule: Rule) -> Contaminated:
    """Describe the strongest hit of a row, of equal ones the first."""
    from data_synthesis.decontamination.passages import common_passages  # noqa: PLC0415 (imports numba)

    reason = SAME_PROMPT
    if best.match:
        how = "{}-gram and LCS" if best.match.ngram_hit else "LCS without a shared {}-gram"
        reason = f"contaminated: {how.format(rule.ngram)}"
    lcs, row_passage, item_passage = common_passages(best.row_text, best.item_text, rule.tokenizer)
    alone = best.match is not None and not best.match.ngram_hit
    return Contaminated(reason, *best.item.name, lcs, row_passage, item_passage, every, alone)


def _too_short(prompt: Prompt, rule: Rule) -> bool:
    return all(len(tokens(text, rule.tokenizer)) < rule.lcs for text in item_texts(prompt))
