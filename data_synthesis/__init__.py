"""Make rows: one folder for each synthesizer, over one row engine."""

from align.generate.calls.structured import NoValidAnswer
from data_synthesis.synthesizer import Context, Drop, Synthesizer
from data_synthesis.table_synthesizer import Derived, DroppedRow, TableSynthesizer

__all__ = ["Context", "Derived", "Drop", "DroppedRow", "NoValidAnswer", "Synthesizer", "TableSynthesizer"]
