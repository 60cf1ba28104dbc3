"""Raw records in the shapes that people have, to rows. Each record is judged by itself.

Understood, with conversations as lists of messages or as plain strings: TRL's columns, OpenAI's chat, tool
and preference files, ShareGPT, Alpaca, HH's transcripts, and the usual names for a question and its response
(`align.core.formats.shapes`). TRL itself looks at the first row only to choose a format and trains on most
malformed rows (docs/paper_index.md).
"""

from align.core.formats.reader import Reader

__all__ = ["Reader"]
