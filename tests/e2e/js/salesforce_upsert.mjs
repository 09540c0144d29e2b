// Upserts cases with jsforce, the client that most of Salesforce's users of node take. stdin: {url, client_id, client_secret,
// field, records, times}; stdout: {results, created, usage}, or {failed}.
import { readFileSync } from "node:fs";
import jsforce from "jsforce";

const wish = JSON.parse(readFileSync(0, "utf8"));

const oauth2 = { loginUrl: wish.url, clientId: wish.client_id, clientSecret: wish.client_secret };
const authorize = (connection) => connection.authorize({ grant_type: "client_credentials" });
const connection = new jsforce.Connection({
  oauth2, instanceUrl: wish.url, version: "60.0",
});
try {
  if (wish.token) connection.accessToken = wish.token;
  else await authorize(connection);
  const results = await connection.sobject("Case").upsert(wish.records, wish.field, { allOrNone: false });
  console.log(JSON.stringify({ results, usage: connection.limitInfo }));
} catch (error) {
  console.log(JSON.stringify({ failed: `${error.errorCode ?? error.name}: ${error.message}` }));
}
