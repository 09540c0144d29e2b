"""Rows 4, 5 and 8 of bench/run: a consumer that hangs, ten million that wait, conversations that are open."""
import math
import os
import pathlib
import shutil
import threading
import time

from .processes import Failure, Hub, Sinks, sink_consumers
from .rows import Bench, Line, alternate, good, median, ratio_of_pairs, say

RARE = 100  # one event in so many is wanted by the rare consumer
RARE_SINK, LANE_SINK, ALL_SINK = range(3)


# ---- 4: one consumer hung

def hung_lines(bench: Bench) -> list:
    # Longer than the others, so that the hung queue's window is full for a part of the run.
    seconds = 2 * bench.seconds

    def run(*arguments) -> dict:
        directory = bench.directory("hub")
        result, _, _ = bench.loadgen.deliver(
            lambda ports: Hub(bench.hub, directory, sink_consumers(ports)), "--target", "/ingest/bench", "--rate", 2000,
            "--seconds", seconds + 1, "--warm-up", 1, "--connections", 64, "--sinks", 4, "--measured", 3, *arguments)
        shutil.rmtree(directory, ignore_errors=True)
        result["p99_ms"] = result["delivery"]["p99_ms"]
        say(f"delivered p99 of the three {result['p99_ms']} ms {' '.join(arguments)}")
        return good(result, "trunkline")

    results = alternate(bench.hung_pairs, lambda: run("--hang"), {"none hung": run})
    ratio = ratio_of_pairs(results, "none hung", "p99_ms")
    p99 = [median([r["p99_ms"] for r in results[name]]) for name in ("trunkline", "none hung")]
    return [Line(4, f"accept → delivered p99 of three sinks at 2,000 events/s, a fourth never answers; {bench.hung_pairs} pairs",
                 f"{p99[0]:.2f} ms", f"the fourth answers {p99[1]:.2f} ms", ratio, "≤ 1.1", ratio <= 1.1, results)]


# ---- 5: many wait

def waiting_consumers(ports: list) -> str:
    batch = "concurrency: 8, batch: {messages: 500, bytes: 2MiB}"
    sink = ["sink: {http: {url: \"http://127.0.0.1:%d/hook\", batch: array, allow_loopback: true}}" % port for port in ports]
    return f"""
  rare: {{filter: {{mediaType: [EMAIL]}}, paused: true, {batch}, {sink[RARE_SINK]}}}
  lane: {{order: queue, attempts: 1, breaker: {{window: 100ms}}, {batch}, {sink[LANE_SINK]}}}
  all: {{paused: true, {batch}, {sink[ALL_SINK]}}}
"""


def forget_page_cache() -> None:
    if os.geteuid() != 0:
        return say("not root: the page cache is as it is, which favours few events")
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")


class Waiting:
    """A hub behind which events wait in three ways: for a paused consumer of all, for one of one in a hundred, and in the
    rows of a parked lane."""

    def __init__(self, bench: Bench, sinks: Sinks):
        self.bench, self.sinks = bench, sinks
        self.directory = bench.directory("waiting")
        self.before = [sinks.reach(i, 0, 1)["events"] for i in range(3)]
        self.events = self.rare = 0
        self.wal_most = 0.0
        self.peak = 0.0
        sinks.ask("mode", LANE_SINK, "reject")
        self.start()

    def start(self) -> float:
        self.hub = Hub(self.bench.hub, self.directory, waiting_consumers(self.sinks.ports), "store: {disk_budget: 1TiB}\n")
        return self.hub.ready_ms

    def post(self, events: int) -> dict:
        result = good(self.bench.loadgen.run(
            "post", "--port", self.hub.port, "--target", "/ingest/bench", "--batch", 100, "--connections", 16, "--events", events,
            "--seconds", 3 * 3600, "--rare-every", RARE, timeout=3 * 3600), "trunkline")
        if result["bad"]:
            raise Failure(f"{result['bad']} requests of the filling went wrong: {result['first_bad']}")
        self.events += result["all"]
        self.rare += math.ceil(result["all"] / RARE)
        return result

    def fill(self, events: int) -> dict:
        """Watches the write-ahead logs meanwhile."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.25):
                self.wal_most = max(self.wal_most, self.hub.wal_mb())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            result = self.post(events)
        finally:
            ended.set()
            watcher.join()
        end = time.monotonic() + 120
        while self.hub.api("GET", "/consumers/lane")["parked"] == 0:
            if time.monotonic() > end:
                raise Failure("the lane is not parked")
            time.sleep(0.1)
        self.hub.wait_until_idle()
        self.note_memory()
        return result

    def note_memory(self) -> None:
        self.peak = max(self.peak, self.hub.memory_mb("VmHWM"))

    def fill_log(self) -> float:
        """More events until the write-ahead logs are as full as they have been, or nearly: there is most to do at the start."""
        for _ in range(100):
            held = self.hub.wal_mb()
            if held >= 0.8 * self.wal_most:
                return held
            self.post(2000)
        return self.hub.wal_mb()

    def kill_and_start(self) -> dict:
        held = self.fill_log()
        self.note_memory()
        waiting_mb = self.hub.memory_mb()
        self.hub.kill()
        ready = self.start()
        return {"wal_mb": round(held, 1), "memory_mb": waiting_mb, "ready_ms": ready, "ready_memory_mb": self.hub.memory_mb()}

    def drain(self, what: str, sink: int, events: int, begin) -> dict:
        """From the command that lets it go to its last delivered event: counted from the first delivered one, a drain of a
        thousand events would have as its rate what was read ahead of that one. Few events or many, what waits is read from
        the disk: of ten million most are no longer in the page cache, and which ones are is up to the machine."""
        forget_page_cache()
        base = self.before[sink]
        begun = time.monotonic()
        begin()
        first = self.sinks.reach(sink, base + 1, 120)
        # The same number as at the fewest waiting, and all.
        some = self.sinks.reach(sink, base + min(events, self.bench.waiting_few * events // self.events), 600)
        last = self.sinks.reach(sink, base + events, 3600)
        if last["events"] != base + events:
            raise Failure(f"{what}: {last['events'] - base} events came instead of {events}")
        self.note_memory()

        def rate(end: dict) -> float:
            return (end["events"] - base) / (end["at"] - begun)

        result = {"events": events, "first_after_ms": (first["at"] - begun) * 1000, "seconds": last["at"] - begun,
                  "rate": rate(last), "first_rate": rate(some)}
        say(f"{self.events:,} waiting: {what} {result['rate']:.0f} events/s")
        return result

    def drain_all(self) -> dict:
        resume = {name: (lambda name=name: self.hub.api("POST", f"/consumers/{name}/resume")) for name in ("rare", "all")}

        def redrive() -> None:
            self.sinks.ask("mode", LANE_SINK, "take")
            self.hub.api("POST", "/consumers/lane/redrive", {"all": True})

        return {"rare": self.drain("one in a hundred", RARE_SINK, self.rare, resume["rare"]),
                "lane": self.drain("a parked lane", LANE_SINK, self.events, redrive),
                "all": self.drain("all", ALL_SINK, self.events, resume["all"])}


def few_waiting(bench: Bench, sinks: Sinks) -> dict:
    few = Waiting(bench, sinks)
    try:
        few.fill(bench.waiting_few)
        few.kill_and_start()
        return few.drain_all()
    finally:
        bench.drop(few.hub)


def many_waiting(bench: Bench, sinks: Sinks) -> dict:
    many = Waiting(bench, sinks)
    try:
        filled = many.fill(bench.waiting)
        say(f"{bench.waiting:,} events in {filled['seconds']:.0f} s, most memory {many.peak:.0f} MB, most in the write-ahead logs "
            f"{many.wal_most:.0f} MB")
        starts = []
        for _ in range(1 if bench.pairs == 1 else 3):
            starts.append(many.kill_and_start())
            say(f"killed with {starts[-1]['wal_mb']:.0f} MB in the write-ahead logs, ready after {starts[-1]['ready_ms']:.0f} ms")
        filled |= {"peak_mb": many.peak, "wal_most_mb": many.wal_most}
        many.peak = 0
        return {"filled": filled, "starts": starts, "drains": many.drain_all(), "peak_mb": many.peak}
    finally:
        bench.drop(many.hub)


DRAINS = (("rare", "a consumer of one event in a hundred, another that wants all paused"),
          ("lane", "a parked lane, redriven: all in rows"),
          ("all", "a paused consumer of all"))


def waiting_lines(bench: Bench) -> list:
    few = []
    with Sinks(bench.loadgen.binary, 3) as sinks:
        for _ in range(math.ceil(bench.pairs / 2)):
            few.append(few_waiting(bench, sinks))
        many = many_waiting(bench, sinks)
        for _ in range(bench.pairs // 2):
            few.append(few_waiting(bench, sinks))
    number = f"{bench.waiting:,} waiting"
    ready = max(start["ready_ms"] for start in many["starts"])
    wal = max(start["wal_mb"] for start in many["starts"])
    at_rest = max(max(start["memory_mb"], start["ready_memory_mb"]) for start in many["starts"])
    lines = [Line(5, f"{number}: ready after kill -9 with {wal:.0f} MB in the write-ahead logs", f"{ready:,.0f} ms", "–", None,
                  "< 2 s", ready < 2000, many | {"few": few}),
             Line(5, f"{number}: resident memory", f"{at_rest:.0f} MB", f"while they came in {many['filled']['peak_mb']:.0f} MB",
                  None, "< 300 MB", at_rest < 300),
             Line(5, f"{number}: most resident memory while they drain", f"{many['peak_mb']:.0f} MB", "–", None, "< 300 MB",
                  many["peak_mb"] < 300)]
    for key, what in DRAINS:
        ours, theirs = many["drains"][key]["rate"], median([run[key]["rate"] for run in few])
        lines.append(Line(5, f"{number}: drain of {what}", f"{ours:,.0f} events/s",
                          f"{bench.waiting_few:,} waiting {theirs:,.0f}", ours / theirs, "≥ 0.9", ours >= 0.9 * theirs))
    return lines


# ---- 8: open conversations

REST_SECONDS = 15  # without an event: the hub gives back what only traffic needs after 5 to 10

def open_consumers(which: tuple, port: int, conversations: int) -> str:
    known = {
        "hung": "order: conversation, concurrency: 8, sink: {http: {url: \"http://127.0.0.1:%d/hook\", batch: array, "
                "allow_loopback: true}}" % port,
        "board": "order: conversation, batch: {messages: 500}, sink: {live: {conversations: %d}}" % conversations,
        "pulled": "order: conversation, visibility_timeout: 12h",
    }
    return "\n" + "".join(f"  {name}: {{{known[name]}}}\n" for name in which)


def receive_all(hub: Hub, wanted: int) -> None:
    received = 0
    while received < wanted:
        leases = hub.api("POST", "/consumers/pulled/receive", {"max_messages": 1000, "wait_seconds": 5})["leases"]
        if not leases:
            raise Failure(f"{received} of {wanted} events can be received")
        received += sum(len(lease["messages"]) for lease in leases)


def open_run(bench: Bench, which: tuple) -> dict:
    wanted = bench.conversations
    with Sinks(bench.loadgen.binary, 1) as sinks:
        sinks.ask("mode", 0, "hang")
        consumers = open_consumers(which, sinks.ports[0], wanted)
        hub = Hub(bench.hub, bench.directory("open"), consumers)
        try:
            good(bench.loadgen.run("post", "--port", hub.port, "--target", "/ingest/bench", "--batch", 100, "--connections", 16,
                                   "--events", wanted, "--seconds", 3600, "--open", "--per-conversation", 1, "--agents",
                                   10_000, "--queues", 100), "trunkline")
            if "pulled" in which:
                receive_all(hub, wanted)
            hub.wait_until_idle()
            # What is measured must be there.
            if "pulled" in which and (lanes := hub.metric("trunkline_consumer_lanes", 'consumer="pulled"')) < wanted:
                raise Failure(f"{lanes:.0f} lanes instead of {wanted}")
            if "board" in which and (shown := hub.metric("trunkline_live_items", 'part="conversations"')) < wanted:
                raise Failure(f"{shown:.0f} conversations on the board instead of {wanted}")
            result = {"memory_mb": hub.memory_mb(), "peak_mb": hub.memory_mb("VmHWM")}
            time.sleep(REST_SECONDS)
            result["rest_mb"] = hub.memory_mb()
            hub.kill()
            hub = Hub(bench.hub, hub.directory, consumers)
            hub.wait_until_idle()
            result |= {"ready_ms": hub.ready_ms, "restarted_mb": hub.memory_mb(), "restarted_peak_mb": hub.memory_mb("VmHWM")}
        finally:
            bench.drop(hub)
    say(f"{' '.join(which)}: " + ", ".join(f"{name} {value:.0f}" for name, value in result.items()))
    return result


def open_lines(bench: Bench) -> list:
    cases = ((("hung", "pulled"), "behind a hung ordered consumer, and received by a pulling client and not settled"),
             (("board",), "on a live board"), (("hung", "pulled", "board"), "all of this"))
    lines = []
    for which, what in cases:
        result = open_run(bench, which)
        lines.append(Line(8, f"resident memory, {bench.conversations:,} open conversations: {what}", f"{result['rest_mb']:.0f} MB",
                          f"when the last event has just come {result['memory_mb']:.0f}; after kill -9 and start "
                          f"{result['restarted_mb']:.0f}", None, "< 200 MB", result["rest_mb"] < 200,
                          result))
    return lines


ROWS = {4: hung_lines, 5: waiting_lines, 8: open_lines}
