"""The abstract bases that `kind` chooses from, besides stages: generators, rewards, samplers, optimizers."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from pydantic import Field

from align.core.config import Config, Plugin
from align.core.errors import AlignError, BrokenPlugin, NotLoaded
from align.core.rows import Message, Prompt, visible

if TYPE_CHECKING:
    from align.core.stage import Run


LIKELIEST, GIVEN = "likeliest", "given"
"""The `finish_reason` of a text that was given (`Sampling.continuations`): LIKELIEST where every token of it
is the one that greedy decoding would take, else GIVEN."""


class Sampling(Config):
    """How to draw completions. Every value is sent explicitly, so no model's own defaults leak in."""

    n: int = Field(default=1, ge=1)
    """Completions of one prompt."""
    temperature: float = Field(default=1.0, ge=0)
    """0 is greedy; 1 samples the model's own distribution."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Keep only the smallest set of tokens with this much probability; 1 keeps all."""
    top_k: int = Field(default=0, ge=0)
    """Keep only this many of the most probable tokens; 0 keeps all."""
    max_new_tokens: int = Field(default=512, ge=1)
    """Longest completion, in tokens; one that is cut has finish_reason "length"."""
    seed: int = 0
    """Sample i draws from (seed, first + i). Exact with `transformers`; only a hint to servers."""
    first: int = Field(default=0, ge=0)
    """Index of the first sample, if earlier ones are known already."""
    json_schema: dict[str, Any] | None = None
    """JSON schema that the completion should fit. A server constrains its decoding by it, or ignores it."""
    tools: list[dict[str, Any]] | None = None
    """The functions that the prompt offers, for the chat template to render."""
    stop: list[str] | None = None
    """Texts that end a completion. It ends before the first of them, as if the model had stopped there."""
    plain: bool | None = None
    """True: the only message is a text that the model continues, without a chat template. Prompts with worked
    examples for base models are such texts."""
    continuations: list[str] | None = None
    """Texts whose likelihood is asked for; nothing is drawn, and `n` is their number. Completion i is text
    i with the log-probability of each of its tokens."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote.

    `finish_reason` is "stop" when it ended by itself, "tool_calls" when it ended with a call. Any other word
    is the back end's own and means that something is missing: "length", "content_filter", "max_tokens",
    "abort", "error", "unknown"...
    """

    text: str
    finish_reason: str
    token_ids: list[int] | None = None
    """Ids as sampled, including the end-of-turn token if there was one."""
    usage: dict[str, int] = field(default_factory=dict)
    """`prompt_tokens` and `completion_tokens`, if the back end reports them."""
    logprobs: list[float] | None = None
    """Log-probability of each of `token_ids` at temperature 1. Only a sampler of online DPO reports them, and
    completions whose text was given (`Sampling.continuations`)."""

    @property
    def whole(self) -> bool:
        """It ended by itself, with an answer or with a call."""
        return self.finish_reason in ("stop", "tool_calls")

    @property
    def answers(self) -> bool:
        """It can be an answer in a row: whole, no tool call, and with some text after its reasoning."""
        return self.finish_reason == "stop" and any(
            c.isprintable() and not c.isspace() for c in visible(self.text)
        )

    @property
    def missing(self) -> str:
        """Why it is not whole, for counts and messages; "" where it is."""
        if self.whole:
            return ""
        return "truncated" if self.finish_reason == "length" else f"ended by {self.finish_reason!r}"


class Price(Config):
    """What a generator costs, in dollars for a million tokens."""

    prompt: float = Field(ge=0)
    """Price of the tokens that are sent."""
    completion: float = Field(ge=0)
    """Price of the tokens that are generated."""


class Generator(Plugin, ABC):
    """A language model under an alias of the recipe. One verb: `generate`."""

    family: ClassVar[str] = "generator"
    likelihoods: ClassVar[bool] = False
    """True: it can tell how likely given texts are (`Sampling.continuations`)."""
    continues: ClassVar[bool] = False
    """True: it can continue a text without a chat template (`Sampling.plain`)."""

    price: Price | None = None
    """Used by the estimate of `align check --pilot`; it changes no result."""

    @abstractmethod
    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> list[Completion]:
        """Return 1 to `sampling.n` completions, in sample order; the caller asks again for missing ones."""

    async def aclose(self) -> None:
        """Close what belongs to the running event loop, such as connections. `stop` follows."""

    def identity(self) -> dict[str, Any]:
        """Return what decides the answers (model, revision, precision), as part of each logged call's key."""
        return self.model_dump(mode="json", serialize_as_any=True, exclude={"price"})


@contextmanager
def loading(kind: str, model: str) -> Iterator[None]:
    """Turn an error while a generator's or reward's model is loaded into one that stops the stage.

    Raises:
        NotLoaded: something was raised. The message names the model and the cause.
    """
    try:
        yield
    except Exception as error:  # raised by a library; the next prompt would meet the same
        said = str(error).strip().splitlines() or [""]
        why = said[0] if isinstance(error, AlignError) else f"{type(error).__name__}: {said[0]}"
        raise NotLoaded(f"{kind} {model!r} cannot be loaded: {why}") from error


@dataclass(frozen=True, slots=True)
class Score:
    """A reward's judgement of one completion."""

    value: float
    passed: bool | None = None
    """Set by verifiers: is the completion right?"""
    why: str = ""
    graded: bool = True
    """False: no judgement was possible, for instance because the tests were broken. The sample is left out;
    it is neither right nor wrong."""
    lacks: str = ""
    """Of an ungraded score: the setting or the tool with which the completion could be judged. Reports count
    by it."""
    forgeable: bool = False
    """Could the completion have forged this score, because it shared a process with what judged it? The
    lineage says so."""

    def __post_init__(self) -> None:
        """Refuse a verdict whose value is NaN: it would be counted, and the value would spoil every mean."""
        if self.graded and self.passed is not None and math.isnan(self.value):
            raise ValueError(
                "a score with `passed` is not a number (NaN); return Score.ungraded(why) where there is none"
            )

    @classmethod
    def ungraded(cls, why: str, lacks: str = "") -> Score:
        """Return the score of a completion that could not be judged: NaN, so that no sum hides it."""
        return cls(math.nan, None, why, graded=False, lacks=lacks)


Ask: TypeAlias = Callable[[str, Sequence[Message], Sampling], Awaitable[list[Completion]]]
"""How a reward asks a model: (alias of the recipe's `generators`, messages, sampling) -> `sampling.n`
completions. Every answer is logged, and the same question asked again by the same stage is answered from the
log."""


class Reward(Plugin, ABC):
    """Scores completions. A verifier is a reward that also says `passed`."""

    family: ClassVar[str] = "reward"

    def route(self, ask: Ask) -> None:
        """Keep the function that queries the recipe's generators. Called after `start`; most need none."""

    @abstractmethod
    async def score(self, prompt: Prompt, completions: Sequence[str]) -> list[Score]:
        """Return one score per completion, in order."""

    async def score_many(
        self, prompts: Sequence[Prompt], completions: Sequence[Sequence[str]]
    ) -> list[list[Score]]:
        """Score many prompts. Rewards that batch across prompts override it."""
        return list(
            await asyncio.gather(*(self.score(p, c) for p, c in zip(prompts, completions, strict=True)))
        )


def one_each(reward: Reward, scores: Sequence[Score], completions: Sequence[str]) -> list[Score]:
    """Return a reward's scores of some completions, after checking them.

    Raises:
        BrokenPlugin: there is not one for each completion, or one of them is not a `Score`.
    """
    if len(scores) != len(completions):
        given = f"{len(scores)} scores for {len(completions)} completions"
        cause = f"reward {reward.kind!r} gave {given}; one each is needed"
        raise BrokenPlugin(cause)
    if wrong := next((score for score in scores if not isinstance(score, Score)), None):
        raise BrokenPlugin(
            f"reward {reward.kind!r} gave {type(wrong).__name__} where `align.Score` is needed"
        )
    return list(scores)


async def score_each(
    reward: Reward, prompts: Sequence[Prompt], completions: Sequence[Sequence[str]]
) -> list[list[Score]]:
    """Return a reward's scores of the completions of many prompts, after checking them.

    Raises:
        BrokenPlugin: there is not one for each completion, or one of them is not a `Score`.
    """
    scores = await reward.score_many(prompts, completions)
    return [one_each(reward, each, texts) for each, texts in zip(scores, completions, strict=True)]


class Sampler(Plugin, ABC):
    """Declares how an online stage draws its samples; its `build` makes the sampler."""

    family: ClassVar[str] = "sampler"

    @abstractmethod
    def build(self, chat: Any, run: Run) -> Any:
        """Return an `align.train.samplers.policy.PolicySampler` for a stage.

        Args:
            chat: the policy's tokenizer and what its template does (`align.models.chat.Chat`).
            run: the stage.
        """


class Optimizer(Plugin, ABC):
    """Declares an optimizer; its `build` makes one for a model (signature: see `align.train.optimizers`)."""

    family: ClassVar[str] = "optimizer"
    by_name: ClassVar[bool] = False
    """It needs the name and shape of each parameter, which DeepSpeed takes away, so it is refused there."""
