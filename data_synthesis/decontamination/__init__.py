"""Find and remove training rows that contain items of a test set."""

from data_synthesis.decontamination.overlap import ngram_overlap
from data_synthesis.decontamination.pairs import Match, find_contaminated
from data_synthesis.decontamination.rows import Contaminated, Rule, contaminated_rows, contamination

__all__ = [
    "Contaminated",
    "Match",
    "Rule",
    "contaminated_rows",
    "contamination",
    "find_contaminated",
    "ngram_overlap",
]
