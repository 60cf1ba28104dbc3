"""How likely does a served model find given texts behind a text, or as the beginning of an answer in a chat?

OpenAI's completions API answers that when it is asked to repeat the prompt with log-probabilities (`echo`,
`logprobs`); `lm-evaluation-harness` (0.4.13, `local-completions`) measures served models so, and vLLM and
SGLang give it. One request has several prompts: the context alone, and the context with each text. The tokens
of a text are those behind the tokens of the context.

Where one token spans the border, the context's tokens do not begin those of both together. Then the ids of
the context are followed by the ids of the text alone, and asked about as ids: the rule of
`align.models.tokens.Tokens.continuation`. The ids of a text alone are those behind a short other text (its
anchor), because many tokenizers write the beginning of a text differently.

A chat is asked about in three steps, which vLLM can take: `/chat/completions` says into which ids the server
renders the conversation (`return_token_ids`), an echo of these ids gives their text, and the answers stand
behind this text. Its tokens must be the ids of the first step, or the item is left out. So the chat template
is the server's, and `continue_final_message` is not needed: some templates write more into an assistant's
turn than its content.

Departures from the harness and from the API's reference:
1. The harness cuts texts into tokens itself. Here the server does, so no tokenizer is needed.
2. The harness counts a token that spans the border with the context, and drops it. Here nothing is lost.
3. `text_offset` is not used to find the border. vLLM adds up the lengths of single tokens, which is wrong
   behind `<s>` or half a letter (vllm-project/vllm#5334); SGLang sends -1.
4. `return_tokens_as_token_ids` makes vLLM send ids instead of texts. Two tokens may have one text (two
   halves of letters), and one of them would hide the other in `top_logprobs`. A server that does not know the
   field sends texts, which are then compared; it cannot be asked about ids. (`return_token_ids` would end the
   echo: vllm-project/vllm#57996.)
5. One token is generated and thrown away, because not every server takes `max_tokens: 0`. So context and text
   must leave room for one token. Temperature 1 leaves the log-probabilities as they are at servers that scale
   them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

from align.core.errors import BadRow
from align.core.plugins import GIVEN, LIKELIEST, Completion
from align.generate.backends.openai_replies import CHAT, TEXT, ServerReply, read_choices, read_object

T = TypeVar("T")
Prompt: TypeAlias = str | list[int]
"""A prompt as a text, or as ids of tokens."""

ASK_ECHO: dict[str, Any] = {
    "max_tokens": 1,
    "temperature": 1.0,
    "echo": True,
    "logprobs": 1,
    "return_tokens_as_token_ids": True,
}
"""The fields of a request that asks for the log-probabilities of its prompts."""

_ID = "token_id:"
"""What stands in front of an id where vLLM sends ids in place of texts."""
_LISTS = ("tokens", "token_logprobs", "top_logprobs")
"""The fields of `logprobs` that are read: an entry a token each."""
_ANCHORS = ("\n", "a", "1")
"""The ids of a text alone are taken behind one of these texts."""
_REMEDY = (
    "so it cannot tell how likely a text is; serve the model with vLLM or SGLang, let it write its answers "
    "(`by: generation`), or measure the checkpoint itself"
)

_NO_CHAT = (
    "so it cannot tell how likely an answer in a chat is (vLLM can); ask it with plain texts "
    "(`prompting: text`), or let it write its answers (`by: generation`)"
)


class Unsupported(Exception):
    """A server cannot do what it was asked for; asking again would not help."""


@dataclass(frozen=True, slots=True)
class Echo:
    """A prompt as a server has read it."""

    text: str
    """The prompt and what was generated behind it."""
    tokens: list[str]
    """The tokens of the prompt: their texts, or their ids behind `token_id:`."""
    logprobs: list[float]
    """Log-probability of each token behind those before it. The first has none, and 0 stands there."""
    likeliest: list[bool]
    """Is it the token that greedy decoding would take?"""

    def from_token(self, start: int) -> Echo:
        """Return the same without the first tokens."""
        return Echo(self.text, self.tokens[start:], self.logprobs[start:], self.likeliest[start:])

    @property
    def ids(self) -> list[int] | None:
        """The ids of the tokens; None where the server sends texts."""
        if not all(token.startswith(_ID) for token in self.tokens):
            return None
        return [int(token.removeprefix(_ID)) for token in self.tokens]


class Send(Protocol):
    """Sends a request to a server, and again while that may help."""

    async def __call__(self, path: str, fields: dict[str, Any], read: Callable[[ServerReply], T]) -> T:
        """Return what `read` makes of the answer to a request with these fields."""
        ...


class Ask:
    """Asks a server how it reads prompts, and adds up what that costs."""

    def __init__(self, send: Send, **fields: Any) -> None:
        """Keep what sends requests; `fields` go into every one."""
        self.send, self.fields, self.spent = send, ASK_ECHO | fields, Counter[str]()

    async def __call__(self, prompts: Sequence[Prompt]) -> list[Echo]:
        """Return the echo of each of several prompts, in one request."""
        read = partial(read_echoes, prompts=len(prompts))
        found, usage = await self.send(TEXT, self.fields | {"prompt": prompts}, read)
        self.spent.update(usage)
        return found


def read_echoes(answer: ServerReply, prompts: int) -> tuple[list[Echo], dict[str, int]]:
    """Return how a server has read each of several prompts, and the tokens that it counted.

    Args:
        answer: to a request with the fields `ASK_ECHO`.
        prompts: number of prompts of the request.

    Raises:
        ValueError: not JSON, or another number of choices.
        Unsupported: it has no log-probabilities of all tokens of the prompts.
    """
    choices, usage = read_choices(answer)
    if len(choices) != prompts:
        raise ValueError(f"{len(choices)} choices for {prompts} prompts")
    echoes = [_echo(choice) for choice in choices]
    given, expected = sum(len(echo.tokens) for echo in echoes), usage.get("prompt_tokens", 0)
    if given != expected:
        raise Unsupported(
            f"the server gives log-probabilities of {given} tokens of prompts that have {expected}, {_REMEDY}"
        )
    return echoes, usage | {"request_ms": answer.milliseconds}


def _echo(choice: Any) -> Echo:
    """Read one choice, without the token that was generated.

    Raises:
        Unsupported: log-probabilities are missing, or null behind the first token, which has none.
    """
    told = choice.get("logprobs") if isinstance(choice, dict) else None
    lists = [told.get(name) for name in _LISTS] if isinstance(told, dict) else []
    if not lists or not all(isinstance(each, list) and len(each) == len(lists[0]) for each in lists):
        raise Unsupported(f"the server sends no log-probabilities with an echo of the prompt, {_REMEDY}")
    tokens, logprobs, tops = (each[:-1] for each in lists)
    rest = list(zip(logprobs, tops, strict=True))[1:]
    if not all(isinstance(p, int | float) and isinstance(top, dict) and top for p, top in rest):
        raise Unsupported(f"the server sends null for a log-probability inside a prompt, {_REMEDY}")
    return Echo(
        str(choice.get("text")),
        list(map(str, tokens)),
        [0.0, *(float(p) for p, _ in rest)][: len(tokens)],
        [True, *(p >= max(top.values()) for p, top in rest)][: len(tokens)],
    )


def read_prompt_ids(answer: ServerReply) -> tuple[list[int], dict[str, int]]:
    """Return the ids into which a server has rendered a conversation, and the tokens that it counted.

    Raises:
        ValueError: not JSON, or no choices.
        Unsupported: it does not say the ids.
    """
    _, usage = read_choices(answer)
    ids = read_object(answer).get("prompt_token_ids")
    if not isinstance(ids, list) or not all(isinstance(token, int) for token in ids):
        raise Unsupported(f"the server does not say into which tokens it renders a conversation, {_NO_CHAT}")
    return ids, usage


def read_text(answer: ServerReply) -> str:
    """Return the text of the only choice, with which a server repeats a prompt.

    Raises:
        ValueError: not JSON, no choices, or a choice without text.
    """
    (choice, *_), _ = read_choices(answer)
    text = choice.get("text") if isinstance(choice, dict) else None
    if not isinstance(text, str):
        raise ValueError("a choice has no text")
    return text


async def behind_text(send: Send, context: str, texts: Sequence[str]) -> list[Completion]:
    """Return each of several texts with the log-probabilities of its tokens behind a context.

    Raises:
        BadRow: there is no context, or the server cannot write a text behind it; the message says why.
        Unsupported: the server does not tell.
    """
    return await _likelihoods(Ask(send), context, texts)


async def in_chat(send: Send, messages: Sequence[dict[str, Any]], texts: Sequence[str]) -> list[Completion]:
    """Return each of several texts with the log-probabilities of its tokens at the beginning of an answer.

    Raises:
        BadRow: the rendered conversation cannot be written as a text, or an answer behind it.
        Unsupported: the server does not tell.
    """
    asked = {"messages": messages, "max_tokens": 1, "temperature": 1.0, "return_token_ids": True}
    ids, usage = await send(CHAT, asked, read_prompt_ids)
    repeated = {"prompt": [ids], "max_tokens": 0, "temperature": 1.0, "echo": True}
    rendered = await send(TEXT, repeated, read_text)
    ask = Ask(send, add_special_tokens=False)  # they are in the text
    ask.spent.update(usage)
    return await _likelihoods(ask, rendered, texts, ids)


async def _likelihoods(
    ask: Ask, context: str, texts: Sequence[str], ids: list[int] | None = None
) -> list[Completion]:
    """Return the log-probabilities of texts behind a context; `ids` are those it must have, if known."""
    if not context:
        raise BadRow("a served model cannot tell how likely a text without a context is")
    head, found = await _behind(ask, context, texts)
    if ids is not None and head.ids is None:
        raise Unsupported(f"the server does not send the ids of tokens, {_NO_CHAT}")
    if ids is not None and head.ids != ids:
        raise BadRow("the server reads its own rendering of the conversation as other tokens")
    if rest := [text for text in texts if text not in found]:
        found |= await _by_ids(ask, context, head, rest)
    if not all(found[text].tokens for text in texts):
        raise BadRow("the tokenizer has no tokens for an answer")
    said = [found[text] for text in texts]
    return [
        Completion(
            text,
            LIKELIEST if all(one.likeliest) else GIVEN,
            one.ids,
            dict(ask.spent) if i == 0 else {},
            one.logprobs,
        )
        for i, (text, one) in enumerate(zip(texts, said, strict=True))
    ]


async def _behind(ask: Ask, front: str, texts: Sequence[str]) -> tuple[Echo, dict[str, Echo]]:
    """Return how a server reads a text, and the tokens of each of several texts behind it.

    Texts whose first token begins before the border are left out.

    Raises:
        BadRow: the first text has no tokens.
    """
    head, *wholes = await ask([front, *(front + text for text in texts)])
    size = len(head.tokens)
    if not size:
        raise BadRow("the tokenizer has no tokens for the question")
    found = {
        text: whole.from_token(size)
        for text, whole in zip(texts, wholes, strict=True)
        if whole.tokens[:size] == head.tokens
    }
    return head, found


async def _by_ids(ask: Ask, context: str, head: Echo, texts: Sequence[str]) -> dict[str, Echo]:
    """Return the tokens of texts that are cut into tokens by themselves, behind the ids of the context.

    Raises:
        BadRow: the server does not send ids, or no ids spell a text there.
    """
    front, own = head.ids, dict[str, list[int]]()
    if front is None:
        raise BadRow("a token spans the end of the question and the beginning of an answer")
    for anchor in _ANCHORS:
        if rest := [text for text in texts if text not in own]:
            _, found = await _behind(ask, anchor, rest)
            own |= {text: echo.ids or [] for text, echo in found.items()}
    if not all(own.get(text) for text in texts):
        raise BadRow("the tokenizer cannot write an answer behind its question")
    wholes = await ask([front + own[text] for text in texts])
    # an echo of ids is what they decode to
    if not all(context + text in whole.text for text, whole in zip(texts, wholes, strict=True)):
        raise BadRow("the tokenizer cannot write an answer behind its question")
    return {text: whole.from_token(len(front)) for text, whole in zip(texts, wholes, strict=True)}
