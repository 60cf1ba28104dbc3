"""What a family must do: go through every stage, give its answers back to plain transformers, and stop.

`FamilyTests` holds for the families of the two files beside it; `go` runs the stages. What works and what is refused, and
why, is the table of docs/models.md; a family that does something else than its row says fails here.
"""

import json

import pytest
import torch
from families import FAMILIES, make
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from align import Recipe
from align.core import tables
from align.core.plugins import Sampling
from align.core.rows import Prompt
from align.generate.backends.transformers import LocalEngine
from align.models.chat import Chat
from align.models.templates import as_parts
from align.models.token_rows import token_rows
from align.models.tokenizers import load_chat
from reward.trained_model import Scorer

CALL = {"type": "function", "id": "call00001", "function": {"name": "lookup", "arguments": {"key": "tide", "hour": 3}}}
TOOL = {
    "type": "function",
    "function": {
        "name": "lookup",
        "description": "Looks a value up.",
        "parameters": {"type": "object", "properties": {"key": {"type": "string", "description": "what"}}, "required": ["key"]},
    },
}


def says(role, content, **more):
    return {"role": role, "content": content, **more}


def talk(first, *answers, system=None):
    turns = [says("system", system)] if system else []
    for i, answer in enumerate(answers):
        turns += [says("user", f"{first} Part {i + 1}?"), says("assistant", answer)]
    return turns


TALKS = [
    talk("Who keeps the light?", "Sure: old Ben.", "He sleeps.", "At ten."),
    talk("What grows here?", " Moss.", "- fern\n- oak", "No, nothing."),
    talk("Count up.", "1, 2, 3", "4 then 5", "I'd say 6."),
    talk("Tell me a rule.", "Be kind.", "Be brief.", "Ask first.", system="You answer like a clerk."),
]
TOOL_TALK = [
    says("user", "When is high tide?"),
    says("assistant", "", tool_calls=[CALL]),
    says("tool", "six o'clock", name="lookup", tool_call_id="call00001"),
    says("assistant", "At six."),
]
UNKNOWN = "Which bird sings at noon?"
"""Asked in the online round beside what was learned by heart, where all samples may be the same and give no pair."""
THOUGHT = [says("user", "Is 7 odd?"), says("assistant", "Yes, it is.", reasoning="7 is 6 and 1")]

TRAINED = {"weight_decay": 0, "save_steps": 10000, "logging_steps": 10000, "per_device_train_batch_size": 16}
RECIPE = {
    "name": "family",
    "seed": 3,
    "base": "./model",
    "stages": {
        "talks": {"kind": "load", "path": "talks.jsonl"},
        "pairs": {"kind": "load", "path": "pairs.jsonl"},
        "asked": {"kind": "load", "path": "asked.jsonl"},
        "sft": {
            "kind": "sft", "model": "base", "data": ["talks"], "learning_rate": 1e-2,
            "lr_scheduler_type": "linear", **TRAINED, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 4,
        },
        "dpo": {"kind": "dpo", "model": "sft", "data": ["pairs"], "learning_rate": 1e-6, **TRAINED},
        "rm": {"kind": "reward_model", "model": "sft", "data": ["pairs"], "learning_rate": 1e-3, "held_out": 0, **TRAINED},
        "online": {
            "kind": "online_dpo", "model": "dpo", "prompts": "asked", "reward": {"kind": "reward_model", "model": "rm"},
            "rounds": 1, "samples": 8, "temperature": 1.3, "max_new_tokens": 32, "learning_rate": 1e-6, **TRAINED,
        },
        "release": {"kind": "export", "model": "online"},
    },
}  # fmt: skip
WHY = {
    "the chat template does not show the tools": 1,
    "the chat template does not show the reasoning of an answer": 2,
    "the generation prompt closes the reasoning before it begins, and this answer has one": 3,
}
"""Reasons and their numbers below the table of docs/models.md."""
STAGES = ("sft", "dpo", "rm", "online", "release")
MOST = 60
"""Tokens that an answer may have before it counts as endless."""


def write(folder, name, records):
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


def go(name, folder, talks=TALKS, epochs=42):
    """Run all stages on a tiny model of a family, which learns for so many epochs; return the report of the run."""
    torch.manual_seed(1)
    make(FAMILIES[name], folder / "model")
    more = [{"messages": TOOL_TALK, "tools": [TOOL]}, {"messages": THOUGHT}]
    write(folder, "talks", [*({"messages": talk} for talk in talks), *more])
    pairs = [(talk[:-1], talk[-1]["content"], talks[i - 1][-1]["content"]) for i, talk in enumerate(talks)]
    write(folder, "pairs", [{"prompt": p, "chosen": c, "rejected": r} for p, c, r in pairs])
    write(folder, "asked", [*({"messages": talk[:-1]} for talk in talks), {"prompt": UNKNOWN}])
    (folder / "recipe.yaml").write_text(json.dumps(RECIPE))
    return Recipe.load(folder / "recipe.yaml", set={"sft.num_train_epochs": epochs}).run(folder / "run")


def told(report, stage):
    return json.loads((report.stage(stage) / "report.json").read_text())


def questions(talks):
    """Yield each conversation up to a turn of the assistant, and that turn."""
    for talk in talks:
        for i, turn in enumerate(talk):
            if turn["role"] == "assistant":
                yield talk[:i], turn


def answered(folder, talks, tools=None):
    """Ask a published model with plain transformers; return what it wrote, its last token and what it may stop at."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    parts = Chat(tokenizer).habits.parts
    for asked, turn in questions(talks):
        shown = [as_parts(message) if parts else message for message in asked]
        ids = tokenizer.apply_chat_template(
            shown, tools=tools, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        out = model.generate(**ids, do_sample=False, max_new_tokens=MOST)[0, ids["input_ids"].shape[1] :]
        yield turn, tokenizer.decode(out, skip_special_tokens=True), out, model.generation_config.eos_token_id


def ends(out, stops):
    return len(out) < MOST and int(out[-1]) in (stops if isinstance(stops, list) else [stops])


class FamilyTests:
    """Tests of the fixture `run`: a family's name, its report, and the conversations that it was trained on."""

    def test_plain_transformers_gives_the_answers_back_and_stops(self, run):
        _, report, talks = run
        for stage in ("sft", "release"):
            for turn, text, out, stops in answered(report.stage(stage), talks):
                said = f"{stage}: {turn['content']!r} is asked for and {text!r} said"
                assert "".join(turn["content"].split()) in "".join(text.split()), said
                assert ends(out, stops), said
        assert told(report, "online")["pairs"] >= 1

    def test_what_is_sampled_is_trained_again_as_the_same_tokens(self, run):
        name, report, talks = run
        engine = LocalEngine.load(str(report.stage("sft")), "float32", 16)
        reasons = columns(name, report, talks)[-1] == "yes"
        asked = list(questions([*talks, THOUGHT] if reasons else talks))
        ids = [engine.chat.prompt_ids(prompt) for prompt, _ in asked]
        sampled = engine.decode(ids, [(0, 0)] * len(ids), Sampling(temperature=0, max_new_tokens=MOST))
        for (prompt, turn), said in zip(asked, sampled, strict=True):
            assert engine.chat.answer_ids(prompt, says("assistant", said.text))[1] == said.token_ids
            thought = f"<think>\n{turn['reasoning']}\n</think>\n\n" if "reasoning" in turn else ""
            assert said.text.strip() == thought + turn["content"].strip()

    def test_what_sampling_is_fed_is_a_prefix_of_what_is_trained(self, run):
        _, report, talks = run
        for row in tables.read(report.stage("talks"), "demonstrations")[: len(talks)]:
            check_prefixes(report.stage("sft"), row)

    def test_plain_transformers_gives_the_same_rewards(self, run):
        """Whole conversations through the chat template, padded to one length, as people use a reward model."""
        _, report, talks = run
        tokenizer = AutoTokenizer.from_pretrained(report.stage("rm"))
        model = AutoModelForSequenceClassification.from_pretrained(report.stage("rm"), dtype=torch.float32)
        scorer = Scorer.load(str(report.stage("rm")), "float32")
        parts = scorer.chat.habits.parts
        shown = [[as_parts(turn) if parts else turn for turn in talk] for talk in talks]
        given = tokenizer.apply_chat_template(shown, padding=True, return_tensors="pt", return_dict=True)
        with torch.no_grad():
            plain = model(**given).logits[:, 0].tolist()
        ours = scorer.score([(Prompt(messages=talk[:-1]), talk[-1]["content"]) for talk in talks])
        assert [score.value for score in ours] == pytest.approx(plain, abs=1e-4)

    def test_the_table_of_the_docs_says_what_happens(self, run, root):
        name, report, talks = run
        lines = (root / "docs" / "models.md").read_text(encoding="utf-8").splitlines()
        (row,) = [line for line in lines if line.startswith(f"| {name} |")]
        assert row == f"| {' | '.join(columns(name, report, talks))} |"


def check_prefixes(folder, row):
    """Check that each trained answer stands behind the very ids that plain transformers is fed, and ends with a stop."""
    chat, tokenizer = load_chat(str(folder)), AutoTokenizer.from_pretrained(folder)
    trained = [span for each in token_rows(chat, row.prompt, row.completion).rows for span in spans(each)]
    asked = [prompt for prompt, _ in questions([[*row.prompt, *row.completion]])]
    assert len(trained) == len(asked)
    for (before, written), prompt in zip(trained, asked, strict=True):
        shown = [as_parts(message) if chat.habits.parts else message for message in prompt]
        fed = tokenizer.apply_chat_template(shown, add_generation_prompt=True)["input_ids"]
        assert before == fed == chat.prompt_ids(prompt)
        assert written[-1] in chat.stop_ids()


def spans(row):
    """Yield what is trained of a token row, a span each, behind all that stands before it."""
    edges = [i for i, label in enumerate(row.labels) if (label == -100) != (i == 0 or row.labels[i - 1] == -100)]
    edges += [len(row.ids)] if len(edges) % 2 else []
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        yield row.ids[:start], row.ids[start:stop]


def columns(name, report, talks):
    """Return a family's row of the table in docs/models.md: what its stages did with the rows."""
    sft, chat = told(report, "sft"), load_chat(str(report.stage("sft")))
    reasons = {}
    for file in ("dropped.jsonl", "untrained.jsonl"):
        lines = (report.stage("sft") / file).read_text(encoding="utf-8").splitlines()
        reasons |= {item["id"]: item["reason"] for item in map(json.loads, lines)}
    calls, thought = [row.id for row in tables.read(report.stage("talks"), "demonstrations")[len(talks) :]]
    several = len(token_rows(chat, talks[0][:1], talks[0][1:]).rows) > 1
    return [
        name,
        f"`{chat.end.token}`".replace("|", "\\|"),
        "a row each" if several else "one row",
        *("works" if (report.stage(stage) / "done.json").exists() else "refused" for stage in STAGES),
        "folded" if "system turns" in sft else "yes",
        *(f"dropped ({WHY[reasons[row]]})" if row in reasons else "yes" for row in (calls, thought)),
    ]
