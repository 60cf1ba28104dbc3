"""Marks of texts in which somebody else speaks than the model, such as letters; in all languages."""

# ruff: noqa: RUF001 (the quotation marks and letters are meant)

from __future__ import annotations

import re

LETTER = re.compile(
    r"^\W{0,8}(?:(?:subject|re|betreff|objet|asunto|assunto|oggetto|тема|主题|主旨|件名|제목|الموضوع)\s*[:：]"
    r"|(?:dear (?!user|friend|customer)|sehr geehrte|liebe[rs]? |estimad[oa]s? (?!usuari)|querid[oa]s? |"
    r"chère?s? |madame|monsieur|"
    r"caro |cara |gentile |prezad[oa] |car[oa] |уважаем|дорог(?:ой|ая) |尊敬的(?!用户|用戶)|亲爱的(?!用户|"
    r"朋友)|拝啓|친애하는|عزيزي|السيد))"
    r"|\[(?:your |my )?name\]|\[您的姓名\]|\[dein name\]|\[ihr name\]|\[votre nom\]|\[tu nombre\]"
    r"|^\W{0,8}(?:(?:kind|best|warm)(?:est)? regards|(?:yours )?sincerely|mit freundlichen grüßen|"
    r"cordialement|atentamente|saludos cordiales)\b",
    re.MULTILINE,
)
"""Marks of a letter: the one who declines in it is its writer, not the model."""
SIGNED = re.compile(
    r"\A\W{0,8}(?:hi|hello|hey|hola|bonjour|salut|hallo|ciao|olá|oi) (?!there|friend|user|"
    r"dear)[^\n,!.]{1,30}[,!]?[ \t]*\n(?:[^\n]*\n){1,60}[^\n.!?:]{1,30}\Z"
)
"""A greeting by name on a line of its own and, at the end, the line of a name."""
OWN = re.compile("assistant|ai|ai assistant|answer|response|reply|chatgpt|qwen|bot|助手|回答")
"""Labels by which a model names itself or its answer."""
SAMPLE = re.compile(
    "translation|example|sample|draft|script|caption|tweet|text|email|message|quote|line|lyrics|"
    "übersetzung|beispiel|traducción|ejemplo|traduction|exemple|tradução|exemplo|traduzione|esempio|"
    "перевод|翻译|译文|例句|例如"
)
"""Labels of a text that the answer presents."""
SAID = re.compile(
    r"[^.!?\n]{0,12}[\x00,\"»”—–-]\s*[^.!?\n]{0,12}?\b(?:said|says|replied|whispered|dijo|respondió|dit|"
    r"répondit|sagte|schrieb|antwortete|"
    r"disse|rispose|сказал|ответил)"
)
DEFINES = re.compile(
    r"\W{0,8}(?:no\b|yes\b|sí\b|oui\b|non,|nein\b|ja\b|(?!it\b|this\b|that\b|the question|asking|"
    r"i\b)[^.!?\n,]{1,60}? (?:(?:is|are) (?:an?|the|any|"
    r"when)\b(?! (?:\w+ )?(?:crime|felony|violation|offen[cs]e)\b(?! (?:that|in which|where|of|by|"
    r"which)))|refers? to|means\b|involves\b|(?:es|son|est|é|è) "
    r"(?:un|una|une|uno|um|uma)\b(?! (?:\w+ )?(?:delito|crimen|crime|délit|infraction|reato)\b(?! (?:que|"
    r"qui|che)))|ist (?:eine?|der|die|das)\b"
    r"(?! (?:straftat|verbrechen|schwere straftat))|— это)|[^。\n]{1,20}(?:是指|是一种|とは))"
)
"""An answer that defines a thing or says yes or no: it may call the thing a crime and still answer."""
QUOTED = re.compile(
    r"(?<!\bi )(?<!me )(?<!to )(?<!that )(?<!being )\b(?:said|says?|answer(?:s|ed)|repl(?:y|ies|ied)|"
    r"wrote|writes|told \w+|tell \w+|shout(?:s|ed)|whisper(?:s|ed)|reads|"
    r"dice|dijo|respondió|dit|répond(?:it)?|sagt|sagte|antwortet|antwortete|schreibt|disse|dice|rispose|"
    r"сказал|ответил)[,:]? *$"
)
"""What stands right before words that are told, without quotation marks."""
