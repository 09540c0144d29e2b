#pragma once

#include "stack/spec.hpp"

namespace trunkline::stack {

// The guide's four consumers and a source of a partner; numbers are assigned.
inline Spec sample_spec() {
  Spec spec;
  spec.ingests = {{"genesys-prod", "genesys-events", "aws.partner/genesys.com/cloud/0b5e/trunkline", 60}};
  spec.consumers = {{"siem", "none", 0, 900},
                    {"crm-main", "conversation", 0, 300},
                    {"dashboard", "agent", 0, 900},
                    {"wfm", "agent", 0, 900}};
  assign_numbers(spec, {});
  return spec;
}

}  // namespace trunkline::stack
