"""`trunkline lambda`: its zip in a root that holds nothing else, and a start that fails told to the runtime API. What the functions do is
in tests/peers/aws_lambda, under AWS's own emulator."""
import http.server
import json
import os
import pathlib
import queue
import subprocess
import threading
import zipfile

from harness.case import HubTest
from harness.process import command, free_address

CONFIG = {"engine": "aws",
          "sources": {"genesys": {"kind": "eventbridge", "auth": {"api_key": "key"}}},
          "consumers": {"crm": {"filter": {}, "order": "conversation", "sink": {"http": {"url": "https://crm.example/hook"}}},
                        "wfm": {"filter": {}}}}


class RuntimeApi:
    """Takes what a runtime says, and has no invocation for it."""

    def __init__(self):
        self.said = queue.Queue()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.said.put((self.path, self.headers["Lambda-Runtime-Function-Error-Type"], json.loads(body)))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class LambdaCommand(HubTest):
    def setUp(self):
        super().setUp()
        self.config = pathlib.Path(self.directory) / "functions.yaml"
        self.config.write_text(json.dumps(CONFIG))
        self.api = RuntimeApi()
        self.addCleanup(self.api.server.shutdown)

    def start(self, *arguments, **env):
        return command("lambda", *arguments, "-c", self.config, timeout=60,
                       env={"AWS_LAMBDA_RUNTIME_API": self.api.address, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a",
                            "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL": "http://" + free_address(), **env})

    def init_error(self):
        path, header, error = self.api.said.get(timeout=30)
        self.assertEqual(path, "/2018-06-01/runtime/init/error")
        self.assertEqual((header, error["errorType"]), ("Trunkline.Init", "Trunkline.Init"))
        return error["errorMessage"]

    def test_a_start_that_fails_is_told(self):
        self.assertEqual(self.start("ingest").returncode, 1)
        self.assertIn("the table trunkline", self.init_error())
        self.assertEqual(self.start("run", "--handler", "consumer").returncode, 2)
        self.assertIn("consumer:NAME", self.init_error())
        self.assertEqual(self.start("consumer", "crm", AWS_REGION="").returncode, 2)
        self.assertIn("region", self.init_error())

    def test_without_a_runtime_api_it_says_so(self):
        done = self.start("ingest", AWS_LAMBDA_RUNTIME_API="")
        self.assertEqual(done.returncode, 2)
        self.assertIn("AWS_LAMBDA_RUNTIME_API", done.stderr)

    def test_the_zip_runs_in_a_root_that_holds_nothing_else(self):
        zips = [pathlib.Path(self.directory) / name for name in ("one.zip", "two.zip")]
        for each in zips:
            done = command("lambda", "zip", "-c", self.config, "--out", each)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(zips[0].read_bytes(), zips[1].read_bytes())
        self.assertEqual(command("lambda", "zip", "-c", self.config, "--out", zips[0]).returncode, 1)  # not written over
        root = pathlib.Path(self.directory) / "root"
        with zipfile.ZipFile(zips[0]) as archive:
            self.assertIsNone(archive.testzip())
            for each in archive.infolist():
                pathlib.Path(archive.extract(each, root)).chmod(each.external_attr >> 16 & 0o777)
        self.assertLess(zips[0].stat().st_size, 50 << 20)  # what Lambda takes without S3
        if os.geteuid() != 0:
            self.skipTest("not root: chroot is not allowed; the zip was unpacked and not run")
        done = subprocess.run(["/bootstrap"], capture_output=True, text=True, timeout=60, cwd="/",
                              preexec_fn=lambda: (os.chroot(root), os.chdir("/")),
                              env={"LAMBDA_TASK_ROOT": "/", "AWS_LAMBDA_RUNTIME_API": self.api.address, "_HANDLER": "nonsense"})
        self.assertIn("'nonsense' is none of ingest", self.init_error())
        self.assertEqual(done.returncode, 2, done.stderr)
