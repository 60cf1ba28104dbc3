"""Templates that write an answer otherwise than their generation prompt asks for it, and answers that are read back.

The templates are small ones; each does what the family does that is named with it.
"""

import pytest
from families import GEMMA
from going import THOUGHT, TOOL, TOOL_TALK
from test_chat import CHATML, TALK, VOCABULARIES, chat, says, system, trained, user

from align.core.errors import BadRow, ModelError
from align.core.rows import visible

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
                made.encode(talk[:1], talk[1:])
        else:
            assert trained(made, talk) == [expected]


def test_an_error_shows_where_prompt_and_answer_part():
    with pytest.raises(BadRow) as refused:
        chat(WRITTEN["KAT"][0]).encode(TALK[:1], TALK[1:])
    assert refused.value.remedy.startswith("the prompt has '<judge>\\n' where the rendered answer has 'I am Ben.<|im_end|>")


@pytest.mark.parametrize("eos_token", [None, "<|endoftext|>"])
def test_a_generation_prompt_that_is_always_written_is_no_part_of_an_answer(eos_token):
    behind = "<|im_end|>\n<|endoftext|>" if eos_token else "<|im_end|>"
    assert trained(chat(ALWAYS, eos_token=eos_token), TALK) == [f"I am Ben.{behind}", f"He is Al.{behind}"]
    plain = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}assistant:"
    assert trained(chat(plain, eos_token="<|endoftext|>"), TALK) == [f" {t}<|endoftext|>" for t in ("I am Ben.", "He is Al.")]
    with pytest.raises(BadRow, match="does not end an answer with a token"):
        chat(plain).encode(TALK[:1], TALK[1:])


@pytest.mark.parametrize("vocabulary", ["byte_level", "mistral", "metaspace never"])
def test_a_system_text_that_moves_with_the_last_turn_is_trained_where_sampling_sees_it(vocabulary):
    made = chat(MISTRAL_V03, vocabulary, bos="<s>", eos="</s>", unknown="<unk>")
    talk = [system("Be kind."), *TALK]
    assert [text.strip() for text in trained(made, talk, 2)] == ["I am Ben.</s>", "He is Al.</s>"]
    first, second = made.encode(talk[:2], talk[2:]).rows
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
        chat(squeezes).encode([user("q")], [says("def f():\n\n    return 1")])
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
        chat(inner).encode(TALK[:1], TALK[1:])


def test_tools_that_the_template_does_not_print_are_refused_though_their_names_stand_elsewhere():
    named = TOOL | {"function": TOOL["function"] | {"name": "user"}}  # the template writes this word for another reason
    for tool in (TOOL, named):
        with pytest.raises(BadRow, match="does not show the tools"):
            chat(CHATML).encode([user("call lookup with key")], [says("ok")], [tool])


def test_marks_that_omit_what_an_answer_says_are_refused():
    begins = "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}{% if m['role'] == 'assistant' %}"
    rest = "{% endif %}{% endfor %}" + ASKED + "{{ '<|im_start|>assistant\n' }}{% endif %}"
    other = "{% else %}{{ m['content'] + '<|im_end|>\n' }}"
    whole = "{% generation %}{{ m['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    half = "{{ m['content'][:4] }}{% generation %}{{ m['content'][4:] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    assert trained(chat(begins + whole + other + rest), TALK, train_on="generation_marks")
    with pytest.raises(BadRow, match="leave out the text of an answer"):
        chat(begins + half + other + rest).encode(TALK[:1], TALK[1:], train_on="generation_marks")


def test_the_template_with_marks_is_named_that_trl_ships_beside_this_one():
    with pytest.raises(ModelError, match="TRL ships this template with marks: `chat_template: qwen3_training`"):
        chat("qwen3").encode(TALK[:1], TALK[1:], train_on="generation_marks")


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
        (row,) = made.encode(talk[:1], talk[1:], [TOOL]).rows
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
