"""How long does the evaluation of a recipe's checkpoints take, here and in another checkout?

Both run the same stage on the same models in turn, each in a new process and an empty folder. The stage runs on
eight items first, so that modules are imported, as they are when it stands at the end of a recipe; the second
run is timed. Seconds of the wall clock and of the CPU are printed, and the ratio of the medians:

    python benchmarks/evaluate.py CHECKOUT --task arithmetic --dtype float32 --batch-size 512 --samples 4 MODEL...
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]


def main() -> None:
    """Time both, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("other", type=Path, help="a checkout to compare with")
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--task", default="arithmetic")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    stage = {
        "kind": "evaluate", "models": [str(model.resolve()) for model in args.models], "tasks": [args.task],
        "samples": args.samples, "dtype": args.dtype, "batch_size": args.batch_size,
    }  # fmt: skip
    stage |= {"limit": args.limit} if args.limit else {}
    recipe = {"name": "timed", "seed": 1, "base": str(args.models[0].resolve()), "stages": {"scores": stage}}
    found: dict[str, list[tuple[float, float]]] = {"other": [], "here": []}
    for number in range(args.rounds):
        for name, checkout in (("other", args.other.resolve()), ("here", HERE)):
            found[name].append(once(checkout, recipe))
            print(f"round {number + 1}, {name}: {found[name][-1][0]:.1f} s, CPU {found[name][-1][1]:.1f} s", flush=True)
    for i, what in enumerate(("wall", "CPU")):
        other, here = (statistics.median(one[i] for one in found[name]) for name in ("other", "here"))
        print(f"{what}: median {other:.1f} s in the other checkout, {here:.1f} s here: {other / here:.2f} times as fast")


TIMED = """
import sys, time
from align import Recipe
recipe, out = sys.argv[1:]
Recipe.load(recipe, set={"scores.limit": 8}).run(out + "/warm")
start, begun = time.perf_counter(), time.process_time()
Recipe.load(recipe).run(out + "/run")
print(time.perf_counter() - start, time.process_time() - begun)
"""


def once(checkout: Path, recipe: dict[str, object]) -> tuple[float, float]:
    """Run the stage in a checkout; return seconds of the wall clock and of the CPU."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.yaml"
        path.write_text(json.dumps(recipe))
        env = os.environ | {"PYTHONPATH": str(checkout), "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, "-c", TIMED, str(path), folder]
        done = subprocess.run(command, env=env, cwd=folder, check=True, capture_output=True, text=True)
    wall, cpu = map(float, done.stdout.split()[-2:])
    return wall, cpu


if __name__ == "__main__":
    main()
