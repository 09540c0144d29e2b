"""What a client of AWS says, seen on the wire: passes requests on to the endpoints of their services, counts them by operation,
and cuts connections at will."""
import collections
import http.client
import http.server
import json
import re
import socket
import threading
import urllib.parse

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


def operation(headers, body):
    """The service and the operation of a request, ("sqs", "ReceiveMessage")."""
    target = headers.get("X-Amz-Target")
    if target:
        api, _, name = target.partition(".")
        return ("dynamodb" if api.startswith("DynamoDB") else "sqs"), name
    # The Query protocol names its service in the scope of the signature only.
    scope = re.search(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/", headers.get("Authorization", ""))
    action = urllib.parse.parse_qs(body.decode(errors="replace")).get("Action", ["?"])[0]
    return scope.group(1) if scope else "sns", action


class Wire:
    """`routes` has the endpoint of each service, "http://127.0.0.1:1".

    GET /cut?at=N&after=0|1&dead=0|1 counts the calls from now on and cuts the connection of the Nth: before it is done, or
    after it and without its answer. Where the caller is then dead all later ones are cut, too, before. GET /cut?at=0 ends
    that; GET /cut answers with the number of calls since, and whether one was cut."""

    def __init__(self, routes):
        self.routes = {service: url.removeprefix("http://") for service, url in routes.items()}
        self.lock = threading.Lock()  # of what follows
        self.calls = collections.Counter()  # by service and operation
        self.at = self.count = 0
        self.after = self.dead = self.was_cut = False
        self.server = _Server(("127.0.0.1", 0), _handler(self))
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def take_calls(self):
        """How many there were of each since the last time."""
        with self.lock:
            taken, self.calls = self.calls, collections.Counter()
        return taken

    def control(self, query):
        asked = dict(urllib.parse.parse_qsl(query))
        with self.lock:
            if "at" in asked:
                self.at, self.count, self.was_cut = int(asked["at"]), 0, False
                self.after, self.dead = asked.get("after") == "1", asked.get("dead") == "1"
            return json.dumps({"calls": self.count, "cut": self.was_cut}).encode()

    def fate(self, called):
        """Of a call: whether it is to be done, and whether it is to be answered."""
        with self.lock:
            self.calls[called] += 1
            if self.at == 0:
                return True, True
            self.count += 1
            if self.count == self.at:
                self.was_cut = True
                return self.after, False
            gone = self.dead and self.was_cut
            return not gone, not gone

    def passed_on(self, service, request, body):
        """The answer; a connection for each call, so that none is met that the other side has just closed."""
        connection = http.client.HTTPConnection(self.routes[service], timeout=60)
        try:
            # The headers as they came: Host is signed.
            connection.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.reason, answer.getheaders(), answer.read()
        finally:
            connection.close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request, client_address):
        pass  # a client that goes away in the middle is what these tests are about


def _handler(wire):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # an answer is one write

        def log_message(self, *_):
            pass

        def do_GET(self):
            _, _, query = self.path.partition("?")
            self.answer(200, "OK", [("Content-Type", "application/json")], wire.control(query))

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            called = operation(self.headers, body)
            done, answered = wire.fate(called)
            answer = None
            if done:
                try:
                    answer = wire.passed_on(called[0], self, body)
                except (OSError, http.client.HTTPException):
                    pass  # the service is not there: neither is the answer
            if answered and answer:
                self.answer(*answer)
            else:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

        def answer(self, status, reason, headers, body):
            self.send_response_only(status, reason)
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

    return Handler
