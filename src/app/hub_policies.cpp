// The versions of the filter policies: each has its text in the store, so that it can be told later why an event went
// where it went.
#include <fmt/format.h>

#include <algorithm>

#include "app/hub.hpp"
#include "base/crypto.hpp"
#include "base/log.hpp"

namespace trunkline::app {

using base::Result;

namespace {

// Of one value of the engine's state (engine::Engine). A configuration of 1 MiB has 20 of them.
constexpr std::size_t kPartBytes = 64 << 10;

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

}  // namespace

// A changed set takes the next version, which is the version of the state "current". It is written last: a version has
// its whole text. What "current" holds is a fingerprint of the text, or, from older programs, the text itself.
Result<base::PolicyVersion> Hub::policy_version(const std::vector<source::Subscription>& subscriptions) {
  const std::string text = text_of(subscriptions);
  const std::string fingerprint = "sha256 " + base::hex_encode(base::sha256(text));
  TRUNKLINE_TRY(const auto current, engine_->get_state("policies", "current"));
  if (current && (current->bytes == fingerprint || current->bytes == text))
    return base::PolicyVersion{static_cast<std::uint32_t>(current->version)};
  const std::uint64_t version = current ? current->version + 1 : 1;
  Result<void> put = put_policy_text(version, text);
  if (put.ok()) put = put_state("policies", "current", version - 1, fingerprint);
  if (!put.ok()) return put.error().with("store the filter policies");
  base::log::info("a new set of filter policies", "version", version);
  return base::PolicyVersion{static_cast<std::uint32_t>(version)};
}

// The first part that is not full is the last: what an attempt that
// failed has left behind it is no part of the text.
Result<void> Hub::put_policy_text(std::uint64_t version, const std::string& text) {
  for (std::size_t part = 0;; ++part) {
    const std::size_t at = std::min(text.size(), part * kPartBytes);
    const std::string bytes = text.substr(at, kPartBytes);
    TRUNKLINE_TRY_VOID(put_state("policies", part_key(version, part), bytes));
    if (bytes.size() < kPartBytes) return {};
  }
}

// The text of a set of filter policies; empty where it is not known any more.
Result<std::string> Hub::policy_text(base::PolicyVersion version) {
  std::string text;
  for (std::size_t part = 0;; ++part) {
    TRUNKLINE_TRY(const auto state, engine_->get_state("policies", part_key(version.value, part)));
    if (!state) return text;
    text += state->bytes;
    if (state->bytes.size() < kPartBytes) return text;
  }
}

}  // namespace trunkline::app
