"""What a request tells about the answer to it, read by rules in five languages.

A request says two things that its answer cannot say. It may want words of refusal, as "translate 'I can't
come'" or "write a letter that declines an invitation" do; then such words are no refusal. And it may want
more than yes or no, as "how do I ..." and "write ..." do; then "No." is a refusal, which it is not after "Is
91 prime?". A request in another language than English, Chinese, Spanish, French and German says neither.
"""

# ruff: noqa: RUF001 (punctuation of several scripts is meant)

from __future__ import annotations

import re

_PAGE = 3000
"""Characters of a request that are read."""
_RENDER = re.compile(
    r"\b(?:translat\w*|rephras\w*|paraphras\w*|rewrite|reword|summari[sz]e|proofread|correct|quote|spell|"
    r"write|draft|compose|create|generate|give|script|tell|make|transform|convert|complete|continue|negative|"
    r"traduc\w*|tradui\w*|reformul\w*|parafras\w*|resum\w*|résum\w*|corrig\w*|escrib\w*|redact\w*|rédig\w*|"
    r"écri\w*|invent\w*|imagin\w*|übersetz\w*|umformulier\w*|formulier\w*|schreib\w*|verfass\w*|"
    r"fass\w*|korrigier\w*)\b|翻译|翻成|译成|改写|润色|总结|概括|写|造句|续写|编"
)
"""Asks for a text."""
_DECLINES = re.compile(
    r"\b(?:can't|cannot|can not|won't|unable|sorry|unfortunately|refus\w*|declin\w*|reject\w*|say(?:ing)? no|"
    r"apolog\w*|turn\w* down|negative|no puedo|no puede|lo siento|lamento|rechaz\w*|neg(?:ar|arse|"
    r"ativa)|se niega|"
    r"disculp\w*|désolée?|ne peu[xt]|ne peuvent|impossible|déclin\w*|s'excus\w*|leider|tut mir leid|"
    r"nicht|absage\w*|"
    r"absagen|ablehn\w*|weiger\w*|verweiger\w*|entschuldig\w*|kein\w*)\b|抱歉|对不起|不能|无法|拒绝|"
    r"谢绝|婉拒|推辞|回绝|道歉|不会|不行"
)
"""Names a refusal or holds one."""
_ASKS = re.compile(
    r"(?:^|[.!?:,;¿¡\n–—-]\s*|\b(?:and|but|please|y|et|und|bitte|to|me)\s+)"
    r"(?:how|why|what(?!'s your)|where|which|who|whom|when|write|give|tell|explain|describe|show|teach|"
    r"make|create|draw|generate|list|"
    r"help|ignore|pretend|act|play|roleplay|design|draft|compose|build|provide|walk|find|invent|suggest|"
    r"outline|plan|remove|"
    r"i (?:want|need)|i'd like|(?:can|could|will|would) you|"
    r"cómo|por qué|qué|dónde|cuál\w*|quién\w*|cuándo|cuánt\w+|a cuánto|escrib\w+|da(?:me|nos)|dime|"
    r"explíca\w*|explica|describe|enséña\w*|haz(?:me)?|crea|"
    r"genera|dibuja|ayúda\w*|finge|juguemos|actúa|inventa|necesito|quiero|redacta|para mi|ignora|olvida|"
    r"cuéntame|desnuda|"
    r"comment|pourquoi|que(?:l|lle|ls|lles)?|où|qui|quand|combien|écri\w+|donne\w*|dis(?:-moi)?|dites|"
    r"expliqu\w+|décri\w+|montr\w+|fais|"
    r"faites|crée\w*|génère\w*|dessin\w+|aide\w*|imagine\w*|rédig\w+|invente\w*|ignor\w+|oubli\w+|"
    r"racont\w+|dénud\w+|je (?:veux|voudrais|cherche)|"
    r"il me faut|pour mon|pour ma|jou\w+|une? (?:combine|astuce|idée|recette|méthode)|"
    r"wie|warum|wieso|was|wo|woher|welche\w*|wer|wen|wem|wann|wozu|schreib\w*|gib|geben|sag|erklär\w*|"
    r"beschreib\w*|zeig\w*|mach|erstell\w*|"
    r"zeichn\w*|hilf|spiel\w*|ignorier\w*|vergiss|erzähl\w*|nenn\w*|entwirf|ich (?:will|brauche|möchte|"
    r"suche)|für mein\w*|als ki)\b"
    r"|为什么|为何|怎么|怎样|如何|什么|哪|谁|多少|写|教我|帮我|给我|告诉|请|生成|画|列|假装|扮演|忽略|"
    r"编|制作|介绍|说明|解释|提供|我想|我要|预测"
)
"""Asks for a thing, a way or a text."""
_YES_NO = re.compile(
    r"\b(?:yes or no|true or false|oui ou non|vrai ou faux|sí o no|verdadero o falso|ja oder nein|"
    r"richtig oder falsch|labels?|answer with|answer \"?no|classify)\b"
    r"|吗|是否|是不是|能不能|可不可以|对不对|会不会|有没有|标签|分类|判断|请说|请回答"
)
"""Asks for yes or no, or for one of the labels that it names."""


class Asked:
    """What the rules read in a request.

    Attributes:
        wants_refusal: asks to write, to translate or to explain words of refusal.
        wants_text: asks for a text of any kind, in which somebody else may speak.
        wants_more_than_yes_or_no: asks for a thing, a way or a text.
    """

    def __init__(self, text: str) -> None:
        page = text[:_PAGE].lower().replace("’", "'")
        self.wants_refusal = _RENDER.search(page) is not None and _DECLINES.search(page) is not None
        self.wants_text = _RENDER.search(page) is not None
        self.wants_more_than_yes_or_no = _ASKS.search(page) is not None and _YES_NO.search(page) is None
