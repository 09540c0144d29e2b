// Uploads rows with Microsoft's own client, by a token of the same authority. stdin: {endpoint, authority, tenant, client_id,
// client_secret, rule, stream, rows}; stdout: {failed}: what the client says went wrong, or null.
import { LogsIngestionClient } from "@azure/monitor-ingestion";

let input = "";
for await (const chunk of process.stdin) input += chunk;
const wish = JSON.parse(input);

const credential = {
  async getToken(scopes) {
    const answer = await fetch(`${wish.authority}/${wish.tenant}/oauth2/v2.0/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "client_credentials", client_id: wish.client_id, client_secret: wish.client_secret,
        scope: [scopes].flat().join(" "),
      }),
    });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.error);
    return { token: said.access_token, expiresOnTimestamp: Date.now() + said.expires_in * 1000 };
  },
};

const client = new LogsIngestionClient(wish.endpoint, credential, { retryOptions: { maxRetries: 0 } });
let failed = null;
try {
  await client.upload(wish.rule, wish.stream, wish.rows, { maxConcurrency: 2 });
} catch (error) {
  const word = (each) => each.statusCode ?? each.message;
  failed = (error.errors ?? [error]).map((each) => String(word(each.cause ?? each))).join("; ");
}
console.log(JSON.stringify({ failed }));
