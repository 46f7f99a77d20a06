// SPDX-License-Identifier: Apache-2.0
#include "serving/stand_in/stand_in_check.h"

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "serving/testing/fake_models.h"

namespace muster::testing {
namespace {

using MakeModel = std::shared_ptr<FakeModel> (*)();

// Two of the same model, and how it is served.
struct Pair {
  explicit Pair(MakeModel make) : stand_in(make()), compiled(make()) {
    const bool stacked = stand_in->signature.has_batch_axis();
    config.batching.max_batch_size = stacked ? 64 : 0;
    config.dynamic_batching = stacked;
  }
  [[nodiscard]] Result<StandInFindings> check(std::stop_token give_up = {}) const {
    const FakeCompiledModel one(stand_in);
    const FakeCompiledModel other(compiled);
    return check_stand_in({one, other, config, tolerance, std::move(give_up)});
  }
  // The compiled one says what the other does, and then `edit` is done to it.
  void change(void (*edit)(Outputs& outputs, const Inputs& inputs)) const {
    compiled->compute = [compute = stand_in->compute, edit](const Inputs& inputs) {
      Result<Outputs> outputs = compute(inputs);
      if (outputs.ok()) edit(*outputs, inputs);
      return outputs;
    };
  }

  std::shared_ptr<FakeModel> stand_in;
  std::shared_ptr<FakeModel> compiled;
  ModelConfig config;
  std::optional<double> tolerance;
};

std::string difference(const Result<StandInFindings>& findings) {
  return findings.ok() ? findings->difference : findings.status().to_string();
}

TEST(StandInCheck, finds_nothing_between_two_that_are_the_same) {
  for (const MakeModel make : {&linear_model, &fixed_model, &echo_model, &total_model}) {
    const auto findings = Pair(make).check();
    ASSERT_TRUE(findings.ok()) << findings.status().to_string();
    EXPECT_EQ(findings->difference, "");
    EXPECT_NE(findings->nearest, "");
  }
}

TEST(StandInCheck, runs_rows_alone_and_together) {
  const Pair pair(&linear_model);
  ASSERT_TRUE(pair.check().ok());
  std::vector<Shape> shapes(kCheckedRows, Shape{1, 2});
  for (const auto& run : pair.stand_in->runs()) {
    ASSERT_FALSE(shapes.empty());
    EXPECT_EQ(run.front(), shapes.back());
    shapes.pop_back();
  }
  EXPECT_TRUE(shapes.empty());
  EXPECT_EQ(pair.compiled->runs().back().front(), (Shape{kCheckedRows, 2}));
}

TEST(StandInCheck, finds_what_is_wrong_in_batches_alone) {
  const Pair pair(&linear_model);
  pair.change([](Outputs& outputs, const Inputs& inputs) {
    if (inputs[0].shape[0] == 1) return;
    std::vector<float> values = values_of(outputs[0]);
    std::swap(values[0], values[2]);
    outputs[0] = floats(inputs[0].shape, values);
  });
  const std::string text = difference(pair.check());
  EXPECT_NE(text.find("output 'y' differs in 2 of 16 elements of batches of 8"), std::string::npos)
      << text;
}

TEST(StandInCheck, tolerates_as_much_as_it_is_told) {
  Pair pair(&linear_model);
  pair.change([](Outputs& outputs, const Inputs& inputs) {
    std::vector<float> values = values_of(outputs[0]);
    for (float& value : values)
      value *= 1.01F;
    outputs[0] = floats(inputs[0].shape, values);
  });
  EXPECT_NE(difference(pair.check()), "");
  pair.tolerance = 0.02;
  EXPECT_EQ(difference(pair.check()), "");
  pair.tolerance = 0;
  EXPECT_NE(difference(pair.check()), "");
}

TEST(StandInCheck, names_what_the_signatures_do_not_share) {
  const Pair pair(&linear_model);
  pair.compiled->signature.outputs[0].type = DataType::kFp16;
  EXPECT_EQ(difference(pair.check()), "output 'y' is FP16 [-1,2] instead of FP32 [-1,2]");
}

TEST(StandInCheck, finds_a_length_that_both_run_where_the_model_leaves_it_open) {
  const Pair pair(&total_model);
  const auto compute = pair.compiled->compute;
  pair.compiled->compute = [compute](const Inputs& inputs) -> Result<Outputs> {
    if (inputs[0].shape[1] > 20) return invalid_argument("the profile goes from 1 to 20");
    return compute(inputs);
  };
  EXPECT_EQ(difference(pair.check()), "");
  EXPECT_EQ(pair.compiled->runs().back().front(), (Shape{kCheckedRows, 16}));
}

TEST(StandInCheck, says_where_no_length_runs) {
  const Pair pair(&total_model);
  pair.compiled->compute = [](const Inputs&) -> Result<Outputs> {
    return invalid_argument("only 77 will do");
  };
  EXPECT_EQ(difference(pair.check()),
            "INVALID_ARGUMENT: no length of its open dimensions was found that both run: only 77 "
            "will do");
}

TEST(StandInCheck, says_where_one_does_not_run) {
  const Pair pair(&linear_model);
  pair.compiled->compute = [](const Inputs&) -> Result<Outputs> {
    return internal_error("a kernel failed");
  };
  EXPECT_EQ(difference(pair.check()), "INTERNAL: a kernel failed");
  pair.stand_in->session_outcome = unavailable("no session");
  EXPECT_EQ(difference(pair.check()), "UNAVAILABLE: no session");
}

TEST(StandInCheck, compares_rows_alone_where_they_do_not_share_batches) {
  Pair pair(&arithmetic_model);
  pair.config.dynamic_batching = false;
  EXPECT_EQ(difference(pair.check()), "");
  for (const auto& run : pair.compiled->runs())
    EXPECT_EQ(run.front(), (Shape{1, 2}));
}

TEST(StandInCheck, ends_where_it_is_given_up) {
  const Pair pair(&linear_model);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(pair.check(stop.get_token()).status().code(), StatusCode::kCancelled);
  EXPECT_EQ(pair.compiled->runs().size(), 0U);
}

}  // namespace
}  // namespace muster::testing
