"""Class tasks about files, services and waiting. See `class_tasks`."""

OUTSIDE = {
    "file store": {
        "needs": ("class", "tmp_path", "exception class", "fixture", "monkeypatch"),
        "solution": """
import json
from pathlib import Path


class Missing(KeyError):
    pass


class FileStore:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def _path(self, key):
        if not key.isidentifier():
            raise ValueError(f"no key: {key!r}")
        return self.folder / f"{key}.json"

    def save(self, key, value):
        path = self._path(key)
        new = path.with_suffix(".new")
        new.write_text(json.dumps(value), encoding="utf-8")
        new.replace(path)

    def load(self, key):
        try:
            return json.loads(self._path(key).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise Missing(key) from None

    def keys(self):
        return sorted(path.stem for path in self.folder.glob("*.json"))

    def delete(self, key):
        self._path(key).unlink(missing_ok=True)
""",
        "bug": ('        new = path.with_suffix(".new")', '        new = path.with_suffix(".tmp.json")'),
        "tests": """
import pytest

from solution import FileStore, Missing


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "deep" / "store")


def test_round_trip(store):
    store.save("user", {"name": "Zoë", "tags": [1, None]})
    assert store.load("user") == {"name": "Zoë", "tags": [1, None]}


def test_another_store_sees_it(store):
    store.save("a", 1)
    assert FileStore(store.folder).load("a") == 1


def test_failed_save_keeps_the_old(store, monkeypatch):
    store.save("a", 1)
    monkeypatch.setattr(type(store.folder), "replace", lambda self, target: None)
    store.save("a", 2)
    assert store.load("a") == 1
    assert store.keys() == ["a"]


def test_missing(store):
    store.save("a", 1)
    store.delete("a")
    store.delete("a")
    with pytest.raises(Missing):
        store.load("a")
    with pytest.raises(ValueError, match="no key"):
        store.load("../a")
""",
    },
    "log that rotates": {
        "needs": ("class", "tmp_path", "context manager"),
        "solution": """
import os


class RotatingLog:
    def __init__(self, path, limit, keep=2):
        self.path, self.limit, self.keep = str(path), limit, keep
        self._file = open(self.path, "a", encoding="utf-8")

    def write(self, line):
        data = line + "\\n"
        if self._file.tell() + len(data.encode()) > self.limit and self._file.tell():
            self._rotate()
        self._file.write(data)
        self._file.flush()

    def _rotate(self):
        self._file.close()
        for i in range(self.keep - 1, 0, -1):
            if os.path.exists(f"{self.path}.{i}"):
                os.replace(f"{self.path}.{i}", f"{self.path}.{i + 1}")
        os.replace(self.path, f"{self.path}.1")
        self._file = open(self.path, "w", encoding="utf-8")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    @property
    def closed(self):
        return self._file.closed
""",
        "bug": ("for i in range(self.keep - 1, 0, -1):", "for i in range(1, self.keep):"),
        "tests": """
import pytest

from solution import RotatingLog


def files(folder):
    return {path.name: path.read_text().split() for path in folder.iterdir()}


def test_rotation(tmp_path):
    with RotatingLog(tmp_path / "log", limit=10, keep=3) as log:
        for word in ["aaaa", "bbbb", "cccc", "dddd", "eeee", "ffff", "gggg"]:
            log.write(word)
    assert files(tmp_path) == {
        "log": ["gggg"],
        "log.1": ["eeee", "ffff"],
        "log.2": ["cccc", "dddd"],
        "log.3": ["aaaa", "bbbb"],
    }


def test_appends(tmp_path):
    for word in ("a", "b"):
        with RotatingLog(tmp_path / "log", limit=100) as log:
            log.write(word)
    assert files(tmp_path) == {"log": ["a", "b"]}


def test_closed_after_an_error(tmp_path):
    with pytest.raises(ValueError):
        with RotatingLog(tmp_path / "log", limit=5) as log:
            raise ValueError
    assert log.closed


def test_long_line_is_kept(tmp_path):
    with RotatingLog(tmp_path / "log", limit=3) as log:
        log.write("longer than that")
    assert (tmp_path / "log").read_text() == "longer than that\\n"
    assert not (tmp_path / "log.1").exists()
""",
    },
    "weather service": {
        "needs": ("mock", "named tuple", "exception class"),
        "solution": """
import json
from typing import NamedTuple
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen


class Weather(NamedTuple):
    city: str
    celsius: float


class ServiceError(Exception):
    pass


def task_func(cities, url="http://weather.example/now", timeout=5):
    '''Ask a service for the weather of each city; the warmest first.'''
    found = []
    for city in cities:
        try:
            with urlopen(f"{url}?{urlencode({'q': city})}", timeout=timeout) as response:
                said = json.loads(response.read())
        except URLError as error:
            raise ServiceError(f"{city}: {error.reason}") from error
        if "temp" in said:
            found.append(Weather(city, round(said["temp"] - 273.15, 1)))
    return sorted(found, key=lambda weather: -weather.celsius)
""",
        "bug": ("urlencode({'q': city})", "urlencode({'q': cities[0]})"),
        "tests": """
import json
import unittest
from unittest.mock import MagicMock, patch
from urllib.error import URLError

from solution import ServiceError, Weather, task_func


def answer(**said):
    response = MagicMock()
    response.__enter__.return_value.read.return_value = json.dumps(said).encode()
    return response


class TestCases(unittest.TestCase):
    @patch("solution.urlopen")
    def test_case_1(self, urlopen):
        urlopen.side_effect = [answer(temp=280.15), answer(temp=300.65), answer(error="unknown")]
        found = task_func(["Oslo", "Rome", "Nowhere"])
        self.assertEqual(found, [Weather("Rome", 27.5), Weather("Oslo", 7.0)])
        self.assertEqual(urlopen.call_count, 3)

    @patch("solution.urlopen", return_value=answer(temp=273.15))
    def test_case_2(self, urlopen):
        task_func(["Oslo", "New York"], "http://x", timeout=1)
        self.assertEqual(urlopen.call_args.args, ("http://x?q=New+York",))
        self.assertEqual(urlopen.call_args.kwargs, {"timeout": 1})

    @patch("solution.urlopen", side_effect=URLError("no route"))
    def test_case_3(self, urlopen):
        with self.assertRaises(ServiceError) as caught:
            task_func(["Oslo"])
        self.assertEqual(str(caught.exception), "Oslo: no route")
        self.assertIsInstance(caught.exception.__cause__, URLError)


if __name__ == "__main__":
    unittest.main()
""",
    },
    "summary of a table": {
        "needs": ("tmp_path", "dataclass"),
        "entry_point": "task_func",
        "solution": """
import csv
from collections import defaultdict
from dataclasses import dataclass, field


@dataclass
class Summary:
    rows: int = 0
    totals: dict = field(default_factory=dict)
    skipped: list = field(default_factory=list)


def task_func(path, key, value, output=None):
    '''Add up a column of a CSV file by another; write the sums when an output is given.'''
    summary, totals = Summary(), defaultdict(float)
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if key not in (reader.fieldnames or ()) or value not in reader.fieldnames:
            raise ValueError(f"no column {key} or {value}")
        for number, row in enumerate(reader, 2):
            try:
                totals[row[key]] += float(row[value])
                summary.rows += 1
            except ValueError:
                summary.skipped.append(number)
    summary.totals = dict(sorted(totals.items()))
    if output:
        with open(output, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([(key, value), *summary.totals.items()])
    return summary
""",
        "bug": ("enumerate(reader, 2)", "enumerate(reader)"),
        "tests": """
import os
import shutil
import tempfile
import unittest


class TestCases(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.path = os.path.join(self.folder, "sales.csv")
        with open(self.path, "w") as file:
            file.write("city,amount\\nOslo,2.5\\nRome,1\\nOslo,x\\nOslo,4\\n")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def test_totals(self):
        summary = task_func(self.path, "city", "amount")
        self.assertEqual(summary.totals, {"Oslo": 6.5, "Rome": 1.0})
        self.assertEqual(summary.rows, 3)

    def test_skipped_by_line(self):
        self.assertEqual(task_func(self.path, "city", "amount").skipped, [4])

    def test_output(self):
        output = os.path.join(self.folder, "sums.csv")
        task_func(self.path, "city", "amount", output)
        with open(output) as file:
            self.assertEqual(file.read().splitlines(), ["city,amount", "Oslo,6.5", "Rome,1.0"])

    def test_wrong_column(self):
        with self.assertRaisesRegex(ValueError, "no column town"):
            task_func(self.path, "town", "amount")

    def test_no_file(self):
        with self.assertRaises(FileNotFoundError):
            task_func(os.path.join(self.folder, "none.csv"), "a", "b")
""",
    },
    "workers on a queue": {
        "needs": ("async", "callback"),
        "solution": """
import asyncio


async def work_off(items, worker, workers=2):
    queue, results, failed = asyncio.Queue(), {}, {}
    for item in items:
        queue.put_nowait(item)

    async def run():
        while not queue.empty():
            item = queue.get_nowait()
            try:
                results[item] = await worker(item)
            except Exception as error:
                failed[item] = error

    await asyncio.gather(*(run() for _ in range(workers)))
    return results, failed


async def first_of(*waiting):
    tasks = [asyncio.ensure_future(one) for one in waiting]
    done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    return done.pop().result()
""",
        "bug": ("*(run() for _ in range(workers))", "run(), *(run() for _ in range(workers))"),
        "tests": """
import asyncio

from solution import first_of, work_off


def test_results_and_failures():
    async def worker(n):
        await asyncio.sleep(0)
        if n == 2:
            raise ValueError("two")
        return n * n

    results, failed = asyncio.run(work_off([1, 2, 3], worker))
    assert results == {1: 1, 3: 9}
    assert [(n, type(error), str(error)) for n, error in failed.items()] == [(2, ValueError, "two")]


def test_no_more_at_once_than_workers():
    running, most = 0, 0

    async def worker(_):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1

    asyncio.run(work_off(range(10), worker, workers=3))
    assert most == 3


def test_first_of():
    ended = []

    async def after(seconds, name):
        try:
            await asyncio.sleep(seconds)
            return name
        except asyncio.CancelledError:
            ended.append(name)
            raise

    assert asyncio.run(first_of(after(5, "slow"), after(0.001, "fast"))) == "fast"
    assert ended == ["slow"]
""",
    },
    "client that tries again": {
        "needs": ("class", "async", "mock", "context manager"),
        "solution": """
import asyncio


class Unavailable(Exception):
    pass


class Client:
    def __init__(self, transport, tries=3, pause=0.5):
        self.transport, self.tries, self.pause = transport, tries, pause
        self.closed = False

    async def __aenter__(self):
        await self.transport.connect()
        return self

    async def __aexit__(self, *error):
        await self.transport.close()
        self.closed = True

    async def get(self, path):
        for attempt in range(1, self.tries + 1):
            status, body = await self.transport.request("GET", path)
            if status < 500:
                return status, body
            if attempt < self.tries:
                await asyncio.sleep(self.pause * attempt)
        raise Unavailable(path)

    async def pages(self, path):
        while path:
            _, body = await self.get(path)
            for item in body["items"]:
                yield item
            path = body.get("next")
""",
        "bug": (
            "            if attempt < self.tries:\n                await",
            "            if True:\n                await",
        ),
        "tests": """
import unittest
from unittest.mock import AsyncMock, call, patch

from solution import Client, Unavailable


class TestClient(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.transport = AsyncMock()
        patcher = patch("asyncio.sleep", new_callable=AsyncMock)
        self.sleep = patcher.start()
        self.addCleanup(patcher.stop)

    async def test_connects_and_closes(self):
        async with Client(self.transport) as client:
            self.transport.connect.assert_awaited_once()
            self.transport.close.assert_not_awaited()
        self.transport.close.assert_awaited_once_with()
        self.assertTrue(client.closed)

    async def test_tries_again(self):
        self.transport.request.side_effect = [(503, ""), (500, ""), (200, "ok")]
        self.assertEqual(await Client(self.transport).get("/a"), (200, "ok"))
        self.assertEqual(self.sleep.await_args_list, [call(0.5), call(1.0)])

    async def test_gives_up(self):
        self.transport.request.return_value = (500, "")
        with self.assertRaises(Unavailable):
            await Client(self.transport, tries=2).get("/a")
        self.assertEqual(self.sleep.await_count, 1)

    async def test_pages(self):
        self.transport.request.side_effect = [(200, {"items": [1, 2], "next": "/2"}), (200, {"items": [3]})]
        self.assertEqual([item async for item in Client(self.transport).pages("/1")], [1, 2, 3])
        self.transport.request.assert_awaited_with("GET", "/2")


if __name__ == "__main__":
    unittest.main()
""",
    },
}
