// Gives a permission and takes it back, fills a dead-letter queue and moves it back, with the JavaScript SDK v3. In: {endpoint, credentials} on standard input; out:
// what was answered.
import { readFileSync } from "node:fs";
import {
  AddPermissionCommand, CancelMessageMoveTaskCommand, CreateQueueCommand, ListDeadLetterSourceQueuesCommand,
  ListMessageMoveTasksCommand, PurgeQueueCommand, ReceiveMessageCommand, RemovePermissionCommand, SendMessageCommand,
  SQSClient, StartMessageMoveTaskCommand,
} from "@aws-sdk/client-sqs";

const { endpoint, credentials } = JSON.parse(readFileSync(0, "utf8"));
const sqs = new SQSClient({ endpoint, region: "us-east-1", credentials });
const SourceArn = "arn:aws:sqs:us-east-1:000000000000:dead";
const { QueueUrl: dead } = await sqs.send(new CreateQueueCommand({ QueueName: "dead" }));
const { QueueUrl } = await sqs.send(new CreateQueueCommand({
  QueueName: "work",
  Attributes: { RedrivePolicy: JSON.stringify({ maxReceiveCount: 1, deadLetterTargetArn: SourceArn }) },
}));
await sqs.send(new AddPermissionCommand({
  QueueUrl, Label: "a", AWSAccountIds: ["111111111111"], Actions: ["SendMessage"],
}));
await sqs.send(new RemovePermissionCommand({ QueueUrl, Label: "a" }));
const { queueUrls: sources } = await sqs.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: dead }));
for (let number = 0; number < 3; number++) {
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: `${number}` }));
}
const receive = (queue, wait, visibility) => sqs.send(new ReceiveMessageCommand({
  QueueUrl: queue, WaitTimeSeconds: wait, VisibilityTimeout: visibility, MaxNumberOfMessages: 10,
}));
while ((await receive(QueueUrl, 1, 0)).Messages);
const { TaskHandle } = await sqs.send(new StartMessageMoveTaskCommand({ SourceArn, MaxNumberOfMessagesPerSecond: 500 }));
let task;
do {
  task = (await sqs.send(new ListMessageMoveTasksCommand({ SourceArn, MaxResults: 10 }))).Results[0];
} while (task.Status === "RUNNING");
let late = "";
try {
  await sqs.send(new CancelMessageMoveTaskCommand({ TaskHandle }));
} catch (error) {
  late = error.name;
}
const bodies = [];
while (bodies.length < 3) {
  for (const message of (await receive(QueueUrl, 20, 60)).Messages) bodies.push(message.Body);
}
await sqs.send(new PurgeQueueCommand({ QueueUrl }));
let twice = "";
try {
  await sqs.send(new PurgeQueueCommand({ QueueUrl }));
} catch (error) {
  twice = error.name;
}
process.stdout.write(JSON.stringify({ sources, task, late, twice, bodies: bodies.sort() }), () => process.exit(0));
