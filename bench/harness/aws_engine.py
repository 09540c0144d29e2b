"""Row 10: workers with `engine: aws` on DynamoDB Local, Amazon's own, and the SQS and SNS API of another hub: what an event costs, by the
calls on the wire, and how many events a worker does of those that the emulators would take. Not one of the default rows, since it
needs Maven and a JDK."""
import base64
import collections
import json
import os
import pathlib
import subprocess
import threading
import time
import urllib.parse

from .processes import Failure, Hub, Server, Sinks, free_port
from .queue_api import ROOT, aws_call, fetched, of_the_tests
from .rows import Bench, Line, median, say

RECORDED = 3_000   # events of the run whose calls are counted
CONNECTIONS = 64   # of senders, to each worker; of the replay, to each emulator
SINKS = 3
TABLE = "bench"
NAMES = [f"sink{i}" for i in range(SINKS)]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "us-east-1",
               "AWS_EC2_METADATA_DISABLED": "true"}
SIGNED = {"authorization": "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"}
STRINGS = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
KEYS = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
ORDERS = ("conversation", "none")


def consumers(ports, order: str) -> str:
    return "\n" + "\n".join(
        f'  {name}: {{filter: {{}}, order: {order}, concurrency: 8, batch: {{messages: 500, bytes: 2MiB}}, '
        f'sink: {{http: {{url: "http://127.0.0.1:{port}/hook", batch: array, allow_loopback: true}}}}}}'
        for name, port in zip(NAMES, ports)) + "\n"


class Table(Server):
    def __init__(self, directory: pathlib.Path, jars: pathlib.Path):
        directory.mkdir(parents=True)
        port = directory / "port"
        super().__init__("dynamodb-local", directory, [
            "java", "-Xmx1g", f"-Djava.library.path={jars}", "-cp", f"{jars}/*",
            str(ROOT / "tests" / "peers" / "dynamodb_local_node" / "Node.java"), str(port)])
        self.wait_until(port.exists, 120)
        self.port = int(port.read_text())

    def call(self, operation: str, **body) -> dict:
        return aws_call(self.port, f"DynamoDB_20120810.{operation}", body, SIGNED)


class Emulators:
    """Empty ones, with the table, topics and queues of a stack that has been there for long. The table is made anew in a process that
    has compiled its code by now."""

    def __init__(self, bench: Bench, table: Table, order: str):
        self.bench, self.order, self.table = bench, order, table
        self.queues_port = free_port()
        self.queues = None
        try:
            self.queues = bench.fresh_hub(" {}\n", f'sqs: {{listen: "127.0.0.1:{self.queues_port}", unsigned: true}}\n')
            if TABLE in self.table.call("ListTables")["TableNames"]:
                self.table.call("DeleteTable", TableName=TABLE)
            self.table.call("CreateTable", TableName=TABLE, BillingMode="PAY_PER_REQUEST", AttributeDefinitions=STRINGS, KeySchema=KEYS)
            bench.drop(self.worker(range(1, SINKS + 1)))  # makes the queues
            for name in NAMES:
                # A queue that is young gets its events directly for a quarter of an hour.
                self.table.call("UpdateItem", TableName=TABLE, Key={"pk": {"S": "reg"}, "sk": {"S": f"q#{name}"}},
                                UpdateExpression="SET e_subscribed = :then", ConditionExpression="attribute_exists(pk)",
                                ExpressionAttributeValues={":then": {"N": "1"}})
        except BaseException:
            self.close()
            raise

    def endpoints(self) -> dict:
        queues = f"http://127.0.0.1:{self.queues_port}"
        return {"dynamodb": f"http://127.0.0.1:{self.table.port}", "sns": queues, "sqs": queues}

    def worker(self, ports, endpoints=None) -> Hub:
        told = {f"AWS_ENDPOINT_URL_{name.upper()}": url for name, url in (endpoints or self.endpoints()).items()}
        return Hub(self.bench.hub, self.bench.directory("worker"), consumers(ports, self.order),
                   store=f"engine: aws\naws: {{table: {TABLE}, prefix: bench}}\n", env={**CREDENTIALS, **told})

    def close(self):
        if self.queues:
            self.bench.drop(self.queues)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def size_of(item: dict) -> int:
    """Bytes of an item as DynamoDB counts them: names and values, numbers by two digits a byte and one more."""
    of = {"S": lambda text: len(text.encode()), "N": lambda text: len(text) // 2 + 2, "B": lambda text: len(base64.b64decode(text))}
    return sum(len(name) + of[kind](text) for name, value in item.items() for kind, text in value.items())


def units_of(operation: str, body: dict, reported: float) -> float:
    """Units of capacity that AWS charges. DynamoDB Local reports them but for two of AWS's rules: a write in a transaction is two, and a
    key that is not there is a read."""
    if operation == "TransactWriteItems":
        return sum(2 * max(1, -(-size_of(each["Put"]["Item"]) // 1024)) if "Put" in each else 2 for each in body["TransactItems"])
    if operation == "BatchGetItem":
        return max(reported, sum(len(each["Keys"]) for each in body["RequestItems"].values()))
    return reported


def recorder(endpoints: dict, file: pathlib.Path):
    """Counts calls and what DynamoDB takes for them, and writes down what is said, as the load client's `replay` reads it."""
    base = of_the_tests("aws_wire")

    class Recorder(base.Wire):
        def __init__(self):
            self.units = collections.Counter()  # of capacity, by operation
            self.published_bytes = 0
            self.out = None
            super().__init__(endpoints)

        def start(self):
            self.take_calls()
            with self.lock:
                self.units.clear()
                self.published_bytes = 0
                self.out = open(file, "wb")

        def passed_on(self, service, request, body):
            self.write(service, request, body)
            if service == "dynamodb":
                body = body.rstrip()[:-1] + b',"ReturnConsumedCapacity":"TOTAL"}'
            answer = super().passed_on(service, request, body)
            if service == "dynamodb":
                taken = json.loads(answer[3]).get("ConsumedCapacity", [])
                called = base.operation(request.headers, body)[1]
                reported = sum(each["CapacityUnits"] for each in (taken if isinstance(taken, list) else [taken]))
                with self.lock:
                    self.units[called] += units_of(called, json.loads(body), reported)
            return answer

        def write(self, service, request, body):
            called = base.operation(request.headers, body)[1]
            head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items()
                           if name.lower() in ("x-amz-target", "x-amz-date", "content-type", "authorization")).encode()
            with self.lock:
                if called == "PublishBatch":
                    form = urllib.parse.parse_qs(body.decode())
                    self.published_bytes += sum(len(value[0].encode()) for name, value in form.items()
                                                if name.endswith((".Message", "StringValue")))
                if self.out:
                    self.out.write(f"{service} {called} {len(head)} {len(body)}\n".encode() + head + body)
    return Recorder()


def send(bench: Bench, workers: list, *options) -> dict:
    """To all of them at once; the sum."""
    results, faults = [], []

    salt = int(time.time() * 1000) & 0x7FFFFFFF

    def one(number, worker):
        try:
            results.append(bench.loadgen.run("post", "--salt", salt + 1 + number, "--port", worker.port, "--target", "/ingest/bench",
                                             "--connections", CONNECTIONS, "--per-conversation", 10, *options))
        except Exception as error:
            faults.append(error)
    threads = [threading.Thread(target=one, args=each) for each in enumerate(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    bad = sum(each["bad"] for each in results)
    if bad:
        say(f"{bad} requests went wrong: {results[0]['first_bad']}")
    return {"all": sum(each["all"] for each in results), "bad": bad,
            "accept_p99_ms": max(each["latency"]["p99_ms"] for each in results)}


def deliver(bench: Bench, workers: list, sinks: Sinks, *options) -> dict:
    """Until every sink has all that was accepted."""
    before = [sinks.ask("reach", i, 0, 0)["events"] for i in range(SINKS)]
    begun = time.monotonic()
    sent = send(bench, workers, *options)
    accepted = time.monotonic() - begun
    if not sent["all"]:
        raise Failure("no event was accepted")
    at = max(sinks.reach(i, before[i] + sent["all"], 300)["at"] for i in range(SINKS))
    return {**sent, "accepting_seconds": accepted, "seconds": at - begun, "rate": sent["all"] / (at - begun)}


def record(bench: Bench, table: Table, order: str, file: pathlib.Path) -> dict:
    with Emulators(bench, table, order) as emulators, Sinks(bench.loadgen.binary, SINKS) as sinks:
        wire = recorder(emulators.endpoints(), file)
        try:
            worker = emulators.worker(sinks.ports, dict.fromkeys(("dynamodb", "sns", "sqs"), wire.endpoint))
            wire.start()
            try:
                result = deliver(bench, [worker], sinks, "--seconds", 300, "--events", RECORDED)
            finally:
                bench.drop(worker)  # says all that is left to say
            wire.out.close()
            calls = wire.take_calls()
        finally:
            wire.close()
    say(f"order {order}: {sum(calls.values()) / result['all']:.2f} calls an event through the counting proxy")
    thousand = 1_000 / result["all"]
    return {"events": result["all"], "published_bytes": wire.published_bytes * thousand,
            "calls": {f"{service} {name}": count * thousand for (service, name), count in sorted(calls.items())},
            "units": {name: count * thousand for name, count in sorted(wire.units.items()) if count}}


def planned(bench: Bench, order: str, per_call: int) -> dict:
    """What `trunkline aws plan` says of the same consumers, but for the ingest queue, for 1,000 events: units and dollars by price."""
    directory = bench.directory("plan")
    directory.mkdir(parents=True)
    (directory / "trunkline.yaml").write_text(
        "engine: aws\nsources: {bench: {kind: sqs, sqs: {event_bus: aws.partner/genesys.com/cloud/a/b, queue_url: "
        "'https://sqs.us-east-1.amazonaws.com/111122223333/genesys-events'}}}\nconsumers:" + consumers(range(1, SINKS + 1), order))
    done = subprocess.run([bench.hub, "aws", "plan", "-c", "trunkline.yaml", "--out", "stack.json", "--json", "--event-bytes", "1024",
                           "--per-call", str(per_call)], cwd=directory, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"aws plan: {done.stderr}")
    plan = json.loads(done.stdout)
    units = collections.Counter()
    for line in plan["per_thousand_events"]["lines"]:
        if not line["what"].startswith(("EventBridge", "ingest queue")):
            units[line["price"]] += line["calls"]
    return {"units": dict(units), "prices": plan["prices"]["usd"]}


def priced(units: dict, prices: dict) -> float:
    return sum(count * prices[name] / (1e6 if name.endswith("_million") else 1) for name, count in units.items())


def measured(counted: dict, order: str) -> dict:
    """The same by what was on the wire. What SNS sends to the queues is not on it: each event once for each consumer."""
    reads = ("Query", "BatchGetItem", "GetItem")
    units = counted["units"]
    delivered = 1_000 * SINKS
    queues = "sqs.standard_million" if order == "none" else "sqs.fifo_million"
    return {"dynamodb.write_million": sum(count for name, count in units.items() if name not in reads),
            "dynamodb.read_million": sum(count for name, count in units.items() if name in reads),
            "sns.fifo_publish_million": counted["calls"].get("sns PublishBatch", 0),
            "sns.fifo_publish_gb": counted["published_bytes"] / 1e9,
            "sns.fifo_delivery_million": delivered,
            "sns.fifo_delivery_gb": SINKS * counted["published_bytes"] / 1e9,
            queues: delivered + sum(count for name, count in counted["calls"].items() if name.startswith("sqs "))}


def price_lines(bench: Bench, order: str, counted: dict) -> list:
    received = counted["calls"].get("sqs ReceiveMessage", 0)
    per_call = max(1, min(10, round(1_000 * SINKS / received)))
    plan = planned(bench, order, per_call)
    real = measured(counted, order)
    named = "; ".join(f"{name} {count:,.0f}" for name, count in sorted(counted["calls"].items(), key=lambda each: -each[1]) if count >= 1)
    total = sum(counted["calls"].values())
    compared = "; ".join(f"{name} {real.get(name, 0):,.4g}, planned {plan['units'].get(name, 0):,.4g}"
                         for name in sorted(real.keys() | plan["units"].keys()))
    usd, said = priced(real, plan["prices"]), priced(plan["units"], plan["prices"])
    ten = planned(bench, order, 10)
    detail = {"counted": counted, "measured": real, "planned": plan["units"], "per_call": per_call}
    return [Line(10, f"calls of a worker for 1,000 events to {SINKS} consumers, order: {order}", f"{total:,.0f}: {named}", "–", None,
                 "named", True, detail),
            Line(10, f"price of 1,000 events, order: {order}; {per_call} messages a call", f"${usd:.5f}: {compared}",
                 f"`aws plan --per-call {per_call}` ${said:.5f} (with 10 ${priced(ten['units'], ten['prices']):.5f})", usd / said, "named",
                 True)]


def rate_lines(bench: Bench, table: Table, order: str, counted: dict, file: pathlib.Path) -> list:
    def run(count: int) -> dict:
        with Emulators(bench, table, order) as emulators, Sinks(bench.loadgen.binary, SINKS) as sinks:
            workers = []
            try:
                for _ in range(count):
                    workers.append(emulators.worker(sinks.ports))
                result = deliver(bench, workers, sinks, "--seconds", bench.seconds)
                result["worker_cpu_us"] = sum(each.cpu_seconds() for each in workers) * 1e6 / result["all"]
            finally:
                for each in workers:
                    bench.drop(each)
        say(f"{count} workers: {result['rate']:.0f} events/s, accepted in {result['accepting_seconds']:.1f} of {result['seconds']:.1f} s, "
            f"CPU {result['worker_cpu_us']:.0f} µs an event")
        return result

    def ceiling() -> dict:
        with Emulators(bench, table, order) as emulators:
            result = bench.loadgen.run("replay", "--file", file, "--table-port", emulators.table.port, "--queues-port",
                                       emulators.queues_port, "--connections", CONNECTIONS)
        if result["error"]:
            raise Failure(f"replay: {result['error']}")
        result["events_rate"] = counted["events"] / result["seconds"]
        say(f"emulators: {result['events_rate']:.0f} events/s, {result['rate']:.0f} calls/s, {result['refused']} refused, "
            f"{result['extra_receives']} receives more")
        return result

    runs = {1: [], 2: [], "emulators": []}
    for pair in range(bench.pairs):
        for name in (1, 2, "emulators") if pair % 2 == 0 else ("emulators", 2, 1):
            runs[name].append(ceiling() if name == "emulators" else run(name))
    most = median([each["events_rate"] for each in runs["emulators"]])
    lines = []
    for count in (1, 2):
        rate = median([each["rate"] for each in runs[count]])
        ratio = median([mine["rate"] / theirs["events_rate"] for mine, theirs in zip(runs[count], runs["emulators"])])
        cpu = median([each["worker_cpu_us"] for each in runs[count]])
        what = "1 worker" if count == 1 else f"{count} workers, {rate / count:,.0f} each"
        lines.append(Line(10, f"accepted and delivered to {SINKS} HTTP sinks by {what}, order: {order}",
                          f"{rate:,.0f} events/s, CPU {cpu:.0f} µs an event", f"the same calls replayed {most:,.0f} events/s", ratio,
                          "named", True, {"workers": runs[count], "emulators": runs["emulators"]} if count == 1 else
                          {"workers": runs[count]}))
    return lines


def lines(bench: Bench) -> list:
    jars = fetched(ROOT / "tests" / "peers" / "dynamodb_local_node",
                   pathlib.Path(os.environ.get("DYNAMODB_LOCAL_JARS") or bench.work / "dynamodb-local-jars"))
    found = []
    with Table(bench.directory("table"), jars) as table:
        for order in ORDERS:
            file = bench.work / f"calls-{order}"
            counted = record(bench, table, order, file)
            found += price_lines(bench, order, counted)
            found += rate_lines(bench, table, order, counted, file)
    return found


ROWS = {10: lines}
