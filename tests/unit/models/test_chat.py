"""Messages to tokens under anybody's template: what ends an answer, what it is trained behind, what is refused and why."""

import json

import pytest
from families import LLAMA2, MISTRAL, ZEPHYR, Family, tokenizer_of
from going import THOUGHT, TOOL, TOOL_TALK, spans

from align.core.chat_templates import find_template, shipped_templates
from align.core.errors import BadRow, ModelError
from align.models.chat import Chat
from align.models.token_rows import token_rows
from align.models.tokenizers import choose_padding, take_system_turn


def user(text):
    return {"role": "user", "content": text}


def says(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


TALK = [user("Who are you?"), says("I am Ben."), user("And he?"), says("He is Al.")]
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def chat(template=CHATML, vocabulary="byte_level", *, how=None, eos_token=None, **family):
    tokenizer = tokenizer_of(Family(template, vocabulary, **family))
    take_system_turn(tokenizer, how)
    made = Chat(tokenizer, eos_token)
    choose_padding(tokenizer, made)
    return made


def trained(chat, talk, first=1, **more):
    """Return what is trained of a conversation, as text, one a span; and check that sampling is fed what stands before."""
    found = token_rows(chat, talk[:first], talk[first:], **more)
    asked = [talk[:i] for i in range(first, len(talk)) if talk[i]["role"] == "assistant"]
    texts = []
    for row in found.rows:
        for before, written in spans(row):
            texts.append(chat.tokenizer.decode(written))
            assert written[-1] in chat.stop_ids()
            assert any(before == chat.prompt_ids(prompt, more.get("tools")) for prompt in asked)
    return texts


# -- what ends an answer --------------------------------------------------------------------------------------------------

IM, CALLS = "<|im_end|>", "<|im_end|>"
ENDS = {
    "cohere": ("<|END_OF_TURN_TOKEN|>", ""),
    "cohere2": ("<|END_OF_TURN_TOKEN|>", ""),
    "deepseek_r1_distill": ("<｜end▁of▁sentence｜>", ""),
    "deepseekv3": ("<｜end▁of▁sentence｜>", "<｜end▁of▁sentence｜>"),
    "diffusion_gemma": ("<turn|>", "<|tool_response>"),
    "gemma": ("<end_of_turn>", ""),
    "gemma3": ("<end_of_turn>", ""),
    **dict.fromkeys(("gemma4", "gemma4_v3", "gemma4_v4", "gemma4_v5"), ("<turn|>", "<|tool_response>")),
    "gemma4_v2": ("<turn|>", "<turn|>"),
    "glm4moe": ("<|user|>", "<|observation|>"),
    "gptoss": ("<|return|>", "<|call|>"),
    "idefics3": ("<end_of_utterance>", ""),
    "lfm2": (IM, ""),
    **dict.fromkeys(("lfm2_v2", "lfm2_2_5", "lfm2_2_5_v2", "lfm2_2_5_vl"), (IM, CALLS)),
    "llama3": ("<|eot_id|>", ""),
    **dict.fromkeys(("llama3_1", "llama3_2"), ("<|eot_id|>", "<|eot_id|>")),
    "llava_next": ("</s>", ""),
    "muse_glimmer": ("<|eot|>", "<|eot|>"),
    **dict.fromkeys(("nemotron_3_nano", "nemotron_3_super", "nemotron_3_ultra", "nemotron_3_5_lightning"), (IM, CALLS)),
    **dict.fromkeys(("phi3", "phi3_5"), ("<|end|>", "")),
    **dict.fromkeys(("qwen2_5", "qwen3", "qwen3_instruct_2507", "qwen3_vl"), (IM, CALLS)),
    **dict.fromkeys(("qwen3_5_think", "qwen3_5_nothink", "qwen3_6", "qwen3_8"), (IM, CALLS)),
    "qwen2_5_vl": (IM, ""),
    "smolvlm": ("<end_of_utterance>", ""),
    LLAMA2: ("</s>", ""),
    MISTRAL: ("</s>", ""),
    ZEPHYR: ("</s>", ""),
}


@pytest.mark.parametrize("template", ENDS)
def test_every_template_that_trl_ships_says_what_ends_an_answer(template):
    eos = "</s>" if template not in shipped_templates() or template == "llava_next" else "<|endoftext|>"
    made = chat(template, eos=eos, bos="<s>")
    end, call_end = ENDS[template]
    assert (made.end.token, made.habits.call_end.token) == (end, call_end)
    ids = [made.tokenizer.convert_tokens_to_ids(token) for token in dict.fromkeys((end, call_end, eos)) if token]
    assert made.stop_ids() == ids, "the template's first, then the tokenizer's own"
    texts = trained(made, TALK)
    assert [text.count(end) for text in texts] == [1, 1]
    assert ["I am Ben." in texts[0], "He is Al." in texts[1]] == [True, True]


def test_no_template_that_trl_ships_is_left_out():
    assert {name for name in shipped_templates() if not name.endswith("_training")} <= ENDS.keys()


@pytest.mark.parametrize("template", [name for name, (_, call_end) in ENDS.items() if call_end and name != "deepseekv3"])
def test_tool_calls_are_trained_where_the_template_renders_them(template):
    made = chat(template, bos="<s>")
    texts = trained(made, TOOL_TALK, tools=[TOOL])
    assert "lookup" in texts[0]
    assert "tide" in texts[0]
    assert texts[0].endswith(made.habits.call_end.token)
    assert "At six." in texts[1]


def test_two_calls_in_one_turn_are_both_trained():
    calls = [{"type": "function", "function": {"name": name, "arguments": {}}} for name in "fg"]
    twice = [TOOL_TALK[0], says("", tool_calls=calls)]
    for template in ("qwen3", "gemma4_v5", "glm4moe", "lfm2_v2"):
        (text,) = trained(chat(template), twice)
        assert text.count("f") >= 1
        assert "g" in text.partition("f")[2]


LAST_ONLY = (
    "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% else %}{{ eos_token }}{% endif %}"
)
NO_END = (
    "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}"
)


def test_an_end_that_only_the_last_turn_has_is_trained_in_a_row_each():
    found = token_rows(chat(LAST_ONLY), TALK[:1], TALK[1:])
    assert len(found.rows) == 2
    assert trained(chat(LAST_ONLY), TALK) == ["I am Ben.\n<|endoftext|>", "He is Al.\n<|endoftext|>"]


def test_a_template_without_an_end_is_refused_and_the_remedy_works():
    with pytest.raises(BadRow, match="does not end an answer with a token") as refused:
        token_rows(chat(NO_END), TALK[:1], TALK[1:])
    assert "eos_token:" in refused.value.remedy
    assert trained(chat(NO_END, eos_token="<|endoftext|>"), TALK) == [" I am Ben.\n<|endoftext|>", " He is Al.\n<|endoftext|>"]


def test_eos_token_overrides_what_the_template_shows():
    made = chat("phi3", eos_token="<|endoftext|>")
    assert trained(made, TALK) == ["I am Ben.<|end|>\n<|endoftext|>", "He is Al.<|end|>\n<|endoftext|>"]
    assert made.tokenizer.eos_token == "<|endoftext|>"
    with pytest.raises(ModelError, match=r"eos_token '<\|nobody\|>' is not one token"):
        chat(eos_token="<|nobody|>")


# -- in which context -----------------------------------------------------------------------------------------------------

FORGETS = CHATML.replace("m['content']", "(m['content'] if loop.last else m['content'].split('</think>')[-1])")


def test_where_history_is_rewritten_each_answer_has_its_own_row():
    talk = [user("1?"), says("<think>a</think>One."), user("2?"), says("<think>b</think>Two.")]
    made = chat(FORGETS)
    _, second = token_rows(made, talk[:1], talk[1:]).rows
    assert made.tokenizer.decode(second.ids) == (
        "<|im_start|>user\n1?<|im_end|>\n<|im_start|>assistant\nOne.<|im_end|>\n<|im_start|>user\n2?<|im_end|>\n"
        "<|im_start|>assistant\n<think>b</think>Two.<|im_end|>"
    )
    assert trained(made, talk) == ["<think>a</think>One.<|im_end|>", "<think>b</think>Two.<|im_end|>"]
    assert trained(made, talk, train_on="last_turn") == ["<think>b</think>Two.<|im_end|>"]
    assert len(token_rows(chat(CHATML), talk[:1], talk[1:]).rows) == 1


def test_turns_that_are_not_to_be_trained_are_context():
    talk = [user("1?"), says("One."), user("2?"), says("Two.", train=False), user("3?"), says("Three.")]
    (row,) = token_rows(chat(), talk[:1], talk[1:]).rows
    assert trained(chat(), talk) == ["One.<|im_end|>", "Three.<|im_end|>"]
    assert "Two." in chat().tokenizer.decode(row.ids)
    with pytest.raises(BadRow, match="no answer of it is to be trained"):
        token_rows(chat(), talk[:1], [says("One.", train=False)])
    with pytest.raises(BadRow, match="no answer of it is to be trained"):
        token_rows(chat(), talk[:1], talk[1:4], train_on="last_turn")


REASONED = {
    "qwen3": ["<think>\n7 is 6 and 1\n</think>\n\nYes, it is.<|im_end|>"],
    "qwen3_5_think": ["7 is 6 and 1\n</think>\n\nYes, it is.<|im_end|>"],
    "deepseek_r1_distill": ["7 is 6 and 1\n</think>\n\nYes, it is.<｜end▁of▁sentence｜>"],
    "nemotron_3_nano": ["7 is 6 and 1\n</think>\nYes, it is.<|im_end|>"],
    "glm4moe": ["\n<think>7 is 6 and 1</think>\nYes, it is.<|user|>"],
    "gptoss": [
        "<|channel|>analysis<|message|>7 is 6 and 1<|end|><|start|>assistant<|channel|>final<|message|>Yes, it is.<|return|>"
    ],
    "lfm2_2_5": ["<think>7 is 6 and 1</think>Yes, it is.<|im_end|>"],
}


@pytest.mark.parametrize("template", REASONED)
def test_reasoning_is_trained_as_the_family_writes_it(template):
    made = chat(template, bos="<s>")
    assert trained(made, THOUGHT) == REASONED[template]
    inside = [THOUGHT[0], says("<think>\n7 is 6 and 1\n</think>\n\nYes, it is.")]
    if template not in ("gptoss", "lfm2_2_5", "nemotron_3_nano"):  # these keep the white space, or take tags for content
        assert trained(made, inside) == REASONED[template], "the same inside the content"


def test_an_answer_without_reasoning_closes_what_the_generation_prompt_has_opened():
    assert trained(chat("deepseek_r1_distill", bos="<s>"), TALK) == [
        "</think>\n\nI am Ben.<｜end▁of▁sentence｜>",
        "</think>\n\nHe is Al.<｜end▁of▁sentence｜>",
    ]
    assert trained(chat("qwen3_5_think"), TALK)[0] == "\n</think>\n\nI am Ben.<|im_end|>"


def test_reasoning_that_the_template_cannot_show_is_refused():
    with pytest.raises(BadRow, match="does not show the reasoning of an answer"):
        token_rows(chat("qwen2_5"), THOUGHT[:1], THOUGHT[1:])
    with pytest.raises(BadRow, match="closes the reasoning before it begins"):
        token_rows(chat("qwen3_5_nothink"), THOUGHT[:1], THOUGHT[1:])
    kept = [*THOUGHT, *TALK]
    found = token_rows(chat("qwen2_5"), kept[:1], kept[1:])
    assert [(reason.turn, str(reason)) for reason in found.refused] == [
        (2, "the chat template does not show the reasoning of an answer")
    ]
    assert len(found.rows) == 1, "the other answers are trained"


MARKED = [name for name in shipped_templates() if name.endswith("_training")]
ELSEWHERE = "the marks are in another context than sampling would show"
REFUSED_MARKS = {
    **dict.fromkeys(("deepseek_r1_distill_training", "deepseekv3_training"), ELSEWHERE),
    **dict.fromkeys((f"nemotron_3_{name}_training" for name in ("nano", "super", "ultra", "5_lightning")), ELSEWHERE),
    "gptoss_training": "the marks of the chat template leave the end of an answer untrained",
}
"""Training templates of TRL that mark what sampling would never meet, in answers without reasoning or with an answer behind."""


@pytest.mark.parametrize("template", MARKED)
def test_the_marks_of_a_template_say_what_is_trained(template):
    made = chat(template, eos="</s>" if template == "llava_next_training" else "<|endoftext|>", bos="<s>")
    if template in REFUSED_MARKS:
        with pytest.raises(BadRow) as refused:
            token_rows(made, TALK[:1], TALK[1:], train_on="generation_marks")
        assert str(refused.value) == REFUSED_MARKS[template]
        assert len(trained(made, TALK)) == 2, "turn by turn they can be trained"
        return
    (row,) = token_rows(made, TALK[:1], TALK[1:], train_on="generation_marks").rows
    text = made.tokenizer.decode([i for i in row.labels if i != -100])
    assert "I am Ben." in text
    assert "He is Al." in text
    assert "And he?" not in text
    assert text.count(made.end.token) >= 2


def test_marks_are_needed_where_they_are_asked_for_and_obey_the_flags_of_turns():
    with pytest.raises(ModelError, match="needs a chat template with"):
        token_rows(chat(), TALK[:1], TALK[1:], train_on="generation_marks")
    made = chat("llama3_training")
    talk = [TALK[0], TALK[1] | {"train": False}, *TALK[2:]]
    (row,) = token_rows(made, talk[:1], talk[1:], train_on="generation_marks").rows
    assert made.tokenizer.decode([i for i in row.labels if i != -100]) == "He is Al.<|eot_id|>"


PLAIN = (
    "{% for m in messages %}{{ 'USER: ' if m['role'] == 'user' else 'ASSISTANT: ' }}{{ m['content'] }}"
    "{{ eos_token if m['role'] == 'assistant' else '\n' }}{% endfor %}{% if add_generation_prompt %}ASSISTANT:%s{% endif %}"
)
VOCABULARIES = [
    "byte_level",
    "metaspace first",
    "metaspace always",
    "metaspace never",
    "metaspace legacy",
    "llama2",
    "mistral",
    "tekken",
    "smollm2",
]


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
@pytest.mark.parametrize("template", ["chatml", "llama2", "mistral", "space before", "space behind", "phi3", "gemma3"])
def test_boundaries_are_those_of_sampling_for_every_kind_of_tokenizer(vocabulary, template):
    texts = {
        "chatml": CHATML,
        "llama2": LLAMA2,
        "mistral": MISTRAL,
        "space before": PLAIN.replace("%s", ""),
        "space behind": PLAIN.replace("%s", " "),
    }
    special = {"bos": "<s>", "eos": "</s>", "unknown": "<unk>"}
    made = chat(texts.get(template, template), vocabulary, **special, strip_behind=template == "phi3")
    for answer in ("Sure.", " Sure", "\nSure", "1 2", "- a\n- b\n", "é猫"):
        talk = [user("Hi"), says(answer), user("  And?\n"), says(f"{answer} then")]
        written = trained(made, talk)
        assert "".join(answer.split()) in "".join(written[0].split())
        (first, _), *_ = spans(token_rows(made, talk[:1], talk[1:]).rows[0])
        assert first == made.tokenizer.apply_chat_template(talk[:1], add_generation_prompt=True)["input_ids"]


# -- what a template must show --------------------------------------------------------------------------------------------

ROLE = (
    "{% for m in messages %}{% if m['role'] in ('user', 'assistant') %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CUTS = CHATML.replace("m['content']", "m['content'][:8]")
LOWERS = CHATML.replace("m['content']", "(m['content'] | lower)")
STRIPS = CHATML.replace("m['content']", "m['content'].split('</think>')[-1]")
HIDDEN = {
    "no system turn": (ROLE, [system("Be kind."), *TALK], 2, "the system turn"),
    "no tool turn": (ROLE, [user("q"), {"role": "tool", "content": "42"}, says("ok")], 2, "the tool turn"),
    "a system text that stands elsewhere": (ROLE, [system("Ben"), user("Who is Ben?"), says("Al.")], 2, "the system turn"),
    "thinking": (STRIPS, [user("1?"), says("<think>a</think>One.")], 1, "the reasoning of an answer"),
    "a long answer": (CUTS, [user("1?"), says("One and two and three")], 1, "the text of an answer"),
    "a long question": (CUTS, [user("One and two and three"), says("One")], 1, "the user turn"),
    "capitals": (LOWERS, [user("one"), says("One and Two")], 1, "the text of an answer"),
    "tools": (CHATML, [user("q"), says("a")], 1, "the tools"),
    "calls": (CHATML, TOOL_TALK, 1, "a tool call"),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_what_the_template_does_not_show_is_refused_by_name(case):
    template, talk, first, lacking = HIDDEN[case]
    made = chat(template)
    with pytest.raises(BadRow) as refused:
        token_rows(made, talk[:first], talk[first:], [TOOL] if case == "tools" else None)
    assert str(refused.value) == f"the chat template does not show {lacking}"
    assert "chat_template:" in refused.value.remedy


def test_answers_before_a_turn_that_is_not_shown_are_trained():
    talk = [*TALK[:2], {"role": "tool", "content": "42"}, says("So it is 42.")]
    found = token_rows(chat(ROLE), talk[:1], talk[1:])
    assert chat(ROLE).tokenizer.decode(found.rows[0].ids).endswith("I am Ben.<|im_end|>")
    assert [(reason.turn, str(reason)) for reason in found.refused] == [(4, "the chat template does not show the tool turn")]


def test_white_space_may_be_trimmed():
    assert trained(chat("gemma"), [user(" Hi\n"), says("\n One\n\n two ")]) == ["One\n\n two<end_of_turn>"]


def test_white_space_around_the_generation_prompt_does_not_matter():
    assert trained(chat(CHATML + "  "), TALK) == ["I am Ben.<|im_end|>", "He is Al.<|im_end|>"]


def test_a_template_that_wants_a_system_turn_is_looked_at_with_one():
    wants = "{% if messages[0]['role'] != 'system' %}{{ raise_exception('no system') }}{% endif %}" + CHATML
    assert trained(chat(wants), [system("s"), *TALK], 2) == ["I am Ben.<|im_end|>", "He is Al.<|im_end|>"]


def test_a_template_of_parts_is_given_parts():
    assert trained(chat("smolvlm", eos="<end_of_utterance>"), TALK) == [
        " I am Ben.<end_of_utterance>",
        " He is Al.<end_of_utterance>",
    ]


def test_a_system_turn_is_folded_omitted_or_dropped():
    talk = [system("Be kind."), *TALK]
    folded = "<start_of_turn>user\nBe kind.\n\nWho are you?<end_of_turn>"
    for how, expected in ((None, folded), ("fold", folded), ("omit", "<start_of_turn>user\nWho are you?<end_of_turn>")):
        made = chat("gemma", how=how, bos="<bos>")
        assert made.render(talk[:2]).startswith(f"<bos>{expected}")
        assert trained(made, talk, 2) == ["I am Ben.<end_of_turn>", "He is Al.<end_of_turn>"]
        assert made.render(TALK[:1]) == chat("gemma", how="drop", bos="<bos>").render(TALK[:1]), "others are as they were"
        plain = made.tokenizer.apply_chat_template(talk[:2], tokenize=False)  # the template itself was changed
        assert plain == made.render(talk[:2])
    with pytest.raises(BadRow, match="System role not supported"):
        token_rows(chat("gemma", how="drop"), talk[:2], talk[2:])
    assert chat(ROLE, how="fold").render(talk[:2]) == "<|im_start|>user\nBe kind.\n\nWho are you?<|im_end|>\n"
    assert trained(chat(ROLE, how="omit"), talk, 2)
    assert chat(CHATML, how="fold").system_turn == "", "a template that takes it is left alone"
    later = chat("gemma", bos="<bos>")  # a stage that folded has published this one
    for how, expected in (("omit", "<start_of_turn>user\nWho are you?<end_of_turn>"), ("fold", folded), (None, folded)):
        take_system_turn(later.tokenizer, how)
        assert Chat(later.tokenizer).render(talk[:2]).startswith(f"<bos>{expected}")
    take_system_turn(later.tokenizer, "drop")
    assert later.tokenizer.chat_template == shipped_templates()["gemma"].read_text()
    assert chat("gemma", bos="<bos>").render([system(""), *TALK[:1]]) == chat("gemma", bos="<bos>").render(TALK[:1])


def test_padding_never_ends_an_answer():
    assert chat("qwen2_5", eos="<|im_end|>", pad="<|endoftext|>").tokenizer.pad_token == "<|endoftext|>"
    assert chat("qwen2_5", eos="<|im_end|>", pad="<|im_end|>", unknown="<|endoftext|>").tokenizer.pad_token == "<|endoftext|>"
    assert chat("llama3", eos="<|eot_id|>", bos="<|begin_of_text|>").tokenizer.pad_token == "<|begin_of_text|>"
    assert chat("llama3", eos="<|end_of_text|>", bos="<|begin_of_text|>").tokenizer.pad_token == "<|end_of_text|>"
    assert chat(MISTRAL, "metaspace first", eos="</s>", bos="<s>", unknown="<unk>").tokenizer.pad_token == "<unk>"
    assert chat("lfm2", eos="<|im_end|>", bos="<|pad|>").tokenizer.pad_token == "<|pad|>"


def test_a_template_is_a_file_a_name_or_a_text(tmp_path):
    (tmp_path / "mine.jinja").write_text(CHATML)
    assert find_template("mine.jinja", tmp_path) == find_template(CHATML, tmp_path) == CHATML
    assert find_template("llama3", tmp_path) == shipped_templates()["llama3"].read_text()
    with pytest.raises(ValueError, match=r"TRL ships no template of that name; did you mean 'llama3"):
        find_template("lama3", tmp_path)
    with pytest.raises(ValueError, match=r"no file 'x/mine.jinja'"):
        find_template("x/mine.jinja", tmp_path)


def test_no_template_is_said_with_a_remedy():
    tokenizer = tokenizer_of(Family(CHATML))
    tokenizer.chat_template = None
    with pytest.raises(ModelError, match=r"has no chat template; give `chat_template:`"):
        Chat(tokenizer).prompt_ids([user("q")])


def test_templates_under_several_names_are_used_by_what_they_are_for():
    tokenizer = tokenizer_of(Family("qwen2_5"))
    tokenizer.chat_template = {"default": CHATML, "tool_use": tokenizer.chat_template}
    assert "lookup" in trained(Chat(tokenizer), TOOL_TALK, tools=[TOOL])[0]
    assert trained(Chat(tokenizer), TALK) == ["I am Ben.<|im_end|>", "He is Al.<|im_end|>"]


def test_arguments_are_given_as_the_template_takes_them():
    written = "<|tool▁call▁begin｜>".replace("<|", "<｜")
    made = chat("deepseekv3", bos="<s>")
    (text, _) = trained(made, TOOL_TALK)
    assert written in text
    assert json.dumps({"key": "tide", "hour": 3}) in text


def test_an_answer_may_hold_the_tokens_of_its_reasoning_and_calls_and_nothing_else():
    special = {"plain": ()}  # every token is special, as in Hermes and Magistral
    made = chat("qwen3", **special)
    inside, outside = made.control_tokens(in_answer=True), made.control_tokens()
    assert {"<think>", "</think>", "<tool_call>", "</tool_call>"} <= set(outside) - set(inside)
    assert {"<|im_start|>", "<|im_end|>", "<|endoftext|>"} <= set(inside)
    talk = [user("q"), says('<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>')]
    assert trained(made, talk) == [f"<think>\n\n</think>\n\n{talk[1]['content']}<|im_end|>"]
