#pragma once

#include "stack/spec.hpp"
#include "stack/writer.hpp"

namespace trunkline::stack {

// Functions of Lambda with their roles, logs, event source mappings and rules of every minute. Nothing where the Spec has
// none.
void add_functions(const Spec& spec, Resources& to);
// Where their zip is: members of Parameters.
void add_function_parameters(const Spec& spec, json::Writer& out);
inline constexpr std::string_view kCodeBucketParameter = "FunctionCodeBucket";
inline constexpr std::string_view kCodeKeyParameter = "FunctionCodeKey";

// What a worker and a function may on the table, and that they publish.
void add_table_statements(const Spec& spec, Resources& to);

}  // namespace trunkline::stack
