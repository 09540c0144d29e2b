"""An S3-compatible store as the S3 API reference and "Signature Version 4" describe it: PUT, GET, errors as XML."""
import hashlib
import hmac
import http.server
import socket
import threading
import urllib.parse

REGION = "eu-west-1"
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI-K7MDENG+bPxRfiCYEXAMPLEKEY"


def signature(method, path, query, headers, payload, region=REGION, secret=SECRET):
    """Of a request whose Authorization names its signed headers; S3's path is not encoded a second time."""
    fields = dict(part.strip().split("=", 1) for part in headers["authorization"].split(" ", 1)[1].split(","))
    names = fields["SignedHeaders"].split(";")
    pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
    canonical = "\n".join([method, path, "&".join(f"{urllib.parse.quote(k, '')}={urllib.parse.quote(v, '')}" for k, v in pairs),
                           "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names), ";".join(names), payload])
    date = headers["x-amz-date"]
    scope = f"{date[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in (date[:8], region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return names, fields, scope, hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class ObjectStore:
    def __init__(self, buckets=("events",)):
        self.objects = {}
        self.buckets = set(buckets)
        self.puts = []  # keys that were stored, in order, repeats included
        # What becomes of the next PUTs instead: (status, code[, headers]) is answered; "reset" stores nothing; "lost", "half" and "late"
        # store: without an answer, with a part of one, with one after `late` seconds.
        self.answers = []
        self.always = None  # likewise, for every request
        self.late = 10
        self.most = None  # bytes of an object
        self.stored = lambda count: None  # is called with how many PUTs were stored, before the answer
        self.lock = threading.Lock()
        self.over = threading.Event()
        store = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_PUT(self):
                store.serve(self, "PUT")

            def do_GET(self):
                store.serve(self, "GET")

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def serve(self, handler, method):
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        path, _, query = handler.path.partition("?")
        with self.lock:
            status, code, more, fault = self.answer(method, path, query, headers, body)
            if method == "PUT" and status == 200:
                self.stored(len(self.puts))
        if fault == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if fault == "half":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nETag: \"")
            handler.wfile.flush()
        if fault in ("reset", "lost", "half"):
            handler.close_connection = True
            handler.connection.close()
            return
        if fault == "late":
            self.over.wait(self.late)
        text = b"" if code is None else f"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>said {code}</Message></Error>".encode()
        handler.send_response(status)
        for name, value in {"content-length": str(len(text)), "content-type": "application/xml", **more}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(text)

    def answer(self, method, path, query, headers, body):
        """Status, code, headers, and what becomes of the answer."""
        no = lambda status, code: (status, code, {}, None)
        digest = hashlib.sha256(body).hexdigest()
        if headers.get("x-amz-content-sha256") != digest:
            return no(400, "XAmzContentSHA256Mismatch")
        if "authorization" not in headers:
            return no(403, "AccessDenied")
        names, fields, scope, wanted = signature(method, path, query, headers, digest)
        unsigned = [name for name in headers if name.startswith("x-amz-") and name not in names]
        if unsigned or "host" not in names:
            return no(403, "AccessDenied")
        access, _, given_scope = fields["Credential"].partition("/")
        if access != KEY:
            return no(403, "InvalidAccessKeyId")
        if given_scope != scope:
            return no(400, "AuthorizationHeaderMalformed")
        if fields["Signature"] != wanted:
            return no(403, "SignatureDoesNotMatch")
        bucket, _, key = urllib.parse.unquote(path.lstrip("/")).partition("/")
        if bucket not in self.buckets:
            return no(404, "NoSuchBucket")
        instead = self.always or (self.answers.pop(0) if self.answers and method == "PUT" else None)
        if isinstance(instead, tuple):
            status, code, *more = instead
            return status, code, more[0] if more else {}, None
        if instead == "reset":
            return None, None, {}, instead
        if method == "GET":
            if (bucket, key) not in self.objects:
                return no(404, "NoSuchKey")
            return 206, None, {"etag": f"\"{hashlib.md5(self.objects[bucket, key][0]).hexdigest()}\""}, None
        if self.most and len(body) > self.most:
            return no(400, "EntityTooLarge")
        self.puts.append(key)
        self.objects[bucket, key] = (body, headers)
        return 200, None, {"etag": f"\"{hashlib.md5(body).hexdigest()}\""}, instead
