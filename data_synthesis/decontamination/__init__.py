"""Find and remove training rows that contain items of a test set."""

from data_synthesis.decontamination.overlap import ngram_overlap
from data_synthesis.decontamination.pairs import Match, find_contaminated

__all__ = ["Match", "find_contaminated", "ngram_overlap"]
