"""Runs an `evaluate` stage with one task and a scripted model, and returns what each item got."""

import json

from align import Recipe


def measured(folder, tiny, task, records, replies=None, default="", *, samples=0, models=None):
    """Return the outcomes of the scripted model, one for each record, and the folder of the stage."""
    if records is not None:
        (folder / "data.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
        task = {"path": "data.jsonl", **task}
    said = {"kind": "scripted", "replies": replies or {}, "default": default}
    stage = {"kind": "evaluate", "models": models or [{"generator": "said"}], "tasks": [task], "samples": samples}
    recipe = {
        "name": "t", "base": tiny, "generators": {"said": said}, "stages": {"scores": {**stage, "dtype": "float32"}},
    }  # fmt: skip
    (folder / "recipe.yaml").write_text(json.dumps(recipe))
    place = Recipe.load(folder / "recipe.yaml").run(folder / "run").stage("scores")
    (file,) = (place / "results").iterdir()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    label = next(iter(lines[0]["models"]))
    return [line["models"][label] for line in lines], place
