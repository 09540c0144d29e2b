"""Genesys Cloud's Platform API as far as the hub asks it: tokens, lists of users and queues, transcripts."""
import base64
import json
import urllib.parse

SECRET = "s3cret-of-the-client"


class Genesys:
    """`answer` of a Receiver whose url it is told. Transcripts by (conversation, communication); those of `not_ready` are
    answered 404 so often. `busy` requests are answered 429 first."""

    def __init__(self, users=(), queues=(), busy=0, client="client-1"):
        self.lists = {"/api/v2/users": list(users), "/api/v2/routing/queues": list(queues)}
        self.busy = busy
        self.client = client
        self.tokens = 0
        self.forbidden = None
        self.transcripts, self.not_ready = {}, {}
        self.base = None
        self.asked = []  # paths, with the token's

    def __call__(self, request):
        path, _, query = request.path.partition("?")
        if path == "/oauth/token":
            return self._token(request)
        if path.startswith("/bucket/"):
            return self._bucket(path, query, request)
        if "authorization" not in request.headers:
            return self._error(401, "authentication.required", "No authentication bearer token specified in authorization header.")
        if request.headers["authorization"] != "Bearer token-1":
            return self._error(401, "bad.credentials", "Invalid login credentials.")
        self.asked.append(path)
        if path == self.forbidden:
            return self._error(403, "missing.permissions", "Unable to perform the requested action")
        if self.busy:
            self.busy -= 1
            status, headers, body = self._error(429, "too.many.requests", "Rate limit exceeded the maximum. Retry the request in [1] seconds")
            return status, {**headers, "Retry-After": "1"}, body
        if path in self.lists:
            return self._page(path, query)
        parts = path.split("/")
        if parts[:4] == ["", "api", "v2", "speechandtextanalytics"] and parts[-1] == "transcripturl":
            return self._transcript_url(parts[5], parts[7])
        return self._error(404, "not.found", "Not found")

    @staticmethod
    def _error(status, code, message):
        body = {"message": message, "code": code, "status": status, "contextId": "c", "details": [], "errors": []}
        return status, {"content-type": "application/json"}, json.dumps(body).encode()

    def _token(self, request):
        wanted = "Basic " + base64.b64encode(f"{self.client}:{SECRET}".encode()).decode()
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        if request.headers.get("authorization") != wanted or form.get("grant_type") != "client_credentials":
            return 400, {"content-type": "application/json"}, \
                b'{"error":"invalid_client","description":"client not found","error_description":"client not found"}'
        self.tokens += 1
        return 200, {"content-type": "application/json"}, \
            b'{"access_token":"token-1","token_type":"bearer","expires_in":86399}'

    def _page(self, path, query):
        asked = urllib.parse.parse_qs(query)
        size, number = (int(asked.get(name, [default])[0]) for name, default in (("pageSize", 25), ("pageNumber", 1)))
        items = self.lists[path]
        page = {"entities": items[(number - 1) * size:number * size], "pageSize": size, "pageNumber": number,
                "total": len(items), "pageCount": -(-len(items) // size)}
        return 200, {"content-type": "application/json"}, json.dumps(page).encode()

    def _transcript_url(self, conversation, communication):
        key = (conversation, communication)
        if self.not_ready.get(key, 0) > 0:
            self.not_ready[key] -= 1
        elif key in self.transcripts:
            url = f"{self.base}/bucket/{conversation}/{communication}?X-Amz-Signature=signed-for-{communication}"
            return 200, {"content-type": "application/json"}, json.dumps({"url": url}).encode()
        return self._error(404, "not.found", "Transcript not found")

    def _bucket(self, path, query, request):
        """As S3 does: the signature is all it wants, and a token beside it is an error."""
        _, _, conversation, communication = path.split("/")
        if request.headers.get("authorization") or f"X-Amz-Signature=signed-for-{communication}" not in query:
            return 400, {}, b"<Error><Code>InvalidArgument</Code></Error>"
        return 200, {}, json.dumps(self.transcripts[(conversation, communication)]).encode()


def transcript(*phrases):
    """Of (purpose, seconds, text), in the form that Genesys documents."""
    return {"conversationId": "c", "mediaType": "CALL", "transcripts": [{"transcriptId": "t", "language": "en-us", "phrases": [
        {"text": text.lower(), "decoratedText": text, "participantPurpose": purpose,
         "startTimeMs": 1772460000000 + seconds * 1000, "duration": {"milliseconds": 900}, "confidence": 0.9,
         "words": [{"word": word, "confidence": 0.9} for word in text.split()]} for purpose, seconds, text in phrases]}]}
