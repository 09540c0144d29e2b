"""What plays AWS for tests, each on a free port of the loopback interface and in the current directory, a runner's scratch one."""
import os
import pathlib
import shutil
import subprocess

from harness import maven, pip
from harness.process import Hub, free_address
from harness.wait import until

PEERS = pathlib.Path(__file__).resolve().parents[2] / "peers"


class Emulator:
    """A process that writes its port to the file that its last argument names."""

    def __init__(self, name, command):
        self.name = name
        self.log = pathlib.Path(f"{name}.log").resolve()
        port = pathlib.Path(f"{name}.port").resolve()
        port.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*map(str, command), str(port)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: port.exists() or self.process.poll() is not None, f"{name} does not start\n{self.tail()}", within=120)
        if not port.exists():
            raise RuntimeError(f"{name} has ended\n{self.tail()}")
        self.endpoint = f"http://127.0.0.1:{port.read_text()}"

    def tail(self):
        return self.log.read_text(errors="replace")[-3000:]

    def close(self):
        self.process.terminate()
        self.process.wait(60)


def scratch(variable, name):
    """Where it is installed: what the variable names, or a directory of that name here."""
    return pathlib.Path(os.environ.get(variable) or name).resolve()


def moto():
    """DynamoDB, SNS and SQS, by pip."""
    venv = scratch("AWS_ENGINE_VENV", "venv")
    pip.install(venv, PEERS / "sqs_node/requirements.txt")
    return Emulator("moto", [venv / "bin/python", PEERS / "aws_engine_node/server.py"])


def dynamodb_local():
    """Amazon's own, by Maven; needs a JDK 17."""
    node = PEERS / "dynamodb_local_node"
    jars = scratch("DYNAMODB_LOCAL_JARS", "dynamodb_local_jars")
    maven.fetch(node, jars)
    return Emulator("dynamodb_local", ["java", "-Xmx512m", f"-Djava.library.path={jars}", "-cp", f"{jars}/*", node / "Node.java"])


def fauxqs():
    """SQS and SNS, by npm; needs Node 20."""
    where = scratch("FAUXQS_MODULES", "fauxqs")
    if not (where / "installed").exists():
        shutil.copytree(PEERS / "fauxqs_node", where, dirs_exist_ok=True)
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=where, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"fauxqs cannot be installed:\n{done.stdout}{done.stderr}")
        (where / "installed").touch()
    return Emulator("fauxqs", ["node", where / "server.mjs"])


class QueueHub:
    """A hub's own SQS and SNS API, in a directory of that name. `keys` sign for it; without any it takes what is not signed, too."""

    def __init__(self, name, keys=None, region="us-east-1"):
        directory = pathlib.Path(name).resolve()
        directory.mkdir()
        address = free_address()
        self.hub = Hub(directory, {"data_dir": "./data", "listen": "127.0.0.1:0", "sources": {}, "consumers": {},
                                   "sqs": {"listen": address, "region": region, **({"keys": keys} if keys else {"unsigned": True})}}).start()
        self.endpoint = f"http://{address}"

    def close(self):
        self.hub.stop()
