"""Decode a batch of sequences, and compute nothing twice.

1. Prompts are computed once, with what they have in common (`align.generate.backends.prefill`).
2. Sequences with the same prompt that have the same tokens so far are one row of the model. Each draws its
   next token from the row's distribution with its own random number, and where they draw different tokens,
   the row is forked. So five answers of a model that is sure of itself cost little more than one.
3. Keys and values are written where there is room for them (`align.generate.backends.roomy_cache`).
4. Rows that nobody needs any more leave the batch once they are a quarter of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from align.core.plugins import Sampling
from align.generate.backends.ends import Ends
from align.generate.backends.prefill import left_padded, prefill

if TYPE_CHECKING:
    import torch

BLOCK = 256
"""Tokens in a block of the vocabulary, when a token is drawn. The blocks are then about as many."""
LEAVE = 0.75
"""Rows leave the batch when at most this share of it is still needed: each time, the cache is copied once."""


def decode(
    model: Any, prompts: list[list[int]], pick: InverseCDF, ends: Ends, pad: int, *, logprobs: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the new tokens of each sequence, and their log-probabilities at T = 1 if they are asked for.

    Args:
        model: a causal language model, in evaluation mode.
        prompts: token ids, one list a sequence.
        pick: how the next tokens are drawn.
        ends: which sequences have ended.
        pad: the id that stands behind the end of a sequence.
        logprobs: whether to report log-probabilities.

    Returns:
        Ids and log-probabilities, both (batch, new tokens); behind a sequence's end, `pad` and 0.
    """
    import torch  # noqa: PLC0415 (read by `align check`)

    ids, mask, shared = left_padded(model, prompts, pad)
    cache, row_of = prefill(model, ids, mask, shared, prompts)
    rows = _Rows(cache, torch.tensor(row_of, device=ids.device), ids, mask)
    alive = torch.arange(len(prompts), device=ids.device)  # the sequences that have not ended
    out = ids.new_full((len(prompts), pick.steps), pad)
    logps = torch.zeros(out.shape, device=ids.device)
    for step in range(pick.steps):
        logits = rows.advance(model)
        tokens = pick(logits, rows.of, step, alive)
        out[alive, step] = tokens
        if logprobs:
            logps[alive, step] = logits.float().log_softmax(-1)[rows.of, tokens]
        going = (~ends(out[alive, : step + 1])).nonzero().flatten()
        alive = alive[going]
        if len(alive) == 0:
            return out[:, : step + 1], logps[:, : step + 1]
        rows.follow(going, tokens[going], pad)
    return out, logps


class _Rows:
    """The rows of the model's batch, and which of them each sequence is in."""

    def __init__(self, cache: Any, row_of: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor) -> None:
        """Begin with a row for each distinct prompt.

        Args:
            cache: of the distinct prompts without their last token; None where they have only one.
            row_of: (sequences,) the row of each sequence's prompt.
            ids: (sequences, width) left-padded prompts.
            mask: (sequences, width), 0 on padding.
        """
        import torch  # noqa: PLC0415

        self.cache, self.of, self._most = cache, row_of, len(row_of)
        # rows are numbered in the order in which their prompts come, so the first of each is a new maximum
        earlier = torch.cat([row_of.new_tensor([-1]), row_of[:-1].cummax(0).values])
        first = (row_of > earlier).nonzero().flatten()
        self._current = ids[first, -1:]  # (rows, 1): the tokens to be fed next
        self._mask = mask[first]
        self._forks = False  # can rows be forked? known once there is a cache
        if cache is not None:
            self._prepare()

    def _prepare(self) -> None:
        """Give the cache room. A cache that cannot fork gets a row for each sequence now."""
        import torch  # noqa: PLC0415

        from align.generate.backends.roomy_cache import make_room  # noqa: PLC0415 (needs transformers)

        self._forks = make_room(self.cache, self._most)
        if not self._forks:
            self._select(self.of, self._most)
            self.of = torch.arange(len(self.of), device=self.of.device)

    def advance(self, model: Any) -> torch.Tensor:
        """Feed each row its current token, and return (rows, vocabulary) logits of the next one."""
        inputs = {"input_ids": self._current, "attention_mask": self._mask}
        if self.cache is None:
            said, of = model(**inputs, use_cache=True, logits_to_keep=1), self.of
            self.cache = said.past_key_values
            self._prepare()
            return said.logits[:, -1] if self._forks else said.logits[of, -1]
        positions = self._mask.sum(-1, keepdim=True) - 1
        said = model(
            **inputs, position_ids=positions, past_key_values=self.cache, use_cache=True, logits_to_keep=1
        )
        return said.logits[:, -1]

    def follow(self, going: torch.Tensor, tokens: torch.Tensor, pad: int) -> None:
        """Go on with some of the sequences, each in the row of what it has written.

        Args:
            going: (sequences that go on,) their places among those before.
            tokens: (sequences that go on,) the latest token of each.
            pad: what rows are fed that nobody needs any more.
        """
        import torch  # noqa: PLC0415

        of = self.of[going]
        if self._forks:
            of, tokens = self._fork(of, tokens)
        self._current = self._current.new_full((len(self._mask), 1), pad)
        self._current[of, 0] = tokens
        self.of = of
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self._mask), 1)], -1)
        needed, renamed = torch.unique(of, return_inverse=True)
        if len(needed) <= LEAVE * len(self._mask):
            self._select(needed, len(going))
            self.of = renamed

    def _fork(self, of: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Make a row for each different token that sequences of one row have drawn.

        Returns:
            The new row of each sequence, and its token.
        """
        import torch  # noqa: PLC0415

        # one number for a row and a token: `unique` over columns of two would compare them one by one
        base = int(tokens.max()) + 1
        pairs, which = torch.unique(of * base + tokens, return_inverse=True)
        parents = pairs // base  # sorted, so the first child of a row comes first, and stays in it
        first = torch.ones_like(parents, dtype=torch.bool)
        first[1:] = parents[1:] != parents[:-1]
        more, count = parents[~first], len(self._mask)
        if len(more) == 0:
            return of, tokens
        place = parents.clone()
        if count + len(more) > self._most:  # rows that nobody needs are in the way
            self._select(parents, len(of))
            place = torch.arange(len(parents), device=of.device)
        else:
            for layer in self.cache.layers:
                layer.fork(more)
            self._mask = torch.cat([self._mask, self._mask[more]])
            place[~first] = torch.arange(count, count + len(more), device=of.device)
        return place[which], tokens

    def _select(self, rows: torch.Tensor, most: int) -> None:
        """Keep some rows, in the order given; there will never be more than `most`."""
        self._most = most
        if self._forks:
            for layer in self.cache.layers:
                layer.select(rows, most)
        else:
            self.cache.batch_select_indices(rows)
        self._mask, self._current = self._mask[rows], self._current[rows]


class InverseCDF:
    """Picks tokens by inverting the cumulative distribution at each row's uniform number; greedy at T = 0."""

    def __init__(
        self, seeds: list[tuple[int, int]], sampling: Sampling, temperatures: list[float] | None = None
    ) -> None:
        """Keep how each row of a batch is drawn.

        Args:
            seeds: (request seed, sample index) of each row.
            sampling: nucleus, length and texts that end a completion, common to the batch.
            temperatures: of each row, 0 is greedy; left out, that of `sampling`.
        """
        import numpy as np  # noqa: PLC0415
        import torch  # noqa: PLC0415
        from transformers import TopKLogitsWarper, TopPLogitsWarper  # noqa: PLC0415

        self.steps, self.stop = sampling.max_new_tokens, sampling.stop
        temperatures = temperatures or [sampling.temperature] * len(seeds)
        uniforms = [
            np.random.default_rng(seed).random(self.steps) if temperature else np.zeros(self.steps)
            for seed, temperature in zip(seeds, temperatures, strict=True)
        ]
        self.uniforms = torch.from_numpy(np.stack(uniforms)).float()  # (batch, max_new_tokens)
        self.temperatures = torch.tensor(temperatures)  # (batch,)
        self.warpers: list[Any] = [TopKLogitsWarper(sampling.top_k)] if sampling.top_k else []
        self.warpers += [TopPLogitsWarper(sampling.top_p)] if sampling.top_p < 1 else []

    def to(self, device: Any) -> InverseCDF:
        """Move the random numbers to the device of the logits."""
        self.uniforms, self.temperatures = self.uniforms.to(device), self.temperatures.to(device)
        return self

    def __call__(
        self, logits: torch.Tensor, of: torch.Tensor, step: int, sequences: torch.Tensor
    ) -> torch.Tensor:
        """Return the next token of each sequence.

        Args:
            logits: (rows, vocabulary).
            of: (sequences,) the row of each sequence.
            step: which new token it is.
            sequences: (sequences,) their places in the batch.
        """
        drawn = (self.temperatures[sequences] > 0).nonzero().flatten()
        if len(drawn) == len(of):
            return self._drawn(logits[of], step, sequences)
        # on a CPU, `max` takes a third of the time of `argmax` for bfloat16; both find the first of equals
        picked = logits.max(-1).indices[of]
        if len(drawn):
            picked[drawn] = self._drawn(logits[of[drawn]], step, sequences[drawn])
        return picked

    def _drawn(self, logits: torch.Tensor, step: int, sequences: torch.Tensor) -> torch.Tensor:
        """Return tokens drawn from (sequences, vocabulary) logits.

        The cumulative distribution is searched in two steps, first over blocks of tokens and then within one.
        On a CPU that takes a fraction of the time of summing over a vocabulary of 49,152, and rounds less.
        Nothing as large as the logits is made twice: new memory costs more than the arithmetic.
        """
        import torch  # noqa: PLC0415

        scores = logits.float().div_(self.temperatures[sequences].unsqueeze(-1))
        for warper in self.warpers:
            scores = warper(None, scores)
        weights = scores.sub_(scores.amax(-1, keepdim=True)).exp_()
        padded = torch.nn.functional.pad(weights, (0, -weights.shape[-1] % BLOCK))
        blocks = padded.view(len(weights), -1, BLOCK)
        sums = blocks.sum(-1).double()
        before = sums.cumsum(-1)
        target = self.uniforms[sequences, step].double().unsqueeze(-1) * before[:, -1:]
        block = torch.searchsorted(before, target, right=True).clamp_(max=sums.shape[-1] - 1)
        rest = target - (before - sums).gather(-1, block)
        inside = blocks.gather(1, block.unsqueeze(-1).expand(-1, -1, BLOCK)).squeeze(1).double().cumsum(-1)
        picked = block * BLOCK + torch.searchsorted(inside, rest, right=True).clamp_(max=BLOCK - 1)
        # rounding can put the target behind the last token with probability: take the likeliest then
        missed = padded.gather(-1, picked) == 0
        if bool(missed.any()):
            picked = torch.where(missed, weights.argmax(-1, keepdim=True), picked)
        return picked.squeeze(-1)
