"""Run TypeScript: the compiler's library removes the types, and Node runs the rest as JavaScript.

1. Types are not checked, as in `ts-node --transpile-only` and in bundlers: a check would need the
   declarations of everything that the source uses, and a program with wrong types may still be right. A
   syntax error is a `load_error`.
2. `import` and `export` become CommonJS, so an exported entry point is found.
3. The tool is `tsc`, whose path leads to the compiler's library; Node is needed too.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from reward.sandbox.languages.base import Job, Step
from reward.sandbox.languages.javascript import JavaScript
from reward.sandbox.limits import Limits

_STRIP = """
const ts = require(process.argv[1]);
const fs = require("fs");
const done = ts.transpileModule(fs.readFileSync("solution.ts", "utf8"), {
  reportDiagnostics: true, fileName: "solution.ts",
  compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2021, esModuleInterop: true },
});
for (const one of done.diagnostics) {
  const line = one.file ? one.file.getLineAndCharacterOfPosition(one.start).line + 1 : 0;
  console.error(`line ${line}: ${ts.flattenDiagnosticMessageText(one.messageText, " ")}`);
}
if (done.diagnostics.length) process.exit(1);
fs.writeFileSync("solution.js", done.outputText);
"""


class TypeScript(JavaScript):
    """TypeScript 4 or later, with Node."""

    title, command, package = "TypeScript", "tsc", "node-typescript"

    def __init__(self, tool: str | None = None) -> None:
        """Use another `tsc` than the usual one."""
        super().__init__(tool)
        self.node = JavaScript()
        self.library = ""
        if self.path:
            self.library = str(Path(os.path.realpath(self.path)).parent.parent / "lib" / "typescript.js")

    def missing(self) -> str:
        """Return a sentence that says whether the compiler or Node is not installed; empty when both are."""
        return super().missing() or self.node.missing()

    def calls(self, source: str, entry_point: str, arguments: Sequence[Sequence[Any]], limits: Limits) -> Job:
        """Return the job that calls a function for each list of arguments."""
        return self._compiled(self.node.calls(source, entry_point, arguments, limits))

    def program(self, source: str, limits: Limits) -> Job:
        """Return the job that runs the source."""
        return self._compiled(self.node.program(source, limits))

    def _compiled(self, job: Job) -> Job:
        files = dict(job.run.files)
        source = {"solution.ts": files.pop("solution.js")}
        step = Step((self.node.path, "-e", _STRIP, self.library), source, "solution.js")
        return Job(replace(job.run, files=files), step)
