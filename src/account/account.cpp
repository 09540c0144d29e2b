#include "account/account.hpp"

#include <algorithm>

namespace trunkline::account {
namespace {

template <class T>
const T* by_arn(const std::vector<T>& among, const std::string& arn) {
  const auto found = std::find_if(among.begin(), among.end(), [&](const T& each) { return each.arn == arn; });
  return found == among.end() ? nullptr : &*found;
}

// The part of an ARN between its colons, the first one 0.
std::string part_of(const std::string& arn, int number) {
  std::size_t begin = 0;
  for (; number > 0; --number) {
    begin = arn.find(':', begin);
    if (begin == std::string::npos) return {};
    ++begin;
  }
  return arn.substr(begin, arn.find(':', begin) - begin);
}

}  // namespace

const Topic* Account::topic(const std::string& arn) const {
  return by_arn(topics, arn);
}
const Queue* Account::queue(const std::string& arn) const {
  return by_arn(queues, arn);
}
const Function* Account::function(const std::string& arn) const {
  return by_arn(functions, arn);
}
bool Account::is_own(const std::string& arn) const {
  return part_of(arn, 3) == region && part_of(arn, 4) == id;
}

std::string name_of(const std::string& arn) {
  const std::size_t last = arn.find_last_of(":/");
  return last == std::string::npos ? arn : arn.substr(last + 1);
}

std::string service_of(const std::string& arn) {
  return part_of(arn, 2);
}

bool is_fifo(const std::string& arn) {
  return arn.ends_with(".fifo");
}

}  // namespace trunkline::account
