"""Events as Genesys Cloud writes them."""
import datetime
import json
import random
import uuid

ORG = "6f1d2c3b-4a59-4e68-9d7c-8b0a1f2e3d4c"
_FIRST = 1772460000000  # 2026-03-02T14:00:00Z in milliseconds


def time_text(millis):
    moment = datetime.datetime.fromtimestamp(millis / 1000, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{millis % 1000:03}Z"


class Maker:
    """Makes distinct events; the same seed gives the same bytes."""

    def __init__(self, seed=1):
        self._random = random.Random(seed)
        self._count = 0

    def uuid(self):
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def envelope(self, topic, detail_type, body, **members):
        self._count += 1
        millis = _FIRST + self._count
        return {
            "version": "0",
            "id": self.uuid(),
            "detail-type": detail_type,
            "source": f"aws.partner/genesys.com/cloud/{ORG}/example-suffix",
            "account": "111122223333",
            "time": time_text(millis)[:19] + "Z",
            "region": "us-east-1",
            "resources": [],
            "detail": {
                "topicName": topic,
                "version": "2",
                "eventBody": {"eventTime": millis, **body},
                "metadata": {"CorrelationId": self.uuid()},
                "timestamp": time_text(millis),
            },
            **members,
        }

    def conversation(self, conversation=None, kind="attributes", **body):
        conversation = conversation or self.uuid()
        return self.envelope(
            f"v2.detail.events.conversation.{conversation}.{kind}",
            "v2.detail.events.conversation.{id}." + kind,
            {"conversationId": conversation, "participantId": self.uuid(), "sessionId": self.uuid(),
             "mediaType": "VOICE", "direction": "INBOUND", **body})

    def presence(self, user=None, **body):
        user = user or self.uuid()
        millis = _FIRST + self._count + 1
        return self.envelope(
            f"v2.users.{user}.presence", "v2.users.{id}.presence",
            {"source": "PURECLOUD", "presenceDefinition": {"id": self.uuid(), "systemPresence": "AVAILABLE"},
             "primary": True, "message": "", "modifiedDate": time_text(millis), **body})


def text(event):
    return json.dumps(event, separators=(",", ":")).encode()


def republished(event, maker):
    """The same event under a new envelope id, as EventBridge's replay does."""
    return {**event, "id": maker.uuid()}
