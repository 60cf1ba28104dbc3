"""Tools and calls that stand in a text: read as they are meant, or the row is dropped with a reason that says why."""

import datetime
import json

import pytest

from align.core.errors import BadRow
from align.core.formats import Reader

CITY = {"city": {"type": "string", "description": "Which one."}, "description": {"type": "string"}}
SCHEMA = {"type": "object", "properties": CITY, "required": ["city"]}
WEATHER = {"name": "get_weather", "description": "Tells it.", "parameters": SCHEMA}
ADD = {"name": "add"}
LONGEST = "9" * 5000
DEEP, DEEPER = ("[" * depth + "]" * depth for depth in (900, 100_000))


def conversation(answer, *before, **columns):
    return {"messages": [*before, {"role": "user", "content": "q"}, {"role": "assistant", "content": answer}], **columns}


def read(record):
    return Reader({}).read(record)[-1]


def answer_of(text, tools=(ADD,), **more):
    """Return the content of an answer and its calls as (name, arguments), as they are read."""
    record = conversation(text, **({"tools": list(tools)} if tools else {}))
    record["messages"][-1] |= more
    (turn,) = read(record).completion
    return turn["content"], called(turn)


def called(turn):
    return [(call["function"]["name"], call["function"]["arguments"]) for call in turn.get("tool_calls", ())]


def tagged(call):
    return f"<tool_call>\n{call}\n</tool_call>"


# -- what a text says is taken as it stands -----------------------------------------------------------------------------------

NULL = '{"name": "f", "arguments": {"x": null}}'
WITH_NULL = {
    "tags": conversation(tagged(NULL), tools=[ADD]),
    "tags, Python's spelling": conversation(tagged("{'name': 'f', 'arguments': {'x': None}}"), tools=[ADD]),
    "tags, Python's spelling with blanks": conversation(tagged("{ 'name': 'f', 'arguments': { 'x': None } }"), tools=[ADD]),
    "a turn": {"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": NULL}]},
    "a turn behind a thought": {
        "conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": f"<think>r</think>{NULL}"}]
    },
    "the whole conversation": {
        "messages": json.dumps([{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [json.loads(NULL)]}])
    },
    "a conversation as JSON, with a turn of calls": {
        "conversations": json.dumps([{"from": "human", "value": "q"}, {"from": "function_call", "value": json.loads(NULL)}])
    },
    "a list": {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": f"[{NULL}]"}]},
    "a list of texts": {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [NULL]}]},
    "function_call": {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "function_call": NULL}]},
    "arguments": {
        "messages": [
            {"role": "user", "content": "q"},
            {"role": "assistant", "function_call": {"name": "f", "id": None, "arguments": '{"x": null}'}},
        ]
    },
    "answers": {"query": "q", "tools": json.dumps([ADD]), "answers": f"[{NULL}]"},
}  # fmt: skip


@pytest.mark.parametrize("case", WITH_NULL)
def test_a_null_that_a_text_says_stays(case):
    assert called(read(WITH_NULL[case]).completion[-1]) == [("f", {"x": None})]


def test_a_null_in_an_object_is_a_key_that_is_not_there():
    turn = {"role": "assistant", "tool_calls": [{"id": None, "name": "f", "arguments": {"x": None, "y": {"z": None}}}]}
    assert called(read({"messages": [{"role": "user", "content": "q"}, turn]}).completion[0]) == [("f", {"y": {}})]


NULLABLE = {"type": "object", "properties": {"unit": {"enum": ["c", None], "default": None}}}


@pytest.mark.parametrize(
    ("tools", "kept"),
    [
        (json.dumps([ADD | {"parameters": NULLABLE, "description": None}]), NULLABLE),
        (str([ADD | {"parameters": NULLABLE, "description": None}]), NULLABLE),
        ([json.dumps(ADD | {"parameters": NULLABLE})], NULLABLE),
        ([ADD | {"parameters": json.dumps(NULLABLE)}], NULLABLE),
        ([ADD | {"parameters": NULLABLE}], {"type": "object", "properties": {"unit": {"enum": ["c", None]}}}),
    ],
    ids=["text", "Python's spelling", "a list of texts", "parameters as text", "objects"],
)
def test_nulls_in_the_parameters_of_tools(tools, kept):
    assert read({"prompt": "q", "tools": tools}).tools == [{"type": "function", "function": ADD | {"parameters": kept}}]


def test_a_result_in_a_conversation_of_text_keeps_its_nulls():
    talk = [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [ADD]}]
    talk += [{"role": "tool", "content": {"sum": None}}, {"role": "assistant", "content": "a"}]
    assert read({"messages": json.dumps(talk)}).completion[1]["content"] == '{"sum": null}'
    assert read({"messages": talk}).completion[1]["content"] == "{}"


# -- what JSON has no form for ------------------------------------------------------------------------------------------------

NO_FORM = {
    "{'x': {1, 2}}": "JSON has no form for a value of type set in a tool call",
    "{'x': [b'a']}": "JSON has no form for a value of type bytes in a tool call",
    "{'x': 1j}": "JSON has no form for a value of type complex in a tool call",
    "{'x': ...}": "JSON has no form for a value of type ellipsis in a tool call",
    "{(1, 2): 3}": "JSON has no form for a key that is not text in a tool call",
    "{1: 2, 'a': 3}": "JSON has no form for a key that is not text in a tool call",
    "{None: 2}": "JSON has no form for a key that is not text in a tool call",
    "{'x': 1e999}": "JSON has no form for the number inf in a tool call",
    "{'x': 0x" + "f" * 5000 + "}": "JSON has no form for an integer of more than 4,200 digits in a tool call",
    "{'x': " + LONGEST + "}": "not JSON: a tool call",
    "{'x': {{}: 1}}": "not JSON: a tool call",
    "{'x': open('y')}": "not JSON: a tool call",
    '{"x": NaN}': "JSON has no form for the number nan in a tool call",
    '{"x": -Infinity}': "JSON has no form for the number -inf in a tool call",
    '{"x": 1e999}': "JSON has no form for the number inf in a tool call",
    '{"x": ' + LONGEST + "}": "not JSON: a tool call",
    '{"x": ' + DEEP + "}": "nested too deeply",
    '{"x": ' + DEEPER + "}": "not JSON: a tool call",
    '{"x": "\\ud83d"}': "completion has text that is not Unicode",
    '{"\\ud83d": 1}': "completion has text that is not Unicode",
}


@pytest.mark.parametrize("arguments", NO_FORM, ids=lambda text: text[:20])
def test_a_call_that_json_has_no_form_for_is_dropped(arguments):
    name = "'name': 'f', 'arguments'" if arguments[1:2] != '"' else '"name": "f", "arguments"'
    call = f"{{{name}: {arguments}}}"
    turn = {"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": call}]}
    for record in (conversation(tagged(call), tools=[ADD]), turn):
        with pytest.raises(BadRow) as refused:
            Reader({}).read(record)
        assert str(refused.value) == NO_FORM[arguments]


@pytest.mark.parametrize("value", [datetime.date(2024, 1, 1), b"x", float("nan")], ids=["date", "bytes", "NaN"])
def test_values_of_parquet_that_json_has_no_form_for(value):
    turn = {"role": "assistant", "tool_calls": [{"name": "f", "arguments": {"x": value}}]}
    with pytest.raises(BadRow, match=r"JSON has no form for .* in the arguments of a tool call"):
        read({"messages": [{"role": "user", "content": "q"}, turn]})
    with pytest.raises(BadRow, match=r"JSON has no form for .* in the parameters of a tool"):
        read({"prompt": "q", "tools": [ADD | {"parameters": {"x": value}}]})
    if value == value:
        with pytest.raises(BadRow, match="JSON has no form for something in tests"):
            read({"prompt": "q", "tests": [{"x": value}]})


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("{'name': 'f', 'arguments': {'x': (1, (2,)), 'y': True}}", {"x": [1, [2]], "y": True}),
        ("{'name': 'f', 'arguments': {'x': '\\d'}}", {"x": "\\d"}),
        ("{'name': 'f', 'arguments': {'x': \"it's }\"}}", {"x": "it's }"}),
        ('{"name": "f", "arguments": {"x": 123456789012345678901234567890}}', {"x": 123456789012345678901234567890}),
        ('{"name": "f", "arguments": {"x": "</tool_call> and <tool_call> ]"}}', {"x": "</tool_call> and <tool_call> ]"}),
        ('{"name": "f", "arguments": "{\\"x\\": null}"}', {"x": None}),
        ('{"name": "f"}', {}),
    ],
    ids=["tuples", "a backslash", "quotes", "a long integer", "tags in a text", "arguments as text", "no arguments"],
)
def test_values_that_json_has_a_form_for_are_read(call, arguments):
    assert answer_of(tagged(call)) == ("", [("f", arguments)])


@pytest.mark.parametrize("call", ["{}", '{"arguments": {"a": 1}}', '{"name": null}', '{"name": " "}', '{"name": 3}'])
def test_a_call_without_a_name_is_dropped_for_that(call):
    turn = {"role": "assistant", "content": "Text.", "tool_calls": call}
    for record in (
        conversation(tagged(call), tools=[ADD]),
        {"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": call}]},
        {"messages": [{"role": "user", "content": "q"}, turn]},
    ):
        with pytest.raises(BadRow, match=r"^a tool call has no name$"):
            read(record)


# -- calls in tags, where only the column has the tools -----------------------------------------------------------------------

CALL = tagged('{"arguments": {"a": 1}, "name": "add"}')
OPEN = CALL.removesuffix("\n</tool_call>")
ONE = ("add", {"a": 1})
CALLS = {
    "a call": (CALL, "", [ONE]),
    "words and two calls": (f"I add.\n{CALL}\n\n{CALL}\n", "I add.", [ONE, ONE]),
    "calls without a space": (CALL + CALL, "", [ONE, ONE]),
    "lines of Windows": (f"I add.\r\n{CALL}\r\n".replace("\n", "\r\n"), "I add.", [ONE]),
    "a list": (tagged('[{"name": "add"}, {"name": "b"}]'), "", [("add", {}), ("b", {})]),
    "two in one pair of tags": (tagged('{"name": "add"}\n{"name": "b"}'), "", [("add", {}), ("b", {})]),
    "a token that ends the turn": (f"I add. {CALL}<|im_end|>\n", "I add.", [ONE]),
    "two tokens that end the turn": (f"{CALL}</s><|endoftext|>", "", [ONE]),
    "the last tag is not closed": (f"{CALL}{OPEN}", "", [ONE, ONE]),
    "the first tag is not closed": (f"{OPEN}{CALL}", "", [ONE, ONE]),
    "not closed, a token": (f"{OPEN}<|im_end|>", "", [ONE]),
    "behind reasoning": (f"<think>Shall I?</think>\n{CALL}", "<think>Shall I?</think>", [ONE]),
    "behind a mention": (f"I use <tool_call> now:\n{CALL}", "I use <tool_call> now:", [ONE]),
    "a mention": ("Calls stand in <tool_call> tags.", None, []),
    "a mention in code": ("Use `<tool_call>` tags: `<tool_call>` and `</tool_call>`.", None, []),
    "a mention of both": ("Calls stand between <tool_call> and </tool_call>", None, []),
    "a mention of both, empty": ("Calls stand in <tool_call></tool_call>", None, []),
    "reasoning that weighs a call": (f"<think>{CALL}?</think>\nNo.", None, []),
}


@pytest.mark.parametrize("case", CALLS)
def test_calls_in_tags_become_objects_where_a_column_offers_the_tools(case):
    text, content, calls = CALLS[case]
    assert answer_of(text) == (text if content is None else content, calls)
    assert answer_of(text, tools=()) == (text, []), "a row without tools is text"


BETWEEN = "an answer has text between its calls or behind them"
NOT_CALLS = {
    "words behind": (f"{CALL} Then I wait.", BETWEEN),
    "words between": (f"{CALL}\nand\n{CALL}", BETWEEN),
    "words behind a tag that is not closed": (f"{OPEN} Then I wait.", BETWEEN),
    "an object behind": (f'{CALL}\n{{"sum": 3}}', BETWEEN),
    "a tag closed twice": (f"{CALL}</tool_call>", BETWEEN),
    "a call in a block of code": (f"```\n{CALL}\n```", BETWEEN),
    "it breaks off": (CALL[:-20], "a call in <tool_call> tags breaks off"),
    "it breaks off in a string": ('<tool_call>\n{"name": "add', "a call in <tool_call> tags breaks off"),
    "it breaks off behind the tag": ("I add.\n<tool_call>", "a call in <tool_call> tags breaks off"),
    "no opening tag": (CALL.removeprefix("<tool_call>"), "a call ends with </tool_call> and does not begin with <tool_call>"),
    "not JSON": (tagged("{name: add}"), "not JSON: a tool call"),
    "code": ("I add: <tool_call>add(1, 2)</tool_call>", "a call in <tool_call> tags is not JSON"),
    "XML": (tagged("<function=add>\n<parameter=a>\n1\n</parameter>\n</function>"), "a call in <tool_call> tags is not JSON"),
    "nothing": (tagged(""), "a call in <tool_call> tags is not JSON"),
    "an empty list": (tagged("[]"), "a pair of <tool_call> tags holds no call"),
}


@pytest.mark.parametrize("case", NOT_CALLS)
def test_calls_that_cannot_become_objects_are_dropped_and_not_trained_as_text(case):
    text, reason = NOT_CALLS[case]
    with pytest.raises(BadRow) as refused:
        answer_of(text)
    assert str(refused.value) == reason
    assert answer_of(text, tools=()) == (text, []), "`ignore: [tools]`, the remedy, reads it as text"


def test_calls_in_tags_and_in_a_field_must_be_the_same():
    same = {"id": "c1", "function": {"name": "add", "arguments": '{"a": 1}'}}
    assert answer_of(f"I add. {CALL}", tool_calls=[same]) == ("I add.", [ONE])
    with pytest.raises(BadRow, match="calls in tags and in tool_calls, and they differ"):
        answer_of(CALL, tool_calls=[{"name": "add", "arguments": {"a": 2}}])


# -- tools that a system turn spells out --------------------------------------------------------------------------------------

HERMES = "You may call functions. Their signatures are within <tools></tools> XML tags.\n<tools>{}</tools>\nCall them."


def wrapped(**change):
    return {"type": "function", "function": WEATHER | change}


def described(properties, **change):
    return json.dumps([WEATHER | {"parameters": SCHEMA | {"properties": properties} | change}])


def spelled(system, tools):
    """Return whether the tools of a row are those of its system turn alone."""
    row = read(conversation(CALL, {"role": "system", "content": system}, tools=tools))
    assert row.completion[0]["content"] == (CALL if not row.tools else "")
    return not row.tools


TWO = [wrapped(), wrapped(name="get")]
ACCENT = [wrapped(name="m\u00e9t\u00e9o/now")]
SAID = {
    "a list": (json.dumps([wrapped()]), [WEATHER]),
    "bare functions": (json.dumps([WEATHER]), [wrapped()]),
    "one object": (json.dumps(wrapped()), [WEATHER]),
    "one a line": (f"\n{json.dumps(WEATHER)}\n{json.dumps(TWO[1])}\n", TWO),
    "one after another": (f"{json.dumps(WEATHER)} {json.dumps(TWO[1])}", TWO),
    "with commas": (f"{json.dumps(WEATHER)}, {json.dumps(TWO[1])}", TWO),
    "in another order": (json.dumps(TWO[::-1]), TWO),
    "Python's spelling": (str([wrapped()]), [WEATHER]),
    "Python's spelling, one a line": (f"\n{wrapped()}\n{TWO[1]}\n", TWO),
    "Python's spelling with a blank": (f"{{ 'name': 'get_weather', 'parameters': {SCHEMA} }}", [WEATHER]),
    "escapes of JSON": (json.dumps(ACCENT).replace("/", "\\/"), ACCENT),
    "other keys first": (json.dumps([dict(reversed(WEATHER.items()))]), [WEATHER]),
    "nulls": (json.dumps([WEATHER | {"parameters": SCHEMA | {"enum": None}, "strict": None}]), [WEATHER]),
    "another description": (json.dumps([WEATHER | {"description": "x"}]), [WEATHER]),
    "another description of a parameter": (described({**CITY, "city": {"type": "string", "title": "City"}}), [WEATHER]),
    "required is lost": (json.dumps([WEATHER | {"parameters": {"properties": CITY}}]), [WEATHER]),
    "closed schemas": (described(CITY, additionalProperties=False), [WEATHER]),
    "parameters as text in the column": (json.dumps([WEATHER]), [WEATHER | {"parameters": json.dumps(SCHEMA)}]),
    "properties alone (xLAM)": (json.dumps([WEATHER | {"parameters": CITY}]), [WEATHER]),
    "the same list twice": (f"{json.dumps([WEATHER])}</tools> <tools>{json.dumps([WEATHER])}", [WEATHER]),
    "two lists": (f"{json.dumps([WEATHER])}</tools> <tools>{json.dumps([TWO[1]])}", TWO),
    "the tags once more in words": (f" and </tools> <tools>{json.dumps([WEATHER])}</tools> <tools> end </tools>", [WEATHER]),
    "an opening tag in words": (f"as a list <tools>{json.dumps([WEATHER])}", [WEATHER]),
    "a list in words": ("\n- get_weather: tells it.\n- get.\n", TWO),
    "names alone": ('["get_weather"]', [WEATHER]),
}


@pytest.mark.parametrize("case", SAID)
def test_tools_that_the_system_turn_spells_out_are_not_offered_twice(case):
    """As in hermes-function-calling-v1: the row is trained as it is written."""
    text, tools = SAID[case]
    assert spelled(HERMES.format(text), tools)


def test_a_column_that_the_system_turn_repeats_is_told_as_not_read():
    reader = Reader({})
    turn = {"role": "system", "content": HERMES.format(json.dumps([WEATHER]))}
    reader.read(conversation(CALL, turn, tools=json.dumps([WEATHER])))
    assert reader.unused == ["tools"]


OTHER = {
    "a name within a name": (json.dumps([WEATHER]), [wrapped(name="get")], "it does not mention 'get'"),
    "a name within a name, in words": ("- get_weather", [wrapped(name="get")], "it does not mention 'get'"),
    "a name at the end of a name, in words": ("- forget and math.get", [wrapped(name="get")], "it does not mention 'get'"),
    "a name within a name, broken JSON": ('[{"name": "get_weather",', [wrapped(name="get")], "it does not mention 'get'"),
    "fewer": (json.dumps([WEATHER]), TWO, "it does not mention 'get'"),
    "more": (json.dumps(TWO), [WEATHER], "it offers 'get', too"),
    "none": ("[]", [WEATHER], "it does not mention 'get_weather'"),
    "other parameters": (described({"town": {"type": "string"}}), [WEATHER], "the parameters of 'get_weather' differ"),
    "another type": (
        described({**CITY, "city": {"type": "integer"}}),
        [WEATHER],
        "the parameters of 'get_weather' differ",
    ),
    "other values": (
        described({**CITY, "city": {"type": "string", "enum": ["Rome"]}}),
        [WEATHER],
        "the parameters of 'get_weather' differ",
    ),
    "another required": (described(CITY, required=["description"]), [WEATHER], "the parameters of 'get_weather' differ"),
    "a parameter called like an annotation": (
        described({"city": {"type": "string"}}),
        [WEATHER],
        "the parameters of 'get_weather' differ",
    ),
    "no parameters": ('[{"name": "get_weather"}]', [WEATHER], "the parameters of 'get_weather' differ"),
}


@pytest.mark.parametrize("case", OTHER)
def test_a_system_turn_that_spells_out_other_tools_drops_the_row(case):
    text, tools, remedy = OTHER[case]
    with pytest.raises(BadRow, match="spells out other tools than the column `tools` has") as refused:
        spelled(HERMES.format(text), tools)
    assert refused.value.remedy == f"{remedy}; `ignore: [tools]` reads the text alone"


@pytest.mark.parametrize("text", ["<tools></tools>", "<tools> </tools>", "<tools> and </tools>", "`<tools>`...`</tools>`"])
def test_tags_that_are_only_spoken_of_spell_nothing_out(text):
    assert not spelled(f"Signatures stand in {text} tags.", [WEATHER])
