#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace trunkline::base {

template <class Signature>
class UniqueFunction;

// A callable that may hold what can only be moved; std::move_only_function is C++23. One allocation each.
template <class R, class... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() = default;
  UniqueFunction(std::nullptr_t) {}
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, UniqueFunction> && std::is_invocable_r_v<R, F&, Args...>)
  UniqueFunction(F&& callable) : target_(std::make_unique<Target<std::decay_t<F>>>(std::forward<F>(callable))) {}

  R operator()(Args... args) { return target_->call(std::forward<Args>(args)...); }
  explicit operator bool() const { return target_ != nullptr; }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual R call(Args... args) = 0;
  };
  template <class F>
  struct Target final : Base {
    explicit Target(F held) : callable(std::move(held)) {}
    R call(Args... args) override { return callable(std::forward<Args>(args)...); }
    F callable;
  };
  std::unique_ptr<Base> target_;
};

}  // namespace trunkline::base
