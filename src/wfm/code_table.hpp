#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace trunkline::wfm {

// What a workforce management system calls the state that an agent is in: rows of presence, routing status, reason (the id
// of the presence definition, the organisation's own ones among them) and the state code that these are. The first row that
// fits is taken; `*` fits everything, `AB*` what begins so, an empty field only what is not known. Case does not matter:
// Genesys spells a presence ON_QUEUE in events and "On Queue" in its API, so a space is an underscore, too. Immutable.
class CodeTable {
 public:
  // An organisation has some 200 presence definitions; times 5 routing statuses.
  static constexpr std::size_t kRowsMax = 10'000;
  static constexpr std::size_t kFileBytesMax = 1 << 20;
  static constexpr std::size_t kCodeBytesMax = 100;

  // CSV (RFC 4180). The first row names the columns presence, routing, reason and code in any order; without one of the first
  // three that is `*`. Empty lines and those that begin with # are passed over. `otherwise` is the code of what no row fits.
  // Errc::invalid begins with "line N: ".
  static base::Result<CodeTable> parse(std::string_view text, std::string otherwise);
  static base::Result<CodeTable> load(const std::string& path, std::string otherwise);

  const std::string& code(std::string_view presence, std::string_view routing, std::string_view reason) const;
  std::size_t size() const { return rows_.size(); }
  const std::string& otherwise() const { return otherwise_; }
  // Line of the first row that no state reaches, since an earlier one fits all that it does; 0: there is none.
  std::size_t unreachable() const { return unreachable_; }

 private:
  struct Row {
    std::string presence;
    std::string routing;
    std::string reason;
    std::string code;
    std::size_t line = 0;
  };
  std::vector<Row> rows_;
  std::string otherwise_;
  std::size_t unreachable_ = 0;
};

}  // namespace trunkline::wfm
