// Makes a FIFO topic, subscribes a queue with a filter policy, and publishes, with the JavaScript SDK v3. In: {endpoint, name,
// queue, credentials} on standard input; out: what was answered.
import { readFileSync } from "node:fs";
import {
  CreateTopicCommand, GetSubscriptionAttributesCommand, ListSubscriptionsByTopicCommand, PublishBatchCommand, PublishCommand,
  SNSClient, SubscribeCommand,
} from "@aws-sdk/client-sns";

const { endpoint, name, queue, credentials } = JSON.parse(readFileSync(0, "utf8"));
const sns = new SNSClient({ endpoint, region: "us-east-1", credentials });
const { TopicArn } = await sns.send(new CreateTopicCommand({
  Name: name, Attributes: { FifoTopic: "true", ContentBasedDeduplication: "true" }, Tags: [{ Key: "team", Value: "a" }],
}));
const { SubscriptionArn } = await sns.send(new SubscribeCommand({
  TopicArn, Protocol: "sqs", Endpoint: queue, ReturnSubscriptionArn: true,
  Attributes: { RawMessageDelivery: "true", FilterPolicy: JSON.stringify({ kind: ["wanted"] }) },
}));
const kind = (value) => ({ kind: { DataType: "String", StringValue: value } });
const publish = (Message, value) => sns.send(new PublishCommand({
  TopicArn, Message, MessageGroupId: "g", MessageAttributes: kind(value),
}));
const one = await publish("0 \u00e9", "wanted");
const again = await publish("0 \u00e9", "wanted");
await publish("left out", "other");
const batch = await sns.send(new PublishBatchCommand({
  TopicArn,
  PublishBatchRequestEntries: ["1", "2", "3"].map((number) => ({
    Id: number, Message: number, MessageGroupId: "g", MessageAttributes: kind("wanted"),
  })),
}));
let code = "";
try {
  await sns.send(new PublishCommand({ TopicArn, Message: "no group" }));
} catch (error) {
  code = error.name;
}
const { Attributes } = await sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
const { Subscriptions } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
process.stdout.write(JSON.stringify({
  topic: TopicArn, code, first: one.SequenceNumber, same: one.MessageId === again.MessageId, sent: batch.Successful.length,
  raw: Attributes.RawMessageDelivery, listed: Subscriptions.map((each) => each.Endpoint),
}), () => process.exit(0));
