"""Records as people have them, to rows: what is read, as what, and what is refused for which reason."""

import json

import pytest

from align.core.errors import BadRow
from align.core.formats import Reader
from align.core.rows import Demonstration, Preference, Prompt, Unpaired


def user(text):
    return {"role": "user", "content": text}


def says(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


def human(text):
    return {"from": "human", "value": text}


def gpt(text):
    return {"from": "gpt", "value": text}


def calls(name="add", **arguments):
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


def openai_call(name="add", **arguments):
    return {"id": "c1", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def result(text, **more):
    return {"role": "tool", "content": text, **more}


ADD = {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}
TOOLS = [{"type": "function", "function": ADD}]

Q = [user("q")]
QA = (Q, [says("a")])
PAIR = (Q, [says("good")], [says("bad")])
LONG = ([user("1"), says("2"), user("3")], [says("good")], [says("bad")])
CALLED = ([user("1 + 2?")], [says("", tool_calls=[{"id": "c1"} | calls(a=1)]), result("3", tool_call_id="c1"), says("3")])
HH = "\n\nHuman: hi there\n\nAssistant: hello\n\nHuman: a poem?\n\nAssistant:"
HH_TURNS = [user("hi there"), says("hello"), user("a poem?")]

SHAPES = {
    # TRL
    "prompt, completion, conversational": ({"prompt": Q, "completion": [says("a")]}, QA),
    "prompt, completion, plain": ({"prompt": "q", "completion": "a"}, QA),
    "prompt, completion, one turn not in a list": ({"prompt": user("q"), "completion": says("a")}, QA),
    "messages": ({"messages": [user("q"), says("a")]}, QA),
    "messages, several turns, the last without an answer": (
        {"messages": [system("s"), user("1"), says("2"), user("3"), says("4"), user("and?")]},
        ([system("s"), user("1")], [says("2"), user("3"), says("4")]),
    ),
    "messages, more keys in a turn": ({"messages": [user("q") | {"name": "Al"}, says("a") | {"weight": 1}]}, QA),
    "pair, conversational": ({"prompt": Q, "chosen": [says("good")], "rejected": [says("bad")]}, PAIR),
    "pair, plain": ({"prompt": "q", "chosen": "good", "rejected": "bad"}, PAIR),
    "pair, implicit prompt": ({"chosen": [user("q"), says("good")], "rejected": [user("q"), says("bad")]}, PAIR),
    "pair, implicit prompt of several turns": (
        {"chosen": [user("1"), says("2"), user("3"), says("good")], "rejected": [user("1"), says("2"), user("3"), says("bad")]},
        LONG,
    ),
    "pair, both repeat the prompt (UltraFeedback)": (
        {
            "prompt": "q",
            "messages": [user("q"), says("good")],
            "chosen": [user("q"), says("good")],
            "rejected": [user("q"), says("bad")],
        },
        PAIR,
    ),
    "pair, the system turn only in the prompt": (
        {"prompt": [system("s"), user("q")], "chosen": [user("q"), says("good")], "rejected": [user("q"), says("bad")]},
        ([system("s"), user("q")], *PAIR[1:]),
    ),
    "pair, the system turn only in the conversations": (
        {"prompt": Q, "chosen": [system("s"), user("q"), says("good")], "rejected": [system("s"), user("q"), says("bad")]},
        ([system("s"), user("q")], *PAIR[1:]),
    ),
    "pair, the prompt is the first of several turns": (
        {
            "prompt": "1",
            "chosen": [user("1"), says("2"), user("3"), says("good")],
            "rejected": [user("1"), says("2"), user("3"), says("bad")],
        },
        LONG,
    ),
    "pair, completions of several turns that part at the end": (
        {
            "prompt": [user("1")],
            "chosen": [says("2"), user("3"), says("good")],
            "rejected": [says("2"), user("3"), says("bad")],
        },
        LONG,
    ),
    "pair, one completion is the beginning of the other": (
        {"prompt": Q, "chosen": [says("a"), user("b"), says("c")], "rejected": [says("a")]},
        (Q, [says("a"), user("b"), says("c")], [says("a")]),
    ),
    "unpaired": ({"prompt": "q", "completion": "a", "label": False}, (Q, [says("a")], False)),
    "unpaired, messages and kto_tag": ({"messages": [user("q"), says("a")], "kto_tag": True}, (*QA, True)),
    "unpaired, label as a word": ({"prompt": "q", "completion": "a", "label": "True"}, (*QA, True)),
    "a label that is a class": ({"prompt": "q", "completion": "a", "label": "science"}, QA),
    # system beside the conversation
    "system beside messages": ({"system": "s", "messages": [user("q"), says("a")]}, ([system("s"), *Q], [says("a")])),
    "system beside prompt": ({"system": "s", "prompt": "q", "completion": "a"}, ([system("s"), *Q], [says("a")])),
    "system beside a pair": (
        {"system": "s", "prompt": "q", "chosen": "good", "rejected": "bad"},
        ([system("s"), *Q], *PAIR[1:]),
    ),
    "system twice, the same": (
        {"system": "s", "messages": [system("s"), user("q"), says("a")]},
        ([system("s"), *Q], [says("a")]),
    ),
    "system empty": ({"system": "", "prompt": "q", "completion": "a"}, QA),
    "prompt beside messages, the same": ({"prompt": "q", "messages": [user("q"), says("a")]}, QA),
    "prompt beside messages, framed": ({"prompt": "User: q\n\nAssistant:", "messages": [user("q"), says("a")]}, QA),
    "prompt beside messages, with the system turn": (
        {"prompt": [system("s"), user("q")], "messages": [user("q"), says("a")]},
        ([system("s"), *Q], [says("a")]),
    ),
    # ShareGPT, Alpaca and other names
    "ShareGPT": ({"conversations": [human("q"), gpt("a")]}, QA),
    "ShareGPT, system beside it": ({"system": "s", "conversations": [human("q"), gpt("a")]}, ([system("s"), *Q], [says("a")])),
    "ShareGPT, with roles": ({"conversations": [user("q"), says("a")]}, QA),
    "ShareGPT, roles with capitals": ({"conversations": [{"from": "Human", "value": "q"}, {"from": "GPT", "value": "a"}]}, QA),
    "ShareGPT, pair": ({"conversations": [human("q")], "chosen": gpt("good"), "rejected": gpt("bad")}, PAIR),
    "conversation, in the singular": ({"conversation": [user("q"), says("a")]}, QA),
    "Alpaca": ({"instruction": "q", "input": "", "output": "a"}, QA),
    "Alpaca, all of it": (
        {"instruction": "add", "input": "1 2", "output": "3", "system": "s", "history": [["hi", "hello"]]},
        ([system("s"), user("hi"), says("hello"), user("add\n\n1 2")], [says("3")]),
    ),
    "Alpaca, pair": ({"instruction": "q", "chosen": "good", "rejected": "bad"}, PAIR),
    "Dolly": ({"instruction": "q", "context": "c", "response": "a"}, ([user("q\n\nc")], [says("a")])),
    "prompt, response": ({"prompt": "q", "response": "a"}, QA),
    "query, response (ms-swift)": ({"query": "q", "response": "a"}, QA),
    "input, output": ({"input": "q", "output": "a"}, QA),
    "question, response, system_prompt (OpenOrca)": (
        {"system_prompt": "s", "question": "q", "response": "a"},
        ([system("s"), *Q], [says("a")]),
    ),
    "messages, rejected_response (ms-swift)": ({"messages": [user("q"), says("good")], "rejected_response": "bad"}, PAIR),
    "messages and a completion": ({"messages": [user("q")], "completion": "a"}, QA),
    # OpenAI
    "content parts of text": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}, says([{"type": "text", "text": "a"}])]},
        QA,
    ),
    "developer": (
        {"messages": [{"role": "developer", "content": "s"}, user("q"), says("a")]},
        ([system("s"), *Q], [says("a")]),
    ),
    "preference format": (
        {
            "input": {"messages": [user("q")], "tools": [], "parallel_tool_calls": True},
            "preferred_output": [says("good")],
            "non_preferred_output": [says("bad")],
        },
        PAIR,
    ),
    "tool calls": (
        {
            "messages": [
                user("1 + 2?"),
                {"role": "assistant", "tool_calls": [openai_call(a=1)]},
                result("3", tool_call_id="c1"),
                says("3"),
            ]
        },
        CALLED,
    ),
    "tool calls, content null and nulls that Arrow filled in": (
        {
            "messages": [
                user("1 + 2?") | {"tool_calls": None, "tool_call_id": None},
                says(None) | {"tool_calls": [{"id": "c1"} | calls(a=1, b=None)], "tool_call_id": None},
                result("3", tool_call_id="c1", tool_calls=None),
                says("3", tool_calls=None),
            ]
        },
        CALLED,
    ),
    "tool calls with content": (
        {"messages": [user("q"), says("I look.", tool_calls=[calls(a=1)])]},
        (Q, [says("I look.", tool_calls=[calls(a=1)])]),
    ),
    "function_call and a function turn": (
        {
            "messages": [
                user("q"),
                says(None, function_call={"name": "add", "arguments": '{"a": 1}'}),
                {"role": "function", "name": "add", "content": "3"},
                says("3"),
            ]
        },
        (Q, [says("", tool_calls=[calls(a=1)]), result("3", name="add"), says("3")]),
    ),
    "ShareGPT function_call (LLaMA-Factory)": (
        {
            "conversations": [
                human("q"),
                {"from": "function_call", "value": '{"name": "add", "arguments": {"a": 1}}'},
                {"from": "observation", "value": "3"},
                gpt("3"),
            ]
        },
        (Q, [says("", tool_calls=[calls(a=1)]), result("3"), says("3")]),
    ),
    "a call without arguments": (
        {"messages": [user("q"), says("", tool_calls=[openai_call()])]},
        (Q, [says("", tool_calls=[{"id": "c1"} | calls()])]),
    ),
    # meaning of turns
    "reasoning_content": ({"messages": [user("q"), says("a", reasoning_content="r")]}, (Q, [says("a", reasoning="r")])),
    "thinking": ({"messages": [user("q"), says("a", thinking="r")]}, (Q, [says("a", reasoning="r")])),
    "weight 0": (
        {"messages": [user("1"), says("2", weight=0), user("3"), says("4", weight=1)]},
        ([user("1")], [says("2", train=False), user("3"), says("4")]),
    ),
    "train false": (
        {"messages": [user("1"), says("2", train=False), user("3"), says("4", train=True)]},
        ([user("1")], [says("2", train=False), user("3"), says("4")]),
    ),
    "loss false": (
        {"conversations": [human("1"), gpt("2") | {"loss": False}, human("3"), gpt("4") | {"loss": True}]},
        ([user("1")], [says("2", train=False), user("3"), says("4")]),
    ),
    # HH
    "HH": ({"chosen": HH + " Roses.", "rejected": HH + " No."}, (HH_TURNS, [says("Roses.")], [says("No.")])),
    "HH, without the empty lines in front": (
        {"chosen": HH.lstrip() + " Roses.", "rejected": HH.lstrip() + " No."},
        (HH_TURNS, [says("Roses.")], [says("No.")]),
    ),
    "HH, prompt apart": ({"prompt": HH, "chosen": " Roses.", "rejected": " No."}, (HH_TURNS, [says("Roses.")], [says("No.")])),
    "HH, demonstration": ({"prompt": HH, "response": " Roses."}, (HH_TURNS, [says("Roses.")])),
    "HH, a whole transcript": (
        {"prompt": HH + " Roses."},
        ([user("hi there")], [says("hello"), user("a poem?"), says("Roses.")]),
    ),
    "a text about humans": (
        {"prompt": "Human: a definition?", "completion": "a"},
        ([user("Human: a definition?")], [says("a")]),
    ),
    # unions
    "union, demonstration": ({"prompt": "q", "completion": "a", "chosen": None, "rejected": None}, QA),
    "union, pair": ({"prompt": "q", "completion": None, "chosen": "good", "rejected": "bad"}, PAIR),
    "union, prompt only": ({"prompt": "q", "completion": None, "chosen": None, "rejected": None}, (Q,)),
    "union, messages": ({"messages": [user("q"), says("a")], "prompt": None, "completion": None, "label": None}, QA),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_usual_shape_becomes_rows(shape):
    record, (prompt, *rest) = SHAPES[shape]
    made = Reader({}).read(record)
    assert made[0] == Prompt(messages=prompt)
    if not rest:
        assert len(made) == 1
    elif len(rest) == 1:
        assert made[1:] == [Demonstration(prompt=prompt, completion=rest[0])]
    elif isinstance(rest[1], bool):
        assert made[1:] == [Unpaired(prompt=prompt, completion=rest[0], label=rest[1])]
    else:
        assert made[1:] == [Preference(prompt=prompt, chosen=rest[0], rejected=rest[1])]


@pytest.mark.parametrize(
    "tools",
    [TOOLS, json.dumps(TOOLS), [ADD], json.dumps([ADD]), [json.dumps(TOOLS[0])], [TOOLS[0] | {"strict": None}]],
    ids=["list", "text", "bare", "bare text", "list of texts", "with nulls"],
)
def test_tools_are_read_in_every_form_and_carried_by_every_row(tools):
    for name in ("tools", "functions"):
        for record in ({"prompt": "q", "completion": "a"}, {"prompt": "q", "chosen": "a", "rejected": "b"}):
            assert [row.tools for row in Reader({}).read(record | {name: tools})] == [TOOLS, TOOLS]
    openai = {"input": {"messages": Q, "tools": tools}, "preferred_output": [says("a")], "non_preferred_output": [says("b")]}
    assert [row.tools for row in Reader({}).read(openai)] == [TOOLS, TOOLS]
    assert Reader({}).read({"prompt": "q", "tools": ""})[0].tools == []


BAD = {
    "no prompt": ({"text": "hi"}, "no prompt among the columns text; name it with `columns:`"),
    "not an object": (["hi"], "not a JSON object"),
    "prompt null": ({"prompt": None}, "prompt is empty"),
    "prompt blank": ({"prompt": "  "}, "prompt is empty"),
    "prompt a number": ({"prompt": 5}, "prompt is not text or a list of messages"),
    "messages empty": ({"messages": []}, "messages is empty"),
    "messages of text": ({"messages": ["hi", "ho"]}, "messages is not text or a list of messages"),
    "completion null": ({"prompt": "q", "completion": None}, "completion is empty"),
    "completion blank": ({"prompt": "q", "completion": "\n"}, "completion is empty"),
    "no assistant turn": ({"prompt": "q", "completion": [user("a")]}, "completion does not start with an assistant turn"),
    "assistant first": ({"messages": [says("a"), user("q")]}, "the conversation starts with an assistant turn"),
    "prompt ends with assistant": ({"prompt": [user("q"), says("a")]}, "prompt ends with an assistant turn"),
    "an empty answer in between": (
        {"messages": [user("1"), says(""), user("2"), says("3")]},
        "completion has an assistant turn that is empty",
    ),
    "an answer of reasoning only": ({"messages": [user("q"), says("", reasoning="r")]}, "completion is empty"),
    "unknown role": ({"messages": [{"role": "bard", "content": "x"}]}, "unknown role 'bard' in messages"),
    "role of another type": ({"messages": [{"role": ["user"], "content": "x"}]}, "unknown role ['user'] in messages"),
    "no role": ({"messages": [{"content": "x"}]}, "unknown role None in messages"),
    "content null": ({"messages": [{"role": "user", "content": None}]}, "prompt has a message whose content is not text"),
    "half a surrogate pair": ({"prompt": "\ud83d"}, "prompt has text that is not Unicode"),
    "half a surrogate pair in a call": (
        {"messages": [user("q"), says("", tool_calls=[calls(a="\ud83d")])]},
        "completion has text that is not Unicode",
    ),
    "unknown ShareGPT role": ({"conversations": [{"from": "bard", "value": "x"}]}, "unknown role 'bard' in conversations"),
    "conversations empty": ({"conversations": []}, "conversations is empty"),
    "chosen missing": ({"prompt": "q", "rejected": "b"}, "chosen is missing"),
    "rejected null": ({"prompt": "q", "chosen": "a", "rejected": None}, "rejected is empty"),
    "both null": ({"prompt": "q", "chosen": None, "rejected": None}, "chosen is empty"),
    "chosen equals rejected": ({"prompt": "q", "chosen": "a", "rejected": "a"}, "chosen equals rejected"),
    "implicit, equal": ({"chosen": [user("q"), says("a")], "rejected": [user("q"), says("a")]}, "chosen equals rejected"),
    "implicit, apart": ({"chosen": "a", "rejected": "b"}, "no prompt column, and chosen and rejected share no first turn"),
    "margin a word": ({"prompt": "q", "chosen": "a", "rejected": "b", "margin": "wide"}, "margin is not a number"),
    "instruction a number": ({"instruction": 3, "output": "a"}, "instruction is not text"),
    "history not pairs": ({"instruction": "q", "history": ["hi"]}, "history is not a list of [user, assistant] pairs"),
    "tests not JSON": ({"prompt": "q", "tests": "{"}, "tests is not JSON"),
    "tests not objects": ({"prompt": "q", "tests": [1]}, "tests is not a list of objects"),
    "tags a number": ({"prompt": "q", "tags": 3}, "tags is not text or a list"),
    "answer an object": ({"prompt": "q", "answer": {"a": 1}}, "answer is an object"),
    "answer infinite": ({"prompt": "q", "answer": float("inf")}, "answer is not a finite number"),
    "tools not JSON": ({"prompt": "q", "tools": "add"}, "a tool call or its arguments, or tools, is not JSON"),
    "tools without a name": ({"prompt": "q", "tools": [{"description": "x"}]}, "tools has an entry without a function's name"),
    "arguments not JSON": (
        {"messages": [user("q"), says(None, function_call={"name": "add", "arguments": "{a: 1"})]},
        "a tool call or its arguments, or tools, is not JSON",
    ),
    "arguments a list": (
        {"messages": [user("q"), says("", tool_calls=[{"function": {"name": "f", "arguments": [1]}}])]},
        "completion has a tool call whose arguments are not an object",
    ),
    "an image": (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, says("a")]},
        "messages holds 'image' content; only text can be used",
    ),
    "images beside": (
        {"prompt": "q", "completion": "a", "images": ["x"]},
        "column 'images' changes what a row means: only text can be used",
    ),
    "sound": (
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}, says("a")]},
        "messages holds 'audio' content; only text can be used",
    ),
    "a weight of the row": (
        {"prompt": "q", "completion": "a", "weight": 0.5},
        "column 'weight' changes what a row means: rows have no weight here",
    ),
    "a mask of tokens": (
        {"prompt": "q", "completion": "a", "loss_mask": [0, 1]},
        "column 'loss_mask' changes what a row means: turns are masked here, not tokens (`train: false`)",
    ),
    "half a weight": (
        {"messages": [user("q"), says("a", weight=0.5)]},
        "a turn has weight: 0.5; only 0 and 1, true and false are known",
    ),
    "flags that contradict": (
        {"messages": [user("q"), says("a", weight=1, train=False)]},
        "the weight, train and loss of a turn contradict each other",
    ),
    "parts of a turn": (
        {"messages": [user("q"), says("a", train_detail=[{"begin_offset": 0, "end_offset": 1, "train": True}])]},
        "train_detail trains parts of a turn, which is not known here",
    ),
    "nothing is to be trained": (
        {"messages": [user("q"), says("a", weight=0)]},
        "no answer of it is to be trained (weight, train or loss)",
    ),
    "two reasonings": (
        {"messages": [user("q"), says("a", thinking="r", reasoning_content="s")]},
        "a turn has reasoning_content and thinking, and they differ",
    ),
    "two system turns": (
        {"system": "s", "messages": [system("t"), user("q"), says("a")]},
        "the system column and the system turn differ",
    ),
    "prompt against messages": ({"prompt": "x", "messages": [user("q"), says("a")]}, "prompt contradicts the conversation"),
    "prompt against a pair": (
        {"prompt": "x", "chosen": [user("q"), says("a")], "rejected": [user("q"), says("b")]},
        "prompt contradicts the conversation",
    ),
    "completion against messages": (
        {"messages": [user("q"), says("a")], "completion": "b"},
        "completion contradicts the conversation",
    ),
    "conversations that share nothing": (
        {"chosen": [user("p"), says("a")], "rejected": [user("q"), says("b")]},
        "chosen and rejected are conversations that share no first turn",
    ),
    "question and answer": ({"question": "q", "answer": "a"}, "is `answer` to be imitated or to be compared with?"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_record_is_refused_with_the_reason(case):
    record, reason = BAD[case]
    with pytest.raises(BadRow) as refused:
        Reader({}).read(record)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    "case",
    ["no prompt", "images beside", "a weight of the row", "two system turns", "prompt against messages", "question and answer"],
)
def test_the_remedy_that_a_refusal_names_works(case):
    record = BAD[case][0]
    with pytest.raises(BadRow) as refused:
        Reader({}).read(record)
    remedy = refused.value.remedy
    if "ignore: [" in remedy:
        assert Reader({}, [remedy.partition("ignore: [")[2].partition("]")[0]]).read(record)
    else:
        ours = {"question": "prompt", "answer": "completion", "text": "prompt"}
        assert "columns: {prompt: " in remedy
        assert Reader({ours[name]: name for name in record}).read(record)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4, "4"), (-3, "-3"), (1e-05, "0.00001"), (1e16, "10000000000000000"), (2.5, "2.5"), (0.1, "0.1"), (3.0, "3.0"),
        (True, "true"), (None, None), ("007", "007"), ("1e-05", "1e-05"), ([1, 2], "[1, 2]"), ([1e-05, 2.0], "[0.00001, 2.0]"),
        (["a", "b"], '["a", "b"]'), ([[1, 2], [3]], "[[1, 2], [3]]"), (1e300, "1e+300"), ("", ""),
    ],
)  # fmt: skip
def test_an_answer_keeps_its_meaning(value, text):
    assert Reader({}).read({"prompt": "q", "answer": value})[0].answer == text


def test_columns_that_nothing_is_read_from_are_told():
    reader = Reader({"prompt": "question"}, ["notes"])
    record = {"question": "q", "response": "a", "id": 7, "label": "science", "notes": "x", "source": None, "tools": "[]"}
    assert isinstance(reader.read(record)[1], Demonstration)
    reader.read({"question": [user("q") | {"date": "today"}], "score": 2})
    assert reader.unused == ["id", "label", "score", "turn.date"]


def test_a_column_that_one_record_uses_is_not_told():
    reader = Reader({})
    reader.read({"prompt": "q", "chosen": "a", "rejected": "b", "response": "a", "extra": 1})
    assert reader.unused == ["response", "extra"]
    reader.read({"prompt": "q", "response": "a"})
    assert reader.unused == ["extra"]
