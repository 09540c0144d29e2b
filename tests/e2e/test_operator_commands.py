"""What an operator types: init, completion, check, top, explain and matches."""
import json
import os
import pty
import select
import shutil
import socket
import stat
import subprocess
import time

from harness import settings
from harness.case import HubTest, http_sink
from harness.certificates import Authority
from harness.process import command, free_address


def bash(script, path):
    """Runs a script in bash, with `trunkline` the binary under test."""
    env = {**os.environ, "PATH": f"{os.path.dirname(settings.BINARY)}:{os.environ['PATH']}"}
    return subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, env=env, cwd=path, timeout=120)


class Init(HubTest):
    def init(self, *arguments, code=0, env=None):
        done = command("init", *arguments, cwd=self.directory, env={"TRUNKLINE_INGEST_KEY": "", **(env or {})}, timeout=60)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def test_without_questions_it_writes_what_serve_takes(self):
        done = self.init("--yes", "--consumer", "crm=http://127.0.0.1:9/", "--consumer", "wfm", "--listen", "127.0.0.1:0")
        self.assertIn("2 consumers, no errors", done.stdout)
        self.assertIn("trunkline serve -c trunkline.yaml", done.stdout)
        path = self.directory / "trunkline.yaml"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        key = self.directory / "trunkline-ingest.key"
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        self.assertNotIn(key.read_text().strip(), path.read_text())
        text = path.read_text()
        hub = self.hub(start=False)
        hub.write_config(text)
        hub.start()
        self.assertEqual(hub.post(self.make.conversation(), key="wrong").status, 401)
        self.accepted(hub.post(self.make.conversation(), key=key.read_text().strip()))
        self.until(lambda: hub.consumer("wfm")["waiting"] == 1, "the event does not wait for its client")

    def test_it_refers_to_the_environment_where_the_key_is_set_there(self):
        self.init("--yes", env={"TRUNKLINE_INGEST_KEY": "from-outside"})
        text = (self.directory / "trunkline.yaml").read_text()
        self.assertIn("${env:TRUNKLINE_INGEST_KEY}", text)
        self.assertFalse((self.directory / "trunkline-ingest.key").exists())

    def test_it_writes_over_nothing_unless_forced(self):
        path = self.directory / "trunkline.yaml"
        path.write_text("mine")
        refused = self.init("--yes", code=2)
        self.assertIn("--force", refused.stderr)
        self.assertEqual(path.read_text(), "mine")
        self.init("--yes", "--no-key", "--force")
        self.assertIn("no auth", path.read_text())

    def test_it_asks_five_questions(self):
        master, slave = pty.openpty()
        child = subprocess.Popen([settings.BINARY, "init"], stdin=slave, stdout=slave, stderr=slave, cwd=self.directory,
                                 env={**os.environ, "TRUNKLINE_INGEST_KEY": ""})
        os.close(slave)
        self.addCleanup(os.close, master)
        os.write(master, b"eventgrid\n\ncrm=https://crm.example/hook, archive=./a.jsonl\n./here\n127.0.0.1:9999\n")
        out = b""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if not select.select([master], [], [], 1)[0]:
                if child.poll() is not None:
                    break
                continue
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            out += piece
        self.assertEqual(child.wait(30), 0, out)
        for number in range(1, 6):
            self.assertIn(f"{number}/5".encode(), out)
        text = (self.directory / "trunkline.yaml").read_text()
        for word in ("kind: eventgrid", "query_key", "https://crm.example/hook", './a.jsonl', "./here", "127.0.0.1:9999"):
            self.assertIn(word, text)


class Completion(HubTest):
    def complete(self, *words, shell_env=""):
        """What bash offers for the last word."""
        line = " ".join(f"'{word}'" for word in words)
        done = bash(f"{shell_env} source <(trunkline completion bash); COMP_WORDS=({line}); "
                    f"COMP_CWORD=$((${{#COMP_WORDS[@]}}-1)); _trunkline; printf '%s\\n' \"${{COMPREPLY[@]}}\"", self.directory)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash_offers_commands_options_files_and_consumers(self):
        registered = bash("source <(trunkline completion bash); complete -p trunkline", self.directory)
        self.assertIn("-F _trunkline trunkline", registered.stdout)
        self.assertEqual(self.complete("trunkline", "consu"), ["consumers"])
        self.assertEqual(self.complete("trunkline", "dlq", "re"), ["redrive"])
        self.assertEqual(self.complete("trunkline", "serve", "--data"), ["--data-dir"])
        self.assertNotIn("complete-consumers", self.complete("trunkline", ""))
        (self.directory / "my.yaml").write_text("")
        self.assertEqual(self.complete("trunkline", "serve", "-c", "my"), ["my.yaml"])
        hub = self.hub({"crm": {"filter": {}}, "cold-store": {"filter": {}}})
        at = f"export TRUNKLINE_URL={hub.url};"
        self.assertEqual(self.complete("trunkline", "pause", "c", shell_env=at), ["crm", "cold-store"])
        self.assertEqual(self.complete("trunkline", "tap", "--consumer", "cr", shell_env=at), ["crm"])
        self.assertEqual(self.complete("trunkline", "dlq", "ls", "cr", shell_env=at), ["crm"])
        hub.stop()
        self.assertEqual(self.complete("trunkline", "pause", "c", shell_env=at), [])

    def test_the_scripts_are_valid_in_their_shells(self):
        for shell, check in (("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])):
            script = self.directory / shell
            script.write_text(command("completion", shell).stdout)
            self.assertIn("complete-consumers", script.read_text())
            if not shutil.which(shell):
                settings.say_not_run(f"completion {shell}", f"{shell} is not installed")
                continue
            done = subprocess.run([*check, script], capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""), shell)


class Check(HubTest):
    def test_try_looks_at_this_machine_and_at_every_target(self):
        receiver = self.receiver()
        nobody = free_address()
        hub = self.hub({"good": {"filter": {}, "sink": http_sink(receiver.url)},
                        "gone": {"filter": {}, "sink": http_sink(f"http://{nobody}/")}, "pulled": {"filter": {}}},
                       start=False)
        plain = command("check", "-c", "trunkline.yaml", cwd=self.directory, env=hub.env)
        self.assertEqual(plain.returncode, 0, plain.stderr)
        done = command("check", "-c", "trunkline.yaml", "--try", "--json", cwd=self.directory, env=hub.env)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        tried = {entry["what"]: entry for entry in json.loads(done.stdout)["tried"]}
        self.assertEqual({name: entry["ok"] for name, entry in tried.items() if name != "consumers.good"},
                         {"data_dir": True, "listen": True, "consumers.gone": False, "consumers.pulled": True}, tried)
        self.assertIsNot(tried["consumers.good"]["ok"], False, tried)
        self.assertEqual(receiver.events(), [], "no event is sent")

    def test_a_taken_address_of_the_tls_listener_is_named(self):
        Authority(self.directory).issue("server")
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        tls = {"listen_tls": address, "tls": {"cert": "server.pem", "key": "server.key"}}
        hub = self.hub({"all": {"filter": {}}}, start=False, **tls)
        done = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertRegex(done.stdout, "FAILED listen_tls: ")
        taken.close()
        done = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"listen_tls: {address} is free", done.stdout)

    def test_a_foreign_directory_and_a_taken_address_are_named(self):
        hub = self.hub({"all": {"filter": {}}})
        while_running = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
        self.assertEqual(while_running.returncode, 0, while_running.stdout)
        self.assertIn("a hub runs on it", while_running.stdout)
        (self.directory / "foreign").mkdir()
        (self.directory / "foreign" / "file").write_text("")
        hub.write_config(self.config({"all": {"filter": {}}}, listen=hub.address) | {"data_dir": "./foreign"})
        done = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout, "FAILED data_dir: .*no FORMAT")
        self.assertRegex(done.stdout, "FAILED listen: ")
        (self.directory / "foreign" / "FORMAT").write_text("trunkline 999\n")
        done = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
        self.assertRegex(done.stdout, "FAILED data_dir: .*format 999.*or a newer one")
        self.assertEqual(sorted(path.name for path in (self.directory / "foreign").iterdir()), ["FORMAT", "file"])


class Questions(HubTest):
    def test_explain_asks_the_running_hub(self):
        hub = self.hub({"crm": {"filter": {"eventCategory": ["conversation"]}}, "wfm": {"filter": {"eventCategory": ["agent"]}}})
        event = self.make.conversation()
        [sequence] = self.accepted(hub.post(event))
        for name in (sequence, event["id"]):
            done = hub.client("explain", name)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("crm: gets it\n", done.stdout)
            self.assertIn("wfm: does not get it\n", done.stdout)
        (self.directory / "event.json").write_text(json.dumps(self.make.presence()))
        done = hub.client("explain", self.directory / "event.json", "--json")
        [explained] = json.loads(done.stdout)["events"]
        self.assertEqual([consumer["gets"] for consumer in explained["consumers"]], [False, True])
        hub.write_config(self.config({"crm": {"filter": {"eventCategory": ["agent"]}}, "wfm": {"filter": {"eventCategory": ["agent"]}}}))
        self.assertEqual(hub.client("reload").returncode, 0)
        self.assertIn("got it when it was accepted", hub.client("explain", sequence).stdout)
        self.assertEqual(hub.client("explain", 999).returncode, 1)
        self.assertEqual(hub.client("explain", "no-such-id").returncode, 1)

    def test_matches_counts_what_a_filter_would_have_let_pass(self):
        hub = self.hub({"crm": {"filter": {"eventCategory": ["conversation"]}}})
        for _ in range(3):
            self.accepted(hub.post([self.make.conversation(), self.make.presence()]), 2)
        report = json.loads(hub.client("matches", '{"eventCategory":["agent"]}', "--json").stdout)
        self.assertEqual([report["matched"], report["total"], report["complete"]], [3, 6, True])
        self.assertEqual(report["types"][0]["type"], "v2.users.{id}.presence")
        self.assertEqual([sample["sequence"] for sample in report["samples"]], [6, 4, 2])
        done = hub.client("matches", "--consumer", "crm")
        self.assertIn("3 of 6 events match", done.stdout)
        self.assertEqual(hub.client("matches", '{"eventCategory":["never"]}').returncode, 1)
        wrong = hub.client("matches", '{"a":[]}')
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("Empty arrays", wrong.stderr)

    def test_backtest_holds_a_filter_against_what_the_consumer_got(self):
        hub = self.hub({"crm": {"filter": {"eventCategory": ["conversation"]}}})
        for _ in range(3):
            self.accepted(hub.post([self.make.conversation(), self.make.presence()]), 2)
        report = json.loads(hub.client("backtest", "crm", '{"eventCategory":["agent"]}', "--json").stdout)
        self.assertEqual([report[key] for key in ("got", "matched", "gained", "lost", "total")], [3, 3, 3, 3, 6])
        self.assertEqual([sample["sequence"] for sample in report["gained_samples"]], [6, 4, 2])
        self.assertEqual([sample["sequence"] for sample in report["lost_samples"]], [5, 3, 1])
        done = hub.client("backtest", "crm", '{"eventCategory":["agent","conversation"]}')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("crm got 3 of 6 events", done.stdout)
        self.assertIn("with this filter 6: 3 more, 0 less", done.stdout)
        self.assertRegex(done.stdout, r"3 +0 +3 +v2\.users\.\{id\}\.presence")
        self.assertNotIn("lost, for example", done.stdout)
        self.assertEqual(hub.client("backtest", "crm", '{"eventCategory":["conversation"]}').returncode, 1)
        nobody = hub.client("backtest", "nobody", "{}")
        self.assertIn("there is no consumer 'nobody'", nobody.stderr)

    def test_top_once_and_for_scripts(self):
        hub = self.hub({"crm": {"filter": {}}})
        self.accepted(hub.post(self.make.conversation()))
        done = hub.client("top", "--once", "--interval", "100ms")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"crm +ok +")
        report = json.loads(hub.client("top", "--json", "--interval", "100ms").stdout)
        self.assertEqual([report["accepted"], report["consumers"][0]["name"]], [1, "crm"])

    def test_top_on_a_terminal_shows_the_table_and_q_leaves_it_as_it_was(self):
        hub = self.hub({"crm": {"filter": {}}})
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        child = subprocess.Popen([settings.BINARY, "top", "--url", hub.url], stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        self.addCleanup(child.kill)
        out = b""
        while b"crm" not in out:
            self.assertTrue(select.select([master], [], [], 30)[0], out)
            out += os.read(master, 65536)
        self.assertIn(b"\x1b[?1049h", out)
        os.write(master, b"q")
        self.until(lambda: child.poll() is not None, "q does not quit")
        self.assertEqual(child.returncode, 0)
        while select.select([master], [], [], 0)[0]:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            out += piece
        self.assertTrue(out.endswith(b"\x1b[?25h\x1b[?1049l"), out[-40:])
