"""Templates that write an answer otherwise than their generation prompt asks for it, and answers that are read back.

The templates are small ones; each does what the family does that is named with it.
"""

import pytest
from families import GEMMA
from going import THOUGHT, TOOL, TOOL_TALK
from test_chat import CHATML, TALK, VOCABULARIES, chat, says, system, trained, user
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from align.core.errors import BadRow, ModelError
from align.core.plugins import Completion
from align.core.rows import Demonstration, visible
from align.models.chat import Chat
from align.models.token_rows import token_rows

ASKED = "{% if add_generation_prompt %}"
GLM = (
    "[gMASK]<sop>{% for m in messages %}{{ {'user': '<|user|>', 'assistant': '<|assistant|>'}[m['role']] }}"
    "{% if m['role'] == 'assistant' %}"
    "{{ ('<think>' + m['reasoning_content'] if m['reasoning_content'] else '') + '</think>' }}{% endif %}{{ m['content'] }}"
    "{% endfor %}" + ASKED + "<|assistant|><think>{% endif %}"
)
"""GLM-4.7: the prompt opens the reasoning, and an answer without it closes it at once."""
MISTRAL_V03 = (
    "{{ bos_token }}{% set system = messages[0]['content'] if messages[0]['role'] == 'system' else '' %}{% for m in messages %}"
    "{% if m['role'] == 'user' %}[INST]{{ ' ' + (system + '\n\n' if loop.last and system else '') + m['content'] }}[/INST]"
    "{% elif m['role'] == 'assistant' %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}"
)
"""Mistral v0.3: the system text is in the user's turn only while that turn is the last."""
ALWAYS = CHATML.split("{% if add")[0] + "{{ '<|im_start|>assistant\n' }}"
"""Command A, Hammer: the generation prompt is always written."""


def opens(opener, closer):
    """Return a template whose prompt opens the reasoning, and that writes it in front of the content, if there is some."""
    inner = f"{{{{ '{opener}\n' + m['reasoning_content'] + '\n{closer}\n\n' if m['reasoning_content'] else '' }}}}"
    return (
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}{% if m['role'] == 'assistant' %}"
        + inner
        + "{% endif %}{{ m['content'] + '<|im_end|>\n' }}{% endfor %}"
        + ASKED
        + f"{{{{ '<|im_start|>assistant\n{opener}\n' }}}}{{% endif %}}"
    )


WRITTEN = {
    "GLM-4.7": (GLM, ["</think>I am Ben.<|user|>", "</think>He is Al.<|user|>"], "7 is 6 and 1</think>Yes, it is.<|user|>"),
    "EXAONE Deep": (
        opens("<thought>", "</thought>"),
        ["</thought>\n\nI am Ben.<|im_end|>", "</thought>\n\nHe is Al.<|im_end|>"],
        "7 is 6 and 1\n</thought>\n\nYes, it is.<|im_end|>",
    ),
    "Gemma 4 31B": (
        CHATML.replace("<|im_start|>assistant\n'", "<|im_start|>assistant\n<think>\n\n</think>\n\n'"),
        ["I am Ben.<|im_end|>", "He is Al.<|im_end|>"],
        "the generation prompt closes the reasoning before it begins, and this answer has one",
    ),
    "KAT": (
        CHATML.replace("<|im_start|>assistant\n'", "<|im_start|>assistant\n<judge>\n'"),
        "the chat template does not render this answer behind its generation prompt",
        "the chat template does not render this answer behind its generation prompt",
    ),
    "Kimi K2.5": (
        CHATML.replace("+ m['content']", "+ ('<think></think>' if m['role'] == 'assistant' else '') + m['content']"),
        ["<think></think>I am Ben.<|im_end|>", "<think></think>He is Al.<|im_end|>"],
        "the chat template does not show the reasoning of an answer",
    ),
    "Command A": (ALWAYS, ["I am Ben.<|im_end|>", "He is Al.<|im_end|>"], "the chat template does not show the reasoning"),
}


@pytest.mark.parametrize("family", WRITTEN)
def test_an_answer_is_what_the_family_writes_behind_its_prompt(family):
    template, answers, thought = WRITTEN[family]
    made = chat(template, bos="<s>")
    for talk, expected in ((TALK, answers), (THOUGHT, thought)):
        if isinstance(expected, list):
            assert trained(made, talk) == expected
        elif expected.startswith("the "):
            with pytest.raises(BadRow, match=expected):
                token_rows(made, talk[:1], talk[1:])
        else:
            assert trained(made, talk) == [expected]


def test_an_error_shows_where_prompt_and_answer_part():
    with pytest.raises(BadRow) as refused:
        token_rows(chat(WRITTEN["KAT"][0]), TALK[:1], TALK[1:])
    assert refused.value.remedy.startswith("the prompt has '<judge>\\n' where the rendered answer has 'I am Ben.<|im_end|>")


@pytest.mark.parametrize("eos_token", [None, "<|endoftext|>"])
def test_a_generation_prompt_that_is_always_written_is_no_part_of_an_answer(eos_token):
    behind = "<|im_end|>\n<|endoftext|>" if eos_token else "<|im_end|>"
    assert trained(chat(ALWAYS, eos_token=eos_token), TALK) == [f"I am Ben.{behind}", f"He is Al.{behind}"]
    plain = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}assistant:"
    assert trained(chat(plain, eos_token="<|endoftext|>"), TALK) == [f" {t}<|endoftext|>" for t in ("I am Ben.", "He is Al.")]
    with pytest.raises(BadRow, match="does not end an answer with a token"):
        token_rows(chat(plain), TALK[:1], TALK[1:])


@pytest.mark.parametrize("vocabulary", ["byte_level", "mistral", "metaspace never"])
def test_a_system_text_that_moves_with_the_last_turn_is_trained_where_sampling_sees_it(vocabulary):
    made = chat(MISTRAL_V03, vocabulary, bos="<s>", eos="</s>", unknown="<unk>")
    talk = [system("Be kind."), *TALK]
    assert [text.strip() for text in trained(made, talk, 2)] == ["I am Ben.</s>", "He is Al.</s>"]
    first, second = token_rows(made, talk[:2], talk[2:]).rows
    assert made.tokenizer.decode(first.ids).count("Be kind.") == made.tokenizer.decode(second.ids).count("Be kind.") == 1
    assert "Be kind.\n\nAnd he?" in made.tokenizer.decode(second.ids)


def test_the_same_question_twice_is_answered_where_it_was_asked():
    made = chat(MISTRAL_V03, bos="<s>", eos="</s>")
    talk = [system("s"), user("Well?"), says("One."), user("Well?"), says("Two."), user("Well?"), says("Three.")]
    assert [text.strip() for text in trained(made, talk, 2)] == ["One.</s>", "Two.</s>", "Three.</s>"]


# -- what an answer says is what is trained -------------------------------------------------------------------------------


def test_an_answer_that_the_template_changes_inside_is_refused():
    squeezes = CHATML.replace("m['content']", "m['content'].replace('\n\n', '\n')")
    with pytest.raises(BadRow, match="does not show the text of an answer"):
        token_rows(chat(squeezes), [user("q")], [says("def f():\n\n    return 1")])
    assert trained(chat(squeezes), [user("a\n\nb"), says("c\nd")]) == ["c\nd<|im_end|>"], "a context may be trimmed"


def test_line_breaks_that_are_tokens_are_no_end_of_an_answer():
    made = chat("gemma", "metaspace never", eos="<eos>", bos="<bos>", unknown="<unk>", more=GEMMA)
    assert made.end.token == "<end_of_turn>"
    assert "\n\n" not in made.control_tokens()
    talk = [user("a\n\n\nb <b>"), says("One\n\n\n\ntwo  three"), user("<td>\n"), says("- x\n\n- y")]
    assert trained(made, talk) == ["One\n\n\n\ntwo  three<end_of_turn>", "- x\n\n- y<end_of_turn>"]


def test_an_answer_inside_which_sampling_would_stop_is_refused():
    inner = CHATML.replace("+ m['content']", "+ ('<|im_end|>' if m['role'] == 'assistant' else '') + m['content']")
    with pytest.raises(BadRow, match=r"writes '<\|im_end\|>' inside this answer, where sampling would stop"):
        token_rows(chat(inner), TALK[:1], TALK[1:])


def test_tools_that_the_template_does_not_print_are_refused_though_their_names_stand_elsewhere():
    named = TOOL | {"function": TOOL["function"] | {"name": "user"}}  # the template writes this word for another reason
    for tool in (TOOL, named):
        with pytest.raises(BadRow, match="does not show the tools"):
            token_rows(chat(CHATML), [user("call lookup with key")], [says("ok")], [tool])


def test_marks_that_omit_what_an_answer_says_are_refused():
    begins = "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}{% if m['role'] == 'assistant' %}"
    rest = "{% endif %}{% endfor %}" + ASKED + "{{ '<|im_start|>assistant\n' }}{% endif %}"
    other = "{% else %}{{ m['content'] + '<|im_end|>\n' }}"
    whole = "{% generation %}{{ m['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    half = "{{ m['content'][:4] }}{% generation %}{{ m['content'][4:] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    assert trained(chat(begins + whole + other + rest), TALK, train_on="generation_marks")
    with pytest.raises(BadRow, match="leave out the text of an answer"):
        token_rows(chat(begins + half + other + rest), TALK[:1], TALK[1:], train_on="generation_marks")


def test_the_template_with_marks_is_named_that_trl_ships_beside_this_one():
    with pytest.raises(ModelError, match="TRL ships this template with marks: `chat_template: qwen3_training`"):
        token_rows(chat("qwen3"), TALK[:1], TALK[1:], train_on="generation_marks")


def test_calls_with_long_or_no_ids_are_given_to_a_template_that_wants_nine_letters():
    nine = (
        "{% for m in messages %}{% if m['tool_calls'] %}{% set c = m['tool_calls'][0] %}{% if c['id'] | length != 9 %}"
        "{{ raise_exception('nine') }}{% endif %}{{ '[TOOL_CALLS]' + (c['function'] | tojson) + c['id'] + eos_token }}"
        "{% elif m['role'] == 'tool' %}{{ '[TOOL_RESULTS]' + m['content'] + m['tool_call_id'] + '[/TOOL_RESULTS]' }}"
        "{% elif m['role'] == 'user' %}{{ '[INST]' + (tools | string) + m['content'] + '[/INST]' }}"
        "{% else %}{{ m['content'] + eos_token }}{% endif %}{% endfor %}"
    )
    made = chat(nine, eos="</s>")
    for call_id in ("call_0123456789abcdef", None):
        call = {key: value for key, value in (TOOL_TALK[1]["tool_calls"][0] | {"id": call_id}).items() if value is not None}
        talk = [TOOL_TALK[0], says("", tool_calls=[call]), TOOL_TALK[2] | {"tool_call_id": call_id or ""}, TOOL_TALK[3]]
        called, told = trained(made, talk, tools=[TOOL])
        called_id = called.removesuffix("</s>")[-9:]
        (row,) = token_rows(made, talk[:1], talk[1:], [TOOL]).rows
        assert f"six o'clock{called_id}[/TOOL_RESULTS]" in made.tokenizer.decode(row.ids), "the result has the id of its call"
        assert told == "At six.</s>"


# -- what was sampled is read back ----------------------------------------------------------------------------------------

READ = {
    "CHATML": CHATML,
    "GLM-4.7": GLM,
    "EXAONE Deep": WRITTEN["EXAONE Deep"][0],
    **{name: name for name in ("qwen3", "qwen3_5_think", "deepseek_r1_distill", "nemotron_3_nano", "glm4moe", "gptoss")},
    **{name: name for name in ("lfm2_2_5", "cohere2", "gemma3", "gemma4_v5", "llama3_1", "phi3", "smolvlm")},
}


@pytest.mark.parametrize("vocabulary", [name for name in VOCABULARIES if name != "metaspace always"])
@pytest.mark.parametrize("template", READ)
def test_what_was_sampled_is_read_back_and_encoded_as_the_same_ids(template, vocabulary):
    if template in ("GLM-4.7", "nemotron_3_nano") and vocabulary in ("metaspace legacy", "llama2"):
        pytest.skip("no model has both: such a tokenizer puts a space behind `</think>` that cannot be told from the answer's")
    special = {"bos": "<s>", "eos": "</s>", "unknown": "<unk>", "strip_behind": template == "phi3"}
    made = chat(READ[template], vocabulary, **special)
    thinks = made.habits.reads_reasoning or made.habits.tag is not None
    for text in ("Sure.", " Sure", "1 2", "- a\n- b", "é猫", "def f():\n\n    return 1"):
        for answer in (says(text), *([says(text, reasoning="one\n\ntwo")] if thinks else [])):
            _, sampled = made.answer_ids([user("Hi")], answer)
            content = made.text_of(sampled)
            assert made.answer_ids([user("Hi")], says(content))[1] == sampled
            assert visible(content).strip() == text.strip()
            assert ("one\n\ntwo" in content) == ("reasoning" in answer)


def test_reasoning_that_was_cut_has_no_answer():
    made = chat("deepseek_r1_distill", bos="<s>")
    _, sampled = made.answer_ids([user("Hi")], says("Yes.", reasoning="one two three"))
    assert made.text_of(sampled[:-8]).startswith("<think>\none")
    assert "</think>" not in made.text_of(sampled[:2])


def test_thinking_in_the_content_is_written_as_gpt_oss_writes_it():
    made = chat("gptoss")
    (text,) = trained(made, [user("q"), says("<think>\nhm\n</think>\n\nYes.")])
    assert text == "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>"


# -- turns that a template never shows ------------------------------------------------------------------------------------

DECLARES = "{{ 'Tools: ' + (tools | tojson) if tools else '' }}" + CHATML
"""SmolLM3: tools are declared, and calls of them are not written."""
KNOWS = "Knowledge cutoff: 2024\n" + CHATML.replace("{% for m in messages %}", "{% for m in messages if m['role'] != 'tool' %}")
CALLS_BY_ID = DECLARES.replace(
    "m['content'] + '<|im_end|>", "m['content'] + (m['tool_calls'] | map(attribute='id') | join if m['tool_calls'] else '') "
    "+ (m['tool_calls'][0]['function']['arguments'] | tojson if m['tool_calls'] else '') + '<|im_end|>",
)  # fmt: skip
"""Kimi K2: a call is written by its id, which holds the function's name in that family's rows."""


@pytest.mark.parametrize("train_on", ["every_turn", "last_turn"])
def test_a_call_that_is_declared_and_not_written_is_no_context(train_on):
    with pytest.raises(BadRow, match="does not show a tool call"):
        token_rows(chat(DECLARES), TOOL_TALK[:1], TOOL_TALK[1:], [TOOL], train_on)


def test_a_result_that_stands_elsewhere_by_chance_is_not_shown():
    talk = [user("How many legs?"), says("I look."), {"role": "tool", "content": "4"}, says("Four.")]
    found = token_rows(chat(KNOWS), talk[:1], talk[1:])
    assert [str(reason) for reason in found.refused] == ["the chat template does not show the tool turn"]


def test_a_call_that_is_written_by_its_id_needs_the_name_in_it():
    made = chat(CALLS_BY_ID)
    named = [TOOL_TALK[0], says("", tool_calls=[TOOL_TALK[1]["tool_calls"][0] | {"id": "functions.lookup:0"}])]
    assert trained(made, named, tools=[TOOL])[0].startswith("functions.lookup:0{")
    with pytest.raises(BadRow, match="does not show a tool call"):
        token_rows(made, TOOL_TALK[:1], TOOL_TALK[1:2], [TOOL])


def test_gpt_oss_answers_after_a_call_that_it_has_reasoned_about():
    call = TOOL_TALK[1] | {"reasoning": "I must look."}
    talk = [TOOL_TALK[0], call, TOOL_TALK[2], says("At six.", reasoning="It says six.")]
    assert [text.partition("<|message|>")[2] for text in trained(chat("gptoss"), talk, tools=[TOOL])] == [
        "I must look.<|end|><|start|>assistant to=functions.lookup<|channel|>commentary json<|message|>"
        '{"key": "tide", "hour": 3}<|call|>',
        "It says six.<|end|><|start|>assistant<|channel|>final<|message|>At six.<|return|>",
    ]


@pytest.mark.parametrize(
    ("template", "ending"),
    {"glm4moe": "tool_calls", "gptoss": "tool_calls", "gemma4_v5": "tool_calls", "qwen3": "stop"}.items(),
)
def test_a_sample_that_ends_as_a_call_is_no_answer(template, ending):
    made = chat(template, bos="<s>")
    for answer, expected in ((TOOL_TALK[1], ending), (says("At six."), "stop")):
        _, ids = made.answer_ids(TOOL_TALK[:1], answer, [TOOL])
        said = Completion(made.text_of(ids), made.ending(ids), ids)
        assert said.finish_reason == expected
        assert said.answers == (expected == "stop")


# -- reasoning ------------------------------------------------------------------------------------------------------------


def test_reasoning_without_an_answer_is_no_completion():
    for text in ("<think>\nhm hm", "<think>\nhm\n</think>\n\n", "[THINK]hm"):
        with pytest.raises(BadRow, match="completion has no answer behind its reasoning"):
            Demonstration(prompt=[user("q")], completion=text)
        assert not Completion(text, "stop").answers


def test_reasoning_in_two_places_is_one_or_refused():
    twice = [user("q"), says("<think>\nhm\n</think>\n\nYes.", reasoning="hm")]
    assert trained(chat("qwen3"), twice) == ["<think>\nhm\n</think>\n\nYes.<|im_end|>"]
    with pytest.raises(BadRow, match="the reasoning in the turn's field is not the one in its content"):
        token_rows(chat("qwen3"), twice[:1], [twice[1] | {"reasoning": "ah"}])


def test_an_answer_about_tags_is_no_reasoning():
    talk = [user("q"), says("Use <think> and </think> tags.")]
    (text,) = trained(chat(opens("<think>", "</think>")), talk)
    assert text == "</think>\n\nUse <think> and </think> tags.<|im_end|>"
    with pytest.raises(BadRow, match="does not show the text of an answer"):  # this template cuts what is before `</think>`
        token_rows(chat("deepseek_r1_distill", bos="<s>"), talk[:1], talk[1:])


# -- ends and letters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", ["qwen2_5", "llama3_1", "gptoss", "phi3"])
@pytest.mark.parametrize("own", ["<|endoftext|>", "the template's"])
def test_an_end_that_is_named_stands_behind_the_templates_own(template, own):
    shows = chat(template, bos="<s>").end.token
    made = chat(template, eos_token="<|pad|>", pad="<|pad|>", bos="<s>", eos=own if own.startswith("<") else shows)
    assert [text.endswith("<|pad|>") for text in trained(made, TALK)] == [True, True]
    stops = made.tokenizer.convert_ids_to_tokens(made.stop_ids())
    assert stops[0] == "<|pad|>"
    assert shows not in stops, "sampling would stop in front of the end that is trained"


def test_the_first_token_of_a_vocabulary_ends_answers_too():
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator([], trainers.BpeTrainer(special_tokens=special, initial_alphabet=alphabet, show_progress=False))
    inner = CHATML.replace("+ m['content']", "+ (eos_token if m['role'] == 'assistant' else '') + m['content']")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|endoftext|>", chat_template=inner)
    assert tokenizer.eos_token_id == 0
    with pytest.raises(BadRow, match=r"writes '<\|endoftext\|>' inside this answer"):
        token_rows(Chat(tokenizer), TALK[:1], TALK[1:])


def test_text_that_a_vocabulary_lacks_is_not_trained_as_nothing():
    for unknown in (None, "<unk>"):
        made = Tokenizer(models.BPE(unk_token=unknown))
        made.decoder = decoders.Fuse()
        special = ["<unk>", "<|im_start|>", "<|im_end|>"]
        letters = ["Ich bin groß. Who are you?\nuserassistant"]
        made.train_from_iterator(letters, trainers.BpeTrainer(special_tokens=special, show_progress=False))
        bare = PreTrainedTokenizerFast(
            tokenizer_object=made,
            eos_token="<|im_end|>",
            unk_token=unknown,
            chat_template=CHATML,
            clean_up_tokenization_spaces=False,
        )
        assert trained(Chat(bare), [user("Who?"), says("groß")]) == ["groß<|im_end|>"]
        with pytest.raises(BadRow, match="the tokenizer has no tokens for some of this answer"):
            token_rows(Chat(bare), [user("Who?")], [says("groß 汉字")])


def test_marks_of_a_text_that_the_tokenizer_normalizes():
    made = chat("qwen3_training", "qwen")
    (row,) = token_rows(made, [user("q")], [says("cafe\u0301")], train_on="generation_marks").rows
    assert "café" in made.tokenizer.decode([i for i in row.labels if i != -100])
