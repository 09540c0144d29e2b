"""The PostgreSQL sink against Debian's PostgreSQL."""
import json
import signal
import socket
import threading

from harness.case import HubTest
from harness.ledger import accepted_lines
from harness.postgres import PASSWORD, Postgres, programs
from harness.process import command

QUICK = {"retry": {"base": "5ms", "cap": "50ms"}, "breaker": {"window": "500ms", "probe_every": "100ms"}}


class CutAfterCopy:
    """A proxy that passes on everything, but in place of the answer to the first batch's transaction closes the connection."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.target = port
        self.cuts = 1
        self.cut = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            copied = threading.Event()
            threading.Thread(target=self._to_server, args=(client, server, copied), daemon=True).start()
            threading.Thread(target=self._to_client, args=(client, server, copied), daemon=True).start()

    def _to_server(self, client, server, copied):
        try:
            while data := client.recv(65536):
                if b"c\x00\x00\x00\x04" in data:  # CopyDone
                    copied.set()
                server.sendall(data)
        except OSError:
            pass
        server.close()

    def _to_client(self, client, server, copied):
        try:
            while data := server.recv(65536):
                # "C" begins CommandComplete: the transaction is over and committed.
                if copied.is_set() and b"INSERT 0" in data and self.cut < self.cuts:
                    self.cut += 1
                    break
                client.sendall(data)
        except OSError:
            pass
        for each in (client, server):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class PostgresSink(HubTest):
    @classmethod
    def setUpClass(cls):
        if not programs():
            raise AssertionError("postgresql is not installed")
        cls.server = Postgres().start()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        super().setUp()
        self.server.ask("DROP SCHEMA IF EXISTS trunkline CASCADE")

    def hub_with(self, consumer=None, start=True, password=PASSWORD, **sink):
        return self.hub({"lake": {"filter": {}, **QUICK, **(consumer or {}), "sink": {"postgres": {
            "host": "127.0.0.1", "port": self.server.port, "database": "postgres", "user": "trunkline",
            "password": "${env:PG_PASSWORD}", "tls": {"mode": "off"}, **sink}}}}, start=start, env={"PG_PASSWORD": password})

    def test_a_row_arrives_with_its_parts_and_a_replay_adds_none(self):
        hub = self.hub_with({"order": "conversation"})
        event = self.make.conversation(note="tab\t line\n \u20ac \\ \\N \"")
        [sequence] = self.accepted(hub.post(event))
        hub.drained("lake")
        [row] = self.server.ask("SELECT row_to_json(e) FROM trunkline.events e")
        row = json.loads(row[0])
        body = event["detail"]["eventBody"]
        org = event["source"].split("/")[3]
        self.assertEqual((row["sequence"], row["envelope_id"], row["topic"], row["conversation_id"], row["org_id"]),
                         (sequence, event["id"], event["detail"]["topicName"], body["conversationId"], org))
        self.assertEqual({name: row["event"][name] for name in event}, event)
        self.assertEqual(row["trunkline"], {"sequence": sequence, "consumer": "lake",
                                            "lane": f"conversation/{org}/{body['conversationId']}"})
        self.assertIsNone(row["event_text"])
        self.assertEqual(self.server.value("SELECT indexdef FROM pg_indexes WHERE indexname = 'events_conversation_id'"),
                         "CREATE INDEX events_conversation_id ON trunkline.events USING btree (conversation_id)")
        done = command("replay", "--consumer", "lake", "--from", "1h", "--wait", "--url", hub.url)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        hub.drained("lake")
        self.assertEqual(self.server.value("SELECT count(*) FROM trunkline.events"), "1")

    def test_each_event_is_there_once_though_hub_and_server_are_killed_meanwhile(self):
        count = self.count(8_000, 50_000)
        hub = self.hub_with({"order": "conversation", "batch": {"messages": 200}})
        load = threading.Thread(target=self.sim, args=(hub, "sent.tsv", "--events", count, "--batch", 50, "--rate",
                                                       count // 5))
        load.start()
        for _ in range(3):
            def there():
                if self.server.value("SELECT to_regclass('trunkline.events') IS NULL") == "t":
                    return 0
                return int(self.server.value("SELECT count(*) FROM trunkline.events"))
            before = there()
            self.until(lambda: there() > before + 100 or not load.is_alive(), "nothing arrives")
            self.server.end(signal.SIGKILL)
            self.server.start()
        load.join()
        # Without load, so that the simulator's own tries are no part of this.
        for _ in range(2):
            self.assertEqual(hub.kill(), -signal.SIGKILL)
            hub.start()
        hub.drained("lake", within=180)
        self.assertEqual(hub.consumer("lake")["dead_letters"], 0)
        promised = {line["sequence"]: line["envelope_id"] for line in accepted_lines(self.directory / "sent.tsv")
                    if line["verdict"] == "accepted"}
        self.assertEqual(len(promised), count)
        rows = self.server.ask("SELECT sequence, envelope_id, event->>'id' FROM trunkline.events")
        self.assertEqual(len(rows), count, "each once")
        self.assertEqual({sequence: one for sequence, one, _ in rows}, promised)
        self.assertTrue(all(one == other for _, one, other in rows))

    def test_a_hub_that_is_killed_in_the_middle_of_its_work_loses_and_doubles_nothing(self):
        count = self.count(4_000, 20_000)
        hub = self.hub_with({"order": "conversation", "batch": {"messages": 50}, "paused": True})
        self.sim(hub, "sent.tsv", "--events", count, "--batch", 100)
        hub.api("POST", "/consumers/lake/resume")
        for _ in range(4):
            delivered = hub.consumer("lake")["delivered"]
            self.until(lambda: hub.consumer("lake")["delivered"] > delivered or hub.consumer("lake")["waiting"] == 0,
                       lambda: hub.consumer("lake"))
            self.assertEqual(hub.kill(), -signal.SIGKILL)
            hub.start()
        hub.drained("lake", within=120)
        self.assertEqual(self.server.ask("SELECT count(*), count(DISTINCT sequence) FROM trunkline.events"),
                         [[str(count), str(count)]])

    def test_a_connection_that_is_lost_in_the_commit_repeats_and_doubles_nothing(self):
        proxy = CutAfterCopy(self.server.port)
        self.addCleanup(proxy.close)
        hub = self.hub_with({"batch": {"messages": 10}, "paused": True}, port=proxy.port, connections=1)
        self.accepted(hub.post([self.make.conversation() for _ in range(50)]), 50)
        hub.api("POST", "/consumers/lake/resume")
        hub.drained("lake")
        self.assertEqual(proxy.cut, 1)
        self.assertEqual(self.server.value("SELECT count(*) FROM trunkline.events"), "50")
        self.assertEqual(hub.consumer("lake")["dead_letters"], 0)

    def test_what_jsonb_cannot_hold_is_kept_as_text(self):
        hub = self.hub_with()
        event = json.dumps(self.make.conversation(note="NOTE")).replace("NOTE", "a\\u0000b")
        self.accepted(hub.post(event))
        hub.drained("lake")
        [[is_null, text]] = self.server.ask("SELECT event IS NULL, event_text FROM trunkline.events")
        self.assertEqual(is_null, "t")
        self.assertIn("a\\u0000b", text)

    def test_a_row_that_the_server_refuses_goes_to_the_dead_letters_alone(self):
        hub = self.hub_with({"attempts": 2, "paused": True})
        bad = json.dumps(self.make.conversation(note="NOTE")).replace('"NOTE"', "1e999999")
        self.accepted(hub.post([self.make.presence() for _ in range(40)]), 40)
        [place] = self.accepted(hub.post(bad))
        self.accepted(hub.post([self.make.presence() for _ in range(40)]), 40)
        hub.api("POST", "/consumers/lake/resume")
        self.until(lambda: hub.consumer("lake")["dead_letters"] == 1, lambda: hub.consumer("lake"))
        hub.drained("lake")
        [letter] = hub.api("GET", "/consumers/lake/dead-letters").json["dead_letters"]
        self.assertEqual((letter["sequence"], letter["error_class"]), (place, "sql_22003"))
        self.assertEqual(self.server.value("SELECT count(*) FROM trunkline.events"), "80")
        self.assertNotEqual(hub.consumer("lake")["breaker"], "open")
        # A constraint of the table's owner: no line is named, the batch is halved.
        self.server.ask("ALTER TABLE trunkline.events ADD CHECK (category <> 'conversation')")
        self.accepted(hub.post([self.make.presence() for _ in range(20)] + [self.make.conversation()]), 21)
        self.until(lambda: hub.consumer("lake")["dead_letters"] == 2, lambda: hub.consumer("lake"))
        hub.drained("lake")
        self.assertEqual(self.server.value("SELECT count(*) FROM trunkline.events"), "100")

    def test_a_table_that_lacks_a_column_is_an_outage_and_one_with_more_will_do(self):
        hub = self.hub_with()
        self.accepted(hub.post(self.make.conversation()))
        hub.drained("lake")
        self.server.ask("ALTER TABLE trunkline.events DROP COLUMN queue_id, ADD COLUMN seen timestamptz DEFAULT now()")
        self.accepted(hub.post([self.make.conversation() for _ in range(10)]), 10)
        self.until(lambda: hub.consumer("lake")["breaker"] == "open", lambda: hub.consumer("lake"))
        self.server.ask("ALTER TABLE trunkline.events ADD COLUMN queue_id text")
        hub.drained("lake")
        self.assertEqual(hub.consumer("lake")["dead_letters"], 0)
        self.assertEqual(self.server.value("SELECT count(*) FROM trunkline.events WHERE seen IS NOT NULL"), "11")

    def test_a_role_that_may_only_write_needs_a_table_that_is_there(self):
        self.server.ask("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'writer') THEN CREATE ROLE writer "
                        f"LOGIN PASSWORD '{PASSWORD}'; END IF; END $$")
        hub = self.hub_with(user="writer")
        self.accepted(hub.post(self.make.conversation()))
        self.until(lambda: hub.consumer("lake")["breaker"] == "open", lambda: hub.consumer("lake"))
        done = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
        self.assertIn("is not there and this user may not make it", done.stdout + done.stderr)
        self.server.ask("CREATE SCHEMA trunkline; CREATE TABLE trunkline.events (event_id text PRIMARY KEY, sequence bigint NOT "
                        "NULL, accepted_at timestamptz NOT NULL, occurred_at timestamptz NOT NULL, envelope_id text, event_type "
                        "text, topic text, category text, org_id text, conversation_id text, user_id text, queue_id text, "
                        "media_type text, source text, event jsonb, event_text text, trunkline jsonb); "
                        "GRANT USAGE ON SCHEMA trunkline TO writer; "
                        "GRANT INSERT, SELECT, UPDATE ON trunkline.events TO writer")
        hub.drained("lake")
        self.assertEqual(self.server.value("SELECT count(*) FROM trunkline.events"), "1")

    def test_check_tries_the_table_and_names_no_password(self):
        def tried(**options):
            hub = self.hub_with(start=False, **options)
            done = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
            self.assertNotIn(options.get("password", PASSWORD), done.stdout + done.stderr)
            return done.returncode, done.stdout + done.stderr

        code, said = tried()
        self.assertEqual(code, 0, said)
        self.assertIn("trunkline.events will be made", said)
        self.assertEqual(self.server.value("SELECT to_regclass('trunkline.events') IS NULL"), "t", "a check makes nothing")
        code, said = tried(password="another-word")
        self.assertNotEqual(code, 0, said)
        self.assertIn("password authentication failed", said)
        code, said = tried(host="127.0.0.1", port=1)
        self.assertNotEqual(code, 0, said)
        self.assertIn("refused", said)
        hub = self.hub_with()
        self.accepted(hub.post(self.make.conversation()))
        hub.drained("lake")
        hub.stop()
        code, said = tried()
        self.assertEqual(code, 0, said)
        self.assertIn("trunkline.events can be written to", said)
        self.assertEqual(self.server.value("SELECT count(*) FROM trunkline.events"), "1")
