"""The syslog sink against syslog-ng, which nobody here wrote, and against a receiver that dies with bytes unread."""
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading

from harness.case import HubTest
from harness.certificates import Authority
from harness.process import command, free_address

QUICK = {"retry": {"base": "5ms", "cap": "20ms"}, "breaker": {"window": "300ms", "probe_every": "100ms"}}
SYSLOG_NG = shutil.which("syslog-ng", path="/usr/sbin:/usr/bin")

CONFIG = """@version: 3.38
options {{ keep-hostname(yes); log-msg-size(131072); stats-freq(0); }};
source s {{ syslog(ip("127.0.0.1") port({port}) transport("{transport}") log-iw-size(10000) {tls}); }};
destination d {{ file("{out}" template("$(format-json --scope rfc5424,sdata,nv-pairs PRI=$PRI STAMP=$ISODATE)\\n") flush-lines(1)); }};
log {{ source(s); destination(d); flags(flow-control); }};
"""


class SyslogNg:
    def __init__(self, directory, tls=None):
        self.directory = pathlib.Path(directory)
        self.port = int(free_address().rsplit(":", 1)[1])
        self.out = self.directory / "syslog.json"
        files = ""
        if tls:
            files = f'tls(key-file("{tls[1]}") cert-file("{tls[0]}") peer-verify(optional-untrusted))'
        (self.directory / "syslog-ng.conf").write_text(CONFIG.format(
            port=self.port, transport="tls" if tls else "tcp", tls=files, out=self.out))
        self.process = None

    def start(self):
        log = open(self.directory / "syslog-ng.log", "ab")
        with log:
            self.process = subprocess.Popen(
                [SYSLOG_NG, "-F", "-f", "syslog-ng.conf", "--no-caps", "-R", "persist", "-p", "pid", "-c", "ctl"],
                cwd=self.directory, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        return self

    def listening(self):
        if self.process.poll() is not None:
            raise AssertionError((self.directory / "syslog-ng.log").read_text())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self, number):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(60)

    def messages(self):
        """Whole lines only: it may be writing."""
        if not self.out.exists():
            return []
        return [json.loads(line) for line in self.out.read_text().split("\n")[:-1]]


def data_of(message):
    return message["_SDATA"]["genesys@32473"]


def sequence_of(message):
    return int(data_of(message)["sequence"])


class Syslog(HubTest):
    def syslog_ng(self, tls=None):
        self.assertIsNotNone(SYSLOG_NG, "syslog-ng-core is not installed")
        server = SyslogNg(self.directory, tls)
        self.addCleanup(lambda: server.end(signal.SIGKILL))
        server.start()
        self.until(server.listening, "syslog-ng does not listen")
        return server

    def hub_with(self, port, consumer=None, host="127.0.0.1", **sink):
        return self.hub({"syslog": {"filter": {}, **QUICK, **(consumer or {}), "sink": {
            "syslog": {"address": f"{host}:{port}", "transport": "tcp", "host": "hub-1", **sink}}}})

    def test_a_message_arrives_with_its_parts(self):
        server = self.syslog_ng()
        hub = self.hub_with(server.port, {"order": "conversation"}, priorities={"conversation": "audit.notice"})
        event = self.make.conversation(note="line\nbreak \u20ac ] \" \\")
        [sequence] = self.accepted(hub.post(event))
        hub.drained("syslog")
        [message] = self.until(server.messages, "nothing has arrived")
        body = event["detail"]["eventBody"]
        org = event["source"].split("/")[3]
        self.assertEqual((message["HOST"], message["PROGRAM"], message["MSGID"], message["PRI"]),
                         ("hub-1", "trunkline", "conversation", str(13 * 8 + 5)))
        self.assertEqual(data_of(message), {
            "sequence": str(sequence), "consumer": "syslog", "id": event["id"], "type": event["detail-type"],
            "topic": event["detail"]["topicName"], "category": "conversation", "org": org,
            "conversation": body["conversationId"], "media": "VOICE",
            "lane": f"conversation/{org}/{body['conversationId']}"})
        text = json.loads(message["MESSAGE"].removeprefix("\ufeff"))
        self.assertEqual({name: text[name] for name in event}, event)

    def test_cef_lines_arrive(self):
        server = self.syslog_ng()
        hub = self.hub_with(server.port, format="cef")
        event = self.make.presence()
        self.accepted(hub.post(event))
        hub.drained("syslog")
        [message] = self.until(server.messages, "nothing has arrived")
        self.assertRegex(message["MESSAGE"], r"^CEF:0\|Genesys\|Genesys Cloud\|[^|]+\|v2\.users\.\{id\}\.presence\|agent\|3\|rt=\d{13} "
                                             + re.escape(f"externalId={event['id']} cat=agent "))

    def test_audits_mapped_for_cef_arrive_as_cef_lines_without_more_said(self):
        server = self.syslog_ng()
        hub = self.hub_with(server.port, {"mapping": "cef-audit", "privacy": "none"})
        role = self.make.uuid()
        audit = self.make.envelope(f"v2.audits.entitytype.Role.entityid.{role}", "v2.audits.entitytype.{id}.entityid.{id}",
                                   {"id": "a-1", "action": "Delete", "entityType": "Role", "userId": "u-1",
                                    "entity": {"id": role, "name": "Boss|1=\nx"}, "remoteIp": ["192.0.2.7"]})
        for event in (audit, self.make.presence()):
            self.accepted(hub.post(event))
            hub.drained("syslog")
        self.until(lambda: len(server.messages()) == 2, server.messages)
        mapped, other = server.messages()
        self.assertEqual(mapped["MESSAGE"].split("|")[:7], ["CEF:0", "Genesys", "Genesys Cloud", "2", "Role:Delete", "Delete Role", "6"])
        self.assertIn(r" act=Delete suid=u-1 src=192.0.2.7 ", mapped["MESSAGE"])
        self.assertIn(r" cs3=Boss|1\=\nx cs3Label=entity", mapped["MESSAGE"])
        self.assertTrue(other["MESSAGE"].startswith("CEF:0|Genesys|Genesys Cloud|"), other["MESSAGE"])
        self.assertIn(" cat=agent ", other["MESSAGE"])

    def run_through_kills(self, server, hub, numbers):
        """Load, the receiver killed again and again meanwhile; every event must be there, each lane in order."""
        count = self.count(4_000, 20_000)
        load = threading.Thread(target=self.sim, args=(hub, "sent.tsv", "--events", count, "--batch", 20, "--rate", count // 4))
        load.start()
        for number in numbers:
            size = len(server.messages())
            self.until(lambda: len(server.messages()) > size + 50 or not load.is_alive(), "nothing arrives")
            server.end(number)
            server.start()
            self.until(server.listening, "syslog-ng does not listen")
        load.join()
        hub.drained("syslog", within=120)
        with open(self.directory / "sent.tsv") as ledger:
            names = ledger.readline().rstrip("\n").split("\t")[1:]
            lines = [dict(zip(names, line.rstrip("\n").split("\t"))) for line in ledger]
        promised = {int(line["sequence"]) for line in lines if line["verdict"] == "accepted"}
        self.assertEqual(len(promised), count)

        def all_there():
            return len({sequence_of(message) for message in server.messages()}) >= count

        self.until(all_there, lambda: f"{count - len({sequence_of(m) for m in server.messages()})} are missing")
        newest, seen = {}, set()
        for message in server.messages():
            sequence, lane = sequence_of(message), data_of(message)["lane"]
            if sequence in seen:
                continue
            seen.add(sequence)
            self.assertGreater(sequence, newest.get(lane, 0), "first arrivals are in the order of their lane")
            newest[lane] = sequence
        self.assertEqual(seen, promised)
        self.assertEqual(hub.consumer("syslog")["dead_letters"], 0)

    def test_nothing_is_lost_when_the_receiver_is_killed_and_restarted_over_tcp(self):
        server = self.syslog_ng()
        hub = self.hub_with(server.port, {"order": "conversation", "batch": {"messages": 100}})
        self.run_through_kills(server, hub, [signal.SIGKILL, signal.SIGTERM, signal.SIGKILL])

    def test_nothing_is_lost_when_the_receiver_is_killed_and_restarted_over_tls(self):
        authority = Authority(self.directory)
        server = self.syslog_ng(tls=authority.issue("server"))
        hub = self.hub_with(server.port, {"order": "conversation", "batch": {"messages": 100}}, host="localhost",
                            transport="tls", tls={"ca": str(authority.certificate)})
        self.run_through_kills(server, hub, [signal.SIGKILL, signal.SIGKILL])

    def test_a_receiver_that_dies_with_bytes_unread_gets_them_again(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        hub = self.hub_with(listener.getsockname()[1], {"batch": {"messages": 100}}, hold="2s")
        places = self.accepted(hub.post([self.make.conversation() for _ in range(20)]), 20)
        first, _ = listener.accept()
        first.recv(1, socket.MSG_PEEK)  # acknowledged, and unread
        first.close()
        second, _ = listener.accept()
        self.addCleanup(second.close)
        got = b""
        while sum(got.count(f'sequence="{place}"'.encode()) > 0 for place in places) < 20:
            got += second.recv(65536)

    def test_a_message_that_is_too_long_goes_to_the_dead_letters_and_holds_its_lane_alone(self):
        server = self.syslog_ng()
        hub = self.hub_with(server.port, {"order": "conversation", "attempts": 2, "paused": True}, max_bytes="4KiB")
        lane = self.make.uuid()
        places = self.accepted(hub.post([self.make.conversation(lane), self.make.conversation(lane, note="x" * 5_000),
                                         self.make.conversation(lane), self.make.conversation()]), 4)
        hub.api("POST", "/consumers/syslog/resume")
        self.until(lambda: hub.consumer("syslog")["parked"] == 1, lambda: hub.consumer("syslog"))
        self.until(lambda: {sequence_of(m) for m in server.messages()} == {places[0], places[3]},
                   lambda: [sequence_of(m) for m in server.messages()])
        [letter] = hub.api("GET", "/consumers/syslog/dead-letters").json["dead_letters"]
        self.assertEqual((letter["sequence"], letter["error_class"]), (places[1], "syslog_too_long"))

    def test_check_tries_the_connection_and_its_certificate(self):
        authority = Authority(self.directory)
        server = self.syslog_ng(tls=authority.issue("server"))
        other = Authority(self.directory, "other")

        def tried(authority, **options):
            hub = self.hub({"syslog": {"filter": {}, "sink": {"syslog": {
                "address": f"localhost:{server.port}", "tls": {"ca": str(authority.certificate)}, **options}}}}, start=False)
            done = command("check", "-c", "trunkline.yaml", "--try", cwd=self.directory, env=hub.env)
            return done.returncode, done.stdout + done.stderr

        code, said = tried(authority)
        self.assertEqual(code, 0, said)
        self.assertIn("takes connections, its certificate is valid", said)
        code, said = tried(other)
        self.assertNotEqual(code, 0, said)
        self.assertIn("certificate", said)
        self.assertEqual(server.messages(), [])
