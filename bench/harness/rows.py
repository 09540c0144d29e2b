"""The rows of bench/run. Each returns lines for the report: what, ours, against what, ratio, target, whether it is met."""
import dataclasses
import json
import pathlib
import shutil
import statistics
import subprocess
import sys

from .processes import ACCEPT_CONSUMERS, Failure, Hub, Loadgen, Nginx, RabbitMq, Redis, free_port, sink_consumers


@dataclasses.dataclass
class Line:
    row: int
    what: str
    ours: str
    peer: str
    ratio: float | None
    target: str
    met: bool | None
    detail: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Bench:
    hub: str
    loadgen: Loadgen
    benches: pathlib.Path  # where the micro-benchmarks are built
    work: pathlib.Path
    pairs: int
    seconds: float
    identities: int
    hung_pairs: int     # of row 4
    waiting: int        # events of row 5, against
    waiting_few: int    # so many
    conversations: int  # of row 8
    certificate: tuple  # PEM files: certificate, key
    number: int = 0

    def directory(self, name: str) -> pathlib.Path:
        self.number += 1
        return self.work / f"{self.number:03d}-{name}"

    def fresh_hub(self, consumers: str, extra: str = "") -> Hub:
        return Hub(self.hub, self.directory("hub"), consumers, extra)

    def drop(self, server) -> None:
        server.stop()
        shutil.rmtree(server.directory, ignore_errors=True)


def say(text: str) -> None:
    print(f"   {text}", file=sys.stderr, flush=True)


def median(values) -> float:
    return statistics.median(values) if values else 0.0


def good(result: dict, what: str) -> dict:
    if result.get("bad") or not result.get("complete", True):
        say(f"{what}: {result.get('bad', 0)} requests went wrong: {result.get('first_bad') or result.get('error')}")
    if not result.get("events", result.get("all", 1)):
        raise Failure(f"{what}: nothing was answered: {result}")
    return result


def alternate(pairs: int, ours, peers: dict) -> dict:
    """Runs ours and the peers in turn, each pair beginning with another one; lists of results by name."""
    contestants = {"trunkline": ours, **peers}
    results = {name: [] for name in contestants}
    names = list(contestants)
    for pair in range(pairs):
        shift = pair % len(names)
        for name in names[shift:] + names[:shift]:
            results[name].append(contestants[name]())
    return results


def ratio_of_pairs(results: dict, peer: str, key: str) -> float:
    return median([a[key] / b[key] for a, b in zip(results["trunkline"], results[peer]) if b[key]])


# ---- 1: accepting

def accept_lines(bench: Bench) -> list:
    lines = []
    nginx = Nginx(bench.directory("nginx"), bench.certificate)
    cases = [("256 keep-alive connections, plain", [], False)]
    fresh = ["--reconnect", "--connections", 64]
    cases.append(("a new TLS connection for each event, 64 at a time", [*fresh, "--tls"], True))
    cases.append(("a new connection for each event, plain, 64 at a time", fresh, False))
    cases.append(("256 keep-alive connections, plain, POSTs of 100 events", ["--batch", 100], False))
    try:
        for what, arguments, tls in cases:
            timing = ["--seconds", bench.seconds + 1, "--warm-up", 1]

            def ours():
                port = free_port()
                cert, key = bench.certificate
                hub = bench.fresh_hub(ACCEPT_CONSUMERS, f"listen_tls: 127.0.0.1:{port}\ntls: {{cert: {cert}, key: {key}}}\n")
                result = good(bench.loadgen.run("post", "--port", port if tls else hub.port, "--target", "/ingest/bench", *timing, *arguments),
                              "trunkline")
                result["server_cpu_us"] = hub.cpu_seconds() * 1e6 / max(1, result["all"])
                result["memory_mb"] = hub.memory_mb()
                bench.drop(hub)
                say(f"trunkline {result['rate']:.0f} events/s, {what}")
                return result

            def theirs():
                port = nginx.tls_port if tls else nginx.port
                before = nginx.cpu_seconds()
                result = good(bench.loadgen.run("post", "--any-2xx", "--port", port, "--target", "/ingest/bench", *timing,
                                                *arguments), "nginx")
                result["server_cpu_us"] = (nginx.cpu_seconds() - before) * 1e6 / max(1, result["all"])
                say(f"nginx     {result['rate']:.0f} events/s")
                return result

            results = alternate(bench.pairs, ours, {"nginx": theirs})
            ratio = ratio_of_pairs(results, "nginx", "rate")
            target = 0.5 if "100 events" not in what else None
            rate = [median([r["rate"] for r in results[name]]) for name in ("trunkline", "nginx")]
            cpu = [median([r["server_cpu_us"] for r in results[name]]) for name in ("trunkline", "nginx")]
            lines.append(Line(1, f"accepted after fsync, 4 consumers: {what}",
                              f"{rate[0]:,.0f} events/s, CPU {cpu[0]:.0f} µs an event",
                              f"nginx `return 204` {rate[1]:,.0f}, {cpu[1]:.0f} µs", ratio, f"≥ {target}" if target else "none",
                              ratio >= target if target else None, results))
    finally:
        bench.drop(nginx)
    return lines


# ---- 2: delivering to three

def deliver_lines(bench: Bench) -> list:
    def ours(*arguments):
        hub_directory = bench.directory("hub")
        result, cpu, memory = bench.loadgen.deliver(
            lambda ports: Hub(bench.hub, hub_directory, sink_consumers(ports)), "--target", "/ingest/bench", "--seconds",
            bench.seconds, *arguments)
        shutil.rmtree(hub_directory, ignore_errors=True)
        result |= {"server_cpu_us": cpu * 1e6 / max(1, result["all"]), "memory_mb": memory}
        say(f"trunkline {result['delivered_rate']:.0f} events/s to each of three sinks {' '.join(map(str, arguments))}")
        return good(result, "trunkline")

    def redis(*arguments):
        server = Redis(bench.directory("redis"))
        result = good(bench.loadgen.run("redis", "--port", server.port, "--seconds", bench.seconds, *arguments), "redis")
        bench.drop(server)
        say(f"redis     {result['delivered_rate']:.0f} events/s {' '.join(map(str, arguments))}")
        return result

    rabbit_server = RabbitMq(bench.directory("rabbitmq"))
    rabbit_server.suspend()

    def rabbit():
        rabbit_server.resume()
        result = bench.loadgen.run("rabbitmq", "--port", rabbit_server.port, "--seconds", bench.seconds)
        rabbit_server.suspend()
        say(f"rabbitmq  {result['delivered_rate']:.0f} events/s")
        return good(result, "rabbitmq")

    lines = []
    try:
        results = alternate(bench.pairs, ours, {"redis": redis, "rabbitmq": rabbit})
        batch = ["--batch", 100, "--connections", 16]
        batched = alternate(bench.pairs, lambda: ours(*batch), {"redis": lambda: redis(*batch)})
    finally:
        bench.drop(rabbit_server)
    batched["rabbitmq"] = results["rabbitmq"]
    for what, these in (("one event a POST", results), ("POSTs of 100, 16 connections", batched)):
        rate = median([r["delivered_rate"] for r in these["trunkline"]])
        lines.append(Line(2, f"accepted and delivered to three HTTP sinks: {what}", f"{rate:,.0f} events/s", "–", None,
                          "≥ 40,000 events/s", rate >= 40_000, these))
        for peer, name, least in (("redis", "Redis Streams, appendfsync always, 3 groups", 1.5),
                                  ("rabbitmq", "RabbitMQ, 3 quorum queues", 5)):
            theirs = median([r["delivered_rate"] for r in these[peer]])
            ratio = ratio_of_pairs(these, peer, "delivered_rate")
            lines.append(Line(2, f"the same: {what}", f"{rate:,.0f} events/s", f"{name} {theirs:,.0f}", ratio,
                              f"≥ {least}", ratio >= least))
    return lines


# ---- 3: latency

def latency_lines(bench: Bench) -> list:
    runs, raw = [], []
    for _ in range(bench.pairs):
        raw.append(bench.loadgen.run("disk", "--directory", bench.work, "--seconds", 2))
        hub_directory = bench.directory("hub")
        result, _, _ = bench.loadgen.deliver(lambda ports: Hub(bench.hub, hub_directory, sink_consumers(ports)), "--target",
                                             "/ingest/bench", "--rate", 2000, "--seconds", bench.seconds + 1, "--warm-up", 1,
                                             "--connections", 64)
        shutil.rmtree(hub_directory, ignore_errors=True)
        runs.append(good(result, "trunkline"))
        say(f"accept p99 {result['latency']['p99_ms']} ms, delivered p99 {result['delivery']['p99_ms']} ms, "
            f"fdatasync p99 {raw[-1]['p99_ms']} ms")
    accept = median([r["latency"]["p99_ms"] for r in runs])
    delivered = median([r["delivery"]["p99_ms"] for r in runs])
    disk = median([r["p99_ms"] for r in raw])
    bound = max(5.0, 10 * disk)
    detail = {"trunkline": runs, "fdatasync": raw}
    return [Line(3, "accept p99 at 2,000 events/s, three sinks", f"{accept:.2f} ms", f"fdatasync of 1 KB p99 {disk:.2f} ms",
                 accept / disk, "< 5 ms, or 10 × fdatasync", accept < bound, detail),
            Line(3, "accept → delivered p99, from when the request was due", f"{delivered:.2f} ms", "–", None, "< 15 ms",
                 delivered < 15)]


# ---- 6: routing

def routing_lines(bench: Bench) -> list:
    program = bench.benches / "filter" / "trunkline_filter_bench"
    lines = []
    for scope in ("attributes", "body"):
        pairs = []
        for _ in range(bench.pairs):
            done = subprocess.run([program, f"--benchmark_filter=route_by_{scope}_in_cache/(10|1000)$", "--benchmark_format=json",
                                   "--benchmark_min_time=0.2"], capture_output=True, text=True, check=True)
            times = [b["cpu_time"] for b in json.loads(done.stdout)["benchmarks"]]
            pairs.append((times[0], times[1]))
        few, many = (median([p[i] for p in pairs]) for i in (0, 1))
        ratio = median([p[1] / p[0] for p in pairs])
        lines.append(Line(6, f"routing an event by {scope}: 1,000 policies, 10 match", f"{many:,.0f} ns",
                          f"10 policies, 10 match {few:,.0f} ns", ratio, "≤ 2", ratio <= 2, {"pairs": pairs}))
    return lines


# ---- 7: start

def start_lines(bench: Bench) -> list:
    times = []
    for _ in range(max(5, bench.pairs)):
        hub = bench.fresh_hub(ACCEPT_CONSUMERS)
        times.append(hub.ready_ms)
        bench.drop(hub)
    return [Line(7, "start on an empty store, process to ready", f"{median(times):.1f} ms", "–", None, "< 50 ms",
                 median(times) < 50, {"milliseconds": times})]


# ---- 9: identities

def identity_lines(bench: Bench) -> list:
    filled_directory, empty_directory = bench.directory("filled"), bench.directory("empty")
    seconds = bench.loadgen.run("fill", "--directory", filled_directory / "data", "--identities", bench.identities)["seconds"]
    say(f"made {bench.identities:,} identities in {seconds:.0f} s")

    def run(directory: pathlib.Path) -> dict:
        hub = Hub(bench.hub, directory, ACCEPT_CONSUMERS)
        result = good(bench.loadgen.run("post", "--port", hub.port, "--target", "/ingest/bench", "--seconds",
                                        bench.seconds + 1, "--warm-up", 1), "trunkline")
        result["memory_mb"] = hub.memory_mb()
        hub.stop()
        say(f"{directory.name} {result['rate']:.0f} events/s, {result['memory_mb']:.0f} MB")
        return result

    results = alternate(bench.pairs, lambda: run(filled_directory), {"empty": lambda: run(empty_directory)})
    ratio = ratio_of_pairs(results, "empty", "rate")
    memory = median([a["memory_mb"] - b["memory_mb"] for a, b in zip(results["trunkline"], results["empty"])])
    for directory in (filled_directory, empty_directory):
        shutil.rmtree(directory, ignore_errors=True)
    rates = [median([r["rate"] for r in results[name]]) for name in ("trunkline", "empty")]
    what = f"{bench.identities:,} identities known"
    return [Line(9, f"accept rate, {what}", f"{rates[0]:,.0f} events/s", f"none known {rates[1]:,.0f}", ratio, "≥ 0.9",
                 ratio >= 0.9, results),
            Line(9, f"resident memory, {what}", f"{memory:+.0f} MB", "–", None, "≤ +100 MB", memory <= 100)]


ROWS = {1: accept_lines, 2: deliver_lines, 3: latency_lines, 6: routing_lines, 7: start_lines, 9: identity_lines}
