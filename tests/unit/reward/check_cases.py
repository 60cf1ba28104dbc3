"""For every check: answers that pass, and answers that fail, near misses and edges of the definition among them; how to ask."""

from __future__ import annotations

import asyncio
from typing import Any

from align.core.rows import Prompt
from reward.constraints.verifier import Constraints, Verifier, parse


def parsed(tests: list[dict[str, Any]]) -> list[tuple[str, Verifier]]:
    return parse(Prompt(messages=[{"role": "user", "content": "Do it."}], tests=tests, id="row7"))


def passed(tests: list[dict[str, Any]], completion: str) -> bool | None:
    prompt = Prompt(messages=[{"role": "user", "content": "Do it."}], tests=tests, id="row7")
    return asyncio.run(Constraints(kind="constraints").score(prompt, [completion]))[0].passed


CASES: list[tuple[dict[str, Any], list[str], list[str]]] = [
    # -- the first twelve, which the shipped rows use: these lines do not change
    ({"check": "all_caps", "min_words": 2}, ["TWO WORDS", "  A 1 B!\n"], ["ONE", "TWO WORDs", "1 2", ""]),
    (
        {"check": "bullets", "n": 2},
        ["- a\n- b", "\n- a b\n- c \n"],
        [
            "- a",
            "- a\n- b\n- c",
            "-a\n-b",
            "* a\n* b",
            "- a\n\n- b",
            "Sure:\n- a\n- b",
            "- a\n  - b",
            "- a\n- ",
            "- a\n- A",
        ],
    ),
    (
        {"check": "json_object", "object": {"k": "v", "n": 1}},
        ['{"n": 1, "k": "v"}', ' {"k":"v","n":1}\n'],
        [
            *['{"k": "v", "n": 1.0}', '{"k": "v", "n": true}', '{"k": "v", "n": "1"}', '{"k": "v"}', '[{"k": "v", "n": 1}]'],
            *['```json\n{"k": "v", "n": 1}\n```', '{"k": "x", "k": "v", "n": 1}', "{'k': 'v', 'n': 1}", "", "[" * 100_000],
        ],
    ),
    (
        {"check": "repeat", "word": "hey", "n": 2},
        ["hey hey", " hey hey\n"],
        ["hey", "hey  hey", "hey hey.", "Hey hey", "hey\nhey"],
    ),
    ({"check": "ends_with", "string": "DONE"}, ["All DONE", "DONE\n"], ["DONE.", "done", "DONE it"]),
    ({"check": "starts_with", "string": "Yes"}, ["Yes, sir", "\n Yes"], ["yes", "Oh Yes"]),
    ({"check": "contains", "string": "Cat"}, ["a Cat", "Cats"], ["cat", ""]),
    ({"check": "contains", "string": "Cat", "ignore_case": True}, ["a cat", "CATS"], ["c at"]),
    (
        {"check": "equals_number", "number": 7},
        ["7", "7.0", " 07\n"],
        ["7.", "+7", "-7", "77", "7 7", "seven", "1e1", "\u0667", ""],
    ),
    ({"check": "equals_number", "number": -0.1}, ["-0.1", "-0.10"], ["0.1", "-.1"]),
    ({"check": "min_words", "n": 2}, ["a b", "a b c"], ["a", ""]),
    ({"check": "max_words", "n": 2}, ["a b", "a", ""], ["a b c"]),
    ({"check": "word_count_between", "low": 2, "high": 3}, ["a b", "a\nb c"], ["a", "a b c d"]),
    ({"check": "no_commas"}, ["a b", ""], ["a, b", "1,000"]),
    # -- length
    (
        {"check": "min_sentences", "n": 2},
        ["A cat. A dog.", "One\nTwo", "什么？好。"],
        ["A cat, a dog.", "Dr. A. B. Smith.", "3.14", "..."],
    ),
    (
        {"check": "max_sentences", "n": 1},
        [
            *["", "Dr. Ray likes tea, e.g. at 3.14 p.m. sharp.", '"Why?" he said.', "Well... maybe.", "What?!", "1. Stir it."],
            *["Use (e.g. here) tea etc. and milk", "今日は、いい天気です。", "---\nYes."],
        ],
        [
            "Yes. No.",
            "No! really? yes",
            "今日は。はい",
            "Yes\nNo",
            'He said "No." She left.',
            "Wait... What?",
            "It ends. it goes on.",
        ],
    ),
    (
        {"check": "max_sentence_words", "n": 3},
        ["", "One two three. Four five six."],
        ["One two three four.", "One.\nOne two three four"],
    ),
    ({"check": "min_characters", "n": 4}, ["abcd", "a bc", "日本語だ"], ["abc", " abc \n", ""]),
    ({"check": "max_characters", "n": 4}, ["abcd", "  abcd  ", ""], ["abcde", "a b c"]),
    ({"check": "paragraph_count", "n": 2}, ["a\n\nb", "a\nb\n \n\nc"], ["a\nb", "a\n\nb\n\nc", ""]),
    ({"check": "line_count", "n": 2}, ["a\nb", "a\n\n \nb"], ["a", "a\nb\nc", ""]),
    ({"check": "max_word_length", "n": 3}, ["", "the (cat)...", "a -------- b"], ["cats", "a-b-c", '"cats"']),
    # -- keywords
    (
        {"check": "includes_words", "words": ["cat", "hot dog"]},
        ["A CAT, a hot dog.", "cat-like hot dog", "cat hot  dog", "cat hot\ndog"],
        ["cats hot dog", "a cat", "concat hot dog", "cat hot\n\ndog", ""],
    ),
    ({"check": "includes_words", "words": ["猫", "고양이"]}, ["私は猫が好き。고양이가 있다"], ["犬 고양이", "ねこ"]),
    (
        {"check": "forbidden_words", "words": ["cat", "C++"]},
        ["cats educate", "C+ C", ""],
        ["The Cat.", "(cat)", "c++", "C++11"],
    ),
    ({"check": "word_at_least", "word": "sea", "n": 2}, ["sea, Sea!", "sea-sea"], ["sea", "sea seal", "seasea", ""]),
    ({"check": "word_at_most", "word": "sea", "n": 1}, ["sea", "sea seas", ""], ["sea Sea", "sea/sea"]),
    ({"check": "letter_at_least", "letter": "e", "n": 2}, ["eE", "see"], ["e", "é e", ""]),
    ({"check": "letter_at_most", "letter": "E", "n": 1}, ["e", "cafés é e", ""], ["eE", "tree"]),
    ({"check": "no_repeated_word"}, ["a b c", "", "well-known well"], ["a b A", "so, so.", "*x* x"]),
    ({"check": "no_palindromes"}, ["a bb cat", "", "was saw"], ["Anna", "an (eye)", "101", "*level*!"]),
    # -- letter case
    ({"check": "all_lowercase"}, ["all low, 1!", "é"], ["All", "iPhone", "123", "", "日本"]),
    ({"check": "capital_words_at_least", "n": 2}, ["NASA and (ESA)", "I, A", "U2 I"], ["NASA Esa", "42 NASA", "", "日本 NASA"]),
    ({"check": "capital_words_at_most", "n": 1}, ["NASA Esa", "", "1 2 3"], ["I saw A cat", "NASA ESA"]),
    # -- punctuation
    ({"check": "no_characters", "characters": "!e"}, ["Ok", "E", ""], ["ok!", "yes"]),
    ({"check": "no_digits"}, ["one", "", "IV"], ["1", "x²", "\u0667"]),
    (
        {"check": "quoted"},
        ['"Yes, it is."', ' "a\nb" ', '"a"'],
        ["Yes", '"Yes', '"Yes".', '"a" and "b"', '""a"', '"a""', '" "', '""', '"', "'Yes'", "“Yes”", ""],
    ),
    # -- position
    (
        {"check": "paragraph_first_word", "paragraph": 2, "word": "Now"},
        ["a\n\nnow b", "a\n\n**Now**, b\n\nc"],
        ["now\nnow", "now b", "a\n\nNowhere", "a\n\nb now", ""],
    ),
    (
        {"check": "word_at", "position": 3, "word": "sun"},
        ["the big Sun", "a - b (sun), c"],
        ["the sun", "big the suns", "sun", ""],
    ),
    ({"check": "lines_start_with", "string": ">"}, ["> a", ">a\n\n> b"], ["> a\nb", "> a\n > b", ""]),
    (
        {"check": "acrostic", "string": "Sun"},
        ["Some\nuse\nnights", "s\n\nu\n\n N", "**S**ome\n*u*se\n__nights__"],
        ["Some\nuse", "Sun", "s\nu\nn\nx", "u\ns\nn", ""],
    ),
    ({"check": "words_start_with", "letter": "s"}, ["She sells (sea) shells - SO"], ["She sells the shells", "s 7", "", "-"]),
    # -- format
    ({"check": "bullets", "n": 2}, ["- x\n- y"], ["-  \n- b", "- a\n-  a ", "-\n- b", "- a\n- - -"]),
    (
        {"check": "bullet_points", "n": 2},
        ["Sure:\n- a\n* b\nDone", "- a\n- a"],
        ["- a", "- a\n  - b", "- a\n-b", "- a\n- b\n* c", "- a\n- ", "-  \n- b", "- a\n```\n- b\n```", "- a\n* * *", ""],
    ),
    (
        {"check": "numbered_list", "n": 2},
        ["1. a\n2. b", "1. a\n2.  b c"],
        [
            "1. a\n3. b",
            "1) a\n2) b",
            "1. a\n\n2. b",
            "1. a",
            "1. a\n2. b\n3. c",
            "Sure:\n1. a\n2. b",
            "1. a\n 2. b",
            "1.  \n2. b",
            "1. a\n2. ",
            "",
        ],
    ),
    (
        {"check": "title"},
        ["<<On Tea>>\nTea is old.", "<< a >>  \n\nb", "<<a>>\nb"],
        [
            "<<On Tea>>",
            "On Tea\nTea",
            "Hi\n<<On Tea>>\nx",
            "<<>>\nx",
            "<< >>\nx",
            "<<a<b>>\nx",
            "<<a>b>>\nx",
            "<<a>> b\nx",
            "<On Tea>\nx",
            "<<<a>>>\nx",
            "<<>\nx",
            "<<<>>>\nx",
        ],
    ),
    (
        {"check": "highlights", "n": 2},
        ["*a* and **b**", "- *a*\n- *b c*", "* *a*\n* **b**", "x*a*x*b*", "***a*** ***b***"],
        [
            *["*a*", "*a**b*", "* a\n* b", "*a b\nc* *d*", "*a * b * c*", "*a** **b*", "**** ****", ""],
            *["2*3*4 *a*", "```\n*a* *b*\n```", "`*a*` `**b**`", "\\*a\\* *b*"],
        ],
    ),
    (
        {"check": "sections", "marker": "PART", "n": 2},
        ["PART 1\na\nPART 2\nb", "Hi\n\n PART 1 \n\na\n\nPART 2\nb c"],
        [
            "PART 1\na",
            "PART 1\nPART 2\nb",
            "PART 2\na\nPART 1\nb",
            "PART 1: a\nb\nPART 2\nc",
            "PART 1\na\nPART 2",
            "Part 1\na\nPart 2\nb",
            "PART 1\na\nPART 2\nb\nPART 3\nc",
            "PART 1\na\nPART 1\nb\nPART 2\nc",
            "",
        ],
    ),
    (
        {"check": "headings", "n": 1},
        ["# a\nb", "a\n###### b", "a\n===\nb", "a\n---", "# a\n\n---\nb", "# a\n- b\n---\nc", "# a\n```\n# b\nc\n---\n```"],
        [
            *[
                "a",
                "#a",
                "# ",
                "####### a",
                "# a\n## b",
                "x\n # a",
                "# a\n---\n# b",
                "# a\nb\n===",
                "a\n\n===",
                "===",
                "a\n--",
                "",
            ],
            *["```\n# a\n```", "~~~\na\n===\n~~~"],
        ],
    ),
    (
        {"check": "markdown_table", "columns": 2, "rows": 1},
        [
            *["|a|b|\n|-|-|\n|1|2|", "See:\n\n  | a | b |\n| :-- | --: |\n| | x\\|y |\n\nDone", "a|b\n-|-\n1|2"],
            *["See a | b:\n\na | b\n---|---\n1 | 2\nDone", "```\n|x|\n|-|\n```\n|a|b|\n|-|-|\n|1|2|"],
        ],
        [
            "|a|b|\n|-|-|",
            "|a|b|\n|1|2|\n|3|4|",
            "|a|\n|-|\n|1|",
            "|a|b|\n|-|-|\n|1|2",
            "|\n|-|-|\n|1|2|",
            "|a|b|",
            "a|b\n-|-\n1|2\n3|4",
            "a|b\n-|-\n1|2\n\nc|d\n-|-",
            "```\na|b\n-|-\n1|2\n```",
            "|a|b|\n|-|-|\n|1|2|3|",
            "|a|b|\n|-|-|\n|1|2|\n|3|4|",
            "|a|b|\n|-|-|\n|1|2|\n\n|c|d|\n|-|-|\n|1|2|",
            "|a|b|\n|-|-|\n|1|x\\|",
            "",
        ],
    ),
    ({"check": "markdown_table", "columns": 1, "rows": 0}, ["|a|\n|-|"], ["|a|", "|\n|", "|a|\n|-|\n|1|", "|a|\n|=|"]),
    (
        {"check": "code_block", "language": "python"},
        ["```python\nx = 1\n```", "Here:\n```python \n\nx\n```\nDone."],
        [
            "```\nx\n```",
            "```py\nx\n```",
            "```python\n\n```",
            "```python\nx",
            "x",
            "`python`",
            "```python\nx\n```\n```python\ny\n```",
            "x\n  ```python\nx\n  ```",
            "",
        ],
    ),
    # -- structured
    (
        {"check": "json_value"},
        ["{}", "[1, 2]", '\n{"a": [null]}'],
        [
            "1",
            '"a"',
            "null",
            "```json\n{}\n```",
            "{'a': 1}",
            '{"a": 1, "a": 2}',
            "[NaN]",
            "[1,]",
            "{} {}",
            "[" * 100_000,
            "[" + "9" * 5000 + "]",
            "",
        ],
    ),
    (
        {"check": "json_keys", "keys": ["a", "b"]},
        ['{"b": 1, "a": {}}', '{"a": 1, "\\u0062": 2}'],
        [
            '{"a": 1}',
            '{"a": 1, "b": 2, "c": 3}',
            '{"A": 1, "b": 2}',
            '[{"a": 1, "b": 2}]',
            '{"a": 1, "b": 2, "b": 3}',
            "a b",
            "",
        ],
    ),
    (
        {"check": "csv_table", "columns": 2, "rows": 2},
        ["a,b\n1,2", 'a,"b, c"\n"x\n\ny",""', "a,b\r\n1,2"],
        [
            "a,b",
            "a,b\n1",
            "a,b\n\n1,2",
            "a;b\n1;2",
            'a,b\n1,"2',
            'a,b\n1,"2"x',
            "a,b\n1,2,3",
            "```\na,b\n1,2\n```",
            "a,b\r1,2",
            "",
        ],
    ),
    # -- content
    ({"check": "one_of", "options": ["Yes", "no way"]}, ["Yes", " no way\n"], ["yes", "Yes.", "Yes no way", "no", ""]),
    (
        {"check": "placeholders", "n": 2},
        ["[name] at [street 5]", "[[a] b [c]"],
        ["[name]", "[name] and [name]", "[name] a[i]", "[ ] [a]", "[a](http://x) [b]", "[a\nb] [c]", "(a) (b)", ""],
    ),
    (
        {"check": "postscript", "marker": "P.S."},
        ["Hi.\n\nP.S. More.", "Hi.\n\nP.S.\nmore"],
        ["P.S. More.", "Hi.\nP.S. More.", "Hi.\n\nPS: More.", "Hi.\n\nP.S. x\n\nBye", "Hi.\n\nP.S.", "Hi.\n\np.s. x", ""],
    ),
    (
        {"check": "iso_dates", "n": 2},
        ["From 2024-02-29 to 2024-03-01.", "2024-01-01/2024-01-01"],
        [
            "2024-02-29",
            "2023-02-29 2024-01-01",
            "24-01-01 2024-1-1",
            "12024-01-01 2024-01-012",
            "2024-01-01-2024-01-01",
            "2024/01/01 01.02.2024",
            "",
        ],
    ),
    # -- combination
    (
        {"check": "repeat_then_answer", "request": "Name a fish. "},
        ["Name a fish. Cod.", "Name a fish.\n\nCod."],
        ["Name a fish.", "name a fish. Cod", "Cod", "Name a fish.Cod", "Sure. Name a fish. Cod", ""],
    ),
    (
        {"check": "parts", "separator": "***", "n": 2},
        ["a\n***\nb", "a\n\nb\n *** \nc"],
        ["a", "a *** b", "a\n***\na", "a\n***\nA", "***\na\n***\nb", "a\n***", "a\n****\nb", "a\n***\nb\n***\nc", ""],
    ),
    ({"check": "parts", "separator": "***", "n": 3}, ["a\n***\nb\n***\nc"], ["a\n***\n \n***\nb", "a\n***\nb\n***\n\na"]),
    # -- language
    (
        {"check": "language", "language": "fr"},
        ["Le train part à sept heures et nous devrions arriver tôt.", "LE CHAT DORT SUR LE LIT DE MA SŒUR."],
        [
            "The train leaves at seven and we should be early.",
            "El tren sale a las siete y llegamos temprano.",
            "Поезд уходит в семь.",
            "Oui.",
            "12",
            "",
        ],
    ),
    (
        {"check": "language", "language": "zh"},
        ["火车七点开。", "人々", "日本語東京都中国人大の", "我们用 API 处理所有的请求和全部数据。"],
        ["電車は七時に出ます。", "The train 火车.", "기차는 일곱 시에", ""],
    ),
    (
        {"check": "language", "language": "ja"},
        ["電車は七時に出ます。", "日本語東京都中国人の"],
        ["日本語東京都中国人大の", "火车七点开。", "Densha wa shichiji ni demasu", ""],
    ),
    (
        {"check": "language", "language": "ru"},
        ["Поезд уходит в семь.", "поез ab"],
        ["поез abc", "Train leaves: поезд.", "Ο τρένο φεύγει", "7", ""],
    ),
    ({"check": "language", "language": "hi"}, ["ट्रेन सात बजे छूटती है।"], ["Train saat baje", "القطار يغادر", ""]),
]

SENTENCES = {
    "cs": "Zavři prosím okno, venku je zima a děti spí.",
    "da": "Luk venligst vinduet, for det er koldt, og børnene sover.",
    "de": "Bitte mach das Fenster zu, es ist kalt und die Kinder schlafen.",
    "en": "Please close the window, it is cold and the children are asleep.",
    "es": "Cierra la ventana, por favor, hace frío y los niños duermen.",
    "fi": "Sulje ikkuna, ulkona on kylmä ja lapset nukkuvat.",
    "fr": "Ferme la fenêtre, s'il te plaît, il fait froid et les enfants dorment.",
    "hu": "Kérem, csukja be az ablakot, hideg van és a gyerekek alszanak.",
    "id": "Tolong tutup jendelanya, di luar dingin dan anak-anak sedang tidur.",
    "it": "Chiudi la finestra, per favore, fa freddo e i bambini dormono.",
    "nl": "Doe het raam alsjeblieft dicht, het is koud en de kinderen slapen.",
    "no": "Vær så snill å lukke vinduet, det er kaldt og barna sover nå.",
    "pl": "Proszę zamknąć okno, jest zimno i dzieci śpią.",
    "pt": "Feche a janela, por favor, está frio e as crianças estão dormindo.",
    "ro": "Te rog să închizi fereastra, este frig și copiii dorm.",
    "sv": "Stäng fönstret, är du snäll, det är kallt och barnen sover.",
    "tr": "Lütfen pencereyi kapat, hava soğuk ve çocuklar uyuyor.",
    "vi": "Làm ơn đóng cửa sổ lại, trời lạnh và bọn trẻ đang ngủ.",
    "ar": "من فضلك أغلق النافذة، الجو بارد والأطفال نائمون.",
    "bn": "দয়া করে জানালা বন্ধ করুন, বাচ্চারা ঘুমাচ্ছে।",
    "el": "Κλείσε το παράθυρο, κάνει κρύο και τα παιδιά κοιμούνται.",
    "he": "בבקשה סגור את החלון, קר והילדים ישנים.",
    "hi": "कृपया खिड़की बंद कर दो, बच्चे सो रहे हैं।",
    "ja": "窓を閉めてください。寒いし、子供たちが寝ています。",
    "ka": "გთხოვთ დახურეთ ფანჯარა, ბავშვებს სძინავთ.",
    "ko": "창문을 닫아 주세요. 춥고 아이들이 자고 있어요.",
    "ru": "Закрой, пожалуйста, окно, холодно, и дети спят.",
    "ta": "ஜன்னலை மூடுங்கள், குழந்தைகள் தூங்குகிறார்கள்.",
    "te": "దయచేసి కిటికీ మూసివేయండి, పిల్లలు నిద్రపోతున్నారు.",
    "th": "กรุณาปิดหน้าต่าง อากาศหนาวและเด็กๆ กำลังนอนหลับ",
    "zh": "请关上窗户,外面很冷,孩子们在睡觉。",
}
"""A sentence of each language."""
