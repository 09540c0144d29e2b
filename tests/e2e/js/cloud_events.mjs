// HTTP requests as the CloudEvents SDK makes them. In: [{event, mode}], mode "binary" or "structured"; out: [{headers, body}].
import { readFileSync } from "node:fs";
import { CloudEvent, HTTP } from "cloudevents";

const requests = JSON.parse(readFileSync(0, "utf8")).map(({ event, mode }) => {
  const { binary, ...attributes } = event;
  const data = binary ? Buffer.from(binary, "base64") : attributes.data;
  const message = HTTP[mode](new CloudEvent({ ...attributes, data }));
  const body = typeof message.body === "string" ? message.body : Buffer.from(message.body).toString();
  return { headers: message.headers, body };
});
process.stdout.write(JSON.stringify(requests));
