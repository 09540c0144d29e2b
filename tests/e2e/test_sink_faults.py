"""What networks do, against every HTTP sink of a system that searches: resets, halves of answers, answers that come too late."""
import gzip
import json
import re
import socket
import threading

from harness.case import HubTest

QUICK = {"retry": {"base": "5ms", "cap": "20ms"}, "breaker": {"window": "300ms", "probe_every": "100ms"}, "adaptive": False}


class Server:
    """Speaks HTTP by hand. Each exchange ends as the next of `faults` says; without one it is answered as the sink wants it."""

    def __init__(self, answer, faults):
        self.answer, self.faults = answer, list(faults)
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        with peer:
            try:
                while request := self.read(peer):
                    if not self.exchange(peer, *request):
                        return
            except OSError:
                pass  # the hub has given up

    def read(self, peer):
        got = b""
        while b"\r\n\r\n" not in got:
            more = peer.recv(65536)
            if not more:
                return None
            got += more
        head, _, body = got.partition(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head, re.I)
        while len(body) < (int(found[1]) if found else 0):
            body += peer.recv(65536)
        if re.search(rb"content-encoding: gzip", head, re.I):
            body = gzip.decompress(body)
        return head.split(b" ")[1].decode(), body

    def exchange(self, peer, path, body):
        with self.lock:
            fault = self.faults.pop(0) if self.faults and "/token" not in path and "/ack" not in path else None
            if fault == "reset":
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return False
            status, text = self.answer(path, body)  # taken, whatever becomes of the answer
        whole = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text
        if fault == "late":
            self.over.wait(10)
        if fault in ("half", "half of the head"):
            peer.sendall(whole[:len(whole) - len(text) // 2 - 1] if fault == "half" and text else whole[:15])
            return False
        if fault == "nothing":
            return False
        peer.sendall(whole)
        return True

    def close(self):
        self.over.set()
        self.listener.close()


FAULTS = ["reset", "half", "nothing", "half of the head", "late", "reset", "half"]


class SinkFaults(HubTest):
    def run_through(self, answer, sink, seen):
        server = Server(answer, FAULTS)
        self.addCleanup(server.close)
        hub = self.hub({"siem": {"filter": {}, **QUICK, "batch": {"messages": 10}, "sink": sink(server.url)}})
        places = self.accepted(hub.post([self.make.conversation() for _ in range(60)]), 60)
        hub.drained("siem", within=90)
        self.assertEqual(server.faults, [], "each fault was met")
        self.assertEqual(set(seen), set(places), "none is missing")
        self.assertEqual(hub.consumer("siem")["dead_letters"], 0, "no fault of the network is an event's")
        return places

    def test_elasticsearch_keeps_one_of_each(self):
        documents = {}

        def answer(_, body):
            lines = body.decode().split("\n")[:-1]
            items = []
            for action, document in zip(lines[::2], lines[1::2]):
                key = json.loads(action)["create"]["_id"]
                items.append({"create": {"status": 409 if key in documents else 201}})
                documents.setdefault(key, json.loads(document)["trunkline"]["sequence"])
            return 200, json.dumps({"errors": False, "items": items}).encode()

        seen = documents.values()
        places = self.run_through(answer, lambda url: {"elasticsearch": {
            "url": url, "timeout": "500ms", "connect_timeout": "500ms"}}, seen)
        self.assertEqual(len(documents), len(places))

    def test_splunk_with_acknowledgement(self):
        seen, count = [], [0]

        def answer(path, body):
            if "/ack" in path:
                return 200, json.dumps({"acks": {str(number): True for number in json.loads(body)["acks"]}}).encode()
            seen.extend(int(json.loads(line)["fields"]["trunkline_sequence"]) for line in body.decode().split("\n"))
            count[0] += 1
            return 200, json.dumps({"text": "Success", "code": 0, "ackId": count[0]}).encode()

        self.run_through(answer, lambda url: {"splunk_hec": {
            "url": url, "token": "t0ken-t0ken", "ack": True, "ack_poll": "20ms", "timeout": "500ms", "connect_timeout": "500ms"}}, seen)

    def test_datadog(self):
        seen = []

        def answer(_, body):
            seen.extend(item["trunkline"]["sequence"] for item in json.loads(body))
            return 202, b"{}"

        self.run_through(answer, lambda url: {"datadog": {
            "url": url, "api_key": "key-key-key", "timeout": "500ms", "connect_timeout": "500ms"}}, seen)

    def test_sentinel(self):
        seen = []

        def answer(path, body):
            if "/token" in path:
                return 200, b'{"token_type":"Bearer","expires_in":3599,"access_token":"a-token-a-token"}'
            seen.extend(row["Sequence"] for row in json.loads(body))
            return 204, b""

        self.run_through(answer, lambda url: {"sentinel": {
            "endpoint": url, "rule": "dcr-1", "stream": "Custom-X_CL", "tenant": "t", "client_id": "c", "client_secret": "s3cr3t-s3cr3t",
            "authority": url, "timeout": "500ms", "connect_timeout": "500ms"}}, seen)
