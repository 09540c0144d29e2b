// Takes what is in a queue with sqs-consumer, over the JavaScript SDK v3. In: {endpoint, queueUrl, count, failFirst,
// credentials} on standard input; out: what was handled, and what the SDK said of a queue that is not there.
import { readFileSync } from "node:fs";
import { GetQueueUrlCommand, ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";

const { endpoint, queueUrl, count, failFirst, credentials } = JSON.parse(readFileSync(0, "utf8"));
const sqs = new SQSClient({ endpoint, region: "us-east-1", credentials });
const listed = (await sqs.send(new ListQueuesCommand({}))).QueueUrls;
let missing = "";
try {
  await sqs.send(new GetQueueUrlCommand({ QueueName: "not-there" }));
} catch (error) {
  missing = error.name;
}
const handled = [];
let failed = false;
let done = 0;
// One at a time: messages of a group that come together are handled side by side, here as on AWS.
const consumer = Consumer.create({
  queueUrl, sqs, suppressFifoWarning: true, batchSize: 1, waitTimeSeconds: 5, terminateVisibilityTimeout: true,
  messageSystemAttributeNames: ["All"], messageAttributeNames: ["All"],
  handleMessage: async (message) => {
    if (failFirst && !failed) {
      failed = true;
      throw new Error("as it was told");
    }
    handled.push({
      body: message.Body, group: message.Attributes.MessageGroupId, count: message.Attributes.ApproximateReceiveCount,
      conversation: message.MessageAttributes.conversationId?.StringValue,
    });
    return message;
  },
});
consumer.on("error", (error) => { throw error; });
consumer.on("processing_error", () => {});
consumer.on("message_processed", () => {
  if (++done === count) consumer.stop();
});
consumer.on("stopped", () => {
  process.stdout.write(JSON.stringify({ listed, missing, handled }), () => process.exit(0));
});
consumer.start();
