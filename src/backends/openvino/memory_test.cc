// SPDX-License-Identifier: Apache-2.0
// What loads and large batches took comes back. Measured in the release build alone.
#include <cstring>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/testing/fake_clock.h"
#include "inference/shrink_policy.h"
#include "inference/testing/loaded_model.h"

namespace muster::openvino {
namespace {

constexpr const char* kLenet = MUSTER_SOURCE_DIR "/models/lenet/1/model.onnx";

double resident_megabytes() {
  long total = 0;
  long resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return static_cast<double>(resident * ::sysconf(_SC_PAGESIZE)) / 1e6;
}

void run_rows(LoadedModel& loaded, std::int64_t rows) {
  const std::size_t size = static_cast<std::size_t>(rows) * 28 * 28 * sizeof(float);
  const auto bytes = loaded.session->prepare_input(0, {rows, 1, 28, 28}, size);
  ASSERT_TRUE(bytes.ok());
  std::memset(bytes->data(), 0, size);
  ASSERT_TRUE(loaded.session->run().ok());
}

TEST(Memory, is_given_back_by_models_that_are_unloaded) {
  const std::unique_ptr<Backend> backend = backend_under_test();
  const ModelConfig config;
  const auto load_many = [&] {
    for (int i = 0; i < 20; ++i) {
      const auto model = backend->load({kLenet, &config, 1}).value();
      ASSERT_TRUE(model->new_session().ok());
    }
  };
  load_many();
  const double before = resident_megabytes();
  load_many();
  EXPECT_LT(resident_megabytes() - before, 8);
}

TEST(Memory, is_given_back_when_batches_become_small) {
  FakeClock clock;
  LoadedModel loaded(kLenet, {}, 1, clock);
  run_rows(loaded, 1);
  const double before = resident_megabytes();
  run_rows(loaded, 20'000);
  const double large = resident_megabytes();
  for (int i = 0; i <= ShrinkPolicy::kSmallRuns; ++i)
    run_rows(loaded, 1);
  EXPECT_GT(large - before, 100);
  EXPECT_LT(resident_megabytes() - before, 20);
}

TEST(Memory, does_not_accumulate_over_ever_new_shapes) {
  LoadedModel loaded(kLenet);
  const auto run_many = [&] {
    for (std::int64_t i = 0; i < 400; ++i)
      run_rows(loaded, 1 + i * 7919 % 199);
  };
  run_many();
  const double before = resident_megabytes();
  run_many();
  EXPECT_LT(resident_megabytes() - before, 8);
}

}  // namespace
}  // namespace muster::openvino
