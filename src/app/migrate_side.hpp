#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "migrate/destination.hpp"
#include "migrate/origin.hpp"

namespace trunkline::app {

// One of the two engines of a migration, open with loops of its own, marks or not. Nothing of it moves by itself.
class MigrationSide {
 public:
  virtual ~MigrationSide() = default;
  virtual migrate::Origin& origin() = 0;
  virtual migrate::Destination& destination() = 0;
};

// For people: "the data directory ./data", "the table trunkline in eu-central-1".
std::string migration_name(const config::Config& config);
// What holds of a destination before it is open.
migrate::Limits migration_limits(const config::Config& config);
bool is_on_aws(const config::Config& config);

// Errc::not_found: there is no data directory. As an origin nothing of it is changed.
base::Result<std::unique_ptr<MigrationSide>> open_origin(const config::Config& config);
// Makes what is not there: the data directory, its queues; not the table. Numbers go on above `above`.
base::Result<std::unique_ptr<MigrationSide>> open_destination(const config::Config& config,
                                                              const std::vector<engine::QueueSpec>& queues,
                                                              base::Sequence above);

}  // namespace trunkline::app
