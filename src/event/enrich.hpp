#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "event/event.hpp"

namespace trunkline::event {

// Names of users and queues by id, which Genesys does not publish. Immutable once made: any thread may read it.
class NameTable {
 public:
  // At most a million names and 256 MB of file: twice the largest organisation's users, and memory stays bounded.
  static constexpr std::size_t kNamesMax = 1'000'000;
  static constexpr std::size_t kFileBytesMax = 256'000'000;

  // JSON when the first character is { or [: {"id":"name"} or [{"id":…,"name":…}]. Else CSV (RFC 4180) with the columns
  // id and name, in any place when the first row names them, else the first two. Errc::invalid names the line or byte.
  static base::Result<NameTable> parse(std::string_view text);
  static base::Result<NameTable> load(const std::string& path);

  std::string_view find(std::string_view id) const;  // empty when unknown
  std::size_t size() const { return names_.size(); }
  bool operator==(const NameTable&) const = default;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  base::Result<void> parse_json(std::string_view text);
  base::Result<void> parse_csv(std::string_view text);
  base::Result<void> add(std::string_view id, std::string_view name);

  std::unordered_map<std::string, std::string, Hash, std::equal_to<>> names_;
};

// What becomes of a member that is added: another value, or nothing when it is not to be added.
using MemberFilter = std::function<std::optional<std::string>(std::string_view name, std::string_view value)>;

// The event's own bytes with `_processingTimestamp`, `_eventCategory` and the ids found (`_orgId`, `_conversationId`,
// `_userId`, `_queueId`), and with `names` also `_userName` and `_queueName`, added behind its last member. Nothing else changes;
// what is not known is left out. `filter`, where given, is asked of each member.
std::string enriched(const Event& event, base::WallTime accepted_at, const NameTable* names = nullptr,
                     const MemberFilter& filter = {});

}  // namespace trunkline::event
