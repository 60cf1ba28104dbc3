"""Where rows come from: one file a synthesizer, over one row engine."""

from align.generate.calls.structured import NoValidAnswer
from data_synthesis.synthesizer import Context, Drop, Synthesizer

__all__ = ["Context", "Drop", "NoValidAnswer", "Synthesizer"]
