#include "cli/top_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <sstream>

#include "cli/table.hpp"
#include "json/writer.hpp"

namespace trunkline::cli {
namespace {

constexpr double kUnknown = -1;

// Counters begin anew when the hub does.
std::uint64_t grown(std::uint64_t now, std::uint64_t former) {
  return now >= former ? now - former : now;
}

std::map<double, std::uint64_t> latencies_of(json::Value consumer) {
  std::map<double, std::uint64_t> counts;
  const auto statistics = consumer.find("statistics");
  const auto histogram = statistics ? statistics->find("latency_millis") : std::nullopt;
  const auto buckets = histogram ? histogram->find("buckets") : std::nullopt;
  for (auto bucket = buckets ? buckets->first() : std::nullopt; bucket; bucket = bucket->next()) {
    const auto bound = bucket->find("up_to");
    const bool last = !bound || bound->is(json::Type::null);
    counts[last ? std::numeric_limits<double>::infinity() : real_at(*bucket, "up_to")] = number_at(*bucket, "count");
  }
  return counts;
}

double p99_of(const std::map<double, std::uint64_t>& now, const std::map<double, std::uint64_t>* former) {
  std::uint64_t total = 0;
  std::vector<std::pair<double, std::uint64_t>> grew;
  for (const auto& [bound, count] : now) {
    const auto before = former == nullptr ? std::uint64_t{0} : former->contains(bound) ? former->at(bound) : 0;
    grew.emplace_back(bound, grown(count, before));
    total += grew.back().second;
  }
  if (total == 0) return kUnknown;
  std::uint64_t seen = 0;
  for (const auto& [bound, count] : grew) {
    seen += count;
    if (static_cast<double>(seen) >= 0.99 * static_cast<double>(total)) return bound;
  }
  return kUnknown;
}

std::string rate_text(double rate) {
  if (rate < 0) return "-";
  return rate < 10 && rate > 0 ? fmt::format("{:.1f}", rate) : fmt::format("{:.0f}", rate);
}

std::string millis_text(double millis) {
  if (millis < 0) return "-";
  if (millis == std::numeric_limits<double>::infinity()) return "> 14d";
  return millis < 1000 ? fmt::format("{:.0f}ms", millis) : human_seconds(millis / 1000);
}

void write_number(json::Writer& writer, std::string_view name, double value) {
  writer.key(name);
  if (value < 0 || value == std::numeric_limits<double>::infinity()) {
    writer.null();
  } else {
    writer.number(value);
  }
}

}  // namespace

TopView::Row TopView::row_of(json::Value consumer, const Counts& now, const Counts* former, double seconds) const {
  Row row;
  row.name = text_at(consumer, "name");
  row.state = state_of(consumer);
  row.waiting = number_at(consumer, "waiting");
  row.in_flight = number_at(consumer, "in_flight");
  row.blocked = number_at(consumer, "backing_off") + number_at(consumer, "parked");
  row.dead = number_at(consumer, "dead_letters");
  row.oldest_seconds =
      consumer.string_at("oldest_waiting").empty() ? kUnknown : real_at(consumer, "oldest_waiting_seconds");
  row.drain = drain_of(consumer);
  row.expiry = expiry_of(consumer);
  const auto drain = consumer.find("drain");
  row.drain_seconds = drain && drain->string_at("outlook") == "draining" ? real_at(*drain, "seconds") : kUnknown;
  row.expiry_seconds = row.expiry == "-" ? kUnknown : real_at(consumer, "expires_in_seconds");
  row.in = row.out = row.p99_millis = kUnknown;
  if (former == nullptr || seconds <= 0) return row;
  row.in = static_cast<double>(grown(now.taken, former->taken)) / seconds;
  row.out = static_cast<double>(grown(now.delivered, former->delivered)) / seconds;
  row.p99_millis = p99_of(now.latencies, &former->latencies);
  return row;
}

void TopView::add_sample(json::Value status, const std::vector<json::Value>& consumers, base::MonoTime now) {
  const double seconds = sampled_ ? std::chrono::duration<double>(now - at_).count() : 0;
  const auto events = status.find("events");
  const std::uint64_t accepted = events ? number_at(*events, "accepted") : 0;
  accepted_rate_ = seconds > 0 ? static_cast<double>(grown(accepted, accepted_)) / seconds : kUnknown;
  accepted_ = accepted;
  quarantine_ = events ? number_at(*events, "in_quarantine") : 0;
  const auto ready = status.find("ready");
  reason_ = ready && ready->boolean() ? "" : text_at(status, "reason");
  uptime_ = real_at(status, "uptime_seconds");
  if (const auto store = status.find("store")) {
    disk_bytes_ = real_at(*store, "disk_bytes");
    disk_budget_ = real_at(*store, "disk_budget_bytes");
  }
  rows_.clear();
  std::map<std::string, Counts> counts;
  for (const json::Value consumer : consumers) {
    Counts current;
    current.delivered = number_at(consumer, "delivered");
    current.taken = current.delivered;
    for (const char* part : {"waiting", "in_flight", "backing_off", "parked", "dead_letters", "expired"})
      current.taken += number_at(consumer, part);
    current.latencies = latencies_of(consumer);
    const std::string name = text_at(consumer, "name");
    const auto former = former_.find(name);
    rows_.push_back(row_of(consumer, current, former == former_.end() ? nullptr : &former->second, seconds));
    counts[name] = std::move(current);
  }
  former_ = std::move(counts);
  at_ = now;
  sampled_ = true;
}

std::string TopView::render(std::size_t width, std::size_t height) const {
  std::ostringstream out;
  out << fmt::format("up {}   accepted {} ({}/s)   quarantine {}   disk {}{}   {}\n\n", human_seconds(uptime_),
                     accepted_, rate_text(accepted_rate_), quarantine_, human_bytes(disk_bytes_),
                     disk_budget_ > 0 ? " of " + human_bytes(disk_budget_) : "",
                     reason_.empty() ? "ready" : "NOT READY: " + reason_);
  using enum Table::Align;
  Table table({{"NAME"},
               {"STATE"},
               {"IN/s", right},
               {"OUT/s", right},
               {"WAITING", right},
               {"OLDEST", right},
               {"DRAINED IN", right},
               {"EXPIRES IN", right},
               {"IN FLIGHT", right},
               {"BLOCKED", right},
               {"DEAD", right},
               {"P99", right}});
  for (const Row& row : rows_) {
    table.add({row.name, row.state, rate_text(row.in), rate_text(row.out), fmt::format("{}", row.waiting),
               row.oldest_seconds < 0 ? "-" : human_seconds(row.oldest_seconds), row.drain, row.expiry,
               fmt::format("{}", row.in_flight), fmt::format("{}", row.blocked), fmt::format("{}", row.dead),
               millis_text(row.p99_millis)});
  }
  table.print(out);
  const std::string all = out.str();
  std::string shown;
  std::size_t lines = 0;
  for (std::size_t at = 0; at < all.size() && lines < height; ++lines) {
    const std::size_t end = all.find('\n', at);
    shown += all.substr(at, std::min(end - at, width)) + "\n";
    at = end + 1;
  }
  return shown;
}

std::string TopView::json() const {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().member("ready", reason_.empty()).member("accepted", accepted_);
  write_number(writer, "accepted_per_second", accepted_rate_);
  writer.member("in_quarantine", quarantine_).key("consumers").begin_array();
  for (const Row& row : rows_) {
    writer.begin_object().member("name", row.name).member("state", row.state);
    write_number(writer, "in_per_second", row.in);
    write_number(writer, "out_per_second", row.out);
    writer.member("waiting", row.waiting);
    write_number(writer, "oldest_seconds", row.oldest_seconds);
    write_number(writer, "drain_seconds", row.drain_seconds);
    write_number(writer, "expires_in_seconds", row.expiry_seconds);
    writer.member("in_flight", row.in_flight).member("blocked_lanes", row.blocked).member("dead_letters", row.dead);
    write_number(writer, "p99_millis", row.p99_millis);
    writer.end_object();
  }
  writer.end_array().end_object();
  return out;
}

}  // namespace trunkline::cli
