"""A webhook receiver on Python's own HTTP server."""
import http.server
import json
import threading


class Delivery:
    """One request as it came."""

    def __init__(self, handler, body):
        self.method = handler.command
        self.path = handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body = body
        self.status = None  # what it was answered

    @property
    def sequences(self):
        return [int(number) for number in self.headers["trunkline-sequence"].split(",")]

    @property
    def attempt(self):
        return int(self.headers["trunkline-attempt"])

    def events(self):
        if self.headers["content-type"] == "application/x-ndjson":
            return [json.loads(line) for line in self.body.decode().splitlines()]
        value = json.loads(self.body)
        return value if isinstance(value, list) else [value]


class Receiver:
    """Answers each request as `answer(delivery)` says: a status, (status, headers) or (status, headers, body). Keeps all in order of arrival."""

    def __init__(self, answer=None, address=("127.0.0.1", 0), tls=None):
        self.answer = answer or (lambda delivery: 200)
        self._lock = threading.Lock()
        self._deliveries = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                outer._take(self)

            def do_GET(self):
                outer._take(self)

            def do_PUT(self):
                outer._take(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # a peer that is killed resets its connections

        self._server = Server(address, Handler)
        self.address = self._server.server_address
        self._scheme, self._host = ("https", "localhost") if tls else ("http", "127.0.0.1")
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def _take(self, handler):
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        delivery = Delivery(handler, body)
        with self._lock:
            self._deliveries.append(delivery)
        answer = self.answer(delivery)  # may wait for the test
        if not isinstance(answer, tuple):
            answer = (answer,)
        status, headers, text = (*answer, *((), {}, b"")[len(answer):])
        delivery.status = status
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    @property
    def url(self):
        return f"{self._scheme}://{self._host}:{self.address[1]}/hook"

    def deliveries(self):
        with self._lock:
            return list(self._deliveries)

    def taken(self):
        """The deliveries that were answered 2xx."""
        return [delivery for delivery in self.deliveries() if (delivery.status or 0) // 100 == 2]

    def events(self):
        return [event for delivery in self.taken() for event in delivery.events()]

    def sequences(self):
        return [number for delivery in self.taken() for number in delivery.sequences]

    def change(self, answer):
        self.answer = answer

    def close(self):
        self._server.shutdown()
        self._server.server_close()
