"""Cold start of the ingest function: from exec to the answer of its first invocation, over TLS, with the event stored and published.
AWS is played here by as little as the function asks for, answered at once, so that what is measured is the function and not AWS; the
time in which the player has a call in hand is taken off."""
import http.server
import json
import os
import pathlib
import re
import ssl
import subprocess
import threading
import time
import urllib.parse

from .processes import Failure
from .rows import Bench, Line, median, say

STARTS = 21
EVENT = {"version": "0", "id": "0f0d", "detail-type": "v2.detail.events.conversation.{id}.attributes", "account": "111122223333",
         "source": "aws.partner/genesys.com/cloud/6f1d2c3b-4a59-4e68-9d7c-8b0a1f2e3d4c/x", "time": "2026-03-02T14:00:00Z",
         "region": "us-east-1", "resources": [], "detail": {
             "topicName": "v2.detail.events.conversation.7a.attributes", "version": "2", "timestamp": "2026-03-02T14:00:00.001Z",
             "metadata": {"CorrelationId": "c"}, "eventBody": {"eventTime": 1772460000001, "conversationId": "7a"}}}


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one segment

    def answer(self, status: int, body: bytes, headers=()) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def log_message(self, *_):
        pass


def serve(handler, certificate=None) -> int:
    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            pass  # a function that is killed resets its connections

    server = Server(("127.0.0.1", 0), handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*map(str, certificate))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


class Aws:
    """A table that keeps what is put into it and asks no conditions, and topics that take everything."""

    def __init__(self):
        self.items = {}
        self.lock = threading.Lock()
        self.calls = self.published = 0
        self.busy = 0.0
        for number, name in enumerate(("siem", "crm", "board", "wfm"), 1):
            self.put({"pk": {"S": "reg"}, "sk": {"S": "q#" + name}, "e_id": {"N": str(number)}, "e_subscribed": {"N": "1"},
                      "e_order": {"S": "conversation"}, "e_url": {"S": "https://localhost/1/q"}, "e_arn": {"S": "arn:aws:sqs:q"},
                      "e_topic": {"S": "arn:aws:sns:t.fifo"}, "e_subscription": {"S": "arn:aws:sns:s"}})

    @staticmethod
    def key(item):
        return item["pk"]["S"], item["sk"]["S"]

    def put(self, item):
        self.items[self.key(item)] = item

    def update(self, call):
        item = self.items.setdefault(self.key(call["Key"]), dict(call["Key"]))
        values = call["ExpressionAttributeValues"]
        for name, value in re.findall(r"(e_\w+) = (:\w+)", call["UpdateExpression"].partition("ADD")[0]):
            item[name] = values[value]
        for name, value in re.findall(r"(e_\w+) (:\w+)", call["UpdateExpression"].partition("ADD")[2]):
            item[name] = {"N": str(int(item.get(name, {"N": "0"})["N"]) + int(values[value]["N"]))}
        return item

    def table(self, operation, call):
        if operation == "GetItem":
            item = self.items.get(self.key(call["Key"]))
            return {"Item": item} if item else {}
        if operation == "UpdateItem":
            return {"Attributes": self.update(call)}
        if operation == "DeleteItem":
            self.items.pop(self.key(call["Key"]), None)
            return {}
        if operation == "PutItem":
            self.put(call["Item"])
            return {}
        if operation == "TransactWriteItems":
            for each in call["TransactItems"]:
                if "Put" in each:
                    self.put(each["Put"]["Item"])
                elif "Update" in each:
                    self.update(each["Update"])
            return {}
        if operation == "Query":
            return {"Items": [], "Count": 0}
        if operation == "BatchGetItem":
            return {"Responses": {name: [self.items[self.key(key)] for key in asked["Keys"] if self.key(key) in self.items]
                                  for name, asked in call["RequestItems"].items()}, "UnprocessedKeys": {}}
        raise Failure(f"{operation} is not played")

    def answer(self, handler, target, body):
        began = time.perf_counter()
        with self.lock:
            self.calls += 1
            if target.startswith("DynamoDB"):
                text = json.dumps(self.table(target.partition(".")[2], json.loads(body))).encode()
            else:
                form = urllib.parse.parse_qs(body.decode())
                ids = [form[name][0] for name in form if name.endswith(".Id")]
                self.published += len(ids)
                text = ("<PublishBatchResponse><PublishBatchResult><Successful>" + "".join(
                    f"<member><Id>{each}</Id><MessageId>m</MessageId></member>" for each in ids)
                    + "</Successful><Failed/></PublishBatchResult></PublishBatchResponse>").encode()
            self.busy += time.perf_counter() - began
        handler.answer(200, text)


class Runtime:
    """A runtime API with one invocation, that notes when its answer came."""

    def __init__(self):
        self.answered = threading.Event()
        self.text = b""
        self.at = 0.0

    def get(self, handler):
        if self.answered.is_set():
            self.answered.wait(1)
            return handler.answer(500, b"{}")  # the end
        event = json.dumps({**EVENT, "id": os.urandom(8).hex()}).encode()
        handler.answer(200, event, (("Lambda-Runtime-Aws-Request-Id", "1"), ("Lambda-Runtime-Invoked-Function-Arn", "arn"),
                                    ("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 30_000))))

    def post(self, handler, body):
        self.at = time.perf_counter()
        self.text = body
        status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines())
        self.pages = {name: int(status[name].split()[0]) for name in ("VmHWM", "VmRSS")}
        handler.answer(202, b"{}")
        self.answered.set()


def one(bench: Bench, aws: Aws, endpoint: str, config) -> dict:
    runtime = Runtime()
    began = threading.Event()

    class Handler(Quiet):
        def do_GET(self):
            began.wait()
            runtime.get(self)

        def do_POST(self):
            began.wait()
            runtime.post(self, self.body())
    port = serve(Handler)
    environment = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}", "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1",
                   "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "SSL_CERT_FILE": str(config.parent / "ca.pem"), "HOME": "/",
                   "AWS_CA_BUNDLE": str(config.parent / "aws-ca.pem")}
    calls, published, busy = aws.calls, aws.published, aws.busy
    start = time.perf_counter()
    process = subprocess.Popen([bench.hub, "lambda", "ingest", "-c", str(config)], env=environment, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    runtime.pid = process.pid
    began.set()
    try:
        if not runtime.answered.wait(30):
            process.kill()
            raise Failure(f"the function does not answer: {process.communicate()[1][-2000:].decode()}")
    finally:
        process.kill()
        process.communicate()
    if json.loads(runtime.text).get("accepted") != 1 or aws.published != published + 1:
        raise Failure(f"not stored and published: {runtime.text[:500]!r}")
    whole = (runtime.at - start) * 1000
    return {"ms": whole - (aws.busy - busy) * 1000, "whole_ms": whole, "calls": aws.calls - calls, **runtime.pages}


def lines(bench: Bench) -> list:
    aws = Aws()

    class Handler(Quiet):
        def do_POST(self):
            aws.answer(self, self.headers.get("X-Amz-Target", ""), self.body())
    endpoint = f"https://127.0.0.1:{serve(Handler, bench.certificate)}"
    directory = bench.directory("cold-start")
    directory.mkdir(parents=True)
    # As in a function's zip: all authorities of the system for sinks, and Amazon's own for AWS.
    system = pathlib.Path("/etc/ssl/certs/ca-certificates.crt").read_text()
    (directory / "ca.pem").write_text(system)
    amazon = [each.read_text() for each in pathlib.Path("/usr/share/ca-certificates/mozilla").glob("Amazon_Root_CA_?.crt")]
    (directory / "aws-ca.pem").write_text("".join([*amazon, bench.certificate[0].read_text()]))
    config = directory / "trunkline.yaml"
    config.write_text("""engine: aws
sources: {genesys: {kind: eventbridge, auth: {api_key: none}}}
consumers:
""" + "".join(f"  {name}: {{filter: {{}}, order: conversation, sink: {{http: {{url: 'https://localhost/'}}}}}}\n"
              for name in ("siem", "crm", "board", "wfm")))
    one(bench, aws, endpoint, config)  # writes the filter policies down
    results = [one(bench, aws, endpoint, config) for _ in range(STARTS)]
    of = {name: median([each[name] for each in results]) for name in results[0]}
    slowest = max(each["ms"] for each in results)
    say(f"cold start: {of['ms']:.1f} ms, {of['calls']:.0f} calls, {of['VmHWM'] / 1024:.0f} MB")
    return [Line(12, f"cold start of the ingest function of four consumers: exec to the first answer, stored and published over TLS, of {STARTS} starts",
                 f"{of['ms']:.1f} ms without the {of['calls']:.0f} calls of AWS themselves (slowest {slowest:.1f}); {of['VmHWM'] / 1024:.0f} MB at most",
                 "", None, "< 50 ms", of["ms"] < 50, {"starts": results})]


ROWS = {12: lines}
