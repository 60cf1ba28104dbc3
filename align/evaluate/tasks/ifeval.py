"""IFEval (Zhou et al. 2023, arXiv 2311.07911): instructions that a program can check.

The answers are judged by the published checkers, as `lm-evaluation-harness` ships them
(`lm_eval.tasks.ifeval`), and by nothing of ours: a score under this name can be compared with published
ones. Its four numbers are the paper's. Strict: the answer as it stands. Loose: the best of eight versions
of it, without its first line, its last line, both, and each of them without asterisks. `prompt`: all
instructions of a prompt are followed; `instruction`: every instruction counts alike (541 prompts have 834).

Departures from the harness:
1. Both sources of chance are seeded: `langdetect`, which three kinds of checkers ask for the language of an
   answer, and Python's `random`. The harness seeds neither for the checkers, and its numbers change from
   run to run: the checker of letter frequency draws a letter where the data asks for a mark ("#" and "!",
   the keys 1122 and 1129). On 541 answers of SmolLM2-135M-Instruct, two runs of the harness differ in up to
   4 prompts. With its two sources seeded in the same way, it gives our values for all of them.
2. A checker that raises an exception ends the harness's run. Here that item is counted and not scored.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, ClassVar

from pydantic import Field, PrivateAttr

from align.core.errors import BadRow, StageFailed
from align.core.plugins import Completion
from align.core.stage import Run
from align.evaluate.subject import Subject
from align.evaluate.task import SHARE, Item, Metric, Outcome
from align.evaluate.tasks.from_data import PromptedData, text_of

POOLED = Metric(pooled=True)
FIGURES = {
    "prompt strict": "prompt_level_strict_acc",
    "instruction strict": "inst_level_strict_acc",
    "prompt loose": "prompt_level_loose_acc",
    "instruction loose": "inst_level_loose_acc",
}
"""Our metrics and the harness's names of them."""
SEED = 0


class IFEval(PromptedData):
    """Instructions that a program can check: IFEval, or data of its shape."""

    columns_needed: ClassVar[tuple[str, ...]] = ("prompt", "instruction_id_list", "kwargs")
    metrics: ClassVar[Mapping[str, Metric]] = {
        name: POOLED if name.startswith("instruction") else SHARE for name in FIGURES
    }

    path: str = "google/IFEval"
    split: str = "train"
    max_new_tokens: int = Field(default=1280, ge=1)
    """Longest answer in tokens; 1280 as in the harness. An answer that is cut is judged as it stands."""

    _checkers: Any = PrivateAttr(default=None)
    _known: frozenset[str] = PrivateAttr(default=frozenset())

    def items(self, run: Run) -> list[Item]:
        """Return an item for each prompt, after loading the checkers, so that no model is asked in vain."""
        try:
            self._checkers, self._known = load_checkers()
        except NoCheckers as why:
            raise StageFailed(run.name, f"task {self.label!r}: {why}", run.log_file) from why
        return super().items(run)

    def item(self, id_: str, record: Mapping[str, Any]) -> Item:
        """Return a prompt with its instructions."""
        prompt, names, values = text_of(record, "prompt"), record["instruction_id_list"], record["kwargs"]
        if not isinstance(names, list) or not names:
            raise BadRow("no instructions")
        if not isinstance(values, list) or len(values) != len(names):
            raise BadRow("not one `kwargs` for each instruction")
        if not self._known.issuperset(names):
            raise BadRow("it has an instruction that the published checkers do not know")
        return Item(
            id=id_,
            text=prompt,
            messages=[{"role": "user", "content": prompt}],
            tags=tuple(dict.fromkeys(name.partition(":")[0] for name in names)),
            data={
                "key": record.get("key", 0),
                "prompt": prompt,
                "instruction_id_list": names,
                "kwargs": [value or {} for value in values],
            },
        )

    def depends(self, model: Subject) -> Any:
        """Return the versions of the packages that the published checkers are made of."""
        return {name: version(name) for name in ("lm_eval", "langdetect", "nltk")}

    async def measure(self, item: Item, model: Subject) -> Outcome:
        """Ask once, greedily, and let the published checkers judge."""
        asked = item.messages if self.is_chat(model) else item.text
        (answer,) = await model.sample(item, asked, max_new_tokens=self.max_new_tokens)
        return self.judged(item, answer)

    def judged(self, item: Item, answer: Completion) -> Outcome:
        """Return what the published checkers say about an answer."""
        notes = {} if answer.whole else {f"answers {answer.missing}": 1}
        before = random.getstate()
        random.seed(SEED)
        try:
            found = self._checkers(item.data, [answer.text])
        except Exception as error:  # whatever a published checker raises, it gave no verdict
            why = f"a published checker raised {type(error).__name__}"
            return Outcome(skipped=why, answers=[answer.text], notes=notes)
        finally:
            random.setstate(before)
        return Outcome(
            {name: _values(found[theirs]) for name, theirs in FIGURES.items()}, [answer.text], notes
        )


class NoCheckers(Exception):
    """The published checkers cannot be loaded; the message says what is missing, and the remedy."""


def load_checkers() -> tuple[Any, frozenset[str]]:
    """Return the harness's `process_results` for IFEval, and the instructions that its checkers know.

    Raises:
        NoCheckers: a package or the data of NLTK is missing.
    """
    try:
        import nltk  # noqa: PLC0415 (an extra)
        from langdetect import DetectorFactory  # noqa: PLC0415

        _find_sentences(nltk)  # first: importing the checkers would try to download the data
        from lm_eval.tasks.ifeval import instructions_registry, utils  # noqa: PLC0415
    except ImportError as error:
        raise NoCheckers(
            f"the published checkers cannot be imported ({error}); install them: "
            "pip install 'align-toolkit[evaluate]'"
        ) from error
    DetectorFactory.seed = SEED
    return utils.process_results, frozenset(instructions_registry.INSTRUCTION_DICT)


def _find_sentences(nltk: Any) -> None:
    """Raise NoCheckers if NLTK lacks the data by which the checkers find sentences."""
    try:
        nltk.data.find("tokenizers/punkt_tab")
    except LookupError as error:
        raise NoCheckers(
            "the published checkers need NLTK's data punkt_tab, which is in none of its folders; get it with "
            "`python -m nltk.downloader punkt_tab`, or copy it to FOLDER/tokenizers/punkt_tab and set "
            "NLTK_DATA=FOLDER"
        ) from error


def _values(found: bool | Sequence[bool]) -> float | list[float]:
    return float(found) if isinstance(found, bool) else [float(one) for one in found]
