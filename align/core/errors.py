"""The errors a user meets. Anything else that escapes is a bug of ours and keeps its traceback."""

from __future__ import annotations

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
        return f"{path}:{self.line}: {self.where}: {self.what}" if self.where else f"{path}:{self.line}: {self.what}"


class RecipeError(AlignError):
    """The recipe or the command is wrong; the user can fix the file. Exit code 2."""

    def __init__(self, path: str, problems: list[Problem]) -> None:
        self.path = path
        self.problems = sorted(problems, key=lambda problem: problem.line)
        super().__init__("\n".join(problem.render(path) for problem in self.problems))


class UsageError(AlignError):
    """The command line asks for something that does not exist. Exit code 2."""


class StageFailed(AlignError):
    """A stage stopped. Says which, why, and where its log is. Exit code 1."""

    def __init__(self, stage: str, cause: str, log: Path | None = None) -> None:
        self.stage, self.cause, self.log = stage, cause, log
        super().__init__(f"stage {stage!r} failed: {cause}" + (f"\n  log: {log}" if log else ""))


class BadRow(ValueError):
    """A row cannot be used; the message is the reason that is counted and shown."""


class NoGrade(AlignError):
    """A judge gave no grade that can be read, twice. A synthesizer that does not catch it drops the prompt."""
