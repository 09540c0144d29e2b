"""A queue of Amazon SQS that a test fills and looks into: the JSON protocol, visibility, and faults on demand."""
import http.server
import json
import re
import threading
import time
import uuid


class QueueServer:
    def __init__(self):
        self.waiting = []  # (body, visible from, receipt handle)
        self.receives = 0
        self.keys = set()  # access key ids that calls were signed with
        self.fault = None  # (status, code): what every call is answered
        self.attributes = {"VisibilityTimeout": "30", "MessageRetentionPeriod": "1209600",
                           "RedrivePolicy": json.dumps({"maxReceiveCount": 10})}
        self.documents = {}  # path: what GET or PUT gets; credentials' endpoints
        self.asked = []      # (method, path, headers) of those
        self._changed = threading.Condition()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def _document(self):
                server.asked.append((self.command, self.path, {name.lower(): text for name, text in self.headers.items()}))
                text = server.documents.get(self.path)
                self._answer(404 if text is None else 200, (text or "").encode())

            do_GET = do_PUT = _document

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                found = re.search("Credential=([^/]+)/", self.headers.get("Authorization", ""))
                server.keys.add(found and found.group(1))
                operation = self.headers["X-Amz-Target"].partition(".")[2]
                if server.fault:
                    status, code = server.fault
                    return self._answer(status, json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "no"}).encode())
                try:
                    answer = getattr(server, "_" + operation)(json.loads(body))
                    self._answer(200, json.dumps(answer).encode())
                except (BrokenPipeError, ConnectionResetError):
                    pass  # who waited was killed

            def _answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def queue_url(self):
        return f"{self.url}/000000000000/events"

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def put(self, *bodies):
        with self._changed:
            self.waiting += [[body if isinstance(body, str) else json.dumps(body), 0, None] for body in bodies]
            self._changed.notify_all()

    def left(self):
        """Messages that are not deleted."""
        with self._changed:
            return len(self.waiting)

    def _ReceiveMessage(self, call):
        until = time.monotonic() + call["WaitTimeSeconds"]
        with self._changed:
            self.receives += 1
            while True:
                now = time.monotonic()
                found = [each for each in self.waiting if each[1] <= now][:call["MaxNumberOfMessages"]]
                if found or now >= until:
                    break
                self._changed.wait(min(until - now, 0.2))
            for each in found:
                each[1:] = [now + call["VisibilityTimeout"], str(uuid.uuid4())]
            return {"Messages": [{"MessageId": str(uuid.uuid4()), "ReceiptHandle": each[2], "Body": each[0]}
                                 for each in found]} if found else {}

    def _DeleteMessageBatch(self, call):
        with self._changed:
            gone = {entry["ReceiptHandle"] for entry in call["Entries"]}
            self.waiting = [each for each in self.waiting if each[2] not in gone]
        return {"Successful": [{"Id": entry["Id"]} for entry in call["Entries"]], "Failed": []}

    def _ChangeMessageVisibilityBatch(self, call):
        with self._changed:
            for entry in call["Entries"]:
                for each in self.waiting:
                    if each[2] == entry["ReceiptHandle"]:
                        each[1] = time.monotonic() + entry["VisibilityTimeout"]
            self._changed.notify_all()
        return {"Successful": [{"Id": entry["Id"]} for entry in call["Entries"]], "Failed": []}

    def _GetQueueAttributes(self, _):
        return {"Attributes": {"ApproximateNumberOfMessages": str(self.left()), **self.attributes}}
