"""Runs the set: `python main.py LEVEL [--run-tests] [FAMILY ...]`; prints what went wrong, exits with 1 if anything did.

Tests that are data are judged without running them; `--run-tests` makes each text one that has to run.
"""

import argparse
import asyncio
import sys
from dataclasses import replace

import harness

from reward.sandbox import Limits, Sandbox

RUN = "\n(lambda: 0)()\n"


def main() -> int:
    """Runs some families, or all, at a level."""
    parser = argparse.ArgumentParser()
    parser.add_argument("level")
    parser.add_argument("families", nargs="*", default=list(harness.FAMILIES))
    parser.add_argument("--run-tests", action="store_true")
    args = parser.parse_intermixed_args()
    chosen = [attack for name in args.families for attack in harness.FAMILIES[name]]
    if args.run_tests:
        chosen = [replace(attack, tests=attack.tests + RUN) if attack.arguments is None else attack for attack in chosen]
    make = lambda: Sandbox(level=args.level, workers=1, limits=Limits(**harness.LIMITS))  # noqa: E731
    wrong = asyncio.run(harness.attack_all(make, chosen))
    sys.stdout.write("\n".join([*wrong, f"level {args.level}: {len(chosen)} programs, {len(wrong)} wrong", ""]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
