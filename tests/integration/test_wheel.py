"""What `pip install` gives: the wheel alone, in an empty folder, knows its recipes."""

import os
import subprocess
import sys


def test_the_wheel_alone_checks_a_shipped_recipe(root, tmp_path):
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    subprocess.run([*build, str(root)], check=True, timeout=300)
    (wheel,) = tmp_path.glob("align_toolkit-*.whl")
    target, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*install, str(wheel)], check=True, timeout=300)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PYTHONPATH": str(target)}
    for recipe in ("quickstart", "smollm2-135m"):
        done = subprocess.run(
            [sys.executable, "-c", "import align, sys; print(align.__file__); from align.cli import main; sys.exit(main())",
             "check", recipe],
            cwd=empty, env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert str(target) in done.stdout
        assert "online_dpo" in done.stdout
    held = {p.relative_to(target).parts[0] for p in target.iterdir()} - {"bin"}
    assert {p for p in held if not p.endswith(".dist-info")} == {"align", "reward", "data_synthesis"}
