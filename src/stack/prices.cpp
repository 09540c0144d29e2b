#include "stack/price.hpp"

namespace trunkline::stack {

// Written from memory: nobody has looked these up at AWS when the table was made. They are of the order of what AWS asks in
// its cheapest region, without free tiers, taxes, discounts and data transfer; elsewhere it is 10 to 40 % more.
const Prices& built_in_prices() {
  static const Prices prices = {
      "us-east-1",
      "2025-01",
      "from memory, not looked up",
      {
          {"eventbridge.partner_million", 1.00},  // events of a partner, each begun 64 KB
          {"sqs.standard_million", 0.40},         // requests, each begun 64 KB
          {"sqs.fifo_million", 0.50},
          {"sns.fifo_publish_million", 0.30},  // requests
          {"sns.fifo_publish_gb", 0.017},
          {"sns.fifo_delivery_million", 0.01},
          {"sns.fifo_delivery_gb", 0.001},
          {"dynamodb.write_million", 0.625},  // units: each begun KB of a write, twice in a transaction
          {"dynamodb.read_million", 0.125},   // units: each begun 4 KB of a consistent read
          {"dynamodb.storage_gb_month", 0.25},
          {"dynamodb.backup_gb_month", 0.20},  // point-in-time recovery
          {"cloudwatch.alarm_month", 0.10},
          {"cloudwatch.metric_month", 0.30},
          {"cloudwatch.logs_gb", 0.50},
          {"lambda.request_million", 0.20},
          {"lambda.gb_second_million", 16.67},  // x86_64, begun milliseconds of the memory that a function has
          {"lambda.arm_gb_second_million", 13.33},
      },
  };
  return prices;
}

}  // namespace trunkline::stack
