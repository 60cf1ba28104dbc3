"""Tasks of a data set whose questions may stand behind worked examples.

Worked examples are items too: the first ones of a split that can be read, of the question's own group where a
task has groups (MMLU: the subject). A question is never its own example, whatever split they come from. A
task whose published prompt has its own examples shows those, unless others are named or more are wanted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import asdict
from typing import Annotated, Any, ClassVar

from pydantic import Field, PrivateAttr

from align.core.errors import StageFailed
from align.core.rows import digest
from align.core.stage import Run
from align.core.wiring import File
from align.evaluate.subject import Subject
from align.evaluate.task import Item
from align.evaluate.tasks.from_data import PromptedData


class FewShot(PromptedData):
    """A task of a data set with worked examples."""

    default_shots: ClassVar[int] = 0
    """Worked examples in front of the question, for a model without a chat template."""
    own_shots: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Questions and answers of the published prompt."""

    shots: int | None = Field(default=None, ge=0)
    """Worked examples in front of each question. Left out: none in a chat, and as many as the task's usual
    number in a text."""
    shots_path: Annotated[str | None, File(or_hub=True)] = None
    """Where the worked examples are; left out, where the items are."""
    shots_config: str | None = None
    """Configuration of the data set that `shots_path` names."""
    shots_split: str = "train"
    """Split of the worked examples; its first records are taken."""

    _shots: dict[str, list[Item]] = PrivateAttr(default_factory=dict)
    """Group -> its worked examples: one more than any model is shown, for the question that is one itself."""
    _why_no_shots: str = PrivateAttr(default="")

    def group(self, item: Item) -> str:
        """Return the group of an item, whose worked examples are of the same one; "" where there are none."""
        return ""

    def can_be_shown(self, item: Item) -> bool:
        """Does an item have what a worked example needs, such as a worked answer?"""
        return True

    def shots_for(self, model: Subject) -> int:
        """Return how many worked examples a model is shown."""
        if self.shots is not None:
            return self.shots
        return 0 if self.is_chat(model) else self.default_shots

    def asked(self, model: Subject) -> str:
        """Return how the model is asked, such as "5-shot text"."""
        return f"{self.shots_for(model)}-shot {super().asked(model)}"

    def items(self, run: Run) -> list[Item]:
        """Return the items, and read the worked examples."""
        found = super().items(run)
        most = self.default_shots if self.shots is None else self.shots
        groups = {self.group(item) for item in found if not item.unusable}
        try:
            self._shots = {} if self._shows_own(most) else self._read(run, most, groups)
        except StageFailed as error:
            if self.shots is not None or self.shots_path:
                raise
            self._why_no_shots = f" ({error.cause})"  # a chat needs none; `shots_of` says it where one does
        return found

    def shots_of(self, item: Item, model: Subject) -> list[Item]:
        """Return the worked examples that a model is shown before an item.

        Raises:
            StageFailed: there are too few.
        """
        need, group = self.shots_for(model), self.group(item)
        others = [shot for shot in self._shots.get(group, ()) if shot.messages != item.messages]
        if len(others) < need:
            of_it = f" of {group!r}" if group else ""
            raise StageFailed(
                model.run.name,
                f"task {self.label!r} shows {model.label!r} {need} worked examples{of_it}, and "
                f"{self.shots_path or self.path} has {len(others)} in the split {self.shots_split!r}"
                f"{self._why_no_shots}; name other data with `shots_path` or `shots_split`, or set `shots`",
                model.run.log_file,
            )
        return others[:need]

    def published(self, model: Subject) -> Sequence[tuple[str, str]] | None:
        """Return the published worked examples that a model is shown; None: they are read from data."""
        need = self.shots_for(model)
        return self.own_shots[:need] if self._shows_own(need) else None

    def depends(self, model: Subject) -> Any:
        """Return the worked examples that the model is shown, which need not be in a file of the recipe."""
        shown = self._shots if self.shots_for(model) else {}
        of_groups = {group: digest([asdict(shot) for shot in shots]) for group, shots in shown.items()}
        return [super().depends(model), of_groups]

    def _shows_own(self, most: int) -> bool:
        """Are the worked examples those of the published prompt, or none at all?"""
        return most == 0 or (self.shots_path is None and most <= len(self.own_shots))

    def _read(self, run: Run, most: int, groups: Set[str]) -> dict[str, list[Item]]:
        """Return group -> its first worked examples: `most` of them, and one in reserve.

        Raises:
            StageFailed: the data is missing or has other columns.
        """
        found = defaultdict[str, list[Item]](list)
        path, config = (self.shots_path, self.shots_config) if self.shots_path else (self.path, self.config)
        for shot in self.items_of(run, path, self.shots_split, config):
            if shot.unusable:
                place = shot.data["place"]
                run.log.warning("task %s: %s is no worked example: %s", self.label, place, shot.unusable)
            elif (
                self.can_be_shown(shot)
                and (group := self.group(shot)) in groups
                and len(found[group]) <= most
            ):
                found[group].append(shot)
            if all(len(found[group]) > most for group in groups):
                break
        return dict(found)
