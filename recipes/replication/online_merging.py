"""Run recipes/replication/online_merging.yaml with several seeds; print what each way gains and costs.

    python recipes/replication/online_merging.py [--seeds 1 2 3] [--out FOLDER] [--set stage.field=value ...]

Every seed makes its own SFT model and its own pairs; within a seed, all ways start from that model and use
those pairs. A run that was killed continues where it stopped. The table gives the mean over seeds of the
sampled score (temperature 1) and of its change against the SFT model. The interval is over problems and seeds
together (a bootstrap that draws seeds, and problems within each).
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from statistics import fmean

from align import Recipe
from align.core.yaml_reader import parse_value

DRAWS = 2000
TARGET, KEPT = "friendly", "arithmetic"
Shares = dict[str, dict[str, list[float]]]
"""model -> task -> problem -> share of right answers."""


def main() -> None:
    """Run what is not done yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=Path("runs/online-merging"))
    parser.add_argument("--set", action="append", default=[], metavar="STAGE.FIELD=VALUE")
    args = parser.parse_args()
    found: list[Shares] = []
    for seed in args.seeds:
        changes = {key: parse_value(value) for key, _, value in (item.partition("=") for item in args.set)}
        loaded = Recipe.load(Path(__file__).with_suffix(".yaml"), set={"seed": seed, **changes})
        report = loaded.run(args.out / f"seed-{seed}")
        found.append(_shares(report.stage("scores") / "results"))
    text = table(found)
    (args.out / "table.txt").write_text(text, encoding="utf-8")
    print(text)


def _shares(results: Path) -> Shares:
    """Return the share of right samples of each problem: model -> task -> shares."""
    found: Shares = {}
    for path in sorted(results.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            for model, got in json.loads(line)["models"].items():
                found.setdefault(model, {}).setdefault(path.stem, []).append(fmean(got["scores"]["sampled"]))
    return found


def table(found: list[Shares]) -> str:
    """Return a table of every model's gains and losses against the first model."""
    first = next(iter(found[0]))
    problems = len(found[0][first][TARGET])
    lines = [
        f"{len(found)} seeds, {problems} held-out problems; share in %, change against {first} in points",
        "",
    ]
    lines.append(f"{'':13s} {TARGET + ' (target)':>32s} {KEPT + ' (could be done before)':>36s}")
    for model in found[0]:
        cells = []
        for task, width in ((TARGET, 32), (KEPT, 36)):
            share = 100 * fmean(fmean(shares[model][task]) for shares in found)
            low, high = interval([(shares[first][task], shares[model][task]) for shares in found])
            change = 100 * fmean(fmean(shares[model][task]) - fmean(shares[first][task]) for shares in found)
            text = (
                f"{share:5.1f}"
                if model == first
                else f"{share:5.1f}  {change:+6.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
            )
            cells.append(f"{text:>{width}s}")
        lines.append(f"{model:13s} {' '.join(cells)}")
    return "\n".join(lines) + "\n"


def interval(pairs: list[tuple[list[float], list[float]]]) -> tuple[float, float]:
    """Return the 95% interval of the mean paired difference, from draws of seeds and problems in them."""
    draw = random.Random(0)
    differences = [[b - a for a, b in zip(before, after, strict=True)] for before, after in pairs]
    means = []
    for _ in range(DRAWS):
        seeds = draw.choices(differences, k=len(pairs))
        means.append(fmean(fmean(draw.choices(seed, k=len(seed))) for seed in seeds))
    means.sort()
    return means[int(0.025 * DRAWS)], means[int(0.975 * DRAWS) - 1]


if __name__ == "__main__":
    main()
