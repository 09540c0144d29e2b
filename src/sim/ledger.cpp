#include "sim/ledger.hpp"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

namespace trunkline::sim {
namespace {

using base::Errc;
using base::Result;

void append_number(std::string& out, std::int64_t value) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void append_hash(std::string& out, const base::Hash128& hash) {
  constexpr char kDigits[] = "0123456789abcdef";
  char text[32];
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const auto byte = static_cast<unsigned char>(hash[i]);
    text[2 * i] = kDigits[byte >> 4];
    text[2 * i + 1] = kDigits[byte & 15];
  }
  out.append(text, sizeof text);
}

// Takes columns off a line one by one and remembers whether any was wrong.
class Columns {
 public:
  explicit Columns(std::string_view line) : rest_(line) {}

  std::string_view text() {
    if (done_) {
      ok_ = false;
      return {};
    }
    const std::size_t tab = rest_.find('\t');
    const std::string_view column = rest_.substr(0, tab);
    if (tab == std::string_view::npos) {
      done_ = true;
    } else {
      rest_.remove_prefix(tab + 1);
    }
    return column;
  }
  template <class Integer>
  Integer number() {
    const std::string_view column = text();
    Integer value{};
    if (column.empty()) return value;
    const auto [end, error] = std::from_chars(column.data(), column.data() + column.size(), value);
    if (error != std::errc{} || end != column.data() + column.size()) ok_ = false;
    return value;
  }
  bool flag() {
    const std::string_view column = text();
    if (column != "0" && column != "1" && !column.empty()) ok_ = false;
    return column == "1";
  }
  base::Hash128 hash() {
    const std::string_view column = text();
    base::Hash128 hash{};
    if (column.size() != 2 * hash.size()) {
      ok_ = false;
      return hash;
    }
    for (std::size_t i = 0; i < hash.size(); ++i) {
      unsigned value = 0;
      const char* from = column.data() + 2 * i;
      if (std::from_chars(from, from + 2, value, 16).ptr != from + 2) ok_ = false;
      hash[i] = static_cast<char>(value);
    }
    return hash;
  }
  bool ok() const { return ok_ && done_; }

 private:
  std::string_view rest_;
  bool done_ = false;
  bool ok_ = true;
};

}  // namespace

const std::string_view kAcceptedHeader =
    "# trunkline accepted "
    "1\tverdict\tsequence\tenvelope_id\torg\tconversation\tuser\tqueue\ttopic\thash\tmalformed\tsent_ms\n";
const std::string_view kDeliveredHeader =
    "# trunkline delivered "
    "1\tarrival\tplace\tanswered\tsequence\tattempt\tconsumer\tgap_before\tredriven\thash\tenvelope_id\n";

void append_line(std::string& out, const AcceptedLine& line) {
  const auto column = [&out](std::string_view text) {
    out += text;
    out += '\t';
  };
  column(line.verdict);
  append_number(out, static_cast<std::int64_t>(line.sequence));
  out += '\t';
  column(line.envelope_id);
  column(line.org);
  column(line.conversation);
  column(line.user);
  column(line.queue);
  column(line.topic);
  append_hash(out, line.hash);
  out += line.malformed ? "\t1\t" : "\t0\t";
  append_number(out, line.sent_ms);
  out += '\n';
}

Result<AcceptedLine> parse_accepted(std::string_view text) {
  Columns columns(text);
  AcceptedLine line;
  line.verdict = columns.text();
  line.sequence = columns.number<std::uint64_t>();
  line.envelope_id = columns.text();
  line.org = columns.text();
  line.conversation = columns.text();
  line.user = columns.text();
  line.queue = columns.text();
  line.topic = columns.text();
  line.hash = columns.hash();
  line.malformed = columns.flag();
  line.sent_ms = columns.number<std::int64_t>();
  if (!columns.ok()) return {Errc::invalid, "not a line of an accepted ledger"};
  return line;
}

void append_line(std::string& out, const DeliveredLine& line) {
  const auto number = [&out](std::uint64_t value) {
    append_number(out, static_cast<std::int64_t>(value));
    out += '\t';
  };
  number(line.arrival);
  number(line.place);
  number(line.answered);
  number(line.sequence);
  number(line.attempt);
  out += line.consumer;
  out += line.gap_before ? "\t1\t" : "\t0\t";
  out += line.redriven ? "1\t" : "0\t";
  append_hash(out, line.hash);
  out += '\t';
  out += line.envelope_id;
  out += '\n';
}

Result<DeliveredLine> parse_delivered(std::string_view text) {
  Columns columns(text);
  DeliveredLine line;
  line.arrival = columns.number<std::uint64_t>();
  line.place = columns.number<std::uint32_t>();
  line.answered = columns.number<std::uint64_t>();
  line.sequence = columns.number<std::uint64_t>();
  line.attempt = columns.number<std::uint32_t>();
  line.consumer = columns.text();
  line.gap_before = columns.flag();
  line.redriven = columns.flag();
  line.hash = columns.hash();
  line.envelope_id = columns.text();
  if (!columns.ok()) return {Errc::invalid, "not a line of a delivered ledger"};
  return line;
}

Result<LedgerWriter> LedgerWriter::open(const std::string& path, std::string_view header) {
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) return {Errc::unavailable, path + ": " + std::strerror(errno)};
  std::setvbuf(file, nullptr, _IONBF, 0);  // the buffer is this object's
  LedgerWriter writer(file);
  writer.buffer_ = header;
  return writer;
}

void LedgerWriter::write_out() {
  if (error_.empty() && std::fwrite(buffer_.data(), 1, buffer_.size(), file_.get()) != buffer_.size()) {
    error_ = std::strerror(errno);
  }
  buffer_.clear();
}

Result<void> LedgerWriter::flush(bool sync) {
  write_out();
  if (error_.empty() && sync && ::fdatasync(::fileno(file_.get())) != 0) error_ = std::strerror(errno);
  if (!error_.empty()) return {Errc::unavailable, "ledger: " + error_};
  return {};
}

Result<void> for_each_line(const std::string& path,
                           const std::function<Result<void>(std::string_view line, std::uint64_t number)>& each) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), &std::fclose);
  if (!file) return {Errc::unavailable, path + ": " + std::strerror(errno)};
  std::vector<char> block(1 << 20);
  std::string carried;  // the part of a line that stood at the end of the block before
  std::uint64_t number = 0;
  const auto line = [&](std::string_view text) -> Result<void> {
    ++number;
    if (text.empty() || text.front() == '#') return {};
    if (auto result = each(text, number); !result.ok()) return result.error().with(path + ":" + std::to_string(number));
    return {};
  };
  while (const std::size_t got = std::fread(block.data(), 1, block.size(), file.get())) {
    std::string_view rest(block.data(), got);
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      if (carried.empty()) {
        TRUNKLINE_TRY_VOID(line(rest.substr(0, end)));
      } else {
        carried += rest.substr(0, end);
        TRUNKLINE_TRY_VOID(line(carried));
        carried.clear();
      }
      rest.remove_prefix(end + 1);
    }
    carried += rest;
  }
  if (std::ferror(file.get())) return {Errc::unavailable, path + ": " + std::strerror(errno)};
  return carried.empty() ? Result<void>{} : line(carried);
}

}  // namespace trunkline::sim
