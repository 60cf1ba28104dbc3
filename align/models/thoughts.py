"""Reasoning, the part of an answer that comes before what the user reads.

A row has it in the field `reasoning` of its turn, or in front of the content in `<think>` tags. Sampled
answers have the second form, whatever tags the model wrote, so that graders and later stages know one form
only. Chat templates differ: most read the field, some find the tags in the content themselves, some print the
content as it is, and the generation prompt of some has already opened the tag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from align.core.errors import BadRow
from align.core.rows import THINKING, Message, apart

OWN = "<think>"
"""The tag that opens the reasoning in rows."""


def split(message: Message, tags: Mapping[str, str] = THINKING, *, opened: bool = False) -> Message:
    """Move the reasoning of an assistant turn from tags in front of its content into its own field.

    Args:
        message: any turn.
        tags: openers and their closers.
        opened: the prompt ends with the opener, so the content may begin inside the reasoning.
    """
    if message["role"] != "assistant" or message.get("reasoning"):
        return message
    for opener, closer in tags.items():
        begins = re.escape(opener)
        # a text that only mentions both tags is no reasoning
        inner = f"{begins}(.*?)|((?:(?!{begins}).)*?)" if opened else f"{begins}(.*?)"
        if found := re.match(f"\\s*(?:{inner}){re.escape(closer)}", message["content"], re.DOTALL):
            plain = message | {"content": message["content"][found.end() :].lstrip("\n")}
            reasoning = next(text for text in found.groups() if text is not None)
            return plain | {"reasoning": reasoning.strip("\n")} if reasoning.strip() else plain
    return message


def once(message: Message) -> Message:
    """Return a message that has its reasoning in one place only.

    Raises:
        BadRow: the field and the content have different reasoning.
    """
    inside, answer = apart(message["content"]) if message.get("reasoning") else ("", "")
    if not inside.strip():
        return message
    if inside.strip() != message["reasoning"].strip():
        raise BadRow("the reasoning in the turn's field is not the one in its content")
    return message | {"content": answer.lstrip("\n")}


def join(message: Message, opener: str, closer: str) -> Message:
    """Move the reasoning of an assistant turn, if it has any, into tags in front of its content."""
    plain = {key: value for key, value in message.items() if key != "reasoning"}
    if not message.get("reasoning"):
        return plain
    return plain | {"content": enclosed(message["reasoning"], message["content"], opener, closer)}


def enclosed(reasoning: str, content: str, opener: str = OWN, closer: str = THINKING[OWN]) -> str:
    """Return reasoning in tags, then the content; tags have lines of their own, except Mistral's brackets."""
    line = "" if opener.startswith("[") else "\n"
    return f"{opener}{line}{reasoning}{line}{closer}{line}{line}{content}"


def closing(opener: str, space: str, rendered: str, answer: Message, tags: Mapping[str, str]) -> str:
    """Return what follows a prompt that opens the reasoning, if the template renders the answer otherwise.

    Args:
        opener: the tag with which the prompt ends.
        space: the white space behind it.
        rendered: what the template writes in place of both, and after that.
        answer: the turn, its reasoning in a field.
        tags: openers and their closers.

    Raises:
        BadRow: its reasoning is never closed.
    """
    closer = tags[opener]
    if rendered.lstrip().startswith(opener):
        if closer not in rendered:
            raise BadRow(f"the answer opens its reasoning with {opener} and does not close it")
        return rendered.lstrip().removeprefix(opener).removeprefix(space)
    reasoning = answer.get("reasoning", "").strip()
    if rendered.lstrip().startswith(closer) or (reasoning and closer in rendered):  # GLM-4.7 closes at once
        return rendered
    before = f"{reasoning}\n" if reasoning else "" if space else "\n"
    return f"{before}{closer}\n\n{rendered.lstrip()}"


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a model writes between two texts, and the white space on both sides of it."""

    left: str
    core: str
    right: str

    @classmethod
    def of(cls, text: str) -> _Mark:
        core = text.strip()
        left, _, right = text.partition(core) if core else (text, "", "")
        return cls(left, core, right)

    def skip(self, text: str) -> str:
        """Return a text without this mark at its beginning."""
        return text.lstrip().removeprefix(self.core).removeprefix(self.right) if self.core else text


class Shape:
    """How a model writes an answer, to read it back; `align.models.written` does the reverse.

    Without reasoning: `plain`, answer, `behind`. With it: `opening`, reasoning, `middle`, answer, `behind`.
    """

    def __init__(
        self, plain: str = "", behind: str = "", opening: str = "", middle: str = "", *, opened: bool = False
    ) -> None:
        """Keep the texts around the answer and its reasoning; `opened`: the prompt opens the reasoning."""
        self.opening, self.middle, self.plain = _Mark.of(opening), _Mark.of(middle), _Mark.of(plain)
        self.behind, self.opened = behind, opened

    def read(self, text: str) -> tuple[str, str | None]:
        """Return (reasoning, answer) of what a model wrote; unclosed reasoning has no answer (None)."""
        begun = text.lstrip()
        if self.middle.core and self.middle.core in text:
            head, _, answer = text.partition(self.middle.core)
            reasoning = self.opening.skip(head).removesuffix(self.middle.left)
            return reasoning, answer.removeprefix(self.middle.right).removesuffix(self.behind)
        if self.plain.core and begun.startswith(self.plain.core):
            return "", self.plain.skip(text).removesuffix(self.behind)
        if self.opened or (self.opening.core and begun.startswith(self.opening.core)):
            return self.opening.skip(text), None
        return "", text.removeprefix(self.plain.left).removesuffix(self.behind)
