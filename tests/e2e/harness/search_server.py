"""Elasticsearch and OpenSearch as peers: a node of a test class's own, and what each of them has to show."""
import base64
import http.client
import json
import pathlib
import signal
import ssl
import subprocess
import sys
import unittest

from .case import HubTest
from .certificates import Authority
from .ledger import accepted_lines
from .maven import fetch
from .process import Answer, free_address, request

QUICK = {"retry": {"base": "20ms", "cap": "200ms"}, "breaker": {"window": "1s", "probe_every": "200ms"}}


class SearchServer(HubTest):
    """A node of the class's own, run by a Java source file: arguments DIRECTORY, HTTP port, transport port, and more."""

    @classmethod
    def start_node(cls, source, name, classpath, *arguments):
        cls.home = pathlib.Path(name).resolve()
        cls.log_file = pathlib.Path(f"{name}.log").resolve()
        cls.address = free_address()
        transport = free_address().rsplit(":", 1)[1]
        cls.log = open(cls.log_file, "wb")
        cls.process = subprocess.Popen(
            ["java", "-Xms512m", "-Xmx1g", "-cp", classpath, str(source), str(cls.home),
             cls.address.rsplit(":", 1)[1], transport, *arguments], stdin=subprocess.PIPE, stdout=cls.log, stderr=cls.log)
        cls.addClassCleanup(cls.end_node)

    @classmethod
    def end_node(cls):
        cls.process.stdin.close()
        try:
            cls.process.wait(60)
        except subprocess.TimeoutExpired:
            cls.process.kill()
            cls.process.wait()
        cls.log.close()

    def setUp(self):
        super().setUp()
        self.until(self.healthy, lambda: self.log_file.read_text()[-3000:], within=480)

    def healthy(self):
        self.assertIsNone(self.process.poll(), self.log_file.read_text()[-3000:])
        try:
            return self.request("GET", "/_cluster/health").json["status"] in ("green", "yellow")
        except (OSError, KeyError, ValueError):
            return False

    def request(self, method, path, body=None):
        return request(self.address, method, path, body, {"content-type": "application/json"}, timeout=60)

    def ask(self, method, path, body=None):
        answer = self.request(method, path, json.dumps(body) if body is not None else None)
        self.assertLess(answer.status, 300, answer)
        return answer.json

    def consumer(self, index, consumer=None, **sink):
        return {"search": {"filter": {}, **QUICK, "concurrency": 4, "batch": {"messages": 200, "bytes": "1MiB"}, **(consumer or {}),
                           "sink": {"elasticsearch": {"url": f"http://{self.address}", "index": index, **sink}}}}

    def hub_with(self, index, consumer=None, **sink):
        return self.hub(self.consumer(index, consumer, **sink))

    def documents(self, index):
        """All of an index, by their place in the hub's log."""
        self.ask("POST", f"/{index}/_refresh")
        after, found = None, []
        while True:
            query = {"size": 5_000, "sort": [{"trunkline.sequence": "asc"}], **({"search_after": after} if after else {})}
            hits = self.ask("POST", f"/{index}/_search", query)["hits"]["hits"]
            if not hits:
                return found
            found += hits
            after = hits[-1]["sort"]

    def promised(self):
        return {int(line["sequence"]): line for line in accepted_lines(self.directory / "sent.tsv")
                if line["verdict"] == "accepted"}

    def compare(self, documents):
        promised = self.promised()
        self.assertEqual(len(promised), self.events)
        sequences = [hit["_source"]["trunkline"]["sequence"] for hit in documents]
        self.assertEqual(len(sequences), len(set(sequences)), "each once")
        self.assertEqual(set(sequences), set(promised), "none is missing")
        for hit in documents:
            document, line = hit["_source"], promised[hit["_source"]["trunkline"]["sequence"]]
            self.assertEqual(document["event"]["id"], line["envelope_id"])
            self.assertEqual(document["message"], line["topic"])
            self.assertEqual(json.loads(document["event"]["original"])["id"], line["envelope_id"])


class OpenServerTests:
    """What a server without users has to show, beside a SearchServer: `events` to send, `unparsed` as it calls a refused document."""

    def test_each_event_is_there_once_though_the_hub_is_killed_meanwhile(self):
        hub = self.hub_with("genesys-once", {"order": "conversation"})
        self.sim(hub, "sent.tsv", "--events", self.events, "--connections", 16, "--batch", 20, timeout=800)
        for _ in range(3):
            self.assertEqual(hub.kill(), -signal.SIGKILL)
            hub.start()
            delivered = hub.consumer("search")["delivered"]
            self.until(lambda: hub.consumer("search")["delivered"] > delivered
                       or hub.consumer("search")["waiting"] == 0, lambda: hub.consumer("search"))
        hub.drained("search", within=400)
        self.assertEqual(hub.consumer("search")["dead_letters"], 0)
        self.compare(self.documents("genesys-once"))

    def test_a_document_that_its_mapping_refuses_goes_to_the_dead_letters_alone(self):
        self.ask("PUT", "/genesys-strict", {"mappings": {"properties": {"genesys": {"properties": {"media_type": {"type": "integer"}}}}}})
        hub = self.hub_with("genesys-strict", {"attempts": 2})
        self.accepted(hub.post([self.make.presence() for _ in range(30)] + [self.make.conversation()]), 31)
        self.until(lambda: hub.consumer("search")["dead_letters"] == 1, lambda: hub.consumer("search"))
        hub.drained("search")
        [letter] = hub.api("GET", "/consumers/search/dead-letters").json["dead_letters"]
        self.assertEqual(letter["error_class"], "bulk_400")
        self.assertIn(self.unparsed, letter["error_detail"])
        self.assertEqual(len(self.documents("genesys-strict")), 30)

    def test_a_missing_index_and_a_blocked_one_are_outages(self):
        self.ask("PUT", "/_cluster/settings", {"persistent": {"action.auto_create_index": "false"}})
        self.addCleanup(self.ask, "PUT", "/_cluster/settings", {"persistent": {"action.auto_create_index": None}})
        hub = self.hub_with("genesys-late")
        self.accepted(hub.post([self.make.conversation() for _ in range(10)]), 10)
        self.until(lambda: hub.consumer("search")["breaker"] == "open", lambda: hub.consumer("search"))
        self.ask("PUT", "/genesys-late")
        hub.drained("search")
        self.ask("PUT", "/genesys-late/_settings", {"index.blocks.read_only_allow_delete": True})
        self.accepted(hub.post([self.make.conversation() for _ in range(10)]), 10)
        self.until(lambda: hub.consumer("search")["breaker"] == "open", lambda: hub.consumer("search"))
        self.ask("PUT", "/genesys-late/_settings", {"index.blocks.read_only_allow_delete": None})
        hub.drained("search")
        self.assertEqual(hub.consumer("search")["dead_letters"], 0)
        self.assertEqual(len(self.documents("genesys-late")), 20)


class SecuredServer(SearchServer):
    """Over TLS, with users: `authority` has signed the node's certificate, `admin` may do everything, `hub` writes genesys-*."""

    ADMIN, PASSWORD = "the-password-of-the-admin", "the-password-of-the-hub"
    # bcrypt of the two, without the mark of the variant.
    HASHES = {"admin": "06$abcdefghijklmnopqrstuuAVOAs0YQg3pZZEP1HzuASD5F.ioj6nK",
              "hub": "06$abcdefghijklmnopqrstuu4Zf00swTuSSjlKrBJXaWWlUHWuvxxim"}
    api_key = base64.b64encode(b"an-id:a-key-of-elasticsearch").decode()

    @classmethod
    def issue(cls, name):
        """A new directory with node.pem, node.key and ca.pem."""
        directory = pathlib.Path(name).resolve()
        directory.mkdir()
        cls.authority = Authority(directory)
        cls.authority.issue("node")
        return directory

    def request(self, method, path, body=None, user="admin", password=ADMIN):
        """By Python's own client."""
        context = ssl.create_default_context(cafile=self.authority.certificate)
        connection = http.client.HTTPSConnection("localhost", int(self.address.rsplit(":", 1)[1]), timeout=60, context=context)
        try:
            coded = base64.b64encode(f"{user}:{password}".encode()).decode()
            connection.request(method, path, body, {"content-type": "application/json", "authorization": f"Basic {coded}"})
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def secured(self, index, consumer=None, password=PASSWORD, start=True, **sink):
        url = f"https://localhost:{self.address.rsplit(':', 1)[1]}"
        who = {} if "api_key" in sink else {"user": "hub", "password": "${env:PASSWORD}"}
        tls = {"tls": {"ca": str(self.authority.certificate)}}
        hub = self.hub(self.consumer(index, consumer, url=url, **{**who, **tls, **sink}), start=start,
                       env={"PASSWORD": password, "API_KEY": self.api_key, "WRONG": "not-the-password"})
        coded = base64.b64encode(f"hub:{password}".encode()).decode()
        if start:
            for secret in (password, coded, self.api_key):
                self.addCleanup(lambda secret=secret: self.assertNotIn(secret, hub.child.tail(1_000_000)))
        return hub

    def outage(self, hub, error_class, said):
        """Of 30 events that were accepted none is delivered, and none is given up."""
        self.until(lambda: hub.consumer("search")["breaker"] == "open", lambda: hub.consumer("search"))
        shown = hub.consumer("search")
        self.assertEqual(shown["last_error"]["class"], error_class, shown)
        self.assertIn(said, shown["last_error"]["detail"])
        self.assertEqual((shown["delivered"], shown["dead_letters"]), (0, 0), shown)
        # The counts are a second old at most.
        held = ("waiting", "in_flight", "backing_off")
        self.until(lambda: sum(hub.consumer("search")[word] for word in held) == 30, lambda: hub.consumer("search"))


class SecuredServerTests:
    """What a server with users has to show, beside a SecuredServer: `unauthorized` stands in its answer to a wrong password."""

    def test_a_user_of_the_documented_permissions_writes_over_tls_and_makes_the_index(self):
        hub = self.secured("genesys-{category}")
        places = self.accepted(hub.post([self.make.conversation() for _ in range(500)]), 500)
        hub.drained("search", within=120)
        found = [hit["_source"]["trunkline"]["sequence"] for hit in self.documents("genesys-conversation")]
        self.assertEqual(found, sorted(places))
        self.assertEqual(hub.consumer("search")["dead_letters"], 0)

    def test_a_wrong_password_spends_nothing_and_the_right_one_brings_all(self):
        hub = self.secured("genesys-password", password="not-the-password")
        places = self.accepted(hub.post([self.make.conversation() for _ in range(30)]), 30)
        self.outage(hub, "http_401", self.unauthorized)
        hub.stop()
        hub.env["PASSWORD"] = self.PASSWORD
        hub.start()
        hub.drained("search", within=120)
        self.assertEqual([hit["_source"]["trunkline"]["sequence"] for hit in self.documents("genesys-password")], sorted(places))

    def test_an_index_that_the_user_may_not_write_is_an_outage_of_each_item(self):
        hub = self.secured("others")
        self.accepted(hub.post([self.make.conversation() for _ in range(30)]), 30)
        self.outage(hub, "bulk_403", "security_exception")

    def test_a_server_of_another_authority_gets_nothing(self):
        hub = self.secured("genesys-authority", tls={"ca": str(Authority(self.directory, "other").certificate)})
        self.accepted(hub.post([self.make.conversation() for _ in range(30)]), 30)
        self.outage(hub, "connect", "certificate")
        self.assertEqual(self.request("HEAD", "/genesys-authority").status, 404)


def run(node, jars, *classes):
    """Fetches the server and runs the classes' tests; the exit code."""
    try:
        fetch(node, jars)
    except (OSError, RuntimeError) as error:
        print(error)
        print("0 passed, 1 failed")
        return 1
    load = unittest.defaultTestLoader.loadTestsFromTestCase
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(unittest.TestSuite([load(each) for each in classes]))
    bad = len(result.failures) + len(result.errors)
    print(f"{max(result.testsRun - bad, 0)} passed, {bad} failed")
    return 1 if bad else 0
