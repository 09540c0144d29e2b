#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline::config {

// A place in the file, both counted from 1, columns in bytes; {0, 0} is no place.
struct Place {
  int line = 0;
  int column = 0;
  friend bool operator==(const Place&, const Place&) = default;
};

enum class Severity : std::uint8_t { warning, error };

struct Diagnostic {
  Severity severity = Severity::error;
  Place place;
  std::string message;
};

// "trunkline.yaml:3:5: error: unknown key 'sorce', did you mean 'source'?"
std::string format(const Diagnostic& diagnostic, std::string_view file);

// What was found in one file, in the order of finding. At most kMax are kept, so that a file of nonsense cannot fill
// the memory or the screen; the last one then says so.
class Diagnostics {
 public:
  static constexpr std::size_t kMax = 200;

  void error(Place place, std::string message) { add({Severity::error, place, std::move(message)}); }
  void warning(Place place, std::string message) { add({Severity::warning, place, std::move(message)}); }
  bool failed() const { return failed_; }
  // Sorted by place.
  std::vector<Diagnostic> take();

 private:
  void add(Diagnostic diagnostic);
  std::vector<Diagnostic> list_;
  bool failed_ = false;
};

}  // namespace trunkline::config
