"""How long `kind: deduplicate` takes, how much memory, and which of the planted duplicates it finds.

    python benchmarks/deduplicate.py [ROWS]

ROWS (500,000) demonstrations of 200 words, 60 in the prompt and 140 in the answer, drawn with the frequencies of a language
(Zipf) from 50,000 words. One in 20 is an exact duplicate of an earlier row, in other case and with other blanks. One in 10 is a
copy of an earlier row in which 1 to 12 words were replaced, which leaves a similarity between 0.5 and 1: those of 0.8 and more
are near duplicates, those below are not and must stay. The script computes that similarity by itself.

The stage runs as `align run` does, in a process of its own whose peak of memory is measured: reading the table, accounts and
writing are part of its time. Results: docs/deduplication.md.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from align import Demonstration, Recipe
from align.core import tables

WORDS, PROMPT, LENGTH, SLICE, NEAR, SIZE = 50_000, 60, 200, 10_000, 0.8, 3
RECIPE = "name: bench\nbase: ./none\nstages:\n  kept: {{kind: deduplicate, rows: {rows}, near: {near}, shingle: {size}}}\n"


def vocabulary(rng: random.Random) -> list[str]:
    """Return words of 2 to 9 letters, each once."""
    words = set()
    while len(words) < WORDS:
        words.add("".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))))
    return sorted(words)


def shingles(words: list[str]) -> set[tuple[str, ...]]:
    """Return every SIZE neighbouring words."""
    return {tuple(words[i : i + SIZE]) for i in range(len(words) - SIZE + 1)}


def alike(one: list[str], other: list[str]) -> float:
    """Return the smaller of the similarities of the prompts and of the answers."""
    found = []
    for place in (slice(PROMPT), slice(PROMPT, None)):
        a, b = shingles(one[place]), shingles(other[place])
        found.append(len(a & b) / len(a | b))
    return min(found)


def draw(count: int) -> tuple[Any, Any, dict[int, float]]:
    """Return the words, texts as numbers of words, and the similarity of each planted copy to its original, by its number."""
    rng, numbers = random.Random(1), np.random.default_rng(1)
    words = np.array(vocabulary(rng), dtype=object)
    chance = 1 / np.arange(1, WORDS + 1)
    texts = np.empty((count, LENGTH), dtype=np.int32)
    for start in range(0, count, SLICE):  # in slices, for numbers are drawn as 8 bytes each
        part = texts[start : start + SLICE]
        part[:] = numbers.choice(WORDS, size=part.shape, p=chance / chance.sum())
    planted: dict[int, float] = {}
    originals: list[int] = []
    for i in range(count):
        kind = rng.random() if originals else 1.0
        if kind < 0.15:
            texts[i] = texts[originals[rng.randrange(len(originals))]]
        if kind < 0.05:
            planted[i] = 1.0
        elif kind < 0.15:
            before = [*map(str, texts[i])]
            for place in rng.sample(range(LENGTH), rng.randint(1, 12)):
                texts[i, place] = rng.randrange(WORDS)
            planted[i] = min(alike(before, [*map(str, texts[i])]), 0.999999)
        else:
            originals.append(i)
    return words, texts, planted


def make(folder: Path, count: int) -> None:
    """Write the table, and beside it which rows were planted."""
    words, texts, planted = draw(count)
    schema = tables.finished_schema("demonstrations", frozenset())
    with tables.writing(folder / "demonstrations.parquet", schema) as writer:
        for start in range(0, count, SLICE):
            records = [
                _record(i, list(words[texts[i]]), planted.get(i) == 1.0) for i in range(start, min(start + SLICE, count))
            ]
            writer.write_table(tables.as_written(pa.Table.from_pylist(records, schema=schema), schema))
    (folder / "planted.json").write_text(json.dumps({f"{i:016x}": value for i, value in planted.items()}))


def _record(number: int, words: list[str], disguised: bool) -> dict[str, Any]:
    texts = [" ".join(words[:PROMPT]), " ".join(words[PROMPT:])]
    prompt, answer = (text.capitalize().replace(" ", "  ", 3) for text in texts) if disguised else texts
    row = Demonstration(prompt=[{"role": "user", "content": prompt}], completion=answer, id=f"{number:016x}")
    return tables.record(row)


def work(folder: Path) -> None:
    """Run the stage; print seconds and the peak of memory."""
    (folder / "recipe.yaml").write_text(RECIPE.format(rows="./rows", near=NEAR, size=SIZE))
    started = time.monotonic()
    Recipe.load(folder / "recipe.yaml").run(folder / "run")
    seconds = time.monotonic() - started
    print(json.dumps({"seconds": seconds, "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}))


def judge(folder: Path) -> str:
    """Return which planted duplicates were found, and whether anything else was dropped."""
    planted = json.loads((folder / "rows" / "planted.json").read_text())
    items = [json.loads(line) for line in (folder / "run" / "01-kept" / "dropped.jsonl").read_text().splitlines()]
    exact = {item["id"] for item in items if item["similarity"] == 1.0}
    near = {item["id"] for item in items} - exact
    meant = {id_ for id_, value in planted.items() if NEAR <= value < 1}
    copies = {id_ for id_, value in planted.items() if value == 1}
    below = {id_ for id_, value in planted.items() if value < NEAR}
    lines = [f"exact: {len(copies & exact):,} of {len(copies):,} found, {len(exact - copies):,} others dropped as exact"]
    lines += [f"near: recall {len(meant & near):,} of {len(meant):,} ({len(meant & near) / len(meant):.3%})"]
    lines += [f"near: precision {len(meant & near):,} of {len(near):,} ({len(meant & near) / len(near):.3%})"]
    return "\n".join([*lines, f"copies below {NEAR}: {len(below & near):,} of {len(below):,} dropped"])


def main(count: int) -> None:
    """Make, work and judge."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rows").mkdir()
        make(folder / "rows", count)
        command = [sys.executable, __file__, "--work", name]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        figures = json.loads(done.stdout.splitlines()[-1])
        print(f"{count:,} rows: {figures['seconds']:.0f} s, peak {figures['gigabytes']:.2f} GiB\n{judge(folder)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 500_000)
