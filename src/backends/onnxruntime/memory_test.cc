// SPDX-License-Identifier: Apache-2.0
// Memory comes back after large batches, and nothing accumulates over many.
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/testing/fake_clock.h"
#include "inference/shrink_policy.h"
#include "inference/testing/loaded_model.h"
#include "onnx/testing/onnx_file.h"

namespace muster::onnxruntime {
namespace {

using namespace onnx;

// Under a sanitizer freed memory stays in quarantine, and its size says nothing: there these tests
// look for leaks and late uses alone. The release build has a binary of them that measures.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#  if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#  else
constexpr bool kSanitized = false;
#  endif
#else
constexpr bool kSanitized = false;
#endif

double resident_megabytes() {
  long total = 0;
  long resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return static_cast<double>(resident * ::sysconf(_SC_PAGESIZE)) / 1e6;
}

// x [N,2] to y [N,2] by way of two intermediate tensors.
std::string three_steps() {
  return message(1, node("Exp", {"x"}, "a")) + message(1, node("Sin", {"a"}, "b")) +
         one_node_graph(node("Neg", {"b"}, "y"), value_info("y", 1, {"N", "2"}));
}

void run_rows(LoadedModel& loaded, std::int64_t rows) {
  const std::size_t size = static_cast<std::size_t>(rows) * 2 * sizeof(float);
  const auto bytes = loaded.session->prepare_input(0, {rows, 2}, size);
  ASSERT_TRUE(bytes.ok());
  std::memset(bytes->data(), 0, size);
  ASSERT_TRUE(loaded.session->run().ok());
}

TEST(Memory, is_given_back_when_batches_become_small) {
  const TemporaryFolder folder;
  FakeClock clock;
  LoadedModel loaded(folder.write("model.onnx", model(three_steps())), {}, 1, clock);
  run_rows(loaded, 1);
  const double before = resident_megabytes();
  run_rows(loaded, 4'000'000);
  const double large = resident_megabytes();
  for (int i = 0; i <= ShrinkPolicy::kSmallRuns; ++i)
    run_rows(loaded, 1);
  const double after = resident_megabytes();
  // 32 MB in, 32 MB out, 64 MB of intermediates that may share.
  EXPECT_GT(large - before, 90);
  if (!kSanitized) {
    EXPECT_LT(after - before, 10) << before << " " << large << " " << after;
  }
}

TEST(Memory, keeps_the_results_of_the_run_that_gives_it_back) {
  FakeClock clock;
  LoadedModel loaded(test_model("identity_fp32.onnx"), {}, 1, clock);
  ASSERT_TRUE(loaded.set(0, {1000, 4}, std::vector<float>(4000, 1)).ok());
  ASSERT_TRUE(loaded.session->run().ok());
  for (int i = 0; i < 3 * ShrinkPolicy::kSmallRuns; ++i) {
    const std::vector<float> values(4, static_cast<float>(i));
    ASSERT_TRUE(loaded.set(0, {1, 4}, values).ok());
    ASSERT_TRUE(loaded.session->run().ok());
    ASSERT_EQ(loaded.get<float>(0), values);
  }
}

TEST(Memory, does_not_accumulate_over_ever_new_shapes) {
  const TemporaryFolder folder;
  LoadedModel loaded(folder.write("model.onnx", model(three_steps())));
  std::int64_t rows = 1;
  const auto run_many = [&] {
    for (int i = 0; i < 2000; ++i)
      run_rows(loaded, 1 + (rows += 7919) % 20'011);
  };
  run_many();
  const double before = resident_megabytes();
  run_many();
  run_many();
  if (!kSanitized) {
    EXPECT_LT(resident_megabytes() - before, 8);
  }
}

TEST(Memory, is_given_back_by_models_that_are_unloaded) {
  const std::unique_ptr<Backend> backend = backend_under_test();
  const ModelConfig config;
  const auto load_many = [&] {
    for (int i = 0; i < 100; ++i) {
      const auto model = backend->load({test_model("two_in_two_out.onnx"), &config, 1}).value();
      ASSERT_TRUE(model->new_session().ok());
    }
  };
  load_many();
  const double before = resident_megabytes();
  load_many();
  if (!kSanitized) {
    EXPECT_LT(resident_megabytes() - before, 8);
  }
}

}  // namespace
}  // namespace muster::onnxruntime
