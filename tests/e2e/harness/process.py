"""The program under test as a child process."""
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

from harness import prometheus, settings
from harness.wait import until

KEY = "test-key-1"
FIGURES_AGE = 1.5  # seconds; engine::QueueStatistics promises about one


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def verdicts(self):
        return [result["verdict"] for result in self.json["results"]]

    def sequences(self):
        return [result.get("sequence") for result in self.json["results"]]

    def __repr__(self):
        return f"{self.status} {self.body[:500]!r}"


def request(address, method, path, body=None, headers=None, timeout=30):
    host, port = address.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def command(*arguments, stdin=None, env=None, cwd=None, timeout=300):
    """Runs a command of the program to its end."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    done = subprocess.run([settings.BINARY, *map(str, arguments)], input=stdin, capture_output=True, cwd=cwd,
                          timeout=timeout, env={**os.environ, **(env or {})})
    done.stdout = done.stdout.decode(errors="replace")
    done.stderr = done.stderr.decode(errors="replace")
    return done


class Child:
    """A process that is stopped by its id."""

    def __init__(self, directory, name, arguments, env=None):
        self.log = pathlib.Path(directory) / f"{name}.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([settings.BINARY, *map(str, arguments)], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, cwd=directory, env={**os.environ, **(env or {})})

    def running(self):
        return self.process.poll() is None

    def end(self, number=signal.SIGTERM, within=60):
        """Sends the signal and returns the exit code."""
        if self.running():
            self.process.send_signal(number)
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.log.name}: still running {within} s after the signal\n{self.tail()}") from None

    def wait(self, within=600):
        return self.process.wait(within)

    def tail(self, size=4000):
        return self.log.read_text(errors="replace")[-size:]


class Hub:
    """`trunkline serve` in a directory of its own, on a free port that it keeps over restarts."""

    def __init__(self, directory, config, env=None):
        self.directory = pathlib.Path(directory)
        self.env = {"TEST_KEY": KEY, **(env or {})}
        self.child = None
        self.address = None
        self.write_config(config)

    def write_config(self, config):
        # JSON is YAML.
        text = config if isinstance(config, str) else json.dumps(config, indent=1)
        (self.directory / "trunkline.yaml").write_text(text)

    def launch(self, **env):
        """Starts the process without waiting for it to be ready."""
        ready = self.directory / "ready"
        ready.unlink(missing_ok=True)
        arguments = ["serve", "-c", "trunkline.yaml", "--ready-file", "ready"]
        if self.address:
            arguments += ["--listen", self.address]
        self.child = Child(self.directory, "hub", arguments, {**self.env, **env})

    def start(self, **env):
        self.launch(**env)
        ready = self.directory / "ready"
        until(lambda: ready.exists() or not self.child.running(), lambda: f"hub not ready\n{self.child.tail()}")
        if not ready.exists():
            raise AssertionError(f"the hub ended with {self.child.process.returncode}\n{self.child.tail()}")
        self.address = ready.read_text().strip()
        return self

    def stop(self):
        return self.child.end(signal.SIGTERM)

    def kill(self):
        return self.child.end(signal.SIGKILL)

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])

    @property
    def url(self):
        return f"http://{self.address}"

    def post(self, body, source="genesys", key=KEY, headers=None, query=""):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        all_headers = {"content-type": "application/json", **(headers or {})}
        if key is not None:
            all_headers["x-api-key"] = key
        try:
            return request(self.address, "POST", f"/ingest/{source}{query}", body, all_headers)
        except OSError as error:
            # A process that dies closes its sockets before it can be waited for.
            try:
                code = self.child.wait(1)
            except subprocess.TimeoutExpired:
                raise error from None
            raise AssertionError(f"the hub ended with {code}: {error}\n{self.child.tail()}") from error

    def get(self, path):
        return request(self.address, "GET", path)

    def api(self, method, path, body=None):
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        return request(self.address, method, f"/api/v1{path}", data)

    def consumer(self, name):
        answer = self.api("GET", f"/consumers/{name}")
        if answer.status != 200:
            raise AssertionError(f"consumer {name}: {answer}")
        return answer.json

    def metrics(self):
        answer = self.get("/metrics")
        if answer.status != 200:
            raise AssertionError(f"/metrics: {answer}")
        return prometheus.parse(answer.body.decode())

    def drained(self, *names, within=60):
        """Waits until nothing is left for the consumers but dead letters."""
        began = time.monotonic()

        def left():
            # The figures are up to a second old: those from before the call prove nothing.
            fresh = time.monotonic() - began > FIGURES_AGE
            return [each for each in map(self.consumer, names)
                    if not fresh or each["waiting"] + each["in_flight"] + each["backing_off"] > 0]

        until(lambda: not left(), lambda: f"did not drain: {left()}", within)

    def delivered(self, name, sequence, within=60):
        """Waits until the consumer has this event, by the store and not by figures, which may be a second old."""

        def state():
            [event] = self.api("GET", f"/why/{sequence}").json["events"]
            return next(each["state"] for each in event["consumers"] if each["consumer"] == name)

        until(lambda: state() == "delivered", lambda: f"{sequence} is {state()} for {name}", within)

    def client(self, *arguments, **options):
        """A client command against this hub."""
        return command(*arguments, "--url", self.url, **options)


class SimSink:
    """`trunkline sim sink`: a downstream whose mode can be changed while it runs."""

    def __init__(self, directory, name, *arguments, address="127.0.0.1:0"):
        self.ledger = pathlib.Path(directory) / f"{name}.tsv"
        listen = free_address() if address.endswith(":0") else address
        self.address = listen
        self.control_address = free_address()
        self.child = Child(directory, f"sink-{name}",
                           ["sim", "sink", "--listen", listen, "--control", self.control_address, "--ledger", self.ledger,
                            *arguments])
        until(lambda: self._reachable() or not self.child.running(), "the sink does not listen")
        if not self.child.running():
            raise AssertionError(f"the sink ended\n{self.child.tail()}")

    def _reachable(self):
        try:
            return request(self.control_address, "GET", "/control").status == 200
        except OSError:
            return False

    @property
    def url(self):
        return f"http://{self.address}/hook"

    def control(self, **members):
        answer = request(self.control_address, "POST", "/control", json.dumps(members).encode())
        if answer.status != 200:
            raise AssertionError(f"control {members}: {answer}")
        return answer.json if answer.body else {}

    def numbers(self):
        return request(self.control_address, "GET", "/control").json

    def stop(self):
        return self.child.end(signal.SIGTERM)


def free_address():
    """An address nobody listens on now. Taken by the caller at once; the kernel does not give it out again soon."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
