"""Tokens are counted by the model's own tokenizer, and a long text is cut so that each token is predicted once."""

from align.evaluate.text_lengths import TextLengths
from align.models.tokenizers import load_chat

TEXT = "Ben has 42 cups and loses 17 of them. " * 12


def test_texts_are_cut_to_a_number_of_tokens(tiny):
    lengths = TextLengths(load_chat(tiny), 512)
    assert lengths.exact
    assert lengths.tokens(lengths.cut(TEXT, 30)) == 30
    assert lengths.cut(TEXT, 0) == ""
    assert lengths.cut(TEXT, 10_000) == TEXT
    assert lengths.prompt_tokens([{"role": "user", "content": TEXT}]) > lengths.prompt_tokens(TEXT)


def test_a_served_models_tokens_are_estimated():
    lengths = TextLengths()
    assert not lengths.exact
    assert lengths.tokens("x" * 9) == 3
    assert lengths.cut("x" * 9, 2) == "x" * 8
    assert lengths.prompt_tokens([{"role": "user", "content": "x" * 8}]) == 2


def test_a_long_text_is_rolled_over_in_pieces_that_fit(tiny):
    lengths = TextLengths(load_chat(tiny), 32)
    count = lengths.tokens(TEXT)
    windows = lengths.windows(TEXT)
    assert "".join(text for _, text, _ in windows) == TEXT
    assert [tokens for *_, tokens in windows] == [32] * (count // 32) + [count % 32] * bool(count % 32)
    assert windows[0][0] == lengths.beginning
    assert lengths.tokens(windows[1][0]) == 1
    assert lengths.tokens(windows[-1][0]) == 33 - windows[-1][2]
    assert TextLengths(load_chat(tiny), 512).windows("Ben") == [(lengths.beginning, "Ben", lengths.tokens("Ben"))]
    assert lengths.windows("") == []
