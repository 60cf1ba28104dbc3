"""Write what an evaluation found: scores and comparisons as JSON, the tables as text, the pictures."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from align.core import tables
from align.core.stage import Run
from align.evaluate import pictures, scores, table
from align.evaluate.measure import TaskResults, write_items
from align.evaluate.tax import Tax, tax


@dataclass
class Outputs:
    """The results of an evaluation, and the files that are made of them."""

    run: Run
    results: Mapping[str, TaskResults]
    """Task -> what all models got."""
    models: Sequence[str]
    """In the order of the table."""
    references: Sequence[str]
    """The models that all later ones are compared with."""
    targets: Sequence[str]
    """The tasks that training aims at."""

    def write(self, seen: Mapping[str, frozenset[str]]) -> list[Tax]:
        """Write all files into the stage's folder, log the tables, and return the alignment taxes.

        Args:
            seen: task -> ids of the items that were seen in training.
        """
        changes, taxes = self._changes(), self._taxes()
        for name, data in (
            ("comparisons", [change.entry() for change in changes]),
            ("by_group", self._by_group()),
            ("tax", [asdict(owed) for owed in taxes.values()]),
            ("scores", self._scores()),
        ):
            text = json.dumps(data, indent=1, ensure_ascii=False)
            tables.replace(self.run.folder / f"{name}.json", text + "\n")
        write_items(self.results, self.run.folder / "results")
        text = self._text(changes, taxes, seen)
        tables.replace(self.run.folder / "table.txt", text)
        self.run.log.info("\n%s", text)
        self._draw(taxes)
        self._tell()
        return list(taxes.values())

    def _changes(self) -> list[scores.Change]:
        """Compare each model with the line above, and with every reference before it."""
        above = list(itertools.pairwise(self.models))
        others = [(one, model) for one in self.references for model in self._after(one)]
        return scores.changes(self.results, list(dict.fromkeys([*above, *others])))

    def _taxes(self) -> dict[tuple[str, str], Tax]:
        """Return (model, reference) -> the alignment tax."""
        seed = self.run.seed("tax")
        return {
            (model, one): owed
            for one in self.references
            for model in self._after(one)
            if (owed := tax(self.results, model, one, self.targets, seed))
        }

    def _after(self, reference: str) -> Sequence[str]:
        return self.models[self.models.index(reference) + 1 :]

    def _text(
        self,
        changes: Sequence[scores.Change],
        taxes: Mapping[tuple[str, str], Tax],
        seen: Mapping[str, frozenset[str]],
    ) -> str:
        """Return all tables."""
        compared = self.run.report["overlap"]["training rows compared"]
        text = table.render(self.results, self.models, changes)
        text += table.render_groups(self.results, self.models)
        text += table.render_clean(self.results, self.models, seen, compared)
        if len(self.results) > 1 or self.targets:
            text += table.render_tax(self.results, self.models, self.references, taxes, self.targets)
        note = Path(self.run.locate("base")) / "NOTE.txt"  # a base made for demonstration says so there
        return text + ("\n" + note.read_text(encoding="utf-8") if note.is_file() else "")

    def _draw(self, taxes: Mapping[tuple[str, str], Tax]) -> None:
        """Draw the pictures of the tasks, and of what was gained on the targets and lost elsewhere."""
        folder = self.run.folder / pictures.FOLDER
        for each in self.results.values():
            each.task.pictures(each.items, each.outcomes, folder)
        for reference in self.references:
            owed = [one for (_, against), one in taxes.items() if against == reference]
            if drawn := [one for one in owed if one.target is not None]:
                pictures.tax_picture(drawn, pictures.picture_path(folder, "tax-against", reference))

    def _tell(self) -> None:
        """Add to the report what happened that is no score, and the tasks' warnings."""
        report = self.run.report
        for model in self.models:
            noted = {
                f"{name}: {what}": n
                for name, each in self.results.items()
                for what, n in scores.notes(each, model).items()
            }
            if noted:
                report[f"of {model}"] = noted
        for name, each in self.results.items():
            for model, whole in each.summaries.items():
                for i, what in enumerate(whole.warnings, 1):
                    report[f"warning {i} on {model}, {name}"] = what

    def _scores(self) -> dict[str, Any]:
        """Return model -> task -> metric -> n, value, low, high; and what was not measured."""
        found: dict[str, Any] = {}
        for model in self.models:
            for name, each in self.results.items():
                got = _estimates(each, model)
                if model in each.summaries:
                    figures = each.summaries[model].figures
                    got |= {
                        m: {k: v for k, v in asdict(f).items() if k != "bounds"} for m, f in figures.items()
                    }
                left = scores.skipped(each, model)
                found.setdefault(model, {})[name] = got | ({"not measured": left} if left else {})
        return found

    def _by_group(self) -> dict[str, Any]:
        """Return task -> group -> model -> metric -> n, value, low, high."""
        found: dict[str, Any] = {}
        for name, each in self.results.items():
            for group, keep in scores.groups(each).items():
                of_models = {model: _estimates(each, model, keep) for model in self.models}
                found.setdefault(name, {})[group] = of_models
        return found


def _estimates(results: TaskResults, model: str, *keep: Any) -> dict[str, Any]:
    """Return metric -> n, value, low, high of a model on a task, or on a group of its items."""
    found = {metric: scores.score(results, model, metric, *keep) for metric in scores.metrics(results)}
    return {metric: asdict(one) for metric, one in found.items() if one}
