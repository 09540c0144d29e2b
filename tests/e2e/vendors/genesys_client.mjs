// What `trunkline names` and the transcript sink ask of Genesys Cloud, asked by Genesys's own client. stdin: a list of {url,
// client_id, client_secret, conversation, communication, token?}, carried out one after the other; stdout: for each {users,
// queues, transcript}, or {failed: {status, code, wait}}. With a `token` nobody logs in.
import { readFileSync } from "node:fs";
import platform from "purecloud-platform-client-v2";

const client = platform.ApiClient.instance;
client.setReturnExtendedResponses(true);

// All pages of a list, as the client's documentation goes through them.
async function all(list) {
  const entities = [];
  for (let pageNumber = 1; ; ++pageNumber) {
    const { body: page } = await list({ pageSize: 25, pageNumber });
    entities.push(...page.entities);
    if (pageNumber >= page.pageCount) return entities;
  }
}

async function carryOut(wish) {
  const { hostname, port, protocol } = new URL(wish.url);
  // The documented setting for a gateway between the client and Genesys; it takes the login and the API through one host.
  client.setGateway({ host: hostname, protocol: protocol.replace(":", ""), port: Number(port) });
  if (wish.token) client.setAccessToken(wish.token);
  else await client.loginClientCredentialsGrant(wish.client_id, wish.client_secret);
  const users = await all((page) => new platform.UsersApi().getUsers(page));
  const queues = await all((page) => new platform.RoutingApi().getRoutingQueues(page));
  const { body } = await new platform.SpeechTextAnalyticsApi()
    .getSpeechandtextanalyticsConversationCommunicationTranscripturl(wish.conversation, wish.communication);
  return { users, queues, transcript: await (await fetch(body.url)).json() };
}

function failure(error) {
  const response = error.response ?? error;
  if (!response.status) throw error;
  const said = response.body ?? response.data;
  return { failed: { status: response.status, code: said?.code ?? said?.error, wait: response.headers?.["retry-after"] } };
}

const answers = [];
for (const wish of JSON.parse(readFileSync(0, "utf8"))) answers.push(await carryOut(wish).catch(failure));
console.log(JSON.stringify(answers));
