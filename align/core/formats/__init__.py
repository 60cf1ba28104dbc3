"""Turn raw records, in the shapes that people use, into rows. Each record is judged by itself.

The shapes are TRL's columns, OpenAI's chat, tool and preference files, ShareGPT, Alpaca, HH's transcripts,
and the usual names for a question and its response, with conversations as lists of messages or as plain
strings (`align.core.formats.shapes`). TRL itself looks only at the first row to choose a format, and trains
on most malformed rows (docs/paper_index.md).
"""

from align.core.formats.reader import Reader

__all__ = ["Reader"]
