"""Runs every stage of a recipe in one set of processes, once more where it fails: to launch each alone would take longer.

accelerate launch in_turn.py RECIPE RUN_FOLDER [OVERRIDES]

OVERRIDES is JSON: {"sft.num_train_epochs": 1}.
"""

import contextlib
import json
import sys
from pathlib import Path

from accelerate import PartialState

from align import Recipe, pipeline
from align.core import log
from align.core.artifacts import RunFolder
from align.core.errors import StageFailed

log.setup()
loaded = Recipe.load(sys.argv[1], set=json.loads(sys.argv[3]) if len(sys.argv) > 3 else None)
Path(sys.argv[2]).mkdir(exist_ok=True)
runs = RunFolder(sys.argv[2], loaded.folder)
for name, stage in loaded.recipe.stages.items():
    main = PartialState(cpu=True).is_main_process
    if not main:
        log.LOGGER.setLevel("ERROR")  # as in `align.worker`: one process tells
    if main:
        runs.record(loaded)
        runs.begin(name, loaded.recipe)
    PartialState().wait_for_everyone()
    for _ in range(2 if main or stage.trains else 0):
        with contextlib.suppress(StageFailed):  # `align status` tells what became of it
            pipeline.run_stage(name, runs, loaded.recipe, main=main)
            break
    PartialState(cpu=True).wait_for_everyone()
