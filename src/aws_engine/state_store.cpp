#include "aws_engine/state_store.hpp"

#include <algorithm>
#include <utility>

#include "aws_engine/codec.hpp"

namespace trunkline::aws_engine {
namespace {

using base::Errc;
using base::Error;
using base::Result;
using engine::Engine;

constexpr std::size_t kValueMax = 64 << 10;
// Of one transaction, which takes 100 writes of 4 MB.
constexpr std::size_t kWritesMax = 100;
constexpr std::size_t kBytesMax = 3'600'000;
constexpr std::size_t kPageMax = 1'000;

}  // namespace

Result<std::optional<Engine::StateValue>> StateStore::get(const std::string& owner, const std::string& key) {
  TRUNKLINE_TRY(const auto item, cloud_.get_wait(state_key(owner, key)));
  if (!item) return std::optional<Engine::StateValue>();
  return std::optional<Engine::StateValue>({item->number("e_version"), item->bytes("e_bytes")});
}

void StateStore::put(const std::string& owner, const std::string& key, std::uint64_t version, std::string bytes,
                     Reply<void> reply) {
  if (bytes.size() > kValueMax) return reply(Error{Errc::too_large, "state is 64 KiB at most"});
  Write write{WriteKind::put, state_key(owner, key), {}, "attribute_not_exists(pk)", {}};
  write.item.number("e_version", version + 1).bytes("e_bytes", bytes);
  if (version != 0) {
    write.condition = "e_version = :version";
    write.values.number(":version", version);
  }
  cloud_.write(write, [this, owner, key, version, bytes = std::move(bytes),
                       reply = std::move(reply)](const Result<Item>& stored) mutable {
    if (stored.ok()) return reply(Result<void>());
    if (stored.error().code != Errc::conflict) return reply(stored.error());
    // Perhaps it was this very write, whose answer was lost before it was repeated.
    cloud_.get({state_key(owner, key)}, [version, bytes = std::move(bytes), reply = std::move(reply),
                                         error = stored.error()](const Result<std::vector<Item>>& found) mutable {
      const bool ours = found.ok() && !found->empty() && found->front().number("e_version") == version + 1 &&
                        found->front().bytes("e_bytes") == bytes;
      if (ours) return reply(Result<void>());
      reply(error);
    });
  });
}

void StateStore::update(const std::string& owner, const std::vector<Engine::StateWrite>& writes, Reply<void> reply) {
  std::vector<Write> all;
  std::size_t bytes = 0;
  for (const Engine::StateWrite& each : writes) {
    if (each.bytes && each.bytes->size() > kValueMax) return reply(Error{Errc::too_large, "state is 64 KiB at most"});
    Write write{each.bytes ? WriteKind::update : WriteKind::remove, state_key(owner, each.key), {}, {}, {}};
    if (each.bytes) {
      bytes += each.bytes->size();
      write.update = "SET e_bytes = :bytes ADD e_version :one";
      write.values.bytes(":bytes", *each.bytes).number(":one", 1);
    }
    all.push_back(std::move(write));
  }
  if (all.size() > kWritesMax || bytes > kBytesMax) return reply(Error{Errc::too_large, "too many keys for one write"});
  if (all.empty()) return reply(Result<void>());
  cloud_.transact(all, [reply = std::move(reply)](const Result<void>& stored) mutable { reply(stored); });
}

Result<std::map<std::string, std::string>> StateStore::list(const std::string& owner) {
  std::map<std::string, std::string> all;
  QueryRequest query{state_key(owner, "").text("pk"), {}, {}, kPageMax, false, {}, {}, {}};
  for (;;) {
    TRUNKLINE_TRY(const QueryPage page, cloud_.query_wait(query));
    for (const Item& item : page.items) all[item.text("sk").substr(1)] = item.bytes("e_bytes");
    if (!page.next) return all;
    query.start = page.next;
  }
}

Result<void> StateStore::remove(const std::string& owner) {
  const std::string pk = state_key(owner, "").text("pk");
  TRUNKLINE_TRY(const auto all, list(owner));
  for (const auto& [key, bytes] : all) {
    const auto removed = cloud_.write_wait({WriteKind::remove, state_key(owner, key), {}, {}, {}});
    if (!removed.ok()) return removed.error();
  }
  return {};
}

}  // namespace trunkline::aws_engine
