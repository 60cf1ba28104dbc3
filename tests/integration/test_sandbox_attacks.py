"""The attack set against the sandbox: nothing is forged, nothing outside is reached, nothing stays, honest code passes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ATTACKS = Path(__file__).parents[1] / "attacks"


def attacked(*arguments, as_user=False):
    """Run the set in a process of its own; return what it printed."""
    command = [ATTACKS / "as_user.py"] if as_user else []
    done = subprocess.run(
        [sys.executable, *command, ATTACKS / "main.py", *arguments],
        env=os.environ | {"PYTHONPATH": str(ATTACKS.parents[1])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


# Each family at the level and with the user where it shows the most; all of it by hand (docs/sandbox.md).
@pytest.mark.parametrize(
    "arguments",
    [("kernel", "forged", "resources", "odd", "benign"), ("full", "--run-tests", "forged", "reach", "leftovers")],
    ids=" ".join,
)
def test_no_program_of_the_set_fools_or_harms_it(arguments):
    code, said = attacked(*arguments)
    assert code == 0, said


@pytest.mark.skipif(os.getuid() != 0, reason="the tests run as an ordinary user anyway")
@pytest.mark.parametrize("arguments", [("kernel", "--together"), ("full",)], ids=" ".join)
def test_nor_as_an_ordinary_user(arguments):
    code, said = attacked(*arguments, "reach", "leftovers", as_user=True)
    assert code == 0, said
