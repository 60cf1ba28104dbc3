"""Runs the set: `python main.py LEVEL [--run-tests | --together] [FAMILY ...]`; prints what went wrong, and exits with 1 then.

Tests that are data are judged without running them; `--run-tests` makes each text one that has to run, and `--together` runs
each in one process with its solution. There results can be forged: those families are about what must hold all the same.
"""

import argparse
import asyncio
import sys
from dataclasses import replace

import harness

from reward.sandbox import Limits, Sandbox
from reward.sandbox.host.worker import Worker

ANSWERS = {"return-200-mb", "return-shared-billion", "return-million-rows", "value-any"}
"""Programs about what an answer may cost or equal when it goes to another process."""
RUN = "\n(lambda: 0)()\n"


def main() -> int:
    """Runs some families, or all, at a level."""
    parser = argparse.ArgumentParser()
    parser.add_argument("level")
    parser.add_argument("families", nargs="*", default=list(harness.FAMILIES))
    parser.add_argument("--run-tests", action="store_true")
    parser.add_argument("--together", action="store_true")
    args = parser.parse_intermixed_args()
    chosen = [attack for name in args.families for attack in harness.FAMILIES[name]]
    if args.run_tests:
        chosen = [replace(attack, tests=attack.tests + RUN) if attack.arguments is None else attack for attack in chosen]
    if args.together:
        chosen = [attack for attack in chosen if attack.name not in ANSWERS]
        Worker._answered, Worker._judged = lambda *_: None, Worker._together
    make = lambda: Sandbox(args.level, 1, Limits(**harness.LIMITS), together=args.together)  # noqa: E731
    wrong = asyncio.run(harness.attack_all(make, chosen))
    sys.stdout.write("\n".join([*wrong, f"level {args.level}: {len(chosen)} programs, {len(wrong)} wrong", ""]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
