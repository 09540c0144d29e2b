"""Events of Genesys with a value nobody else has wherever it writes personal data."""
import json


class Plants:
    """Events of many topics, with a value nobody else has in each personal field."""

    def __init__(self, make):
        self.values = set()
        self.users = [make.uuid() for _ in range(2)]
        call = make.uuid()
        detail = lambda kind, **body: make.conversation(call, kind, **body)
        of_user = lambda user, topic, body: make.envelope(f"v2.users.{user}.{topic}", "v2.users.{id}." + topic, body)
        user, other = self.users
        self.events = [
            detail("customer.start", ani=self("tel:+1555550"), dnis=self("tel:+1555551"), subject=self("about my card ")),
            detail("customer.start", participantId=make.uuid(), addressFrom=self("jane@"), addressTo=self("desk@"),
                   mediaType="MESSAGE", callbackNumbers=[self("+1555552"), self("+1555553")],
                   callbackUserName=self("Jane Callback ")),
            detail("attributes", attributes={"card": self("4111 "), "deep": {"of": [self("free "), self("map ")]}}),
            detail("wrapup", wrapupCode=make.uuid(), wrapupNotes=self("she said ")),
            detail("acw", userId=user, wrapupNotes=self("she said again ")),
            of_user(user, "presence", {"source": "PURECLOUD", "primary": True, "message": self("at the dentist "),
                                       "presenceDefinition": {"id": make.uuid(), "systemPresence": "AWAY"}}),
            of_user(user, "geolocation", {"userId": user, "latitude": self.number(), "longitude": self.number(),
                                          "city": self("Smallville ")}),
            of_user(user, "tokens", {"userId": user, "ipAddress": self("10.9.8."), "tokenHash": self("hash ")}),
            of_user(other, "conversations.calls", {"id": make.uuid(), "participants": [
                {"id": make.uuid(), "name": self("Jane Roe "), "address": self("sip:jane"), "purpose": "customer",
                 "attributes": {"secret": self("attribute ")}, "state": "connected"},
                {"id": make.uuid(), "name": self("Agent Smith "), "purpose": "agent", "state": "connected",
                 "user": {"id": other}}]}),
            make.envelope(f"v2.conversations.{call}.transcription", "v2.conversations.{id}.transcription", {
                "conversationId": call, "transcripts": [{"utteranceId": make.uuid(), "isFinal": True, "alternatives": [
                    {"transcript": self("my number is "), "words": [{"word": self("word")}]}]}]}),
            make.envelope(f"v2.audits.entitytype.User.entityid.{user}", "v2.audits.entitytype.{id}.entityid.{id}", {
                "id": make.uuid(), "userId": other, "username": {"name": self("admin@")}, "remoteIp": [self("10.9.7.")],
                "action": "Update", "entityType": "User", "entity": {"id": user, "name": self("Jane Doe ")},
                "propertyChanges": [{"property": "email", "oldValues": [self("old@")], "newValues": [self("new@")]}]}),
            make.envelope(f"v2.externalcontacts.contacts.{user}", "v2.externalcontacts.contacts.{id}", {
                "contact": {"firstName": self("Janet "), "lastName": self("Weiss "), "workPhone": {"e164": self("+1555554")},
                            "address": {"address1": self("1 Main Street "), "city": self("Denton ")}}}),
            make.envelope("v2.brand.new.topic", "v2.brand.new.topic", {"list": [{"ani": self("tel:+1555559")}]}),
        ]

    def __call__(self, prefix):
        value = f"{prefix}{len(self.values):02}plant{7919 * (len(self.values) + 13)}"
        self.values.add(value)
        return value

    def number(self):
        value = 51.0 + (len(self.values) + 1) / 1_000_003
        self.values.add(json.dumps(value))
        return value

    def found_in(self, haystack):
        return sorted(value for value in self.values if value in haystack)
