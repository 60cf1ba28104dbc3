"""Which parts of an answer are code, as text alone can say: fences, reasoning, and the time that runaway answers take."""

import time

import pytest

from reward.execution.text import blocks, entry_point, program, read


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```python\na\n```\n~~~ sh\nb\n~~~", [("python", "a\n"), ("sh", "b\n")]),
        ("````\n```\na\n```\n````\nz", [("", "```\na\n```\n")]),
        ("```\n~~~\n```", [("", "~~~\n")]),
        ("```\na\n``\n`````", [("", "a\n``\n")]),
        ("```{.python .numberLines}\na\n```\n``` Python3.11\nb\n```", [("python", "a\n"), ("python3", "b\n")]),
        ('```python title="x"\na\n```\n```main.py\nb\n```', [("python", "a\n"), ("main.py", "b\n")]),
        ("  ```\n  a\n    b\n c\n  ```\nz", [("", "a\n  b\nc\n")]),
        ("- ```\n  a\n  ```\n1. ~~~\n   b\n   ~~~", [("", "a\n"), ("", "b\n")]),
        ("> ```\n> a\n>  b\n> ```\nz", [("", "a\n b\n")]),
        ("> ```\n> a\n\n> b\nz", [("", "a\n\nb\n")]),
        (">> ```\n>> >>> a\n>> ```", [("", ">>> a\n")]),
        ("```python\na", [("python", "a")]),
        ("```a``` is no fence, nor is\n`` ` ``", []),
        ("```python\na\n```python\nb\n```", [("python", "a\n"), ("python", "b\n")]),
        ("```markdown\n# T\n```python\na\n```\n```", [("python", "a\n"), ("", "")]),
        ("````md\n```python\na\n```\n````", [("python", "a\n")]),
        ("```\r\na\r\n```\r\n", [("", "a\n")]),
        ('```\n"""\n```\n"""\n```\nz', [("", '"""\n```\n"""\n')]),
        ('```\n"""\n```\nz\n```\nb\n```', [("", '"""\n'), ("", "b\n")]),
        ('```\n\'"""\' # """\n```\nz', [("", '\'"""\' # """\n')]),
        ("```\na\n    ```\n```", [("", "a\n    ```\n")]),
        ("```\na\nb```\nz", [("", "a\nb\n")]),
        ("```\na # ```\nb\n```\nz", [("", "a # ```\nb\n")]),
        ("> ```\n> a```\n> z", [("", "a\n")]),
        ("```\na\n``` <|im_end|>\nz", [("", "a\n")]),
    ],
)
def test_the_blocks_of_a_text(text, found):
    assert blocks(text) == found


def test_what_is_in_no_block_and_what_is_only_thought():
    answer = read("<think>```\na\n```</think>One\n```\nb\n```\ntwo\n```c\nd\n```")
    assert (answer.sources(), answer.outside) == (["b\n"], "One\ntwo")
    assert read("<think>```\na\n```").whole == ""


def test_the_program_is_the_last_block_that_names_the_function():
    text = "First:\n```python\ndef f(): pass\n```\nthen\n```\ndef g(): return 1\n```\n"
    text += "and\n```bash\nls\n```\n```python\nprint(1)\n```"
    assert program(text, "g") == "def g(): return 1\n"
    assert program(text, "f") == "def f(): pass\n"
    assert program(text) == "print(1)\n"
    assert program("```bash\nls\n```") is None
    assert program("```python\ndef cut(x):\n    return") == "def cut(x):\n    return"
    assert program("def bare(): pass") == "def bare(): pass"
    assert program("<think>def f(): pass</think>") is None


def test_the_function_is_the_one_that_the_prompt_names():
    assert entry_point(["Complete:\n    def inner(x):\nand then def outer(y): it"]) == "outer"
    assert entry_point(["Write a function named `area` of a circle"]) == "area"
    assert entry_point(["Write a function of two numbers"]) is None


RUNAWAY = {
    "backticks": "`", "marks of quotations": "> ", "quoted fences": "> ```\n", "lines": "\n", "fences": "```\n",
    "strings": '```\n"""\n', "escapes": '\\"', "quotes": "'\"", "list marks": "- ", "spaces": " ", "labels": "```python\n",
    "fences at ends of lines": "- ```\nb```\n",
}  # fmt: skip


@pytest.mark.parametrize("what", RUNAWAY)
def test_the_time_of_a_runaway_answer_grows_with_its_length_only(what):
    def seconds(size):
        text = "```\n" + RUNAWAY[what] * (size // len(RUNAWAY[what]))
        begun = time.process_time()
        read(text)
        return time.process_time() - begun

    short, long = min(seconds(60_000) for _ in range(3)), seconds(480_000)
    assert long < 24 * short + 0.2, "eight times the text takes eight times the time, not sixty-four times"
