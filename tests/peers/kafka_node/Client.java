import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Kafka's own client. Arguments: brokers, then `create TOPIC PARTITIONS [NAME=VALUE]` or `read TOPIC`. */
public final class Client {
  public static void main(String[] arguments) throws Exception {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", arguments[0]);
    if (arguments[1].equals("create")) {
      create(properties, arguments);
    } else {
      read(properties, arguments[2]);
    }
  }

  private static void create(Properties properties, String[] arguments) throws Exception {
    try (Admin admin = Admin.create(properties)) {
      NewTopic topic = new NewTopic(arguments[2], Optional.of(Integer.parseInt(arguments[3])), Optional.empty());
      if (arguments.length > 4) {
        String[] setting = arguments[4].split("=", 2);
        topic.configs(Map.of(setting[0], setting[1]));
      }
      admin.createTopics(List.of(topic)).all().get();
    }
  }

  /** A line for each record, partition by partition: partition, key, trunkline-id, trunkline-sequence, value. */
  private static void read(Properties properties, String topic) {
    properties.put("auto.offset.reset", "earliest");
    properties.put("enable.auto.commit", "false");
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer())) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (PartitionInfo each : consumer.partitionsFor(topic)) {
        partitions.add(new TopicPartition(topic, each.partition()));
      }
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      StringBuilder lines = new StringBuilder();
      while (partitions.stream().anyMatch(each -> consumer.position(each) < ends.get(each))) {
        for (ConsumerRecord<String, String> each : consumer.poll(Duration.ofSeconds(1))) {
          lines.append(each.partition()).append('\t').append(each.key()).append('\t').append(header(each, "trunkline-id"))
              .append('\t').append(header(each, "trunkline-sequence")).append('\t').append(each.value()).append('\n');
        }
      }
      System.out.print(lines);
    }
  }

  private static String header(ConsumerRecord<String, String> record, String name) {
    return new String(record.headers().lastHeader(name).value(), java.nio.charset.StandardCharsets.UTF_8);
  }
}
