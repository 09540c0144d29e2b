#pragma once

#include <string>
#include <utility>
#include <variant>

#include "base/check.hpp"
#include "base/errc.hpp"

namespace trunkline::base {

struct Error {
  Errc code;
  std::string detail;

  // The same error with what was being done in front: "open store: No such file".
  Error with(std::string_view context) const {
    std::string text(context);
    text += ": ";
    text += detail;
    return {code, std::move(text)};
  }
};

// A value or an Error. Errors are values on the data path; exceptions only at start-up. Not std::expected: g++ 12 has
// it in C++23 only.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  Result(Errc code, std::string detail) : state_(std::in_place_index<1>, Error{code, std::move(detail)}) {}

  explicit operator bool() const { return ok(); }
  bool ok() const { return state_.index() == 0; }

  T& value() & {
    require_value();
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    require_value();
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    require_value();
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    TRUNKLINE_CHECK(!ok(), "error() of a result that holds a value");
    return *std::get_if<1>(&state_);
  }

 private:
  void require_value() const { TRUNKLINE_CHECK(ok(), error_text()); }
  std::string error_text() const { return ok() ? std::string() : std::get_if<1>(&state_)->detail; }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}
  Result(Errc code, std::string detail) : error_{code, std::move(detail)}, ok_(false) {}

  explicit operator bool() const { return ok_; }
  bool ok() const { return ok_; }
  const Error& error() const {
    TRUNKLINE_CHECK(!ok_, "error() of a result that holds no error");
    return error_;
  }

 private:
  Error error_{Errc::invalid, {}};
  bool ok_ = true;
};

}  // namespace trunkline::base

#define TRUNKLINE_CONCAT_INNER(a, b) a##b
#define TRUNKLINE_CONCAT(a, b) TRUNKLINE_CONCAT_INNER(a, b)

// TRUNKLINE_TRY(auto x, f()): binds the value, or returns the error from the enclosing function.
#define TRUNKLINE_TRY(declaration, expression)                                                 \
  auto TRUNKLINE_CONCAT(try_, __LINE__) = (expression);                                        \
  if (!TRUNKLINE_CONCAT(try_, __LINE__).ok()) return TRUNKLINE_CONCAT(try_, __LINE__).error(); \
  declaration = std::move(TRUNKLINE_CONCAT(try_, __LINE__)).value()

// The same for Result<void>.
#define TRUNKLINE_TRY_VOID(expression)                                         \
  do {                                                                         \
    if (auto try_void = (expression); !try_void.ok()) return try_void.error(); \
  } while (false)
