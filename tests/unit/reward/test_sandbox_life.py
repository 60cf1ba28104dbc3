"""The sandbox beside what else a trainer does: forks, ignored signals, lost descriptors, cancelled starts, a stopped worker."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from reward.sandbox import Limits, Sandbox, SandboxUnavailable
from reward.sandbox.host import probes, worker

RUN = "\n(lambda: 0)()\n"  # makes a text of tests one that has to run
LIMITS = Limits(cpu_seconds=1, wall_seconds=4)
RIGHT = "def f(x): return x + 1"


def in_a_program(source, **options):
    """Run a program of its own that uses the sandbox; return what it prints."""
    head = "import asyncio, os, resource, signal, sys, time\nfrom reward.sandbox import Limits, Sandbox\n"
    done = subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(source)], cwd=Path(__file__).parents[3], capture_output=True, text=True,
        timeout=120, check=False, **options,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("tests", ["assert f(1) == 2", "assert f(1) == 2" + RUN, "import os\nos._exit(f(0))"])
def test_a_process_that_the_trainer_forks_meanwhile_holds_no_check_up(tests):
    """What is forked between the making of a channel and its handing over keeps its end open; so it is with every fork here."""
    said = in_a_program(f"""
        import reward.sandbox.host.worker as worker
        begin = worker.Worker._begin
        def forked(self, *args):
            begin(self, *args)
            if not os.fork():
                time.sleep(60)
                os._exit(0)
        async def main():
            async with Sandbox(workers=1) as sandbox:
                worker.Worker._begin = forked
                leaves = await sandbox.check("import os\\ndef f(x): os._exit(0)", {tests!r}, "f")
                wrong = await sandbox.check("def f(x): return 0", {tests!r}, "f")
                print(leaves.status, wrong.status)
        asyncio.run(main())
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)
    """, start_new_session=True)  # fmt: skip
    assert said.split()[0] == "exited_early"
    assert said.split()[1] != "pass"


def test_a_worker_that_is_stopped_is_replaced(monkeypatch):
    monkeypatch.setattr(worker, "PATIENCE", 0.5)

    async def run():
        async with Sandbox(workers=1, limits=Limits(cpu_seconds=1, wall_seconds=1)) as sandbox:
            (stopped,) = sandbox.pids()
            os.kill(stopped, signal.SIGSTOP)
            (result,) = await sandbox.calls(RIGHT, "f", [[1]])
            assert stopped not in sandbox.pids()
            return result.value

    assert asyncio.run(run()) == 2


@pytest.mark.parametrize("level", ["kernel", "full"])
def test_signals_and_modes_of_the_trainer_do_not_count_in_there(level):
    try:
        sandbox = Sandbox(level, workers=1)
        sandbox.start()
        sandbox.stop()
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    tests = "assert f(1) == 2" + RUN
    threads = "import threading, time\ndef f(n):\n    try:\n        for i in range(n):\n" \
              "            threading.Thread(target=time.sleep, args=(1,), daemon=True).start()\n" \
              "    except RuntimeError: return 'refused'\n    return 'started'"  # fmt: skip
    said = in_a_program(f"""
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGCHLD])
        os.umask(0o077)
        async def main():
            async with Sandbox({level!r}, workers=1) as sandbox:
                print((await sandbox.check({RIGHT!r}, {tests!r}, "f")).status)
                few = Limits(processes=32, memory_bytes=8 << 30)
                print((await sandbox.calls({threads!r}, "f", [[400]], limits=few))[0])
        asyncio.run(main())
    """)
    assert said.startswith("pass\n")
    if level == "full":  # where the kernel counts threads; elsewhere a short burst comes before the first look
        assert "started" not in said


def test_a_trainer_without_descriptors_gets_no_data_and_keeps_its_worker():
    said = in_a_program(f"""
        async def main():
            async with Sandbox(workers=1) as sandbox:
                before = sandbox.pids()
                held = []
                resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
                try:
                    while True: held.append(os.dup(0))
                except OSError: pass
                verdict = await sandbox.check({RIGHT!r}, "assert f(1) == 2", "f")
                for descriptor in held: os.close(descriptor)
                again = await sandbox.check({RIGHT!r}, "assert f(1) == 2", "f")
                print(verdict.status, again.status, sandbox.pids() == before)
        asyncio.run(main())
    """)
    assert said == "infra_error pass True\n"


def test_a_start_that_is_cancelled_leaves_nothing(tmp_path):
    said = in_a_program("""
        async def main():
            try:
                async with asyncio.timeout(0.05):
                    async with Sandbox(workers=2): pass
            except TimeoutError: print("cancelled")
            print(open(f"/proc/self/task/{os.getpid()}/children").read().split())
        asyncio.run(main())
    """, env={**os.environ, "TMPDIR": str(tmp_path)})  # fmt: skip
    assert said.split() == ["cancelled", "[]"]
    assert list(tmp_path.iterdir()) == []


def test_threads_of_the_solution_leave_the_tests_theirs():
    hog = "import threading, time\nthreading.stack_size(65536)\ntry:\n    while True:\n" \
          "        threading.Thread(target=time.sleep, args=(9,)).start()\nexcept RuntimeError: pass\n"  # fmt: skip
    tests = "from concurrent.futures import ThreadPoolExecutor\ndef test_f():\n    with ThreadPoolExecutor(4) as pool:\n" \
            "        assert list(pool.map(abs, [1, -2])) == [1, 2]\n    assert f(1) == 2\n"  # fmt: skip

    async def run():
        async with Sandbox(workers=1, limits=LIMITS.model_copy(update={"processes": 16, "memory_bytes": 1 << 30})) as sandbox:
            return [(await sandbox.check(source, tests, "f")).status for source in (RIGHT, hog + "def f(x): return 0")]

    right, wrong = asyncio.run(run())
    assert right == "pass"
    assert wrong in ("fail", "blocked")


def test_a_pool_of_threads_fits_the_limits():
    source = "from concurrent.futures import ThreadPoolExecutor\ndef f(n):\n    with ThreadPoolExecutor(n) as pool:\n" \
             "        return sum(pool.map(lambda i: len('x' * 10_000) + i, range(n)))"  # fmt: skip

    async def run():
        async with Sandbox(workers=1) as sandbox:
            return (await sandbox.calls(source, "f", [[40]]))[0].value

    assert asyncio.run(run()) == 40 * 10_000 + 40 * 39 // 2


def test_a_port_that_another_program_has_for_datagrams_is_not_taken(monkeypatch):
    taken, server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.create_server
    taken.bind(("127.0.0.1", 0))
    ports = iter([taken.getsockname()[1]])

    def offered(address, **options):
        return server((address[0], next(ports, 0)), **options)

    monkeypatch.setattr(probes.socket, "create_server", offered)
    tcp, udp = probes._listeners_on_one_port()
    with taken, tcp, udp:
        assert tcp.getsockname() == udp.getsockname() != taken.getsockname()
