"""Where rows come from: one file a synthesizer, over one row engine."""

from data_synthesis.base import Context, Drop, Synthesizer
from data_synthesis.structured import NoValidAnswer

__all__ = ["Context", "Drop", "NoValidAnswer", "Synthesizer"]
