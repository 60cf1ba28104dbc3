"""Runs the set: `python main.py LEVEL [FAMILY ...]`; prints what went wrong, exits with 1 if anything did."""

import asyncio
import sys

import harness

from reward.sandbox import Limits, Sandbox


def main(level: str, families: list[str]) -> int:
    """Runs some families, or all, at a level."""
    chosen = [attack for name, family in harness.FAMILIES.items() if not families or name in families for attack in family]
    wrong = asyncio.run(harness.attack_all(lambda: Sandbox(level=level, workers=1, limits=Limits(**harness.LIMITS)), chosen))
    sys.stdout.write("\n".join([*wrong, f"level {level}: {len(chosen)} programs, {len(wrong)} wrong", ""]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
