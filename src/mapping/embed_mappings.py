#!/usr/bin/env python3
"""Writes the list of personal data and the ready mappings as C++ constants. Usage: embed_mappings.py OUT.cpp PERSONAL.tsv READY.json..."""
import json
import pathlib
import sys


def literal(text: str) -> str:
    # A raw string literal has a bound of 65,535 characters; short pieces are joined by the compiler.
    return "\n".join(f'    R"data({text[i:i + 4000]})data"' for i in range(0, len(text), 4000)) or '    ""'


def main() -> int:
    out, personal, ready = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), [pathlib.Path(p) for p in sys.argv[3:]]
    rows = [row for row in personal.read_text(encoding="utf-8").splitlines() if row and not row.startswith("#")]
    lines = ['#include "mapping/mapping_data.hpp"', "", "namespace trunkline::mapping {", ""]
    lines += ["const std::string_view kPersonalTable =", literal("\n".join(rows) + "\n"), "    ;", ""]
    lines += ["const std::vector<ReadyMapping> kReadyMappings = {"]
    for file in sorted(ready):
        data = json.loads(file.read_text(encoding="utf-8"))
        text = json.dumps(data["rules"], ensure_ascii=False, separators=(",", ":"))
        lines += [f'    {{"{file.stem}",', literal(data["about"]) + ",", literal(text) + "},"]
    lines += ["};", "", "}  // namespace trunkline::mapping"]
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
