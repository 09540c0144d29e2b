"""Lambda as AWS runs it, played around AWS's own runtime interface emulator: instances of a function, the pollers of an event source
mapping (receive, invoke, delete what did not fail), and the API of mappings, whose answers boto3 reads. Needs boto3 and Go."""
import http.server
import json
import os
import pathlib
import signal
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

from harness.process import free_address
from harness.wait import until

RIE_VERSION = "v0.0.0-20261030222936-bef5c4ba774d"
REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": REGION}
SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "id": "1", "account": "123456789012"}


def run(*arguments, **more):
    done = subprocess.run([str(each) for each in arguments], capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{arguments[0]} fails:\n{(done.stdout + done.stderr)[-3000:]}")


def emulator():
    """The runtime interface emulator, built from Go's module proxy; AWS_LAMBDA_RIE names one that is there."""
    program = pathlib.Path(os.environ.get("AWS_LAMBDA_RIE") or "bin/aws-lambda-rie").resolve()
    if not program.is_file():
        go = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/local/go/bin", "GOBIN": str(program.parent), "CGO_ENABLED": "0",
              "GOFLAGS": "-mod=mod"}
        run("go", "install", f"github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie@{RIE_VERSION}", env=go)
    return program


class MappingApi:
    """Lambda's API of event source mappings, as far as a function uses it. `enabled` by queue ARN."""

    def __init__(self):
        self.enabled = {}
        self.changes = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, value):
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def mapping(self, arn):
                return {"UUID": "uuid-" + arn.rsplit(":", 1)[1].replace(".", "-"), "EventSourceArn": arn, "BatchSize": 10,
                        "FunctionArn": "arn:aws:lambda:us-east-1:012345678912:function:f",
                        "State": "Enabled" if outer.enabled[arn] else "Disabled"}

            def do_GET(self):
                path, _, query = self.path.partition("?")
                asked = urllib.parse.parse_qs(query)
                if path != "/2015-03-31/event-source-mappings":
                    return self.answer(404, {"Message": "no such path"})
                wanted = asked.get("EventSourceArn", list(outer.enabled))
                self.answer(200, {"EventSourceMappings": [self.mapping(each) for each in wanted if each in outer.enabled]})

            def do_PUT(self):
                wish = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for arn in outer.enabled:
                    if self.path == "/2015-03-31/event-source-mappings/" + self.mapping(arn)["UUID"]:
                        assert "AWS4-HMAC-SHA256" in self.headers["Authorization"] and "/lambda/" in self.headers["Authorization"]
                        outer.enabled[arn] = wish["Enabled"]
                        outer.changes.append(wish["Enabled"])
                        return self.answer(202, self.mapping(arn))
                self.answer(404, {"Type": "User", "Message": "The resource you requested does not exist."})

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Function:
    """One instance of a function under the emulator; `root`: where the zip was unpacked."""

    def __init__(self, directory, name, handler, root, env, bare=False, timeout=20):
        program = emulator()
        self.address, api = free_address(), free_address()
        self.one_at_a_time = threading.Lock()  # as Lambda does it with an instance
        command = ["chroot", str(root), "/bootstrap"] if bare else [str(root / "bootstrap")]
        self.log = directory / f"{name}.log"
        own = {"PATH": os.environ["PATH"] + ":/usr/sbin", "LAMBDA_TASK_ROOT": "/" if bare else str(root), "AWS_LAMBDA_FUNCTION_NAME": name,
               "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout)}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(program), "--runtime-interface-emulator-address", self.address, "--runtime-api-address", api, *command, handler],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory, env={**KEYS, **env, **own})

        def listens():
            try:
                urllib.request.urlopen(f"http://{self.address}/", timeout=5).close()
            except urllib.error.HTTPError:
                pass
            except OSError:
                return False
            return True
        until(listens, "the emulator listens", 60)

    def invoke(self, payload):
        """The answer; of a failed invocation {"errorType":…}, or {"lost":…} where the instance ended without one."""
        request = urllib.request.Request(f"http://{self.address}/2015-03-31/functions/function/invocations",
                                         json.dumps(payload).encode())
        try:
            with self.one_at_a_time, urllib.request.urlopen(request, timeout=120) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            text = error.read()
        except OSError as error:
            return {"lost": str(error)}
        try:
            return json.loads(text)
        except ValueError:
            return {"lost": text.decode(errors="replace")}

    def kill_runtime(self):
        """The function's process, as if its machine went; the emulator starts another one."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = [pid for task in children.parent.parent.glob("*/children") for pid in task.read_text().split()]
        for pid in found:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        return bool(found)

    def end(self):
        self.kill_runtime()
        self.process.kill()
        self.process.wait()


class Poller(threading.Thread):
    """What Lambda does for an event source mapping, one batch at a time, with an instance of the function: as many of them as
    MaximumConcurrency says. `sqs`: a client of boto3."""

    def __init__(self, sqs, service, url, arn, function):
        super().__init__(daemon=True)
        self.sqs, self.service, self.url, self.arn, self.function = sqs, service, url, arn, function
        self.answers = []
        self.deleted = 0  # messages
        self.stopping = threading.Event()
        self.fault = None

    def records(self, messages):
        def attribute(value):
            return {"stringValue": value["StringValue"], "dataType": value["DataType"], "stringListValues": [], "binaryListValues": []}
        return [{"messageId": each["MessageId"], "receiptHandle": each["ReceiptHandle"], "body": each["Body"],
                 "attributes": each.get("Attributes", {}), "md5OfBody": each["MD5OfBody"], "eventSource": "aws:sqs",
                 "messageAttributes": {name: attribute(value) for name, value in each.get("MessageAttributes", {}).items()},
                 "eventSourceARN": self.arn, "awsRegion": REGION} for each in messages]

    def once(self, wait=1):
        messages = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=wait,
                                            AttributeNames=["All"], MessageAttributeNames=["All"]).get("Messages", [])
        if not messages:
            return None
        answer = self.function.invoke({"Records": self.records(messages)})
        self.answers.append(answer)
        if "batchItemFailures" not in answer:
            return answer  # all of it comes again
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        known = {each["MessageId"] for each in messages}
        assert failed <= known, (failed, known)
        done = [each for each in messages if each["MessageId"] not in failed]
        if done:
            answered = self.sqs.delete_message_batch(QueueUrl=self.url, Entries=[
                {"Id": str(i), "ReceiptHandle": each["ReceiptHandle"]} for i, each in enumerate(done)])
            self.deleted += len(answered.get("Successful", []))
        return answer

    def run(self):
        try:
            while not self.stopping.is_set():
                if not self.service.enabled[self.arn]:
                    self.stopping.wait(0.05)
                    continue
                self.once()
        except Exception as error:  # told by the test
            self.fault = error

    def stop(self):
        self.stopping.set()
        self.join(60)
        if self.fault:
            raise self.fault
