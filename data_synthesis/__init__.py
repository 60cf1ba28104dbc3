"""Where rows come from: one file a synthesizer, over one row engine."""

from data_synthesis.base import Context, Drop, Synthesizer

__all__ = ["Context", "Drop", "Synthesizer"]
