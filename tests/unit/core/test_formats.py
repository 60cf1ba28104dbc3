"""Records as people have them, to rows: what is read, as what, and what is refused for which reason."""

import json

import pytest

from align.core.errors import BadRow
from align.core.formats import Reader
from align.core.rows import Demonstration, Preference, Unpaired


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
        ([system("s"), user("hi")], [says("hello"), user("add\n\n1 2"), says("3")]),
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
    "flags under other names": (
        {
            "messages": [
                user("1"),
                says("2", loss_weight=0.0),
                user("3"),
                says("4", loss_scale=1),
                user("5"),
                says("6", masked=True),
            ],
        },
        ([user("1")], [says("2", train=False), user("3"), says("4"), user("5"), says("6", train=False)]),
    ),
    "reasoning among the parts": (
        {
            "messages": [
                user("q"),
                says([{"type": "thinking", "thinking": "r", "signature": "x"}, {"type": "text", "text": "a"}]),
            ]
        },
        (Q, [says("a", reasoning="r")]),
    ),
    "reasoning beside the response": ({"prompt": "q", "response": "a", "thinking": "r"}, (Q, [says("a", reasoning="r")])),
    # more tool calls
    "arguments under other names": (
        {"messages": [user("q"), says("", tool_calls=[{"name": "f", "args": {"a": 1}}, {"name": "g", "input": {"b": 2}}])]},
        (Q, [says("", tool_calls=[calls("f", a=1), calls("g", b=2)])]),
    ),
    "arguments null beside parameters": (
        {"messages": [user("q"), says("", tool_calls=[{"name": "f", "arguments": None, "parameters": {"a": 1}}])]},
        (Q, [says("", tool_calls=[calls("f", a=1)])]),
    ),
    "nulls inside arguments": (
        {"messages": [user("q"), says("", tool_calls=[calls("f", where={"a": 1, "b": None})])]},
        (Q, [says("", tool_calls=[calls("f", where={"a": 1})])]),
    ),
    "a null that JSON text says": (
        {"messages": [user("q"), says("", tool_calls=[openai_call("f", unit=None)])]},
        (Q, [says("", tool_calls=[{"id": "c1"} | calls("f", unit=None)])]),
    ),
    "calls as JSON text": (
        {"messages": [user("q"), says("", tool_calls=json.dumps([calls("f", a=1)])), result("1"), says("2", tool_calls="[]")]},
        (Q, [says("", tool_calls=[calls("f", a=1)]), result("1"), says("2")]),
    ),
    "calls behind a text (ms-swift)": (
        {
            "messages": [
                user("q"),
                says("I look."),
                {"role": "tool_call", "content": '{"name": "f", "arguments": {"a": 1}}'},
                {"role": "tool_call", "content": '{"name": "g", "arguments": {}}'},
                {"role": "tool_response", "content": "1"},
                says("One."),
            ]
        },
        (Q, [says("I look.", tool_calls=[calls("f", a=1), calls("g")]), result("1"), says("One.")]),
    ),
    "a thought before a call (LLaMA-Factory)": (
        {
            "conversations": [
                human("q"),
                {"from": "function_call", "value": '<think>\nr\n</think>\n{"name": "f", "arguments": {}}'},
            ]
        },
        (Q, [says("", tool_calls=[calls("f")], reasoning="r")]),
    ),
    "a result in the marks of the template (Hermes)": (
        {
            "conversations": [
                human("q"),
                gpt("I look."),
                {"from": "tool", "value": '<tool_response>\n{"a": 1}\n</tool_response>'},
                gpt("One."),
            ]
        },
        (Q, [says("I look."), result('{"a": 1}'), says("One.")]),
    ),
    "function_call of nulls": ({"messages": [user("q"), says("a", function_call={"name": None, "arguments": None})]}, QA),
    "a tool's result as an object": (
        {"messages": [user("q"), says("", tool_calls=[calls("f")]), result({"sum": 3, "why": None}), says("3")]},
        (Q, [says("", tool_calls=[calls("f")]), result('{"sum": 3}'), says("3")]),
    ),
    # more shapes
    "history (ms-swift)": (
        {"query": "3", "response": "4", "history": [["1", "2"]]},
        ([user("1")], [says("2"), user("3"), says("4")]),
    ),
    "query, response, rejected_response (ms-swift)": ({"query": "q", "response": "good", "rejected_response": "bad"}, PAIR),
    "rejected_messages (ms-swift)": (
        {"messages": [user("q"), says("good")], "rejected_messages": [user("q"), says("bad")]},
        PAIR,
    ),
    "input and output in turns (Capybara)": (
        {"conversation": [{"input": "1", "output": "2"}, {"input": "3", "output": "4"}]},
        ([user("1")], [says("2"), user("3"), says("4")]),
    ),
    "human and assistant in turns (ms-swift)": ({"conversation": [{"human": "q", "assistant": "a"}]}, QA),
    "texts in turn (LIMA)": ({"conversations": ["q", "a"]}, QA),
    "turns as JSON text": ({"messages": json.dumps([user("q"), says("a")])}, QA),
    "a pair as JSON text, as CSV has it": (
        {"prompt": "q", "chosen": json.dumps([user("q"), says("good")]), "rejected": json.dumps([user("q"), says("bad")])},
        PAIR,
    ),
    "a struct of lists (Arrow)": ({"messages": {"role": ["user", "assistant"], "content": ["q", "a"]}}, QA),
    "a part with a value (LLaMA-Factory)": (
        {"messages": [{"role": "user", "content": [{"type": "text", "value": "q"}]}, says([{"type": "text", "value": "a"}])]},
        QA,
    ),
    "the system turn in one side of a pair": (
        {"chosen": [system("s"), user("q"), says("good")], "rejected": [user("q"), says("bad")]},
        ([system("s"), *Q], *PAIR[1:]),
    ),
    "Alpaca, a number as input": ({"instruction": "double", "input": 0, "output": "0"}, ([user("double\n\n0")], [says("0")])),
    "Alpaca, no instruction": ({"instruction": "", "input": "q", "output": "a"}, QA),
    "empty lists in place of null": ({"prompt": "q", "completion": "a", "messages": [], "chosen": [], "rejected": []}, QA),
    "empty texts in place of null": ({"messages": [user("q"), says("a")], "chosen": "", "rejected": ""}, QA),
    "question and answer beside a conversation": ({"question": "q", "answer": "a", "messages": [user("q"), says("a")]}, QA),
    "not a number in place of null": ({"prompt": "q", "completion": "a", "label": float("nan"), "system": float("nan")}, QA),
    "an answer that is a written dialogue": (
        {"prompt": "q", "completion": "Human: hi\n\nAssistant: ho"},
        (Q, [says("Human: hi\n\nAssistant: ho")]),
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
    assert (made[0].messages, made[0].tools) == (prompt, [])
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
    "messages of text": ({"messages": ["hi", "ho"]}, "messages is not a list of messages"),
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
    "tools not JSON": ({"prompt": "q", "tools": "add"}, "not JSON: tools"),
    "tools without a name": ({"prompt": "q", "tools": [{"description": "x"}]}, "tools has an entry without a function's name"),
    "arguments not JSON": (
        {"messages": [user("q"), says(None, function_call={"name": "add", "arguments": "{a: 1"})]},
        "not JSON: the arguments of a tool call",
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
    "a label of good or bad": (
        {"prompt": "q", "completion": "a", "label": "bad"},
        "label is 'bad', neither true nor false",
    ),
    "a label of plus and minus": ({"prompt": "q", "completion": "a", "label": -1}, "label is -1, neither true nor false"),
    "a kto_tag that is a word": (
        {"prompt": "q", "completion": "a", "kto_tag": "maybe"},
        "kto_tag is 'maybe', neither true nor false",
    ),
    "a call with more than is read": (
        {"messages": [user("q"), says("", tool_calls=[{"name": "f", "kwarg_list": [1]}])]},
        "a tool call has 'kwarg_list', which is not read",
    ),
    "a flag on a part": (
        {"messages": [user("q"), says([{"type": "text", "text": "a", "train": False}])]},
        "a part of a turn of messages has 'train'; only whole turns can be left untrained",
    ),
    "a user turn to be trained": (
        {"messages": [user("q") | {"train": True}, says("a")]},
        "a user turn is to be trained, and only answers are",
    ),
    "tools in a turn": (
        {"messages": [system("s") | {"tools": TOOLS}, user("q"), says("a")]},
        "a turn of messages has 'tools', which changes what it means and is not read",
    ),
    "turns as Python spells them": (
        {"prompt": "q", "chosen": str([user("q"), says("a")]), "rejected": "b"},
        "chosen is a list in Python's spelling or broken JSON; write it as JSON",
    ),
    "context beside a question": (
        {"question": "q", "context": "c", "response": "a"},
        "column 'context' beside 'question' changes what is asked",
    ),
    "choices beside a question": (
        {"question": "q", "choices": ["a", "b"], "response": "a"},
        "column 'choices' beside 'question' changes what is asked",
    ),
    "conversations that part before an answer": (
        {"chosen": [user("q"), says("a"), user("x"), says("b")], "rejected": [user("q"), says("a"), user("y"), says("b")]},
        "chosen and rejected part before an answer, or one of them has none",
    ),
    "nested too deeply": ({"prompt": "q", "answer": json.loads("[" * 900 + "]" * 900)}, "nested too deeply"),
    "an answer that is not Unicode": (
        {"prompt": "q", "answer": "\ud83d"},
        "answer, tests or tags have text that is not Unicode",
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
        "the flags weight, train of a turn contradict each other",
    ),
    "parts of a turn": (
        {"messages": [user("q"), says("a", train_detail=[{"begin_offset": 0, "end_offset": 1, "train": True}])]},
        "a turn of messages has 'train_detail', which changes what it means and is not read",
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
    [
        "no prompt",
        "images beside",
        "a weight of the row",
        "a label of good or bad",
        "a kto_tag that is a word",
        "two system turns",
        "prompt against messages",
        "context beside a question",
        "question and answer",
    ],
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
    ("answers", "called"),
    [
        ('[{"name": "f", "arguments": {"a": 1}}, {"name": "g", "arguments": {}}]', [calls("f", a=1), calls("g")]),
        ([{"name": "f", "arguments": {"a": 1, "b": None}}], [calls("f", a=1)]),
        ("[]", None),
        (["a text"], None),
    ],
    ids=["text", "list", "none", "no calls"],
)
def test_answers_beside_tools_are_calls(answers, called):
    """As in xLAM's function-calling rows, where `tools` and `answers` are JSON text."""
    made = Reader({}).read({"query": "q", "tools": json.dumps([ADD]), "answers": answers})
    assert [row.tools for row in made] == [TOOLS] * len(made)
    assert [row.completion for row in made[1:]] == ([[says("", tool_calls=called)]] if called else [])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4, "4"), (-3, "-3"), (1e-05, "0.00001"), (1e16, "10000000000000000"), (2.5, "2.5"), (0.1, "0.1"), (3.0, "3.0"),
        (True, "true"), (None, None), ("007", "007"), ("1e-05", "1e-05"), ([1, 2], "[1, 2]"), ([1e-05, 2.0], "[0.00001, 2.0]"),
        (["a", "b"], '["a", "b"]'), ([[1, 2], [3]], "[[1, 2], [3]]"), (1e50, "1" + 50 * "0"),
        (1e-300, "0." + 299 * "0" + "1"), ("", ""),
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


def test_a_column_that_only_some_records_use_is_told_with_their_number():
    reader = Reader({})
    reader.read({"prompt": "q", "chosen": "a", "rejected": "b", "response": "a", "extra": 1})
    assert reader.unused == ["response", "extra"]
    reader.read({"prompt": "q", "response": "a"})
    assert reader.unused == ["response (in 1 of 2 records)", "extra"]


@pytest.mark.parametrize("theirs", ["question", "query", "instruction"])
def test_a_remedy_names_the_column_as_the_record_has_it(theirs):
    record = {theirs: "x", "chosen": [user("q"), says("a")], "rejected": [user("q"), says("b")]}
    with pytest.raises(BadRow, match=f"{theirs} contradicts the conversation") as refused:
        Reader({}).read(record)
    assert refused.value.remedy == f"`ignore: [{theirs}]` reads the conversation alone"
    assert isinstance(Reader({}, [theirs]).read(record)[1], Preference)


def test_what_the_recipe_names_decides_the_shape():
    record = {"instruction": "You are a bot", "input": "i", "text": "real question", "output": "a"}
    assert Reader({"prompt": "text"}).read(record)[1] == Demonstration(prompt=[user("real question")], completion="a")
    record = {"prompt": "q", "best": "a", "chosen": "c", "rejected": "r", "messages": [user("other"), says("b")]}
    assert Reader({"prompt": "prompt", "completion": "best"}).read(record)[1] == Demonstration(prompt=Q, completion="a")


def test_columns_may_lie_inside_objects_and_optional_ones_may_be_missing():
    reader = Reader({"answer": "reward_model.ground_truth", "prompt": "q"})
    assert reader.read({"q": "1 + 1", "reward_model": {"ground_truth": 2, "style": "rule"}})[0].answer == "2"
    assert reader.read({"q": "1 + 2"})[0].answer is None
    assert reader.never_seen == []
    other = Reader({"answer": "gold", "prompt": "q"})
    other.read({"q": "1 + 2"})
    assert other.never_seen == ["gold"]


def test_the_answer_of_a_conversation_belongs_to_its_last_question():
    talk = [user("2 + 2?"), says("4"), user("and 3 + 3?"), says("6")]
    prompt, row = Reader({}).read({"messages": talk, "answer": 6})
    assert (prompt.messages, prompt.answer) == (talk[:3], "6")
    assert (row.prompt, row.completion) == (talk[:1], talk[1:])
