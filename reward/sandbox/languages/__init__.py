"""List the languages that the sandbox runs as programs; each has one file. See `languages.base`."""

from reward.sandbox.languages.base import Language
from reward.sandbox.languages.bash import Bash
from reward.sandbox.languages.cpp import Cpp
from reward.sandbox.languages.java import Java
from reward.sandbox.languages.javascript import JavaScript
from reward.sandbox.languages.php import Php
from reward.sandbox.languages.typescript import TypeScript

__all__ = ["LANGUAGES", "Bash", "Cpp", "Java", "JavaScript", "Language", "Php", "TypeScript"]

LANGUAGES: dict[str, type[Language]] = {
    "bash": Bash,
    "cpp": Cpp,
    "java": Java,
    "javascript": JavaScript,
    "php": Php,
    "typescript": TypeScript,
}
