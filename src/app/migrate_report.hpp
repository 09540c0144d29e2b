#pragma once

#include <string>
#include <vector>

#include "migrate/run.hpp"
#include "migrate/survey.hpp"

namespace trunkline::app {

struct MigrationReport {
  std::string from;
  std::string to;
  bool from_aws = false;
  bool to_aws = false;
  migrate::Survey survey;
  std::vector<migrate::Obstacle> obstacles;

  std::uint64_t calls() const;    // of AWS's services, about
  std::uint64_t seconds() const;  // about
};

// For people, with its newlines.
std::string text_of(const MigrationReport& report);
// One object; `result` is "dry_run", "refused", "migrated", "differs" or "complete".
std::string json_of(const MigrationReport& report, const std::string& result,
                    const std::vector<std::string>& differences);

// How far a migration is, on standard error: a line over the one before on a terminal, else one every five seconds.
class MigrationProgress {
 public:
  explicit MigrationProgress(const base::Clock& clock);
  void step(const migrate::Step& step);

 private:
  const base::Clock& clock_;
  const bool person_;
  base::MonoTime begun_;
  std::optional<base::MonoTime> shown_;
  std::optional<std::uint64_t> first_;
};

}  // namespace trunkline::app
