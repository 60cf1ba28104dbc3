"""The errors a user meets. Anything else that escapes is a bug of ours and keeps its traceback."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path


class AlignError(Exception):
    """Base of the errors that are shown as a sentence, without a traceback."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a recipe: where it stands and what to do about it."""

    line: int
    where: str
    what: str

    def render(self, path: str) -> str:
        """Return `file:line: where: what`, the form that editors make clickable."""
        return (
            f"{path}:{self.line}: {self.where}: {self.what}"
            if self.where
            else f"{path}:{self.line}: {self.what}"
        )


class RecipeError(AlignError):
    """The recipe or the command is wrong; the user can fix the file. Exit code 2."""

    def __init__(self, path: str, problems: list[Problem]) -> None:
        self.path = path
        self.problems = sorted(problems, key=lambda problem: problem.line)
        super().__init__("\n".join(problem.render(path) for problem in self.problems))


class UsageError(AlignError):
    """The command line asks for something that does not exist. Exit code 2."""


class StageFailed(AlignError):
    """A stage stopped. The message says which, why, and where its log is. Exit code 1."""

    def __init__(self, stage: str, cause: str, log: Path | None = None) -> None:
        self.stage, self.cause, self.log = stage, cause, log
        super().__init__(f"stage {stage!r} failed: {cause}" + (f"\n  log: {log}" if log else ""))


class ModelError(AlignError):
    """A model or tokenizer cannot be used as it is asked for; the message says what to do."""


class TooLong(ModelError):
    """A prompt, with what is to stand behind it, has more tokens than the model's context."""


def of_the_system(error: OSError) -> str:
    """Return what the operating system refused, as a sentence with the remedy."""
    place = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        remedy = "; free some space and run the same command again: what is done is kept"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = "; name a folder that you may write to with --out, or change its permissions"
    else:
        remedy = ""
    return f"{place}{error.strerror or error}{remedy}"


class NotLoaded(AlignError):
    """A model that every row of a stage needs cannot be loaded. It stops the stage: all rows would fail."""


class BrokenPlugin(AlignError):
    """A plug-in breaks a rule of its kind. It stops the stage, because every row would fail."""


class BadRow(ValueError):
    """A row cannot be used. The message is the reason; reasons are counted, so it names no row and no turn.

    Attributes:
        remedy: what to do about it; shown once for each reason.
        turn: which turn of the conversation is at fault, from 1; None where the whole row is.
    """

    def __init__(self, reason: str, *, remedy: str = "", turn: int | None = None) -> None:
        self.remedy, self.turn = remedy, turn
        super().__init__(reason)

    def at(self, turn: int) -> BadRow:
        """Return the same with the turn that is at fault, unless one is named already."""
        return BadRow(str(self), remedy=self.remedy, turn=self.turn or turn)


class NoGrade(AlignError):
    """A judge gave no readable grade, twice. A synthesizer that does not catch this drops the prompt."""
