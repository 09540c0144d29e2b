"""Results as JSON and as a Markdown table; the machine is named by what it is, never by its name."""
import json
import os
import pathlib
import platform
import time


def machine(loadgen, directory: pathlib.Path) -> dict:
    model = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    disk = {}
    for size in (512, 65536):
        times = loadgen.run("disk", "--directory", directory, "--bytes", size, "--seconds", 1)
        disk[str(size)] = {"p50_us": round(times["p50_ms"] * 1000), "p99_us": round(times["p99_ms"] * 1000)}
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "fdatasync": disk,
            "load_before": os.getloadavg()[0]}


def table(result: dict) -> str:
    m = result["machine"]
    syncs = ", ".join(f"{int(size):,} B p50 {t['p50_us']} µs p99 {t['p99_us']} µs" for size, t in m["fdatasync"].items())
    out = [f"{m['cpu']}, {m['cores']} cores, Linux {m['kernel']}; fdatasync of {syncs}; load average before "
           f"{m['load_before']:.1f}, after {m['load_after']:.1f} (of it, the bench itself is 4 to 6). "
           f"Medians of {result['pairs']} interleaved pairs of {result['seconds']:g} s.",
           "", "| row | what | ours | against | ratio | target | met |", "|---|---|---|---|---|---|---|"]
    for line in result["lines"]:
        ratio = "" if line["ratio"] is None else f"{line['ratio']:.2f}"
        met = {True: "yes", False: "**no**", None: ""}[line["met"]]
        out.append(f"| {line['row']} | {line['what']} | {line['ours']} | {line['peer']} | {ratio} | {line['target']} | {met} |")
    return "\n".join(out) + "\n"


def write(result: dict, directory: pathlib.Path, name: str) -> pathlib.Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    (directory / f"{name}.md").write_text(table(result))
    return directory / f"{name}.md"


def stamp() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())
