"""The executor that everybody writes first, after openai/human-eval: proof that the attacks are real.

A child process executes solution and tests in one namespace and appends "passed" to a manager's list; SIGALRM is the time
limit. It has `Sandbox`'s interface so that `harness.attack` can judge it. It is no sandbox. Departures from human-eval: (1) the
limit on memory is set, (2) test cases and test functions are run too, (3) names of `os` are not taken away, which stops no
attack (`posix`, `ctypes`) and breaks numpy.

By itself this file runs each attack in namespaces of its own, as an unprivileged user, with an empty network:
`sudo python tests/attacks/naive.py OUT.json [NAME...]`. It refuses to run an attack anywhere else.
"""

import asyncio
import contextlib
import io
import json
import multiprocessing
import os
import re
import resource
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

SECONDS = 4
FIRST_USER = 60000  # a user for each attack, since the limit on processes counts by user


@dataclass
class Answer:
    """What `harness.answer` reads of a verdict or a call result."""

    status: str
    why: str = ""
    value: object = None


def program(solution: str, tests: str, entry_point: str | None) -> str:
    """Solution, tests and the lines that run the tests, as one source."""
    run = [f"check({entry_point})"] if "def check(" in tests else []
    run += [f"{name}()" for name in re.findall(r"^def (test_\w+)\(", tests, re.M)]
    if "unittest.TestCase" in tests:
        case = re.search(r"^class (\w+)\(", tests, re.M).group(1)
        run += [f"result = unittest.TestLoader().loadTestsFromTestCase({case}).run(unittest.TestResult())"]
        run += ["assert result.wasSuccessful(), result.errors + result.failures"]
    return "\n".join([solution, tests, *run])


class Late(Exception):
    """The alarm has rung."""


def execute(source: str, result: list) -> None:
    """The child: executes the source in a directory of its own and appends the outcome."""

    def late(*_: object) -> None:
        raise Late

    with TemporaryDirectory() as folder:
        os.chdir(folder)
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                exec(source, {"__name__": "solution"})
            result.append("passed")
        except Late:
            result.append("timed out")
        except BaseException as error:
            result.append(f"failed: {error}")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


class Naive:
    """`Sandbox`'s interface without any of its promises."""

    async def __aenter__(self) -> "Naive":
        self.manager = multiprocessing.Manager()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.manager.shutdown()

    def pids(self) -> list[int]:
        """The manager's process."""
        return [self.manager._process.pid]

    async def check(self, solution: str, tests: str, entry_point: str | None) -> Answer:
        """Runs it in a child and believes the list."""
        return await asyncio.to_thread(self._run, program(solution, tests, entry_point))

    async def calls(self, source: str, entry_point: str, arguments: list[list]) -> list[Answer]:
        """Makes each call in one child and believes what it puts in the list."""
        box = self.manager.list()
        self.box = box
        lines = f"\nfor row in ARGUMENTS: RESULT.append({entry_point}(*row))"
        answer = await asyncio.to_thread(self._run, f"ARGUMENTS = {arguments!r}\n{source}{lines}", box)
        if answer.status != "pass":
            return [answer]
        return [Answer("returned", "", v) for v in box]

    def _run(self, source: str, box: list | None = None) -> Answer:
        result = self.manager.list()
        child = multiprocessing.Process(target=_start, args=(source, result, box))
        child.start()
        child.join(SECONDS + 1)
        if child.is_alive():
            child.kill()
        said = result[0] if len(result) else "timed out"
        return Answer({"passed": "pass", "timed out": "timeout"}.get(said, "fail"), said)


def _start(source: str, result: list, box: list | None) -> None:
    """Passes the list of values on to the program, as careless executors do."""
    if box is not None:
        import builtins

        builtins.RESULT = box
    execute(source, result)


async def one(name: str) -> list[str]:
    """What one attack does to the naive executor."""
    import harness

    chosen = next(a for a in harness.ATTACKS if a.name == name)
    with harness.Canaries() as canaries:
        async with Naive() as naive:
            return await harness.attack(naive, chosen, canaries)


# As root in new namespaces: private places. Then as an ordinary user, who has rights over further namespaces of its own only.
PRIVATE = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 none /run
cp -r {here} /run/attacks
mkdir /run/python
mount --bind {prefix} /run/python
for place in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o size=600m,mode=1777 none $place; done
mount -t proc none /proc
cd /tmp
exec setpriv --pdeathsig KILL --reuid {user} --regid {user} --clear-groups \
    unshare --user --map-root-user --mount --net --ipc --uts \
    env TMPDIR=/var/tmp PYTHONPATH={libraries} sh -c \
    'ip link set lo up; /run/python/bin/python3 /run/attacks/naive.py --inside {name}'
"""


def outside(number: int, name: str) -> dict:
    """Runs one attack in namespaces of its own and says how it ended."""
    here, libraries = Path(__file__).resolve().parent, Path(find_spec("numpy").origin).parents[1]
    script = PRIVATE.format(here=here, prefix=sys.base_prefix, libraries=libraries, user=FIRST_USER + number, name=name)
    spaces = ["unshare", "--net", "--pid", "--ipc", "--mount", "--uts", "--fork", "--kill-child"]
    limits = ["prlimit", "--nproc=400", "--nofile=1024", "--fsize=700000000", "--core=100000000"]
    command = ["setsid", *limits, *spaces, "sh", "-c", script]
    try:
        done = subprocess.run(command, capture_output=True, timeout=100, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        return {"name": name, "wrong": ["the harness hung for 100 s"]}
    text = done.stdout.decode(errors="replace")
    found = re.search(r"^WRONG (.*)$", text, re.M)
    if found:
        return {"name": name, "wrong": json.loads(found.group(1))}
    return {"name": name, "wrong": [f"the harness died with {done.returncode}: {done.stderr.decode(errors='replace')[-300:]}"]}


def main() -> None:
    """Runs the named attacks, or all, and writes what each of them did."""
    if sys.argv[1] == "--inside":
        if int(Path("/proc/self/uid_map").read_text().split()[1]) < FIRST_USER or os.getpid() > 20:
            raise SystemExit("not in namespaces of its own: run naive.py without --inside")
        real = os.dup(1)
        wrong = asyncio.run(one(sys.argv[2]))
        os.write(real, ("\nWRONG " + json.dumps(wrong) + "\n").encode())
        os._exit(0)
    import harness

    names = sys.argv[2:] or [a.name for a in harness.ATTACKS]
    with ThreadPoolExecutor(2) as pool:
        rows = list(pool.map(outside, range(len(names)), names))
    Path(sys.argv[1]).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
