"""Servers under test: each on a free loopback port, with a directory of its own, stopped by the id it was started with."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Failure(Exception):
    pass


class Server:
    """A child process in its own group, with its output in a file."""

    def __init__(self, name: str, directory: pathlib.Path, command: list, env: dict | None = None):
        self.name, self.directory = name, directory
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / f"{name}.log"
        self.started = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, cwd=directory, env={**os.environ, **(env or {})})

    def wait_until(self, ready, seconds: float, every: float = 0.05) -> None:
        while not ready():
            if self.process.poll() is not None or time.monotonic() - self.started > seconds:
                tail = self.log.read_text(errors="replace")[-2000:]
                self.stop()
                raise Failure(f"{self.name} does not start:\n{tail}")
            time.sleep(every)

    def wait_for_port(self, port: int, seconds: float = 60) -> None:
        def listens() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
            return False
        self.wait_until(listens, seconds)

    def memory_mb(self, what: str = "VmRSS") -> float:
        """Resident now; of VmHWM, the most since the start."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) / 1024
        return 0

    def cpu_seconds(self) -> float:
        """Of all its processes."""
        ticks = 0
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[2]) == self.process.pid:
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def suspend(self) -> None:
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """kill -9."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.resume()
            self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


# Four consumers of different appetite, all pulled by nobody: what is measured is accepting.
ACCEPT_CONSUMERS = """
  all: {filter: {}}
  conversations: {filter: {eventCategory: [conversation]}, order: conversation}
  agents: {filter: {eventCategory: [agent, queue]}, order: agent}
  wfm: {filter: {eventCategory: [wfm], mediaType: [{anything-but: [CHAT]}]}}
"""


def sink_consumers(ports: list) -> str:
    return "\n" + "\n".join(
        f'  sink{i}: {{concurrency: 8, batch: {{messages: 500, bytes: 2MiB}}, '
        f'sink: {{http: {{url: "http://127.0.0.1:{port}/hook", batch: array, allow_loopback: true}}}}}}'
        for i, port in enumerate(ports)) + "\n"


class Hub(Server):
    def __init__(self, binary: str, directory: pathlib.Path, consumers: str, extra: str = "", store: str | None = None,
                 env: dict | None = None):
        """`store`: what the configuration says instead of a data directory."""
        directory.mkdir(parents=True, exist_ok=True)
        config, ready = directory / "trunkline.yaml", directory / "ready"
        ready.unlink(missing_ok=True)
        store = store or f"data_dir: {directory}/data\n"
        config.write_text(f"{store}listen: 127.0.0.1:0\nlog: {{level: warn}}\n{extra}"
                          "sources:\n  bench: {kind: eventbridge, auth: {api_key: 0123456789abcdef0123456789abcdef}}\n"
                          f"consumers:{consumers}")
        super().__init__("trunkline", directory, [binary, "serve", "-c", str(config), "--ready-file", str(ready)], env)
        self.wait_until(lambda: ready.exists() and ready.stat().st_size > 0, 120, every=0.0005)
        self.ready_ms = (time.monotonic() - self.started) * 1000
        self.address = ready.read_text().strip()
        self.port = int(self.address.split()[0].rpartition(":")[2].strip("/"))

    def api(self, method: str, path: str, body: dict | None = None) -> dict:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, f"/api/v1{path}", json.dumps(body).encode() if body is not None else None)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status // 100 != 2:
            raise Failure(f"{method} {path}: {answer.status} {text[:500]!r}")
        return json.loads(text)

    def metric(self, *words) -> float:
        """The first figure whose line has all the words."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        for line in text.splitlines():
            if not line.startswith("#") and all(word in line for word in words):
                return float(line.rpartition(" ")[2])
        raise Failure(f"no metric of {words}")

    def wal_mb(self) -> float:
        size = 0
        for file in (self.directory / "data" / "db").glob("*.log"):
            with contextlib.suppress(OSError):  # they come and go
                size += file.stat().st_size
        return size / (1 << 20)

    def wait_until_idle(self, seconds: float = 900) -> None:
        """Until it has used less than a tenth of a core for two seconds: nothing is scanned, listed or compacted any more."""
        end = time.monotonic() + seconds
        before = self.cpu_seconds()
        while True:
            time.sleep(2)
            now = self.cpu_seconds()
            if now - before < 0.2:
                return
            if time.monotonic() > end:
                raise Failure(f"the hub is busy {seconds} s after its last event")
            before = now


class Nginx(Server):
    """`return 204` to everything; with the certificate also over TLS."""

    def __init__(self, directory: pathlib.Path, certificate: tuple | None):
        directory.mkdir(parents=True, exist_ok=True)
        self.port, self.tls_port = free_port(), free_port()
        tls = ""
        if certificate:
            tls = (f"server {{ listen 127.0.0.1:{self.tls_port} ssl backlog=4096; ssl_certificate {certificate[0]}; "
                   f"ssl_certificate_key {certificate[1]}; location / {{ return 204; }} }}")
        user = "user root;" if os.geteuid() == 0 else ""
        (directory / "nginx.conf").write_text(f"""
{user} daemon off; pid {directory}/pid; error_log {directory}/error.log; worker_processes auto;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 3600; client_max_body_size 64m;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  server {{ listen 127.0.0.1:{self.port} backlog=4096; location / {{ return 204; }} }}
  {tls}
}}
""")
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        super().__init__("nginx", directory, [program, "-p", str(directory), "-c", str(directory / "nginx.conf")])
        self.wait_for_port(self.port)


class Redis(Server):
    def __init__(self, directory: pathlib.Path):
        self.port = free_port()
        super().__init__("redis", directory, ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir",
                                              str(directory), "--appendonly", "yes", "--appendfsync", "always", "--save",
                                              "", "--auto-aof-rewrite-percentage", "0", "--daemonize", "no"])
        self.wait_for_port(self.port)


class RabbitMq(Server):
    """With an epmd of its own, so that nothing of the machine's Erlang is touched and nothing stays behind."""

    def __init__(self, directory: pathlib.Path):
        directory.mkdir(parents=True, exist_ok=True)
        self.port, epmd_port, distribution = free_port(), free_port(), free_port()
        env = {"ERL_EPMD_PORT": str(epmd_port), "ERL_EPMD_ADDRESS": "127.0.0.1"}
        self.epmd = Server("epmd", directory, ["epmd", "-port", str(epmd_port), "-address", "127.0.0.1"], env)
        (directory / "rabbitmq.conf").write_text("log.console = true\nlog.file = false\n")
        (directory / "enabled_plugins").write_text("[].\n")
        env |= {"HOME": str(directory), "RABBITMQ_NODENAME": "bench@localhost", "RABBITMQ_NODE_PORT": str(self.port),
                "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_DIST_PORT": str(distribution),
                "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"), "RABBITMQ_LOG_BASE": str(directory / "log"),
                "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq"), "RABBITMQ_PID_FILE": str(directory / "pid"),
                "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
                "RABBITMQ_CONF_ENV_FILE": "/dev/null"}
        try:
            super().__init__("rabbitmq", directory, ["/usr/lib/rabbitmq/bin/rabbitmq-server"], env)
            self.wait_for_port(self.port, 180)
        except BaseException:
            self.epmd.stop()
            raise

    def stop(self) -> None:
        super().stop()
        self.epmd.stop()


class Sinks:
    """HTTP sinks that outlive a hub."""

    def __init__(self, binary: str, count: int):
        self.process = subprocess.Popen([binary, "sinks", "--sinks", str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.ports = json.loads(self.process.stdout.readline())["ports"]

    def ask(self, *words) -> dict:
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Failure("the sinks have ended")
        return json.loads(line)

    def reach(self, sink: int, events: int, seconds: float) -> dict:
        """Waits until the sink has taken so many."""
        reached = self.ask("reach", sink, events, seconds)
        if not reached["reached"]:
            raise Failure(f"sink {sink} has {reached['events']} of {events} events after {seconds:.0f} s")
        return reached

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()  # it holds nothing, and may be waiting for events that do not come any more
        self.process.wait()


class Loadgen:
    def __init__(self, binary: str):
        self.binary = binary

    def run(self, *arguments, timeout: float = 900) -> dict:
        done = subprocess.run([self.binary, *map(str, arguments)], capture_output=True, text=True, timeout=timeout)
        if done.returncode != 0:
            raise Failure(f"loadgen {' '.join(map(str, arguments))}: {done.stderr[-1000:]}")
        return json.loads(done.stdout)

    def deliver(self, start_hub, *arguments) -> tuple:
        """The load client is the hub's sinks, too; `start_hub(ports)` is called with their ports."""
        command = [self.binary, "deliver", *map(str, arguments)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
            try:
                ports = json.loads(client.stdout.readline())["ports"]
                with start_hub(ports) as hub:
                    client.stdin.write(f"{hub.port}\n")
                    client.stdin.flush()
                    line = client.stdout.readline()
                    cpu, memory = hub.cpu_seconds(), hub.memory_mb()
            except BaseException:
                client.kill()
                raise
        if client.returncode != 0 or not line:
            raise Failure("loadgen deliver failed")
        return json.loads(line), cpu, memory
