"""The reward that asks a classifier whether an answer contradicts the reference, on tiny classifiers made here."""

import asyncio

import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    BertTokenizer,
)

from align import Prompt, Reward
from align.core.errors import NotLoaded
from reward import nli

LABELS = ["Entailment", "Neutral", "CONTRADICTION"]


@pytest.fixture
def classifier(tmp_path):
    """Write a checkpoint whose likeliest label is given; return its folder."""

    def write(likeliest, labels=LABELS):
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "write", "in", "capitals", "small", "letters", "only"]
        (tmp_path / "vocab.txt").write_text("\n".join(words))
        BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path / "nli")
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
            num_labels=len(labels), id2label=dict(enumerate(labels)), label2id={label: i for i, label in enumerate(labels)},
        )  # fmt: skip
        model = BertForSequenceClassification(config)
        with torch.no_grad():
            model.classifier.bias[likeliest] += 3
        model.save_pretrained(tmp_path / "nli")
        return str(tmp_path / "nli")

    return write


def score(folder, completions, answer="write in capitals"):
    reward = Reward.model_validate({"kind": "nli", "model": folder, "batch_size": 2})
    reward.start(lambda reference: reference)
    prompt = Prompt(messages=[{"role": "user", "content": "What does it check?"}], answer=answer, id="row")
    try:
        return asyncio.run(reward.score(prompt, completions))
    finally:
        reward.stop()


def test_the_value_is_what_is_left_of_the_probability_of_a_contradiction(classifier):
    folder = classifier(0)
    texts = ["small letters", "capitals only write in capitals", "only"]
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    for text, found in zip(texts, score(folder, texts), strict=True):
        with torch.no_grad():
            logits = model(**tokenizer("write in capitals", text, return_tensors="pt")).logits[0]
        assert found.value == pytest.approx(1 - logits.softmax(-1)[2].item(), abs=1e-5), "alone or in a padded batch"
        assert (found.passed, found.why) == (True, "entailment")


def test_many_prompts_at_once_load_one_model(classifier, monkeypatch):
    loads = []
    load = nli._load
    monkeypatch.setattr(nli, "_load", lambda path: loads.append(path) or load(path))
    reward = Reward.model_validate({"kind": "nli", "model": classifier(0)})
    reward.start(lambda reference: reference)
    prompts = [Prompt(messages=[{"role": "user", "content": "?"}], answer="write", id=str(n)) for n in range(20)]
    scores = asyncio.run(reward.score_many(prompts, [["only"]] * 20))
    assert (len(loads), len({one.value for (one,) in scores})) == (1, 1)


def test_a_contradiction_fails_and_what_is_neutral_passes(classifier):
    assert [s.passed for s in score(classifier(2), ["small letters", "only"])] == [False, False]
    assert [s.passed for s in score(classifier(1), ["small letters", "only"])] == [True, True]


def test_a_classifier_of_something_else_is_refused(classifier):
    with pytest.raises(NotLoaded, match="its labels are good, bad; one must be called contradiction"):
        score(classifier(0, ["good", "bad"]), ["only"])


def test_a_row_without_a_reference_is_refused(classifier):
    with pytest.raises(ValueError, match="row 'row' has no answer"):
        score(classifier(0), ["only"], answer=None)
