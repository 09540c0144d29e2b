"""The SQS API against ElasticMQ, which keeps its queues in memory: not one of the default rows, since it needs Maven."""
import http.client
import importlib.util
import json
import os
import pathlib

from .processes import Failure, Server, free_port
from .rows import Bench, Line, alternate, median, ratio_of_pairs, say

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CALL = {"content-type": "application/x-amz-json-1.0"}
RATE = 1_000  # messages a second of the paced runs
CONNECTIONS = (16, 64)  # of senders, and as many of receivers
WARM_UPS = 4  # until the JVM has compiled what it runs


def of_the_tests(name: str):
    """A module of the end-to-end tests' harness, which has the name of this one."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "e2e" / "harness" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fetched(node: pathlib.Path, jars: pathlib.Path) -> pathlib.Path:
    """What node/pom.xml names, in that directory."""
    try:
        of_the_tests("maven").fetch(node, jars)
    except (OSError, RuntimeError) as error:
        raise Failure(f"{node.name}: {error}") from error
    return jars


def elasticmq(bench: Bench) -> pathlib.Path:
    """Its files, by Maven, each as bench/elasticmq/jars.sha256 has it; ELASTICMQ_JARS names a directory that has them already."""
    return fetched(ROOT / "bench" / "elasticmq", pathlib.Path(os.environ.get("ELASTICMQ_JARS") or bench.work / "elasticmq-jars"))


class ElasticMq(Server):
    def __init__(self, directory: pathlib.Path, jars: pathlib.Path):
        self.port = free_port()
        directory.mkdir(parents=True, exist_ok=True)
        config = directory / "elasticmq.conf"
        config.write_text(f"""include classpath("application.conf")
node-address {{ protocol = http, host = "127.0.0.1", port = {self.port}, context-path = "" }}
rest-sqs {{ enabled = true, bind-port = {self.port}, bind-hostname = "127.0.0.1", sqs-limits = strict }}
rest-stats {{ enabled = false }}
""")
        super().__init__("elasticmq", directory, ["java", "-Xmx1g", f"-Dconfig.file={config}", "-cp", f"{jars}/*",
                                                  "org.elasticmq.server.Main"])
        self.wait_for_port(self.port)


def aws_call(port: int, target: str, body: dict, headers: dict | None = None) -> dict:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/", json.dumps(body), {**CALL, **(headers or {}), "x-amz-target": target})
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise Failure(f"{target}: {answer.status} {text[:300]!r}")
    return json.loads(text)


def make_queue(port: int, name: str) -> str:
    return aws_call(port, "AmazonSQS.CreateQueue", {"QueueName": name})["QueueUrl"]


def run(bench: Bench, name: str, port: int, number: list, connections: int, *options) -> dict:
    number[0] += 1
    url = make_queue(port, f"bench-{number[0]}")
    result = bench.loadgen.run("sqs", "--port", port, "--queue-url", url, "--seconds", bench.seconds, "--senders", connections,
                               "--receivers", connections, "--batch", 10, *options)
    if result["error"] or result["deleted"] != result["sent"] or not result["sent"]:
        raise Failure(f"{name}: {result['deleted']} of {result['sent']} deleted: {result['error']}")
    say(f"{name}: {result['rate']:.0f} a second; p99 of a send {result['send']['p99_ms']:.2f} ms, from sent to received "
        f"{result['delivery']['p99_ms']:.2f} ms")
    return result


def queue_lines(bench: Bench) -> list:
    jars = elasticmq(bench)
    lines, number, free = [], [0], {}  # free: by connections, of runs as fast as it goes
    port = free_port()
    hub = bench.fresh_hub(" {}\n", f'sqs: {{listen: "127.0.0.1:{port}", unsigned: true}}\n')
    try:
        with ElasticMq(bench.directory("elasticmq"), jars) as peer:
            for _ in range(WARM_UPS):
                run(bench, "ElasticMQ, to warm up", peer.port, number, CONNECTIONS[0])
            for connections, options, speed in (*((each, (), "as fast as it goes") for each in CONNECTIONS),
                                                (CONNECTIONS[0], ("--rate", RATE), f"at {RATE:,} messages/s")):
                def contestant(name, at, connections=connections, options=options):
                    return lambda: run(bench, name, at, number, connections, *options)
                results = alternate(bench.pairs, contestant("trunkline", port), {"elasticmq": contestant("ElasticMQ", peer.port)})
                lines.append(line(f"{connections} senders and {connections} receivers, {speed}", results, bool(options)))
                if not options:
                    free[connections] = results
    finally:
        bench.drop(hub)
    lines.insert(len(free), best_line(free))
    return lines


def best_line(free: dict) -> Line:
    """Each contestant with the number of clients that suits it."""
    def best(name: str) -> tuple:
        return max((median([one["rate"] for one in results[name]]), connections) for connections, results in free.items())
    (ours, with_ours), (theirs, with_theirs) = best("trunkline"), best("elasticmq")
    ratio = ours / theirs
    return Line(11, "SQS: the same, each with the number of clients on each side that it is fastest with", f"{ours:,.0f}/s with {with_ours}",
                f"ElasticMQ {theirs:,.0f}/s with {with_theirs}", ratio, ">= 3", ratio >= 3, {})


def line(what: str, results: dict, paced: bool) -> Line:
    def told(name: str) -> str:
        of = results[name]
        p99 = ", ".join(f"{call} {median([one[call]['p99_ms'] for one in of]):.2f}" for call in ("send", "receive", "delete", "delivery"))
        return f"{median([one['rate'] for one in of]):,.0f}/s; p99 in ms: {p99}"
    ratio = None if paced else ratio_of_pairs(results, "elasticmq", "rate")
    return Line(11, f"SQS: send, receive and delete by tens, 1 KB, ours on disk, theirs in memory, {what}", told("trunkline"),
                "ElasticMQ " + told("elasticmq"), ratio, "" if paced else ">= 3", None if ratio is None else ratio >= 3, results)


ROWS = {11: queue_lines}
