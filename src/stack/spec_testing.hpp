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

// The same with functions: of ingest, and of all consumers but one.
inline Spec sample_functions_spec() {
  Spec spec = sample_spec();
  spec.functions = {"arm64", 512, "code-bucket", {{"HEC_TOKEN", "{{resolve:secretsmanager:hec:SecretString:token}}"}}};
  spec.ingests[0].function = true;
  spec.consumers[0].function = Delivery{40, 50, 500, 20};
  spec.consumers[1].function = Delivery{30, 16, 10, 0};
  spec.consumers[2].function = Delivery{12, 2, 5, 0};
  return spec;
}

}  // namespace trunkline::stack
