// SPDX-License-Identifier: Apache-2.0
// Status and Result<T>: the outcome of every call that can fail. Muster throws nothing of its
// own; only the standard library's bad_alloc can leave a call.
//
// Codes are gRPC's canonical ones (same names, same numbers), so that one table can map them to
// HTTP and gRPC. Messages are one line, for the person who reads them, and name the thing that is
// wrong. Both types are values: copy, move and read them from any thread that owns them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace muster {

enum class StatusCode : std::uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// The code's gRPC name, e.g. "INVALID_ARGUMENT".
[[nodiscard]] std::string_view status_code_name(StatusCode code) noexcept;

class [[nodiscard]] Status {
 public:
  Status() noexcept = default;  // ok; allocates nothing
  // `code` must not be kOk.
  Status(StatusCode code, std::string message)
      : failure_(std::make_unique<Failure>(Failure{code, std::move(message)})) {}

  Status(const Status& other)
      : failure_(other.failure_ ? std::make_unique<Failure>(*other.failure_) : nullptr) {}
  Status& operator=(const Status& other) {
    if (this != &other) failure_ = Status(other).failure_take();
    return *this;
  }
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;
  ~Status() = default;

  [[nodiscard]] bool ok() const noexcept { return failure_ == nullptr; }
  [[nodiscard]] StatusCode code() const noexcept {
    return failure_ ? failure_->code : StatusCode::kOk;
  }
  [[nodiscard]] std::string_view message() const noexcept {
    return failure_ ? std::string_view(failure_->message) : std::string_view();
  }
  // "NOT_FOUND: no model file in models/lenet/1", or "OK".
  [[nodiscard]] std::string to_string() const;

  // The same failure with "context: " before its message; ok stays ok.
  [[nodiscard]] Status with_context(std::string_view context) const;

 private:
  struct Failure {
    StatusCode code;
    std::string message;
  };
  std::unique_ptr<Failure> failure_take() noexcept { return std::move(failure_); }

  std::unique_ptr<Failure> failure_;  // null = ok
};

[[nodiscard]] Status invalid_argument(std::string message);
[[nodiscard]] Status not_found(std::string message);
[[nodiscard]] Status failed_precondition(std::string message);
[[nodiscard]] Status resource_exhausted(std::string message);
[[nodiscard]] Status unimplemented(std::string message);
[[nodiscard]] Status unavailable(std::string message);
[[nodiscard]] Status internal_error(std::string message);

// Stops the process with a message on stderr: a Result's value was asked for where there is none.
[[noreturn]] void die_of_bad_result(const Status& status) noexcept;

// A T, or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    if (status_.ok()) status_ = internal_error("a Result was made from an ok Status");
  }
  // So that a function that returns Result<unique_ptr<Base>> can return a unique_ptr<Derived>.
  // NOLINTBEGIN(google-explicit-constructor,bugprone-forwarding-reference-overload)
  template <typename U>
  requires(std::is_convertible_v<U&&, T> && !std::is_arithmetic_v<T> &&
           !std::is_same_v<std::remove_cvref_t<U>, Result> &&
           !std::is_same_v<std::remove_cvref_t<U>, T> &&
           !std::is_same_v<std::remove_cvref_t<U>, Status>) Result(U&& value)
      : value_(std::forward<U>(value)) {}
  // NOLINTEND(google-explicit-constructor,bugprone-forwarding-reference-overload)

  [[nodiscard]] bool ok() const noexcept { return value_.has_value(); }
  [[nodiscard]] const Status& status() const& noexcept { return status_; }
  [[nodiscard]] Status status() && noexcept { return std::move(status_); }

  // Only where ok(): otherwise the process ends with the status as its last words.
  [[nodiscard]] T& value() & {
    if (!ok()) die_of_bad_result(status_);
    return *value_;
  }
  [[nodiscard]] const T& value() const& {
    if (!ok()) die_of_bad_result(status_);
    return *value_;
  }
  [[nodiscard]] T&& value() && {
    if (!ok()) die_of_bad_result(status_);
    return *std::move(value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace muster

#define MUSTER_CONCAT_(a, b) a##b
#define MUSTER_CONCAT(a, b) MUSTER_CONCAT_(a, b)

#define MUSTER_RETURN_IF_ERROR(expression)                                    \
  do {                                                                        \
    if (::muster::Status muster_status_ = (expression); !muster_status_.ok()) \
      return muster_status_;                                                  \
  } while (false)

// `target` may be a declaration, which parentheses would break.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define MUSTER_ASSIGN_OR_RETURN(target, expression) \
  MUSTER_ASSIGN_OR_RETURN_(MUSTER_CONCAT(muster_result_, __LINE__), target, expression)
#define MUSTER_ASSIGN_OR_RETURN_(result, target, expression) \
  auto result = (expression);                                \
  if (!result.ok()) return std::move(result).status();       \
  target = std::move(result).value()
// NOLINTEND(bugprone-macro-parentheses)
