"""The TLS listener, spoken to by clients that are not ours: curl, openssl and Python's ssl."""
import json
import re
import socket
import ssl
import subprocess

from harness import settings
from harness.case import HubTest, http_sink
from harness.certificates import Authority, run
from harness.events import text
from harness.process import KEY, command, free_address
from harness.receiver import Receiver


class Tls(HubTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.directory)
        self.authority.issue("server")
        self.port = int(free_address().rsplit(":", 1)[1])

    def tls_hub(self, consumers=None, start=True, sources=None, **tls):
        return self.hub(consumers, start=start, sources=sources, listen_tls=f"127.0.0.1:{self.port}",
                        tls={"cert": "server.pem", "key": "server.key", **tls})

    def context(self, identity=None):
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        if identity:
            context.load_cert_chain(self.directory / f"{identity}.pem", self.directory / f"{identity}.key")
        return context

    def connect(self, context=None, name="localhost", session=None):
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        try:
            return (context or self.context()).wrap_socket(raw, server_hostname=name, session=session)
        except BaseException:
            raw.close()
            raise

    def post(self, secure, body, path="/ingest/genesys", close=False):
        head = (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nx-api-key: {KEY}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n{'Connection: close' + chr(13) + chr(10) if close else ''}\r\n")
        secure.sendall(head.encode() + body)
        return self.answer(secure)

    def answer(self, secure):
        got = b""
        while b"\r\n\r\n" not in got:
            more = secure.recv(65536)
            self.assertTrue(more, got)
            got += more
        head, _, body = got.partition(b"\r\n\r\n")
        length = int(re.search(rb"Content-Length: (\d+)", head)[1])
        while len(body) < length:
            body += secure.recv(65536)
        return int(head.split()[1]), body

    def refused(self, context):
        """In TLS 1.3 a client learns of the refusal of its certificate with its first read."""
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            with self.connect(context) as secure:
                secure.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                if not secure.recv(1):
                    raise ConnectionError("closed")

    def event(self):
        return text(self.make.conversation())

    def certificate_of(self, **options):
        with self.connect(**options) as secure:
            return dict(part[0] for part in secure.getpeercert()["subject"])["commonName"]

    def test_events_come_by_curl_over_both_versions_and_plain_beside_it(self):
        hub = self.tls_hub({"all": {"filter": {}}})
        for version in ("1.2", "1.3"):
            (self.directory / "event.json").write_bytes(self.event())
            done = subprocess.run(
                ["curl", "-sS", "--max-time", "30", "--cacert", "ca.pem", f"--tlsv{version}", "--tls-max", version,
                 "-H", f"x-api-key: {KEY}", "-H", "content-type: application/json", "--data-binary", "@event.json",
                 "-w", "\n%{http_code} %{http_version}", f"https://localhost:{self.port}/ingest/genesys"],
                capture_output=True, timeout=60, cwd=self.directory)
            self.assertEqual(done.returncode, 0, done.stderr)
            body, _, tail = done.stdout.decode().rpartition("\n")
            self.assertEqual((tail, json.loads(body)["accepted"]), ("200 1.1", 1))
        self.accepted(hub.post(self.event()))
        metrics = hub.metrics()
        self.assertEqual(metrics.get("trunkline_tls_handshakes_total"), 2)
        self.assertEqual(metrics.get("trunkline_tls_handshake_failures_total"), 0)
        self.assertGreater(metrics.get("trunkline_tls_certificate_expiry_timestamp_seconds"), 1.7e9)

    def test_openssl_negotiates_http_1_1_and_resumes_its_session(self):
        hub = self.tls_hub()
        base = ["s_client", "-connect", f"127.0.0.1:{self.port}", "-CAfile", self.authority.certificate,
                "-verify_return_error", "-verify_hostname", "localhost", "-alpn", "h2,http/1.1", "-ign_eof"]
        request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        first = run(*base, "-sess_out", self.directory / "session", stdin=request).decode()
        self.assertIn("ALPN protocol: http/1.1", first)
        self.assertIn("Verify return code: 0 (ok)", first)
        self.assertIn("HTTP/1.1 200", first)
        second = run(*base, "-sess_in", self.directory / "session", stdin=request).decode()
        self.assertIn("Reused, TLSv1.3", second)
        self.assertIn("HTTP/1.1 200", second)
        self.assertEqual(hub.metrics().get("trunkline_tls_handshakes_resumed_total"), 1)

    def test_a_new_connection_for_each_event_as_api_destinations_do(self):
        hub = self.tls_hub({"all": {"filter": {}}})
        context, session = self.context(), None
        for _ in range(50):
            with self.connect(context, session=session) as secure:
                status, body = self.post(secure, self.event(), close=True)
                self.assertEqual((status, json.loads(body)["accepted"]), (200, 1))
                session = secure.session
        metrics = hub.metrics()
        self.assertEqual(metrics.get("trunkline_events_accepted_total"), 50)
        self.assertEqual(metrics.get("trunkline_tls_handshakes_resumed_total"), 49)

    def test_two_megabytes_and_records_of_one_byte(self):
        self.tls_hub({"all": {"filter": {}}})
        with self.connect() as secure:
            status, body = self.post(secure, text(self.make.conversation(note="n" * (2 << 20))))
            self.assertEqual((status, json.loads(body)["accepted"]), (200, 1))
            event = self.event()
            head = (f"POST /ingest/genesys HTTP/1.1\r\nHost: x\r\nx-api-key: {KEY}\r\n"
                    f"Content-Length: {len(event)}\r\n\r\n").encode()
            for byte in head + event:
                secure.sendall(bytes([byte]))
            self.assertEqual(self.answer(secure)[0], 200)

    def test_what_is_no_tls_is_closed_and_counted_and_the_hub_goes_on(self):
        hub = self.tls_hub({"all": {"filter": {}}})
        for junk in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 4096, b"\x16\x03\x01\xff\xff" + b"x" * 70000):
            with socket.create_connection(("127.0.0.1", self.port), timeout=30) as raw:
                got = b""
                try:
                    raw.sendall(junk)
                    while more := raw.recv(4096):
                        got += more
                except ConnectionError:
                    pass
                self.assertNotIn(b"HTTP/", got)
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-tls1_1", "-cipher",
                               "ALL:@SECLEVEL=0"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"protocol version", done.stderr)
        self.until(lambda: hub.metrics().get("trunkline_tls_handshake_failures_total") == 4, lambda: hub.child.tail())
        with self.connect() as secure:
            self.assertEqual(self.post(secure, self.event())[0], 200)

    def test_clients_refuse_another_host_and_another_authority(self):
        self.tls_hub()
        with self.assertRaisesRegex(ssl.SSLCertVerificationError, "Hostname mismatch"):
            self.connect(name="hub.example")
        other = Authority(self.directory, "other")
        with self.assertRaisesRegex(ssl.SSLCertVerificationError, "unable to get local issuer|self.signed"):
            self.connect(ssl.create_default_context(cafile=str(other.certificate)))

    def test_a_renewed_certificate_is_used_without_a_restart(self):
        hub = self.tls_hub({"all": {"filter": {}}})
        with self.connect() as before:
            self.assertEqual(self.post(before, self.event())[0], 200)
            self.authority.issue("renewed", subject="/CN=renewed")
            (self.directory / "renewed.pem").replace(self.directory / "server.pem")  # the key does not fit yet
            if not settings.QUICK:
                self.until(lambda: "certificate not reloaded" in hub.child.tail(), "the half pair is not noticed")
                self.assertEqual(self.certificate_of(), "localhost")
            (self.directory / "renewed.key").replace(self.directory / "server.key")
            self.until(lambda: self.certificate_of() == "renewed", lambda: hub.child.tail())
            self.assertEqual(self.post(before, self.event())[0], 200)

    def test_required_client_certificates(self):
        other = Authority(self.directory, "other")
        self.authority.issue("relay", subject="/O=Example/CN=relay")
        self.authority.issue("expired", subject="/CN=relay", days=-1)
        other.issue("foreign", subject="/CN=relay")
        hub = self.tls_hub({"all": {"filter": {}}}, client_ca="ca.pem", client_auth="require")
        with self.connect(self.context("relay")) as secure:
            self.assertEqual(self.post(secure, self.event())[0], 200)
        for bad in (None, "expired", "foreign"):
            self.refused(self.context(bad))
        self.until(lambda: hub.metrics().get("trunkline_tls_handshake_failures_total") == 3, lambda: hub.child.tail())
        self.assertEqual(hub.metrics().get("trunkline_events_accepted_total"), 1)

    def test_requested_client_certificates(self):
        other = Authority(self.directory, "other")
        other.issue("foreign")
        self.authority.issue("relay")
        self.tls_hub({"all": {"filter": {}}}, client_ca="ca.pem", client_auth="request")
        for good in (None, "relay"):
            with self.connect(self.context(good)) as secure:
                self.assertEqual(self.post(secure, self.event())[0], 200)
        self.refused(self.context("foreign"))

    def test_a_source_lets_in_by_the_client_certificate_that_it_lists(self):
        self.authority.issue("relay", subject="/O=Example/CN=relay", names="DNS:relay.example")
        self.authority.issue("stranger", subject="/O=Example/CN=stranger", names="DNS:stranger.example")
        ended = {"subject": "CN=stranger,O=Example", "until": "2020-01-01"}

        def listing(kind, **certificate):
            return {"kind": kind, "auth": {"client_certificate": [ended, certificate]}}
        fingerprint = run("x509", "-in", self.directory / "relay.pem", "-noout", "-fingerprint", "-sha256").decode()
        sources = {"relay": listing("genesys", subject="CN=relay,O=Example"),
                   "bridge": listing("eventbridge", sha256=fingerprint.partition("=")[2].strip()),
                   "grid": listing("eventgrid", san="relay.example")}
        hub = self.tls_hub({"all": {"filter": {}}}, sources=sources, client_ca="ca.pem", client_auth="request")
        # docs/senders.md: no credential, or a wrong one.
        for source, refused in (("relay", 401), ("bridge", 401), ("grid", 503)):
            with self.connect(self.context("relay")) as secure:
                status, body = self.post(secure, self.event(), f"/ingest/{source}")
                self.assertEqual((status, json.loads(body).get("accepted")), (200, 1), source)
            for identity in ("stranger", None):
                with self.connect(self.context(identity)) as secure:
                    status, body = self.post(secure, self.event(), f"/ingest/{source}")
                    self.assertEqual((status, json.loads(body)["error"]["code"]), (refused, "unauthenticated"),
                                     (source, identity))
            self.assertEqual(hub.post(self.event(), source, None).status, refused, "over plain HTTP nobody has one")
        self.assertEqual(hub.metrics().get("trunkline_events_accepted_total"), 3)
        self.assertEqual(hub.metrics().get("trunkline_ingest_unauthenticated_total"), 9)
        self.assertNotIn("lets nobody in", hub.child.tail())

    def test_slow_handshakes_are_cut_and_hold_nobody_up(self):
        if settings.QUICK:
            return settings.say_not_run("tls slow handshakes", "10 s of time-out; src/net/http_tls_test.cpp has a short one")
        self.tls_hub({"all": {"filter": {}}})
        slow = [socket.create_connection(("127.0.0.1", self.port), timeout=60) for _ in range(200)]
        for raw in slow:
            self.addCleanup(raw.close)
            raw.sendall(b"\x16\x03\x01\x02\x00\x01")
        with self.connect() as secure:
            self.assertEqual(self.post(secure, self.event())[0], 200)
        for raw in slow:
            self.assertEqual(raw.recv(1), b"")

    def test_deliveries_show_a_client_certificate_and_trust_a_private_authority(self):
        self.authority.issue("receiver")
        self.authority.issue("hub", subject="/CN=hub")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.authority.certificate))
        context.load_cert_chain(self.directory / "receiver.pem", self.directory / "receiver.key")
        context.verify_mode = ssl.CERT_REQUIRED
        receiver = Receiver(tls=context)
        self.addCleanup(receiver.close)
        tls = {"ca": "ca.pem", "cert": "hub.pem", "key": "hub.key"}
        hub = self.tls_hub({"with": {"filter": {}, "sink": http_sink(receiver.url, tls=tls)},
                            "without": {"filter": {}, "sink": http_sink(receiver.url, tls={"ca": "ca.pem"})}})
        self.accepted(hub.post(self.event()))
        self.until(lambda: len(receiver.events()) == 1, lambda: hub.child.tail())
        hub.drained("with")
        self.assertEqual(len(receiver.events()), 1)
        self.assertEqual(hub.consumer("without")["waiting"] + hub.consumer("without")["backing_off"]
                         + hub.consumer("without")["in_flight"], 1)

    # ---- check

    def check(self, **tls):
        hub = self.tls_hub(start=False, **tls)
        return command("check", "-c", hub.directory / "trunkline.yaml", cwd=self.directory, env=hub.env)

    def test_check_names_line_and_column_of_what_is_wrong_with_the_files(self):
        done = self.check()
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.authority.issue("soon", days=10)
        done = self.check(cert="soon.pem", key="soon.key")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"trunkline.yaml:\d+:\d+: warning: 'tls.cert': the certificate of CN=localhost "
                                      r"expires on 20")
        self.authority.issue("old", days=-1)
        done = self.check(cert="old.pem", key="old.key")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"trunkline.yaml:\d+:\d+: error: 'tls.cert': .* has expired on 20")
        done = self.check(key="soon.key")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"trunkline.yaml:\d+:\d+: error: 'tls.key': .* not that of the certificate")
        done = self.check(cert="absent.pem", client_ca="server.key", client_auth="require")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"error: 'tls.cert': absent.pem: No such file")
        self.assertRegex(done.stderr, r"error: 'tls.client_ca': server.key: no PEM certificate in it")

    def test_check_reads_the_files_of_sinks(self):
        self.authority.issue("other")
        consumers = {"a": {"filter": {}, "sink": http_sink("https://localhost:1/", tls={"ca": "absent.pem"})},
                     "b": {"filter": {}, "sink": http_sink("https://localhost:1/",
                                                           tls={"cert": "server.pem", "key": "other.key"})},
                     "c": {"filter": {}, "sink": http_sink("https://localhost:1/", tls={"ca": "ca.pem"})}}
        hub = self.hub(consumers, start=False)
        done = command("check", "-c", hub.directory / "trunkline.yaml", cwd=self.directory, env=hub.env)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertRegex(done.stderr, r"trunkline.yaml:\d+:\d+: error: 'consumers.a.sink.http.tls.ca': absent.pem: No such")
        self.assertRegex(done.stderr, r"error: 'consumers.b.sink.http.tls.key': other.key: .* not that of the certificate")
        self.assertNotIn("consumers.c", done.stderr)

    def test_serve_does_not_start_with_files_it_cannot_use_or_open_to_all(self):
        hub = self.tls_hub(start=False, key="ca.key")
        hub.launch()
        self.assertNotEqual(hub.child.wait(60), 0)
        self.assertIn("not that of the certificate", hub.child.tail())
        hub = self.hub(start=False, sources={"open": {"kind": "genesys"}}, listen_tls=f"0.0.0.0:{self.port}",
                       tls={"cert": "server.pem", "key": "server.key"})
        hub.launch()
        self.assertEqual(hub.child.wait(60), 2)
        self.assertIn("needs 'api.keys' or 'api.users'", hub.child.tail())
        self.assertIn("'sources.open' has no key", hub.child.tail())
