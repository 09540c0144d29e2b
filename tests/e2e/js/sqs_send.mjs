// Makes a FIFO queue, sends to it and receives, with the JavaScript SDK v3, which compares the digests. In: {endpoint, name,
// credentials} on standard input; out: what came back.
import { readFileSync } from "node:fs";
import {
  CreateQueueCommand, DeleteMessageBatchCommand, ReceiveMessageCommand, SendMessageBatchCommand, SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";

const { endpoint, name, credentials } = JSON.parse(readFileSync(0, "utf8"));
const sqs = new SQSClient({ endpoint, region: "us-east-1", credentials });
const { QueueUrl } = await sqs.send(new CreateQueueCommand({
  QueueName: name, Attributes: { FifoQueue: "true", ContentBasedDeduplication: "true" }, tags: { team: "a" },
}));
const attributes = { bytes: { DataType: "Binary", BinaryValue: Uint8Array.from([0, 1, 255]) } };
const one = await sqs.send(new SendMessageCommand({
  QueueUrl, MessageBody: "0 \u00e9", MessageGroupId: "g", MessageAttributes: attributes,
}));
const batch = await sqs.send(new SendMessageBatchCommand({
  QueueUrl,
  Entries: [1, 2, 3].map((number) => ({ Id: `${number}`, MessageBody: `${number}`, MessageGroupId: "g" })),
}));
let code = "";
try {
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "no group" }));
} catch (error) {
  code = error.name;
}
const bodies = [];
let bytes = [];
while (bodies.length < 4) {
  const got = await sqs.send(new ReceiveMessageCommand({
    QueueUrl, WaitTimeSeconds: 20, MaxNumberOfMessages: 10, MessageAttributeNames: ["All"],
  }));
  for (const message of got.Messages) {
    bodies.push(message.Body);
    if (message.MessageAttributes) bytes = [...message.MessageAttributes.bytes.BinaryValue];
  }
  await sqs.send(new DeleteMessageBatchCommand({
    QueueUrl, Entries: got.Messages.map((message, at) => ({ Id: `${at}`, ReceiptHandle: message.ReceiptHandle })),
  }));
}
process.stdout.write(JSON.stringify({
  url: QueueUrl, bodies, bytes, code, first: one.SequenceNumber, sent: batch.Successful.length,
}), () => process.exit(0));
