#!/usr/bin/env python3
"""Compares every module's declared DEPS with its real includes, and keeps third-party libraries behind their fences.

Usage: tools/deps.py [SOURCE_DIR]. Prints one line per violation and exits 1 when there is any.
"""
import pathlib
import re
import sys

# library header prefix -> modules that may include it
FENCES = {
    "rocksdb/": {"store"},
    "simdjson": {"json"},
    "boost/asio": {"net"},
    "boost/beast": {"net"},
    "curl/": {"net"},
    "openssl/ssl": {"net"},
    "librdkafka/": {"kafka"},
    "libpq-fe.h": {"postgres"},
    "yaml-cpp/": {"config"},
    "CLI/": {"app"},
    "prometheus/": {"api"},
    "pugixml": {"account", "aws"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
MODULE = re.compile(r"trunkline_module\((\w+)([^)]*)\)", re.S)


def declared(source: pathlib.Path) -> tuple[dict, dict]:
    deps, test_deps = {}, {}
    for cmake in source.glob("src/*/CMakeLists.txt"):
        found = MODULE.search(cmake.read_text())
        if not found:
            continue
        words, key, parts = found.group(2).split(), None, {"DEPS": [], "TEST_DEPS": [], "LIBS": [], "TEST_LIBS": []}
        for word in words:
            if word in parts:
                key = word
            elif key:
                parts[key].append(word)
        deps[found.group(1)] = set(parts["DEPS"])
        test_deps[found.group(1)] = set(parts["TEST_DEPS"])
    return deps, test_deps


def closure_has_cycle(deps: dict) -> list:
    state, path = {}, []

    def visit(node):
        if state.get(node) == "done":
            return None
        if node in path:
            return path[path.index(node):] + [node]
        path.append(node)
        for dep in sorted(deps.get(node, ())):
            found = visit(dep)
            if found:
                return found
        path.pop()
        state[node] = "done"
        return None

    for node in sorted(deps):
        found = visit(node)
        if found:
            return found
    return []


def main() -> int:
    source = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    deps, test_deps = declared(source)
    problems = []
    used = {name: set() for name in deps}
    for path in sorted(source.glob("src/*/*.[ch]pp")):
        module = path.parent.name
        if module not in deps:
            problems.append(f"{path.relative_to(source)}: module '{module}' declares nothing (no trunkline_module)")
            continue
        beside = path.stem.endswith(("_test", "_bench", "_fixture"))
        allowed = deps[module] | {module} | (test_deps[module] if beside else set())
        for kind, name in INCLUDE.findall(path.read_text()):
            if kind == '"':
                target = name.split("/")[0]
                if not beside:
                    used[module].add(target)
                if target not in allowed:
                    problems.append(f"{path.relative_to(source)}: includes {name}, but {module} does not declare {target}")
                continue
            for prefix, owners in FENCES.items():
                if name.startswith(prefix) and module not in owners:
                    problems.append(f"{path.relative_to(source)}: <{name}> belongs behind {', '.join(sorted(owners))}")
    for module, names in sorted(deps.items()):
        for unused in sorted(names - used[module]):
            problems.append(f"src/{module}/CMakeLists.txt: declares {unused}, includes nothing of it")
        for unknown in sorted(names - set(deps)):
            problems.append(f"src/{module}/CMakeLists.txt: declares {unknown}, which is no module")
    cycle = closure_has_cycle(deps)
    if cycle:
        problems.append("cycle: " + " -> ".join(cycle))
    print("\n".join(problems) if problems else f"{len(deps)} modules: includes match the declared dependencies")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
