r"""MultiPL-E (Cassano et al. 2022, arXiv 2208.08227): HumanEval and MBPP in other programming languages.

A record has the beginning of a program, tests that complete it, and the texts that end what the model
writes. Prompt, answer, a line break and tests are one program, which passes if it ends with exit status 0,
as in the authors' `evaluation/src`. The configuration of the hub data set names benchmark and language:
`humaneval-cpp`.

1. A program shares its process with its tests, so it could leave early and pass. Every verdict is counted as
   one that could be forged.
2. The sandbox runs C++, JavaScript, TypeScript, PHP and Bash, where their tools are installed
   (docs/languages.md), at level `full`. Items in other languages are counted, and never scored. Java is among
   them: its programs import the library javatuples, which the sandbox has not.
3. Every model continues the text, one with a chat template too: the tests close the bracket that the prompt
   opens, so the answer of a chat, which has the whole function, would not fit.
4. The limits are the sandbox's (5 s of CPU time for the program, and none of it for its compiler). The
   authors' limit is 15 s of wall-clock time (`safe_subprocess`).
5. Samples are drawn from the whole distribution; the authors draw with nucleus 0.95, at temperature 0.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from align.core.errors import BadRow
from align.evaluate.subject import Subject
from align.evaluate.task import Item
from align.evaluate.tasks.code import CodeTask
from align.evaluate.tasks.from_data import DataTask, text_of
from reward.sandbox.languages import LANGUAGES
from reward.sandbox.settings import SandboxSettings

NAMES = {"cpp": "cpp", "js": "javascript", "php": "php", "sh": "bash", "ts": "typescript"}
"""The languages of MultiPL-E that the sandbox runs, and their names there."""


class MultiPLE(CodeTask, DataTask):
    """Functions in other languages: MultiPL-E, or data of its shape."""

    columns_needed: ClassVar[tuple[str, ...]] = ("language", "prompt", "tests", "stop_tokens")

    path: str = "nuprl/MultiPL-E"
    config: str | None = "humaneval-cpp"
    max_new_tokens: int = 512
    """Longest answer in tokens; 512 as in the authors' `multipl_e/completions.py`."""
    sandbox: SandboxSettings = SandboxSettings(level="full")
    """The sandbox in which programs run; other languages need level `full`."""

    def item(self, id_: str, record: Mapping[str, Any]) -> Item:
        """Return a program to continue."""
        language = text_of(record, "language")
        if language not in NAMES:
            raise BadRow(f"the sandbox runs no programs of MultiPL-E in the language {language!r}")
        if why := LANGUAGES[NAMES[language]]().missing():
            raise BadRow(why)
        stops = record["stop_tokens"]
        if not isinstance(stops, list) or not all(isinstance(stop, str) and stop for stop in stops):
            raise BadRow("its stop texts are no list of texts")
        prompt = text_of(record, "prompt")
        return Item(
            id=id_,
            text=prompt,
            messages=[{"role": "user", "content": prompt}],
            tests=[{"language": NAMES[language], "appended": text_of(record, "tests")}],
            tags=(language,),
            data={"stops": stops},
        )

    def is_chat(self, model: Subject) -> bool:
        """Return False: the benchmark has one form, in which the model continues the program."""
        return False

    def question(self, item: Item, model: Subject) -> str:
        """Return the program to continue."""
        return item.text

    def program(self, item: Item, continued: str) -> str:
        """Return the prompt and what the model wrote behind it; the tests follow in the sandbox."""
        return item.text + continued

    def ends(self, item: Item) -> list[str]:
        """Return the stop texts of the record."""
        return list(item.data["stops"])
