"""A Salesforce org as far as the hub speaks to it: the token endpoint, upserts of 200 by external id, describe, records by
external id, files at records."""
import base64
import http.server
import json
import re
import threading
import urllib.parse

FIELD = "Genesys_Conversation_Id__c"
FIELDS = {FIELD, "Status", "Subject", "Agent__c", "Sentiment__c", "Score__c", "Wrapup__c", "Transcript__c"}


class Salesforce:
    """`faults`: a list that each Collections request takes one from: a callable (records) -> None to go on, "lock" for the
    first record, a (status, body) for the whole request, or "reset"."""

    fields = FIELDS  # of a case

    def __init__(self, client=("hub", "s3cret-of-the-client"), allowed=15000):
        self.client, self.allowed = client, allowed
        self.cases, self.history, self.requests, self.tokens_given = {}, {}, 0, 0
        self.files = []  # of ContentVersion: {Title, PathOnClient, FirstPublishLocationId, VersionData}
        self.file_faults = []  # each insert of a file takes one: None, or a status that comes after it was done
        self.in_flight = self.most_in_flight = 0
        self.faults = []
        self._tokens = set()
        self._lock, self._counting = threading.Lock(), threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _go(self):
                body = self._body()
                made = outer._answer(self, body)
                if made is None:
                    self.close_connection = True
                    self.connection.shutdown(2)
                    return
                status, value = made
                text = json.dumps(value).encode() if not isinstance(value, bytes) else value
                self.send_response(status)
                self.send_header("content-type", "application/json;charset=UTF-8")
                self.send_header("sforce-limit-info", f"api-usage={outer.requests}/{outer.allowed}")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def _body(self):
                if self.headers.get("transfer-encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("content-length", 0)))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            do_POST = do_PATCH = do_GET = _go

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def expire(self):
        with self._lock:
            self._tokens.clear()

    def _answer(self, request, body):
        with self._counting:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return self._answer_alone(request, body)
        finally:
            with self._counting:
                self.in_flight -= 1

    def _answer_alone(self, request, body):
        with self._lock:
            if request.path == "/services/oauth2/token":
                return self._token(request, body)
            bearer = request.headers.get("authorization", "")
            if bearer.removeprefix("Bearer ") not in self._tokens:
                return 401, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]
            self.requests += 1
            if request.path.endswith("/describe"):
                return 200, {"name": "Case", "fields": [{"name": name} for name in sorted(self.fields)]}
            parts = urllib.parse.urlsplit(request.path)
            if "/query" in parts.path:
                return self._query(dict(urllib.parse.parse_qsl(parts.query))["q"])
            if parts.path.endswith("/sobjects/ContentVersion") and request.command == "POST":
                return self._insert_file(json.loads(body))
            if "/sobjects/Case/" in parts.path and "/composite/" not in parts.path:
                return self._record(request.command, parts, body)
            return self._upsert(request, json.loads(body))

    @staticmethod
    def _id_of(conversation, cases):
        return f"500{list(cases).index(conversation) + 1:012}AAA"

    def _record(self, method, parts, body):
        field, value = (urllib.parse.unquote(part) for part in parts.path.split("/")[-2:])
        if field != FIELD or value not in self.cases:
            return 404, [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
        if method == "GET":
            return 200, {"attributes": {"type": "Case"}, "Id": self._id_of(value, self.cases)}
        changes = json.loads(body)
        if changes.keys() - self.fields or FIELD in changes:
            return 400, [{"errorCode": "INVALID_FIELD", "message": f"No such column on Case: {sorted(changes)}"}]
        self.cases[value].update(changes)
        return 200, {"id": self._id_of(value, self.cases), "success": True, "errors": [], "created": False}

    def _query(self, text):
        wanted = re.fullmatch(r"SELECT ContentDocumentId FROM ContentDocumentLink WHERE LinkedEntityId = '(\w+)'"
                              r" AND ContentDocument\.Title = '([^']*)'", text)
        if not wanted:
            return 400, [{"errorCode": "MALFORMED_QUERY", "message": f"unexpected token: {text}"}]
        found = [{"attributes": {"type": "ContentDocumentLink"}, "ContentDocumentId": f"069{at:012}AAA"}
                 for at, file in enumerate(self.files)
                 if (file["FirstPublishLocationId"], file["Title"]) == wanted.groups()]
        return 200, {"totalSize": len(found), "done": True, "records": found}

    def _insert_file(self, record):
        if record.keys() != {"Title", "PathOnClient", "FirstPublishLocationId", "VersionData"}:
            return 400, [{"errorCode": "REQUIRED_FIELD_MISSING", "message": "fields", "fields": []}]
        if record["FirstPublishLocationId"] not in {self._id_of(each, self.cases) for each in self.cases}:
            return 400, [{"errorCode": "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "message": "no such record"}]
        self.files.append({**record, "text": base64.b64decode(record["VersionData"], validate=True).decode()})
        fault = self.file_faults.pop(0) if self.file_faults else None
        if fault:
            return fault, b"lost"
        return 201, {"id": f"068{len(self.files):012}AAA", "success": True, "errors": []}

    def _token(self, request, body):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        scheme, _, basic = request.headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            given = tuple(urllib.parse.unquote(part) for part in base64.b64decode(basic).decode().split(":"))
        else:
            given = (form.get("client_id"), form.get("client_secret"))
        if form.get("grant_type") != "client_credentials" or given != self.client:
            return 400, {"error": "invalid_client", "error_description": "invalid client credentials"}
        self.tokens_given += 1
        token = f"00D!token{self.tokens_given}"
        self._tokens.add(token)
        return 200, {"access_token": token, "instance_url": self.url, "id": f"{self.url}/id/00D000000000001AAA/005000000000001AAA",
                     "issued_at": "1772460000000", "token_type": "Bearer", "scope": "api"}

    def _upsert(self, request, body):
        parts = request.path.split("/")
        if request.command != "PATCH" or parts[4:7] != ["composite", "sobjects", "Case"] or parts[7] != FIELD:
            return 404, [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
        records = body["records"]
        if len(records) > 200 or body["allOrNone"] is not False:
            return 400, [{"errorCode": "LIMIT_EXCEEDED", "message": "record limit reached"}]
        fault = self.faults.pop(0) if self.faults else None
        if fault == "reset":
            return None
        if isinstance(fault, tuple):
            return fault
        ids = [record[FIELD] for record in records]
        results = []
        for at, record in enumerate(records):
            if isinstance(fault, str) and at == 0:
                results.append(self._error(fault))
            elif ids.count(record[FIELD]) > 1:
                results.append(self._error("DUPLICATE_VALUE"))
            elif record.keys() - self.fields - {"attributes"}:
                results.append(self._error("INVALID_FIELD"))
            else:
                fields = {name: value for name, value in record.items() if name != "attributes"}
                made = record[FIELD] not in self.cases
                self.cases.setdefault(record[FIELD], {}).update(fields)
                self.history.setdefault(record[FIELD], []).append(fields["Status"])
                results.append({"id": f"500{len(self.cases):012}AAA", "success": True, "errors": [], "created": made})
        return 200, results

    @staticmethod
    def _error(code):
        return {"success": False, "errors": [{"statusCode": code, "message": f"{code}: why", "fields": []}]}
