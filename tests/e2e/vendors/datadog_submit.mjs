// Submits logs with Datadog's own client. stdin: {url, requests: [{api_key, logs, encoding?}]}; stdout: for each null, or what
// failed: {status, errors}.
import { readFileSync } from "node:fs";
import { client, v2 } from "@datadog/datadog-api-client";

const wish = JSON.parse(readFileSync(0, "utf8"));
const { host, protocol } = new URL(wish.url);

async function submit({ api_key, logs, encoding }) {
  // The client's second server is for an intake of one's own: {protocol}://{name}.
  const configuration = client.createConfiguration({ authMethods: { apiKeyAuth: api_key }, serverIndex: 1 });
  configuration.setServerVariables({ protocol: protocol.replace(":", ""), name: host });
  // The client names five members of a log; all others it takes apart from them.
  const body = logs.map(({ message, ddsource, ddtags, hostname, service, ...additionalProperties }) =>
    ({ message, ddsource, ddtags, hostname, service, additionalProperties }));
  try {
    await new v2.LogsApi(configuration).submitLog({ body, contentEncoding: encoding });
    return null;
  } catch (error) {
    if (!error.code) throw error;
    return { status: error.code, errors: error.body?.errors };
  }
}

const failed = [];
for (const request of wish.requests) failed.push(await submit(request));
console.log(JSON.stringify(failed));
