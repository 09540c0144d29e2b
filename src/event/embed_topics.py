#!/usr/bin/env python3
"""Writes the topic tables as C++ string constants. Usage: embed_topics.py OUT.cpp NAME=FILE...

A raw string literal per line keeps every literal short; the compiler joins them.
"""
import pathlib
import sys


def main() -> int:
    out, tables = pathlib.Path(sys.argv[1]), sys.argv[2:]
    lines = ['#include "event/topic_data.hpp"', "", "namespace trunkline::event {", ""]
    for table in tables:
        name, file = table.split("=", 1)
        lines.append(f"const std::string_view {name} =")
        for row in pathlib.Path(file).read_text(encoding="utf-8").splitlines():
            if row and not row.startswith("#"):
                lines.append(f'    R"tsv({row}\n)tsv"')
        lines += ["    ;", ""]
    lines.append("}  // namespace trunkline::event")
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
