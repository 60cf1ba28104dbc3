"""Write the ordinary, short questions that `recipes/instructions.yaml` puts constraints after.

No subject of a training question is a subject of a held-out question.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

ASKED = {
    "thing": (
        "What is {} good for?",
        "Describe {} to a child.",
        "Tell me something about {}.",
        "Why do people like {}?",
        "Write a short note about {}.",
        "How would you explain {} to a visitor?",
    ),
    "deed": (
        "How do I {}?",
        "Give me advice on how to {}.",
        "I want to {}. Where do I start?",
        "Why should someone {}?",
        "What do I need if I want to {}?",
        "Is it hard to {}?",
    ),
}
"""Wordings of the questions, by the kind of their subject."""
SUBJECTS = {
    "thing": """
        bicycles|coffee|rain|libraries|the moon|bread|rivers|chess|gardens|trains|honey|winter|bridges|soup
        cats|the piano|mountains|newspapers|salt|clocks|football|tea|forests|maps|cheese|candles|horses
        poems|museums|snow|rice|the sea|markets|umbrellas|apples|lighthouses|dogs|paintings|onions|windows
        the sun|kites|bees|wool|ferries|deserts|guitars|pepper|islands|owls|letters|chocolate|stones|spring
        boats|mirrors|potatoes|stars|shoes|parks|ink
    """,
    "deed": """
        learn to swim|cook rice|save money|sleep better|plant a tree|write a letter|clean a window
        run five miles|learn a language|bake bread|paint a room|train a dog|read more books|pack a suitcase
        repair a bicycle|make tea|meet new people|keep a diary|sew a button|plan a trip|grow tomatoes
        find a job|stop being late|wash a sweater|draw a face|play chess|give a speech|move to a new city
        make a budget|walk every day|build a shelf|fry an egg|tune a guitar|choose a gift|learn to dance
        sharpen a knife|take good photos|keep bees|write a poem|boil an egg|throw a party|remember names
        hang a picture|start a garden|fold a shirt|make soup|ride a horse|fix a leak
    """,
}
"""Subjects of the questions. The last quarter of each list is used in held-out questions only."""


def questions() -> tuple[list[str], list[str]]:
    """Return the training questions and the held-out questions, each in a random order."""
    rng = random.Random(20260)
    train: list[str] = []
    heldout: list[str] = []
    for kind, text in SUBJECTS.items():
        subjects = [part.strip() for line in text.strip().splitlines() for part in line.strip().split("|")]
        cut = len(subjects) * 3 // 4
        for number, subject in enumerate(subjects):
            (train if number < cut else heldout).extend(way.format(subject) for way in ASKED[kind])
    rng.shuffle(train)
    rng.shuffle(heldout)
    return train, heldout


def main(folder: Path) -> None:
    """Write train.jsonl and heldout.jsonl into a folder."""
    for name, asked in zip(("train", "heldout"), questions(), strict=True):
        lines = [json.dumps({"question": question}) + "\n" for question in asked]
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(__file__).parent)
