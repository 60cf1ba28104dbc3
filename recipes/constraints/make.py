"""Write train.jsonl, heldout.jsonl and shots.jsonl: six families of instructions that code can check.

The idea: a base model that can talk but does not obey. Each family (caps, bullets, json, repeat, end, max)
asks for something that a few lines of code can check (`reward.constraints.verifier`), so that rejection
sampling, preference pairs and the evaluation need no judge. Small instruction-tuned models follow almost none
of these instructions when asked plainly, and many after a few examples. So there are shots: turns that are
shown while sampling and left out while training (context distillation, Askell et al. 2021, "A General
Language Assistant as a Laboratory for Alignment", section 2.2).

What "held out" means here:
1. Words: a quarter of the words of a family, chosen by a hash of family and word, occur in no training prompt
   and no shot of that family. For `max` the hash is of the three numbers, whatever their order. The wording
   is not part of the hash.
2. Wordings: half of heldout.jsonl uses the training wordings (`seen`), half uses other wordings (`unseen`).
3. Not held out: the six tasks themselves; and a word that one family holds out may be used by another.

Everything is drawn from one seed, so the script always writes the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

SEED = 41
TRAIN, HELD_OUT = 60, 40
"""Number of rows per family; half of the held-out rows have seen wordings. The sizes were fixed before any
model was measured."""

_NOUNS = """
apple arm bag ball bank basket beach bean bear bed bee bell bench bike bird boat bone book boot bottle bowl
box branch brass bread brick bridge broom brush bucket bus butter button cake camel camp candle car card
castle cat chair cheese cherry church circle clock cloud coat coffee coin corn cow crown cup dance desk dish
doctor dog door dragon dress drum duck eagle egg engine farm feather fence field fire fish flag flower forest
fork fox frog fruit garden gate ghost gift glass glove goat gold goose grape grass guitar hammer hat hill
honey horse hotel house ice island jacket jar juice key king kitchen kite knife ladder lake lamp leaf lemon
letter library lion lock machine map market meat metal milk mirror monkey moon morning mountain mouse museum
music nail needle nest night nose ocean office onion orange oven owl paint paper park pencil pepper piano
picture pig pillow pilot planet plate pocket pond potato queen rabbit radio rain ring river road robot rock
roof room rope rose salt sand school sea shadow sheep ship shirt shoe silver sky snake snow soap sock soup
spoon spring star stone storm street sugar summer sun table tail tea teacher tiger toast tooth tower town toy
train tree truck turtle valley village violin wall watch water whale wheel wind window winter wolf wood yard
zebra
"""
WORDS = _NOUNS.split()

KEYS = [("item", "count"), ("name", "size"), ("word", "id"), ("thing", "price"), ("object", "number")]

SEEN: dict[str, list[str]] = {
    "caps": [
        "Write one short sentence about the {word} in capital letters.",
        "In ALL CAPS, write a short sentence about the {word}.",
        "Tell me something about the {word}. Use only capital letters.",
    ],
    "bullets": [
        'List exactly {n} things about the {word}. Start each line with "- " and write nothing else.',
        'Give me {n} bullet points about the {word}, one per line, each starting with "- ". Only the list.',
        'Name {n} things that go with the {word}, as a list of "- " lines and no other text.',
    ],
    "json": [
        'Write a JSON object with "{key}" set to "{word}" and "{other}" set to {n}. Only the JSON.',
        "Answer only with JSON: {key} is {word} (text), {other} is {n} (number).",
        'Make JSON with two keys: "{key}" with the value "{word}" and "{other}" with the value {n}. '
        "Nothing else.",
    ],
    "repeat": [
        'Repeat the word "{word}" {n} times, with spaces in between and no punctuation.',
        'Write "{word}" exactly {n} times in one line, separated by spaces, and nothing else.',
        'Say "{word}" {n} times. Use single spaces and no other text.',
    ],
    "end": [
        "Write one short sentence about the {word} and end your answer with DONE.",
        "Tell me something about the {word}. The last word must be DONE.",
        "In one sentence, what do you know about the {word}? Finish with DONE.",
    ],
    "max": [
        "Which is the largest of {a}, {b} and {c}? Answer with the number only.",
        "Numbers: {a}, {b}, {c}. Write only the biggest one.",
        "Give just the maximum of {a}, {b}, {c}.",
    ],
}
UNSEEN: dict[str, list[str]] = {
    "caps": [
        "Describe the {word} in a few words, every letter upper-case.",
        "Say one thing about the {word}, but shout it: capitals only, please.",
    ],
    "bullets": [
        'What comes to mind at the word {word}? Reply with just {n} lines, each beginning with "- ".',
        "Make a bulleted list on the topic {word}: {n} items, a dash and a space before each, "
        "no introduction.",
    ],
    "json": [
        'I need valid JSON and no comments: the field "{key}" holds "{word}" '
        'and the field "{other}" holds {n}.',
        'Turn this into a JSON object: {key} = "{word}", {other} = {n}. Output the object alone.',
    ],
    "repeat": [
        'I want to read the word "{word}" {n} times in a row, only spaces between, nothing around it.',
        "Echo this word: {word}. Number of times: {n}. Single spaces, no other characters.",
    ],
    "end": [
        "Explain the word {word} briefly, then close with DONE as the final word.",
        "Share a fact about the {word}. Your reply has to stop right after the word DONE.",
    ],
    "max": [
        "Of {a}, {b} and {c}, which number is greatest? Reply with nothing but that number.",
        "Pick the highest value and print it alone: {a}; {b}; {c}.",
    ],
}

Content = dict[str, Any]
"""The values in a wording: `word`, and `n`, `key`, `other` if the family uses them; or `a`, `b`, `c`."""

SHOTS: dict[str, list[tuple[Content, str]]] = {
    "caps": [
        ({"word": "apple"}, "THE APPLE IS RED."),
        ({"word": "clock"}, "THE CLOCK IS ON THE WALL."),
        ({"word": "forest"}, "THE FOREST IS DARK."),
        ({"word": "dog"}, "THE DOG IS HAPPY."),
    ],
    "bullets": [
        ({"word": "beach", "n": 3}, "- sand\n- waves\n- sun"),
        ({"word": "book", "n": 2}, "- pages\n- stories"),
        ({"word": "farm", "n": 5}, "- cows\n- corn\n- tractor\n- barn\n- mud"),
        ({"word": "doctor", "n": 4}, "- medicine\n- hospital\n- nurse\n- patient"),
    ],
    "json": [
        ({"word": "basket", "n": 12, "key": "item", "other": "count"}, '{"item": "basket", "count": 12}'),
        ({"word": "eagle", "n": 7, "key": "name", "other": "size"}, '{"name": "eagle", "size": 7}'),
        ({"word": "coffee", "n": 35, "key": "thing", "other": "price"}, '{"thing": "coffee", "price": 35}'),
        ({"word": "brick", "n": 80, "key": "word", "other": "id"}, '{"word": "brick", "id": 80}'),
    ],
    "repeat": [
        ({"word": "cat", "n": 5}, "cat cat cat cat cat"),
        ({"word": "flower", "n": 2}, "flower flower"),
        ({"word": "bed", "n": 6}, "bed bed bed bed bed bed"),
        ({"word": "coin", "n": 3}, "coin coin coin"),
    ],
    "end": [
        ({"word": "cheese"}, "Cheese is a food made from milk. DONE"),
        ({"word": "drum"}, "You hit a drum to make a beat. DONE"),
        ({"word": "church"}, "A church is a place where people pray. DONE"),
        ({"word": "fish"}, "Fish live in water and breathe with gills. DONE"),
    ],
    "max": [
        ({"a": 48, "b": 51, "c": 9}, "51"),
        ({"a": 90, "b": 14, "c": 65}, "90"),
        ({"a": 23, "b": 31, "c": 32}, "32"),
        ({"a": 8, "b": 77, "c": 60}, "77"),
    ],
}


def held_out(family: str, content: Content) -> bool:
    """Is this content kept from training? A quarter is, by a hash of the word or the sorted numbers."""
    what = content["word"] if "word" in content else sorted(content[k] for k in "abc")
    return hashlib.sha256(f"{family}:{what}".encode()).digest()[0] % 4 == 0


def tests_of(family: str, content: Content) -> list[dict[str, Any]]:
    """Return the checks that an answer must pass."""
    if family == "max":
        return [{"check": "equals_number", "number": max(content[k] for k in "abc")}]
    word = content["word"]
    if family == "caps":
        return [{"check": "all_caps", "min_words": 3}, {"check": "contains", "string": word.upper()}]
    if family == "bullets":
        return [{"check": "bullets", "n": content["n"]}]
    if family == "json":
        return [{"check": "json_object", "object": {content["key"]: word, content["other"]: content["n"]}}]
    if family == "repeat":
        return [{"check": "repeat", "word": word, "n": content["n"]}]
    on_topic = {"check": "contains", "string": word, "ignore_case": True}
    return [{"check": "ends_with", "string": "DONE"}, {"check": "min_words", "n": 4}, on_topic]


def contents(family: str, rng: random.Random) -> Iterator[Content]:
    """Yield contents in random order, each word once; `max` yields up to 1,000 sets of different numbers."""
    if family == "max":
        drawn: set[tuple[int, ...]] = set()
        for _ in range(1000):
            numbers = rng.sample(range(1, 100), 3)
            if tuple(sorted(numbers)) not in drawn:
                drawn.add(tuple(sorted(numbers)))
                yield dict(zip("abc", numbers, strict=True))
        return
    for word in rng.sample(WORDS, len(WORDS)):
        key, other = rng.choice(KEYS)
        extra: dict[str, Content] = {"bullets": {"n": rng.randint(2, 5)}, "repeat": {"n": rng.randint(2, 6)}}
        extra["json"] = {"n": rng.randint(1, 99), "key": key, "other": other}
        yield {"word": word, **extra.get(family, {})}


def row(family: str, content: Content, wording: str, template: str) -> dict[str, Any]:
    """Return one prompt row. The evaluation groups by `tags`, and shots are chosen by them."""
    return {
        "question": wording.format(**content),
        "tests": tests_of(family, content),
        "family": family,
        "template": template,
        "tags": [family, template],
    }


def draw(family: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return a family's training and held-out rows; no word (or set of numbers) occurs in two rows."""
    drawn = list(contents(family, random.Random(f"{SEED}:{family}")))
    shown = [shot for shot, _ in SHOTS[family]]
    train = [c for c in drawn if not held_out(family, c) and not any(same(c, shot) for shot in shown)][:TRAIN]
    test = [c for c in drawn if held_out(family, c)][:HELD_OUT]
    if len(train) < TRAIN or len(test) < HELD_OUT:
        raise SystemExit(
            f"{family}: {len(train)} training and {len(test)} held-out contents; add words to WORDS"
        )
    half = HELD_OUT // 2
    return (
        [row(family, c, SEEN[family][i % 3], "seen") for i, c in enumerate(train)],
        [row(family, c, SEEN[family][i % 3], "seen") for i, c in enumerate(test[:half])]
        + [row(family, c, UNSEEN[family][i % 2], "unseen") for i, c in enumerate(test[half:])],
    )


def same(one: Content, other: Content) -> bool:
    """Do two contents have the same word, or the same three numbers?"""
    if "word" in one:
        return one["word"] == other["word"]
    return sorted(one.values()) == sorted(other.values())


def shots() -> list[dict[str, str]]:
    """Return the worked examples, in training wordings; `completion` is a good model's answer."""
    return [
        {"family": family, "question": SEEN[family][i % 3].format(**content), "completion": completion}
        for family, examples in SHOTS.items()
        for i, (content, completion) in enumerate(examples)
    ]


def interleave(groups: Iterable[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Take one row of each family in turn, so that every prefix of the file is balanced."""
    return [one for turn in zip(*groups, strict=True) for one in turn]


def files() -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every file, by its name."""
    drawn = [draw(family) for family in SEEN]
    train = interleave(rows for rows, _ in drawn)
    heldout = [
        interleave([r for r in rows if r["template"] == t] for _, rows in drawn) for t in ("seen", "unseen")
    ]
    size = len(SEEN)
    # a turn of seen wordings, a turn of unseen ones, and so on
    mixed = [r for i in range(0, len(heldout[0]), size) for half in heldout for r in half[i : i + size]]
    return {"train.jsonl": train, "heldout.jsonl": mixed, "shots.jsonl": shots()}


def main() -> None:
    """Write the three files."""
    parser = argparse.ArgumentParser(description="Write the prompts of the constraints recipe.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, rows in files().items():
        text = "".join(json.dumps(one) + "\n" for one in rows)
        (out / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
