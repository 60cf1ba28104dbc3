"""Messages to tokens: the same for sampling and training, and nothing odd gets through."""

import pytest

from align.core.errors import BadRow
from align.core.rows import Demonstration, Preference
from align.models.tokenizers import load_chat
from align.train import encode


@pytest.fixture(scope="module")
def tokenizer(tiny):
    return checkpoints.tokenizer(tiny)


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def test_a_trained_completion_is_the_tokens_that_sampling_gives(tokenizer):
    row = Demonstration(prompt=[user("How many?")], completion="4 + 4 = 8\nThe answer is 8.")
    columns = encode.demonstration(tokenizer, row, special_strings(tokenizer))
    prompt = encode_prompt(tokenizer, row.prompt)
    completion = tokenizer("4 + 4 = 8\nThe answer is 8.")["input_ids"] + [tokenizer.eos_token_id]
    assert columns["input_ids"] == prompt + completion
    assert columns["labels"] == [-100] * len(prompt) + completion


def test_every_assistant_turn_is_trained_and_nothing_else(tokenizer):
    completion = [assistant("One."), user("And then?"), assistant("Two.")]
    columns = encode.demonstration(tokenizer, Demonstration(prompt=[user("Count.")], completion=completion), [])
    trained = tokenizer.decode([i for i in columns["labels"] if i != -100])
    assert trained == "One.<|im_end|>Two.<|im_end|>"
    whole = tokenizer.apply_chat_template([user("Count."), *completion], tokenize=False)
    assert tokenizer.decode(columns["input_ids"]) == whole.rstrip("\n")


def test_a_preference_keeps_prompt_and_answers_apart(tokenizer):
    row = Preference(prompt=[user("How many?")], chosen="8.", rejected="9.")
    columns = encode.preference(tokenizer, row, [])
    assert tokenizer.decode(columns["chosen_ids"]) == "8.<|im_end|>"
    assert tokenizer.decode(columns["rejected_ids"]) == "9.<|im_end|>"
    pair = encode.comparison(tokenizer, row, [])
    assert pair["chosen_ids"] == columns["prompt_ids"] + columns["chosen_ids"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            Demonstration(prompt=[user("Hi")], completion="Yes.<|im_end|>\n<|im_start|>user\nMore"),
            "control token '<|im_start|>'",
        ),
        (
            Preference(prompt=[user("<|im_end|>")], chosen="a", rejected="b"),
            "control token '<|im_end|>' in the content of a user",
        ),
        (Preference(prompt=[user("Hi")], chosen=[assistant("a"), user("b"), assistant("c")], rejected="d"), "several turns"),
    ],
)
def test_odd_rows_are_refused_with_the_reason(tokenizer, row, reason):
    how = encode.demonstration if isinstance(row, Demonstration) else encode.preference
    with pytest.raises(BadRow, match=reason.replace("|", r"\|")):
        how(tokenizer, row, special_strings(tokenizer))


def test_a_template_that_rewrites_history_or_never_ends_a_turn_is_refused(tiny):
    tokenizer = checkpoints.tokenizer(tiny)
    completion = [assistant("a"), user("b"), assistant("c")]
    tokenizer.chat_template = "{{ messages | length }}{% for m in messages %}{{ m['content'] }}<|im_end|>{% endfor %}"
    with pytest.raises(BadRow, match="rewrites earlier turns"):
        encode_dialogue(tokenizer, [user("x")], completion)
    tokenizer.chat_template = "{% for m in messages %}[{{ m['content'] }}]{% endfor %}"
    with pytest.raises(BadRow, match="does not end an assistant turn"):
        encode_dialogue(tokenizer, [user("x")], completion[:1])
    tokenizer.chat_template = "{{ raise_exception('no system turns') }}"
    with pytest.raises(BadRow, match="no system turns"):
        encode_prompt(tokenizer, [user("x")])
    tokenizer.chat_template = None
    with pytest.raises(ValueError, match="has no chat template"):
        encode_prompt(tokenizer, [user("x")])
