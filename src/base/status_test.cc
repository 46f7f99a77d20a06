// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <muster/status.h>

namespace muster {
namespace {

TEST(Status, is_ok_from_the_start) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kOk);
  EXPECT_EQ(status.message(), "");
  EXPECT_EQ(status.to_string(), "OK");
}

TEST(Status, says_its_code_and_message) {
  const Status status = not_found("no model file in models/lenet/1");
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.to_string(), "NOT_FOUND: no model file in models/lenet/1");
}

TEST(Status, has_grpcs_names_and_numbers) {
  const std::vector<std::string> names = {"OK",
                                          "CANCELLED",
                                          "UNKNOWN",
                                          "INVALID_ARGUMENT",
                                          "DEADLINE_EXCEEDED",
                                          "NOT_FOUND",
                                          "ALREADY_EXISTS",
                                          "PERMISSION_DENIED",
                                          "RESOURCE_EXHAUSTED",
                                          "FAILED_PRECONDITION",
                                          "ABORTED",
                                          "OUT_OF_RANGE",
                                          "UNIMPLEMENTED",
                                          "INTERNAL",
                                          "UNAVAILABLE",
                                          "DATA_LOSS",
                                          "UNAUTHENTICATED"};
  for (std::size_t code = 0; code < names.size(); ++code) {
    EXPECT_EQ(status_code_name(static_cast<StatusCode>(code)), names[code]);
  }
  EXPECT_EQ(status_code_name(static_cast<StatusCode>(17)), "UNKNOWN");
  EXPECT_EQ(status_code_name(static_cast<StatusCode>(255)), "UNKNOWN");
}

TEST(Status, is_made_by_functions_with_the_codes_names) {
  EXPECT_EQ(invalid_argument("x").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(not_found("x").code(), StatusCode::kNotFound);
  EXPECT_EQ(failed_precondition("x").code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(resource_exhausted("x").code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(unimplemented("x").code(), StatusCode::kUnimplemented);
  EXPECT_EQ(unavailable("x").code(), StatusCode::kUnavailable);
  EXPECT_EQ(internal_error("x").code(), StatusCode::kInternal);
}

TEST(Status, copies_are_independent) {
  Status original = internal_error("broken");
  const Status copy = original;
  original = Status();
  EXPECT_TRUE(original.ok());
  EXPECT_EQ(copy.to_string(), "INTERNAL: broken");
}

TEST(Status, survives_assignment_to_itself) {
  Status status = internal_error("broken");
  const Status& same = status;
  status = same;
  EXPECT_EQ(status.message(), "broken");
}

TEST(Status, takes_another_failure_over) {
  Status status = internal_error("first");
  status = not_found("second");
  EXPECT_EQ(status.to_string(), "NOT_FOUND: second");
  const Status third = unavailable("third");
  status = third;
  EXPECT_EQ(status.to_string(), "UNAVAILABLE: third");
}

TEST(Status, puts_context_before_the_message) {
  const Status status = not_found("no such file").with_context("labels");
  EXPECT_EQ(status.to_string(), "NOT_FOUND: labels: no such file");
}

TEST(Status, stays_ok_with_context) {
  EXPECT_TRUE(Status().with_context("labels").ok());
}

TEST(Result, holds_a_value) {
  const Result<int> result = 5;
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, 5);
  EXPECT_TRUE(result.status().ok());
}

TEST(Result, holds_a_failure) {
  const Result<int> result = not_found("nothing");
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.status().message(), "nothing");
}

TEST(Result, makes_a_failure_of_an_ok_status) {
  const Result<int> result = Status();
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.status().to_string(), "INTERNAL: a Result was made from an ok Status");
}

TEST(Result, moves_what_cannot_be_copied) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 7);
}

TEST(Result, takes_a_pointer_to_a_derived_class) {
  struct Base {
    virtual ~Base() = default;
    [[nodiscard]] virtual int number() const { return 1; }
  };
  struct Derived final : Base {
    [[nodiscard]] int number() const override { return 2; }
  };
  const auto make = []() -> Result<std::unique_ptr<Base>> { return std::make_unique<Derived>(); };
  EXPECT_EQ((*make())->number(), 2);
}

TEST(ResultDeathTest, ends_the_process_where_a_missing_value_is_asked_for) {
  const Result<int> result = not_found("no such row");
  EXPECT_DEATH((void)result.value(), "NOT_FOUND: no such row");
}

Result<int> half_of(int number) {
  if (number % 2 != 0) return invalid_argument(std::to_string(number) + " is odd");
  return number / 2;
}

Result<int> quarter_of(int number) {
  MUSTER_ASSIGN_OR_RETURN(const int half, half_of(number));
  MUSTER_ASSIGN_OR_RETURN(const int quarter, half_of(half));
  return quarter;
}

Status is_even(int number) {
  MUSTER_RETURN_IF_ERROR(half_of(number).status());
  return {};
}

TEST(Macros, hand_the_first_failure_on) {
  EXPECT_EQ(*quarter_of(12), 3);
  EXPECT_EQ(quarter_of(6).status().message(), "3 is odd");
  EXPECT_EQ(quarter_of(5).status().message(), "5 is odd");
  EXPECT_TRUE(is_even(2).ok());
  EXPECT_EQ(is_even(3).message(), "3 is odd");
}

}  // namespace
}  // namespace muster
