// Verifies deliveries by the reference library of Standard Webhooks. In: {secret, deliveries: [{headers, body}]} on
// standard input; out: "verified" or the library's reason, one per delivery.
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const { secret, deliveries } = JSON.parse(readFileSync(0, "utf8"));
const webhook = new Webhook(secret);
const verdicts = deliveries.map(({ headers, body }) => {
  try {
    webhook.verify(body, headers);
    return "verified";
  } catch (error) {
    return error.message;
  }
});
process.stdout.write(JSON.stringify(verdicts));
