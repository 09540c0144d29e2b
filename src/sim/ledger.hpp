#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/hash.hpp"
#include "base/result.hpp"

namespace trunkline::sim {

// Both ledgers are TSV files: a first line that begins with '#' and names the columns, then one line per event. Empty
// columns stay empty. Nothing in them needs escaping: ids, numbers, hex and topic names.

// What the sender was promised: one line per event of each request answered 2xx.
//   verdict sequence envelope_id org conversation user queue topic hash malformed sent_ms
struct AcceptedLine {
  std::string_view verdict{};  // accepted, duplicate, conflict, quarantined, ignored
  std::uint64_t sequence = 0;  // of a duplicate: its twin's; 0: none
  std::string_view envelope_id{};
  std::string_view org{};
  std::string_view conversation{};  // the ids that lanes are made of
  std::string_view user{};
  std::string_view queue{};
  std::string_view topic{};  // topicName
  base::Hash128 hash{};      // of the event's own bytes
  bool malformed = false;
  std::int64_t sent_ms = 0;  // wall clock of the first try
};
extern const std::string_view kAcceptedHeader;
void append_line(std::string& out, const AcceptedLine& line);
base::Result<AcceptedLine> parse_accepted(std::string_view line);

// What a downstream took: one line per event of each request answered 2xx.
//   arrival place answered sequence attempt consumer gap_before redriven hash envelope_id
struct DeliveredLine {
  // Numbers from one counter that counts arrivals of requests and answers; a request that arrived before another one
  // was answered was under way at the same time. Both 0 where the writer cannot know.
  std::uint64_t arrival = 0;
  std::uint32_t place = 0;  // in the request
  std::uint64_t answered = 0;
  std::uint64_t sequence = 0;  // 0: not told
  std::uint32_t attempt = 0;
  std::string_view consumer{};
  bool gap_before = false;
  bool redriven = false;
  base::Hash128 hash{};  // of the event's bytes as received, enrichment taken off
  std::string_view envelope_id{};
};
extern const std::string_view kDeliveredHeader;
void append_line(std::string& out, const DeliveredLine& line);
base::Result<DeliveredLine> parse_delivered(std::string_view line);

// Appends lines to a file through one buffer. One thread. The first error is kept and reported by flush() and close().
class LedgerWriter {
 public:
  // Truncates. Errc::unavailable with the system's reason.
  static base::Result<LedgerWriter> open(const std::string& path, std::string_view header);
  LedgerWriter(LedgerWriter&&) noexcept = default;
  LedgerWriter& operator=(LedgerWriter&&) noexcept = default;

  template <class Line>
  void add(const Line& line) {
    const std::size_t begin = buffer_.size();
    append_line(buffer_, line);
    if (observer_) observer_(std::string_view(buffer_).substr(begin, buffer_.size() - begin - 1));
    ++lines_;
    if (buffer_.size() >= kBufferBytes) write_out();
  }
  // Sees every line from now on as it is added, without its newline.
  void set_observer(std::function<void(std::string_view line)> observer) { observer_ = std::move(observer); }
  base::Result<void> flush(bool sync);
  std::uint64_t lines() const { return lines_; }

 private:
  static constexpr std::size_t kBufferBytes = 1 << 20;
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  explicit LedgerWriter(std::FILE* file) : file_(file) {}
  void write_out();

  std::unique_ptr<std::FILE, Closer> file_;
  std::string buffer_{};
  std::string error_{};
  std::function<void(std::string_view line)> observer_{};
  std::uint64_t lines_ = 0;
};

// Calls `each` with every line of the file, without its newline, '#' lines left out; stops at the first error. A last
// line without a newline is given as well. Memory is one block and the longest line.
base::Result<void> for_each_line(
    const std::string& path,
    const std::function<base::Result<void>(std::string_view line, std::uint64_t number)>& each);

}  // namespace trunkline::sim
