#!/usr/bin/env python3
"""Writes the page's files as C++ bytes: as they are, and compressed.

Usage: embed.py WEB_DIRECTORY BUNDLE_DIRECTORY OUTPUT. The same files give the same bytes.
"""
import gzip
import hashlib
import pathlib
import sys

DEMO_OFF = '<html lang="en">'
DEMO_ON = '<html lang="en" data-demo>'


def array(name: str, data: bytes) -> str:
    lines = [",".join(map(str, data[at:at + 32])) for at in range(0, len(data), 32)]
    return f"const unsigned char {name}[] = {{\n" + ",\n".join(lines) + "};\n"


def files(web: pathlib.Path, bundle: pathlib.Path) -> list:
    index = (web / "index.html").read_text()
    if DEMO_OFF not in index:
        raise SystemExit(f"index.html does not begin with {DEMO_OFF}")
    return [
        ("/", False, "text/html; charset=utf-8", index.encode()),
        ("/", True, "text/html; charset=utf-8", index.replace(DEMO_OFF, DEMO_ON).encode()),
        ("/board", False, "text/html; charset=utf-8", (web / "board.html").read_bytes()),
        ("/console/supervisor.js", False, "text/javascript; charset=utf-8", (bundle / "supervisor.js").read_bytes()),
        ("/console/app.js", False, "text/javascript; charset=utf-8", (bundle / "app.js").read_bytes()),
        ("/console/style.css", False, "text/css; charset=utf-8", (bundle / "style.css").read_bytes()),
        ("/console/icon.svg", False, "image/svg+xml", (web / "icon.svg").read_bytes()),
    ]


def main() -> None:
    web, bundle, output = map(pathlib.Path, sys.argv[1:4])
    text = '#include <array>\n\n#include "console/assets.hpp"\n\nnamespace trunkline::console {\nnamespace {\n'
    rows = []
    for number, (path, demo, content_type, data) in enumerate(files(web, bundle)):
        packed = gzip.compress(data, 9, mtime=0)
        text += array(f"kPlain{number}", data) + array(f"kGzip{number}", packed)
        tag = hashlib.sha256(data).hexdigest()[:20]
        rows.append(f'    Asset{{"{path}", {str(demo).lower()}, "{content_type}", "{tag}", kPlain{number}, kGzip{number}}},\n')
    text += f"constexpr std::array<Asset, {len(rows)}> kAssets = {{\n" + "".join(rows) + "};\n"
    text += "}  // namespace\n\nstd::span<const Asset> assets() {\n  return kAssets;\n}\n\n}  // namespace trunkline::console\n"
    output.write_text(text)


if __name__ == "__main__":
    main()
