#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "stack/spec.hpp"

namespace trunkline::stack {

// What AWS charges, in US dollars, of one region on one day.
struct Prices {
  std::string region;
  std::string as_of;
  std::string source;  // where they come from, for people
  std::map<std::string, double, std::less<>> usd;
};
// {"region": …, "as_of": …, "source": …, "usd": {"sqs.standard_million": 0.40, …}}. Only known names; those that are left out
// are the built-in ones'. Errc::invalid says what is wrong.
base::Result<Prices> read_prices(std::string_view json);
// prices.cpp has the table, and what it is worth.
const Prices& built_in_prices();
std::string to_json(const Prices& prices);

// What the calculation assumes of the traffic.
struct Traffic {
  std::size_t event_bytes = 2'048;
  std::size_t per_call = 10;      // messages in a call that takes several: 1 at a trickle, 10 under load
  std::size_t function_ms = 200;  // that an invocation of a function lasts, with what it calls
};

struct PriceLine {
  std::string what;
  std::string price;  // its name in the table
  double calls = 0;   // or units, for 1,000 events; of a monthly line, a month
  double usd = 0;     // for 1,000 events, or a month
};
struct Price {
  std::vector<PriceLine> per_thousand;  // events that go to every consumer: the most that they can cost
  std::vector<PriceLine> per_month;     // without any event
  double thousand_usd = 0;
  double month_usd = 0;
};
Price price_of(const Spec& spec, const Traffic& traffic, const Prices& prices);

}  // namespace trunkline::stack
