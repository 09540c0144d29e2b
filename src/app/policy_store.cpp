#include "app/policy_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "base/run_and_wait.hpp"

namespace trunkline::app {
namespace {

using base::Result;

// Of one value of the engine's state (engine::Engine). A configuration of 1 MiB has 20 of them.
constexpr std::size_t kPartBytes = 64 << 10;
constexpr int kTriesMax = 10;  // while others change the set

// "0000000042", "0000000042/0001" and so on.
std::string part_key(std::uint64_t version, std::size_t part) {
  return part == 0 ? fmt::format("{:010}", version) : fmt::format("{:010}/{:04}", version, part);
}

std::string text_of(const std::vector<source::Subscription>& subscriptions) {
  std::string text;
  for (const source::Subscription& subscription : subscriptions) {
    text +=
        fmt::format("{}\t{}\t{}\t{}\n", subscription.queue.value, subscription.consumer,
                    subscription.policy.scope() == filter::Scope::message_body ? "MessageBody" : "MessageAttributes",
                    subscription.policy.text());
  }
  return text;
}

Result<void> put(engine::Engine& engine, base::Loop& loop, const std::string& key, std::uint64_t version,
                 std::string bytes) {
  return base::answer_of<Result<void>>([&](engine::DoneCallback done) {
    engine.put_state("policies", key, version, std::move(bytes), loop, std::move(done));
  });
}

// The first part that is not full is the last: what an attempt that failed has left behind it is no part of the text.
Result<void> put_text(engine::Engine& engine, base::Loop& loop, std::uint64_t version, const std::string& text) {
  for (std::size_t part = 0;; ++part) {
    const std::size_t at = std::min(text.size(), part * kPartBytes);
    const std::string bytes = text.substr(at, kPartBytes);
    const std::string key = part_key(version, part);
    TRUNKLINE_TRY(const auto now, engine.get_state("policies", key));
    if (!now || now->bytes != bytes) {
      const auto stored = put(engine, loop, key, now ? now->version : 0, bytes);
      // A conflict: another worker writes the same text of the same version.
      if (!stored.ok() && stored.error().code != base::Errc::conflict) return stored;
    }
    if (bytes.size() < kPartBytes) return {};
  }
}

}  // namespace

// The version is that of the state "current". Whoever has written that one has the version to itself, and writes its text
// then; who dies in between leaves a version without its text, which the next one with that set completes. What "current"
// holds is a fingerprint of the text, or, from older programs, the text itself.
Result<base::PolicyVersion> policy_version(engine::Engine& engine, base::Loop& loop,
                                           const std::vector<source::Subscription>& subscriptions) {
  const std::string text = text_of(subscriptions);
  const std::string fingerprint = "sha256 " + base::hex_encode(base::sha256(text));
  for (int tries = 1;; ++tries) {
    TRUNKLINE_TRY(const auto current, engine.get_state("policies", "current"));
    const bool same = current && (current->bytes == fingerprint || current->bytes == text);
    const std::uint64_t version = same ? current->version : current ? current->version + 1 : 1;
    Result<void> stored;
    if (!same) stored = put(engine, loop, "current", version - 1, fingerprint);
    if (!stored.ok() && stored.error().code == base::Errc::conflict && tries < kTriesMax) continue;  // another worker's
    if (stored.ok()) stored = put_text(engine, loop, version, text);
    if (!stored.ok()) return stored.error().with("store the filter policies");
    if (!same) base::log::info("a new set of filter policies", "version", version);
    return base::PolicyVersion{static_cast<std::uint32_t>(version)};
  }
}

Result<std::string> policy_text(engine::Engine& engine, base::PolicyVersion version) {
  std::string text;
  for (std::size_t part = 0;; ++part) {
    TRUNKLINE_TRY(const auto state, engine.get_state("policies", part_key(version.value, part)));
    if (!state) return text;
    text += state->bytes;
    if (state->bytes.size() < kPartBytes) return text;
  }
}

}  // namespace trunkline::app
