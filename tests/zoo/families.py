"""Model families as users have them: the published chat template, the tokens that it writes, the family's kind of tokenizer.

Every family is a tiny random Llama with such a tokenizer. `TRL`: the template is one that TRL ships under that name.
"""

import re
from dataclasses import dataclass, field

import vocabularies
from tokenizers import AddedToken
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

from align.core.chat_templates import shipped_templates

TOKEN = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|<｜[^｜]{1,40}｜>|<\|[a-z_\"]+>|<[a-z_]+\|>|</?think>|</?tool_call>|<(?:start|end)_of_turn>"
    r"|<end_of_utterance>|\[gMASK\]|<sop>|\[(?:/?INST|TOOL_CALLS|AVAILABLE_TOOLS|/AVAILABLE_TOOLS|TOOL_RESULTS|/TOOL_RESULTS)\]"
)
"""What families write between turns; a real tokenizer knows each as one token."""

LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
    "{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}"
    "{% set system_message = false %}{% endif %}{% for message in loop_messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if loop.index0 == 0 and system_message != false %}"
    "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
"""As Llama 2 Chat ships it."""
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
"""As Mistral 7B Instruct v0.2 and NeMo's first revision ship it."""
SMOLLM2 = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""As SmolLM2 Instruct ships it."""
ZEPHYR = (
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"
)
"""As Zephyr and TinyLlama ship it; its roles are plain text to the tokenizer."""


GEMMA = (
    *("\n" * i for i in range(1, 32)), *("▁" * i for i in range(2, 32)),
    *("<table>", "</table>", "<tr>", "<td>", "<h1>", "</h1>", "<blockquote>", "<ul>", "<li>", "<strong>", "<i>", "<sub>"),
)  # fmt: skip
"""Tokens that Gemma's tokenizers add to their vocabulary: white space and HTML."""


@dataclass(frozen=True)
class Family:
    """What is published of a model."""

    template: str
    vocabulary: str = "byte_level"
    """A function of `vocabularies`, or how its Metaspace tokenizer puts a space in front: `metaspace first`."""
    eos: str = "<|endoftext|>"
    bos: str | None = None
    pad: str | None = None
    unknown: str | None = None
    plain: tuple[str, ...] = ("<think>", "</think>", "<tool_call>", "</tool_call>")
    """Tokens that are added and not special."""
    strip_behind: bool = False
    """White space behind a token is swallowed (Phi-3)."""
    not_tokens: tuple[str, ...] = field(default=())
    """What looks like a token and is text."""
    more: tuple[str, ...] = ()
    """Tokens that are added, not special, and that no template writes."""

    def text(self):
        """Return the template's text."""
        shipped = shipped_templates()
        return shipped[self.template].read_text(encoding="utf-8") if self.template in shipped else self.template


FAMILIES = {
    "Qwen2.5 Instruct": Family("qwen2_5", eos="<|im_end|>", pad="<|endoftext|>"),
    "Qwen2.5 base": Family("qwen2_5", "qwen", pad="<|endoftext|>"),
    "Qwen3": Family("qwen3", eos="<|im_end|>", pad="<|endoftext|>"),
    "Qwen3 base": Family("qwen3", pad="<|endoftext|>"),
    "Qwen3 Instruct 2507": Family("qwen3_instruct_2507", eos="<|im_end|>", pad="<|endoftext|>"),
    "Qwen3.5 (thinking)": Family("qwen3_5_think", eos="<|im_end|>", pad="<|endoftext|>"),
    "Qwen3.5 (not thinking)": Family("qwen3_5_nothink", eos="<|im_end|>", pad="<|endoftext|>"),
    "SmolLM2": Family(SMOLLM2, "smollm2", eos="<|im_end|>", pad="<|im_end|>", unknown="<|endoftext|>"),
    "Llama 2 Chat": Family(LLAMA2, "llama2", eos="</s>", bos="<s>", unknown="<unk>", not_tokens=("[INST]", "[/INST]")),
    "Llama 3 Instruct": Family("llama3", eos="<|eot_id|>", bos="<|begin_of_text|>"),
    "Llama 3.1 base": Family("llama3_1", eos="<|end_of_text|>", bos="<|begin_of_text|>"),
    "Mistral 7B v0.2": Family(MISTRAL, "mistral", eos="</s>", bos="<s>", unknown="<unk>", not_tokens=("[INST]", "[/INST]")),
    "Zephyr": Family(
        ZEPHYR, "llama2", eos="</s>", bos="<s>", unknown="<unk>", not_tokens=("<|user|>", "<|assistant|>", "<|system|>")
    ),
    "Gemma 2": Family("gemma", "metaspace never", eos="<eos>", bos="<bos>", pad="<pad>", unknown="<unk>", more=GEMMA),
    "Gemma 3": Family("gemma3", "metaspace never", eos="<eos>", bos="<bos>", pad="<pad>", unknown="<unk>", more=GEMMA),
    "Gemma 4": Family("gemma4_v5", "metaspace never", eos="<eos>", bos="<bos>", pad="<pad>", unknown="<unk>", more=GEMMA),
    "Phi-3": Family("phi3", "metaspace legacy", bos="<s>", unknown="<unk>", pad="<|endoftext|>", strip_behind=True),
    "Phi-3.5": Family("phi3_5", "metaspace first", bos="<s>", unknown="<unk>", pad="<|endoftext|>", strip_behind=True),
    "GLM-4.5": Family("glm4moe"),
    "DeepSeek-V3": Family("deepseekv3", eos="<｜end▁of▁sentence｜>", bos="<｜begin▁of▁sentence｜>"),
    "DeepSeek-R1-Distill": Family("deepseek_r1_distill", eos="<｜end▁of▁sentence｜>", bos="<｜begin▁of▁sentence｜>"),
    "Command R (Aya Expanse)": Family("cohere", eos="<|END_OF_TURN_TOKEN|>", bos="<BOS_TOKEN>", pad="<PAD>"),
    "Command R7B (Tiny Aya)": Family("cohere2", eos="<|END_OF_TURN_TOKEN|>", bos="<BOS_TOKEN>", pad="<PAD>"),
    "LFM2": Family("lfm2_v2", eos="<|im_end|>", bos="<|startoftext|>", pad="<|pad|>"),
    "gpt-oss": Family("gptoss", eos="<|return|>", bos="<|startoftext|>", pad="<|endoftext|>"),
    "Nemotron 3 Nano": Family("nemotron_3_nano", eos="<|im_end|>", bos="<s>", unknown="<unk>"),
    "SmolVLM": Family("smolvlm", eos="<end_of_utterance>", bos="<|im_start|>", pad="<|im_end|>"),
}


REAL = [name for name, family in FAMILIES.items() if family.vocabulary in ("qwen", "smollm2", "llama2", "mistral")]
"""Families whose vocabulary is the real one."""


def tokenizer_of(family):
    """Return a family's tokenizer, with every token that its template writes."""
    name, _, how = family.vocabulary.partition(" ")
    made = getattr(vocabularies, name)(*([how] if how else []))
    text = family.text()
    named = [t for t in (family.bos, family.eos, family.pad, family.unknown) if t]
    tokens = [t for t in dict.fromkeys([*TOKEN.findall(text), *named]) if t not in family.not_tokens]
    strip = {"rstrip": family.strip_behind, "normalized": False}
    made.add_special_tokens([AddedToken(t, special=True, **strip) for t in tokens if t not in family.plain])
    plain = [t for t in tokens if t in family.plain]
    made.add_tokens([AddedToken(t, special=False, **strip) for t in (*plain, *family.more)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token=family.eos, bos_token=family.bos, pad_token=family.pad, unk_token=family.unknown,
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
    tokenizer.chat_template = text
    return tokenizer


def make(family, folder, **config):
    """Write a family's tokenizer and a tiny random model with it into a folder; `config` changes the model's.

    It is drawn five times as wide as Llama's, which learns a talk by heart in 40 epochs instead of 70.
    """
    tokenizer = tokenizer_of(family)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    settings = {
        "vocab_size": len(tokenizer), "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1,
        "initializer_range": 0.1, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096,
        "tie_word_embeddings": True,
        "eos_token_id": tokenizer.eos_token_id, "bos_token_id": tokenizer.bos_token_id, "pad_token_id": tokenizer.pad_token_id,
    }  # fmt: skip
    model = AutoModelForCausalLM.from_config(LlamaConfig(**settings | config))
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
