// SPDX-License-Identifier: Apache-2.0
#include "backends/scripted/scripted_backend.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/temporary_folder.h"
#include "base/testing/fake_clock.h"

namespace muster::scripted {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

Script echo_script() {
  return parse_script("input A FP32 [-1]\noutput B FP32 [-1]").value();
}

std::shared_ptr<const CompiledModel> load(ScriptedBackend& backend,
                                          const ModelConfig& config = {}) {
  return backend.load({"", &config, 1}).value();
}

Status run_rows(Session& session, const std::vector<float>& rows) {
  const Shape shape{static_cast<std::int64_t>(rows.size())};
  MUSTER_ASSIGN_OR_RETURN(const std::span<std::byte> bytes,
                          session.prepare_input(0, shape, rows.size() * sizeof(float)));
  std::memcpy(bytes.data(), rows.data(), bytes.size());
  return session.run();
}

TEST(ScriptedBackend, echoes_its_inputs) {
  ScriptedBackend backend;
  backend.set_script(echo_script());
  const auto session = load(backend)->new_session().value();
  ASSERT_TRUE(run_rows(*session, {1, 2, 3}).ok());
  const TensorView output = session->output(0).value();
  EXPECT_EQ(output.shape, Shape{3});
  EXPECT_EQ(output.elements<float>()[2], 3);
}

TEST(ScriptedBackend, makes_zeros_where_it_cannot_echo) {
  ScriptedBackend backend;
  backend.set_script(
      parse_script("input A FP32 [-1]\noutput B INT64 [-1,2]\noutput C BYTES [-1]").value());
  const auto session = load(backend)->new_session().value();
  ASSERT_TRUE(run_rows(*session, {1, 2}).ok());
  const TensorView zeros = session->output(0).value();
  EXPECT_EQ(zeros.shape, (Shape{2, 2}));
  EXPECT_EQ(zeros.elements<std::int64_t>()[3], 0);
  const TensorView strings = session->output(1).value();
  EXPECT_EQ(bytes_elements(strings).value(), (std::vector<std::string_view>{"", ""}));
}

TEST(ScriptedBackend, computes_what_a_test_says) {
  ScriptedBackend backend;
  Script script = echo_script();
  script.compute = [](std::span<const TensorView> inputs) -> Result<std::vector<Tensor>> {
    MUSTER_ASSIGN_OR_RETURN(Tensor out,
                            Tensor::copy_of(DataType::kFp32, inputs[0].shape, inputs[0].bytes));
    for (float& value : out.elements<float>())
      value *= 2;
    std::vector<Tensor> outputs;
    outputs.push_back(std::move(out));
    return outputs;
  };
  backend.set_script(std::move(script));
  const auto session = load(backend)->new_session().value();
  ASSERT_TRUE(run_rows(*session, {1, 21}).ok());
  EXPECT_EQ(session->output(0).value().elements<float>()[1], 42);
}

TEST(ScriptedBackend, fails_every_nth_run_and_goes_on) {
  ScriptedBackend backend;
  Script script = echo_script();
  script.fail_every = 3;
  script.fail_message = "out of paper";
  backend.set_script(script);
  const auto model = load(backend);
  const auto a = model->new_session().value();
  const auto b = model->new_session().value();
  EXPECT_TRUE(run_rows(*a, {1}).ok());
  EXPECT_TRUE(run_rows(*b, {1}).ok());
  EXPECT_EQ(run_rows(*a, {1}).message(), "out of paper");
  EXPECT_FALSE(a->output(0).ok());
  EXPECT_TRUE(run_rows(*a, {1}).ok());
}

TEST(ScriptedBackend, breaks_for_good_where_the_script_says_so) {
  ScriptedBackend backend;
  Script script = echo_script();
  script.break_at = 2;
  script.break_message = "the device is gone";
  backend.set_script(script);
  const auto model = load(backend);
  const auto session = model->new_session().value();
  EXPECT_TRUE(run_rows(*session, {1}).ok());
  for (int again = 0; again < 2; ++again)
    EXPECT_EQ(run_rows(*session, {1}).code(), kBrokenForGood);
}

TEST(ScriptedBackend, fails_the_load_where_the_script_says_so) {
  ScriptedBackend backend;
  Script script = echo_script();
  script.fail_load = "no such weights";
  backend.set_script(script);
  EXPECT_EQ(backend.load({"m/model.script", nullptr, 1}).status().message(),
            "m/model.script: no such weights");
}

TEST(ScriptedBackend, takes_its_time_on_the_clock) {
  FakeClock clock;
  ScriptedBackend backend(clock);
  Script script = echo_script();
  script.latency = microseconds(100);
  script.latency_per_row = microseconds(10);
  backend.set_script(script);
  const auto session = load(backend)->new_session().value();
  const auto start = clock.now();
  std::thread runner([&] { EXPECT_TRUE(run_rows(*session, {1, 2}).ok()); });
  clock.await_waiters(1);
  clock.advance(microseconds(120));
  runner.join();
  EXPECT_EQ(clock.now() - start, microseconds(120));
}

TEST(ScriptedBackend, delays_as_tritons_identity_does) {
  FakeClock clock;
  ScriptedBackend backend(clock);
  ModelConfig config;
  config.parameters = {{"execute_delay_ms", "100"}, {"instance_wise_delay_multiplier", "4"}};
  const auto model = load(backend, config);
  EXPECT_EQ(model->signature().inputs[0].name, "INPUT0");
  const auto first = model->new_session().value();
  const auto second = model->new_session().value();
  const auto run = [](Session& session) {
    ASSERT_TRUE(session.prepare_input(0, {1, 1}, 4).ok());
    EXPECT_TRUE(session.run().ok());
  };
  std::thread a([&] { run(*first); });
  std::thread b([&] { run(*second); });
  clock.await_waiters(2);
  clock.advance(milliseconds(100));
  a.join();
  clock.advance(milliseconds(300));
  b.join();
}

TEST(ScriptedBackend, delays_the_creation_of_a_model) {
  FakeClock clock;
  ScriptedBackend backend(clock);
  ModelConfig config;
  config.parameters = {{"creation_delay_sec", "2"}};
  std::thread loader([&] { EXPECT_TRUE(backend.load({"", &config, 1}).ok()); });
  clock.await_waiters(1);
  clock.advance(std::chrono::seconds(2));
  loader.join();
}

TEST(ScriptedBackend, takes_its_tensors_from_the_configuration_where_there_is_no_script) {
  ScriptedBackend backend;
  ModelConfig config;
  config.inputs = {{"X", DataType::kInt32, Shape{kDynamicDim, 3}, {}}};
  config.outputs = {{"Y", DataType::kInt32, Shape{kDynamicDim, 3}, {}}};
  const auto model = load(backend, config);
  EXPECT_EQ(model->signature().inputs[0].name, "X");
  EXPECT_EQ(model->signature().outputs[0].type, DataType::kInt32);
}

TEST(ScriptedBackend, refuses_parameters_that_it_does_not_know) {
  ScriptedBackend backend;
  ModelConfig config;
  config.parameters = {{"execute_delay", "1"}};
  EXPECT_NE(backend.load({"", &config, 1}).status().message().find("'execute_delay_ms'"),
            std::string_view::npos);
  config.parameters = {{"execute_delay_ms", "-1"}};
  EXPECT_FALSE(backend.load({"", &config, 1}).ok());
}

TEST(ScriptedBackend, reads_a_script_file) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("muster_script_" + std::to_string(::getpid()));
  std::ofstream(file) << "input A FP32 [-1]\noutput B FP32 [-1]\n";
  ScriptedBackend backend;
  EXPECT_TRUE(backend.load({file.string(), nullptr, 1}).ok());
  std::ofstream(file) << "nonsense\n";
  EXPECT_NE(backend.load({file.string(), nullptr, 1}).status().message().find("line 1"),
            std::string_view::npos);
  std::filesystem::remove(file);
  EXPECT_EQ(backend.load({file.string(), nullptr, 1}).status().code(), StatusCode::kNotFound);
  EXPECT_FALSE(backend.load({"/", nullptr, 1}).ok());
}

TEST(Stage, holds_runs_until_they_are_released) {
  ScriptedBackend backend;
  backend.set_script(echo_script());
  const auto model = load(backend);
  const auto a = model->new_session().value();
  const auto b = model->new_session().value();
  Stage& stage = backend.stage();
  stage.hold();
  std::thread first([&] { EXPECT_TRUE(run_rows(*a, {1, 2}).ok()); });
  stage.await_held(1);
  std::thread second([&] { EXPECT_TRUE(run_rows(*b, {1}).ok()); });
  stage.await_held(2);
  const std::thread::id second_id = second.get_id();
  EXPECT_EQ(stage.run_count(), 2U);
  stage.release_all();
  first.join();
  second.join();
  const std::vector<RunRecord> records = stage.records();
  EXPECT_EQ(records[0].rows, 2);
  EXPECT_EQ(records[1].rows, 1);
  EXPECT_EQ(records[1].thread, second_id);
}

TEST(Stage, releases_one_run_at_a_time) {
  ScriptedBackend backend;
  backend.set_script(echo_script());
  const auto session = load(backend)->new_session().value();
  backend.stage().hold();
  backend.stage().release();
  EXPECT_TRUE(run_rows(*session, {1}).ok());
  std::thread held([&] { EXPECT_TRUE(run_rows(*session, {1}).ok()); });
  backend.stage().await_held(1);
  backend.stage().release();
  held.join();
}

TEST(Stage, fails_the_next_runs) {
  ScriptedBackend backend;
  backend.set_script(echo_script());
  const auto session = load(backend)->new_session().value();
  backend.stage().fail_next(unavailable("the device is gone"), 2);
  EXPECT_EQ(run_rows(*session, {1}).code(), StatusCode::kUnavailable);
  EXPECT_EQ(run_rows(*session, {1}).message(), "the device is gone");
  EXPECT_TRUE(run_rows(*session, {1}).ok());
}

TEST(ScriptedSession, keeps_the_order_of_a_batch) {
  ScriptedBackend backend;
  backend.set_script(echo_script());
  const auto session = load(backend)->new_session().value();
  EXPECT_EQ(session->run().code(), StatusCode::kFailedPrecondition);
  EXPECT_FALSE(session->output(0).ok());
  EXPECT_FALSE(session->prepare_input(0, {2}, 7).ok());
  EXPECT_FALSE(session->prepare_input(1, {2}, 8).ok());
  ASSERT_TRUE(run_rows(*session, {1}).ok());
  EXPECT_FALSE(session->output(1).ok());
  EXPECT_EQ(session->run().code(), StatusCode::kFailedPrecondition);
}

// Notes what it is told, and stops at a call.
class Watch final : public CompileListener {
 public:
  explicit Watch(int calls = 1000) : left_(calls) {}
  bool on_progress(const CompileProgress& progress) override {
    done.push_back(progress.done);
    return --left_ >= 0;
  }
  std::vector<double> done;

 private:
  int left_;
};

class PreparedScript : public ::testing::Test {
 protected:
  PreparedScript() { source_.compiled_cache = cache_.path().string(); }
  void set(const std::string& more) {
    backend_.set_script(
        parse_script("input A FP32 [-1]\noutput B FP32 [-1]\nprepare_us 0 4\n" + more).value());
  }

  const TemporaryFolder cache_ = TemporaryFolder::make("muster-scripted").value();
  ScriptedBackend backend_;
  const ModelConfig config_;
  ModelSource source_{"", &config_, 1};
};

TEST_F(PreparedScript, is_prepared_once_step_by_step) {
  set("");
  EXPECT_TRUE(backend_.must_compile(source_).value());
  Watch watch;
  ASSERT_TRUE(backend_.compile(source_, "", watch).ok());
  EXPECT_EQ(watch.done, (std::vector<double>{0, 0.25, 0.5, 0.75}));
  EXPECT_FALSE(backend_.must_compile(source_).value());
  Watch again;
  ASSERT_TRUE(backend_.compile(source_, "", again).ok());
  EXPECT_TRUE(again.done.empty());
  EXPECT_TRUE(backend_.load(source_).ok());
  EXPECT_TRUE(backend_.forget_compiled(source_).ok());
  EXPECT_TRUE(backend_.forget_compiled(source_).ok());
  EXPECT_TRUE(backend_.must_compile(source_).value());
  EXPECT_TRUE(backend_.load(source_).ok());
}

TEST_F(PreparedScript, makes_the_folder_where_there_is_none) {
  set("");
  source_.compiled_cache += "/new";
  EXPECT_TRUE(backend_.must_compile(source_).value());
  Watch watch;
  ASSERT_TRUE(backend_.compile(source_, "", watch).ok());
  EXPECT_FALSE(backend_.must_compile(source_).value());
  EXPECT_EQ(std::filesystem::status(source_.compiled_cache).permissions(),
            std::filesystem::perms::owner_all);
}

TEST_F(PreparedScript, leaves_nothing_behind_where_it_ends_before) {
  set("");
  Watch watch(2);
  EXPECT_EQ(backend_.compile(source_, "", watch).status().code(), StatusCode::kCancelled);
  set("fail_prepare no tactic");
  Watch other;
  EXPECT_EQ(backend_.compile(source_, "", other).status().to_string(),
            "INTERNAL: scripted model: no tactic");
  EXPECT_TRUE(std::filesystem::is_empty(cache_.path()));
  EXPECT_EQ(backend_.load(source_).status().code(), StatusCode::kInternal);
}

TEST_F(PreparedScript, says_zeros_where_it_differs) {
  set("prepared_differs");
  const auto session = backend_.load(source_).value()->new_session().value();
  ASSERT_TRUE(run_rows(*session, {1, 2, 3}).ok());
  EXPECT_EQ(session->output(0).value().elements<float>()[2], 0);
}

TEST_F(PreparedScript, is_prepared_into_a_cache_alone) {
  Watch watch;
  set("");
  EXPECT_EQ(backend_.compile(source_, "/nowhere/file", watch).status().code(),
            StatusCode::kUnimplemented);
  source_.compiled_cache = "/nowhere/deeper";
  EXPECT_EQ(backend_.compile(source_, "", watch).status().code(), StatusCode::kFailedPrecondition);
  source_.compiled_cache = "";
  EXPECT_EQ(backend_.compile(source_, "", watch).status().code(), StatusCode::kUnimplemented);
  backend_.set_script(echo_script());
  EXPECT_FALSE(backend_.must_compile(source_).value());
}

}  // namespace
}  // namespace muster::scripted
