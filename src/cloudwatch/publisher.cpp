#include "cloudwatch/publisher.hpp"

#include "base/log.hpp"

namespace trunkline::cloudwatch {

Publisher::Publisher(aws::Client& client, PublisherOptions options)
    : client_(client), options_(std::move(options)), life_(std::make_shared<Publisher*>(this)) {}

Publisher::~Publisher() {
  *life_ = nullptr;
}

bool Publisher::put(std::vector<Reading> readings, base::WallTime at) {
  if (!calls_.empty()) return false;
  std::vector<double> values;
  std::map<Key, double> kept;  // of consumers that have left nothing is remembered
  for (const Reading& reading : readings) {
    values.push_back(reading.value);
    if (!reading.grows) continue;
    const auto found = taken_.find(key(reading));
    if (found == taken_.end()) continue;
    kept.insert(*found);
    // Less than it was: another one of the same name.
    if (found->second <= reading.value) values.back() -= found->second;
  }
  taken_ = std::move(kept);
  for (Call& call : calls_of(options_.name_space, std::move(readings), values, at)) calls_.push_back(std::move(call));
  put_next();
  return true;
}

void Publisher::put_next() {
  if (calls_.empty()) return;
  client_.query("PutMetricData", calls_.front().form, options_.timeout, [life = life_](const aws::Reply& reply) {
    if (*life != nullptr) (*life)->answered(reply);
  });
}

void Publisher::answered(const aws::Reply& reply) {
  if (reply.ok()) {
    for (const Reading& reading : calls_.front().readings) {
      if (reading.grows) taken_[key(reading)] = reading.value;
    }
    if (failing_) base::log::info("metrics are put into CloudWatch again", "namespace", options_.name_space);
    failing_ = false;
    calls_.pop_front();
    return put_next();
  }
  if (!failing_) {
    base::log::warn("metrics are not put into CloudWatch; this is said once", "namespace", options_.name_space, "error",
                    reply.failure->text());
  }
  failing_ = true;
  calls_.clear();  // the rest would wait for the same
}

}  // namespace trunkline::cloudwatch
