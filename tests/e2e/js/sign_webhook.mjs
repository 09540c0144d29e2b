// Signs by the reference library of Standard Webhooks. In: {secret, id, seconds, body}; out: the webhook-signature header.
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const { secret, id, seconds, body } = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(new Webhook(secret).sign(id, new Date(seconds * 1000), body)));
