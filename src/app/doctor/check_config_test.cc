// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gtest/gtest.h>

#include "app/doctor/testing/facts.h"
#include "inference/thread_budget.h"

namespace muster {
namespace {

using testing::found_by;
using testing::model_with;
using testing::only;

std::string parameter(const std::string& name, const std::string& value) {
  return "max_batch_size: 8\ndynamic_batching { }\nparameters { key: \"" + name +
         "\" value { string_value: \"" + value + "\" } }\n";
}

TEST(ConfigChecks, find_nothing_in_a_sound_model) {
  for (const ModelCheck& check : config_checks()) {
    EXPECT_EQ(only(found_by(check.name, model_with())), "none") << check.name;
    EXPECT_EQ(only(found_by(check.name, model_with(""))), "none") << check.name;
  }
}

TEST(ConfigChecks, find_nothing_where_the_configuration_is_wrong_in_itself) {
  for (const ModelCheck& check : config_checks())
    EXPECT_EQ(only(found_by(check.name, model_with("max_batch_size: -1"))), "none") << check.name;
}

TEST(BatchingOff, is_found_where_the_model_could_batch) {
  EXPECT_EQ(only(found_by("batching-off", model_with("\nmax_batch_size: 0"))),
            "models/m/config.pbtxt:2: max_batch_size is 0, which switches batching off, and the "
            "model has an open batch axis (Triton would batch by 4) -> max_batch_size: 64, or "
            "leave it out");
}

TEST(BatchingOff, is_noted_where_the_model_cannot_batch) {
  ModelFacts model = model_with("");
  model.versions[0].signature->inputs[0].shape = {4, 4};
  model.versions[0].config->batching.max_batch_size = 0;
  const Findings found = found_by("batching-off", model);
  EXPECT_EQ(only(found),
            "models/m/1/model.onnx: input 'x' has shape [4,4], without an open first axis: "
            "requests run one by one -> export the model with a dynamic batch axis, if requests "
            "are to share runs");
  EXPECT_EQ(found[0].severity, Severity::kNote);
}

TEST(BatchingOff, is_noted_with_the_line_that_fills_batches_of_openvino_up) {
  ModelFacts model = model_with("");
  model.versions[0].signature->inputs[0].shape = {4, 4};
  ModelConfig& config = *model.versions[0].config;
  config.backend = "openvino";
  config.batching.max_batch_size = 0;
  config.inputs = {{"x", DataType::kFp32, {4, 4}, {}}};
  config.outputs = {{"y", DataType::kFp32, {4, 4}, {}}};
  EXPECT_EQ(found_by("batching-off", model).at(0).fix,
            "write max_batch_size: 4 dynamic_batching { } parameters { key: "
            "\"ENABLE_BATCH_PADDING\" value { string_value: \"YES\" } }, or export the model with "
            "a dynamic batch axis, if requests are to share runs");
  config.outputs[0].shape = {5, 4};
  EXPECT_EQ(found_by("batching-off", model).at(0).fix,
            "export the model with a dynamic batch axis, if requests are to share runs");
}

TEST(NotMerged, is_found_without_dynamic_batching) {
  EXPECT_EQ(only(found_by("not-merged", model_with("max_batch_size: 8"))),
            "models/m/config.pbtxt:1: max_batch_size is 8, but without dynamic_batching no two "
            "requests share a batch -> add dynamic_batching { }");
  EXPECT_EQ(only(found_by("not-merged", model_with("max_batch_size: 1"))), "none");
}

TEST(Delay, is_found_where_it_is_long) {
  const auto found = [](const std::string& delay) {
    return only(found_by(
        "delay",
        model_with("dynamic_batching {\n  max_queue_delay_microseconds: " + delay + "\n}")));
  };
  EXPECT_EQ(found("100000"), "none");
  EXPECT_EQ(found("5000000"),
            "models/m/config.pbtxt:2: a request that is alone waits for 5000 ms; the unit is "
            "microseconds -> write a time that requests can spare, as in "
            "max_queue_delay_microseconds: 1000");
}

TEST(Delay, is_found_where_requests_expire_before) {
  const auto found = [](const std::string& timeout) {
    return only(
        found_by("delay", model_with("dynamic_batching { max_queue_delay_microseconds: 500\n"
                                     "default_queue_policy { default_timeout_microseconds: " +
                                     timeout + " } }")));
  };
  EXPECT_EQ(found("501"), "none");
  EXPECT_EQ(found("500"),
            "models/m/config.pbtxt:2: requests are due to expire after 500 us, before a batch that "
            "is not full has waited for its 500 us -> write more than 500");
}

TEST(PreferredSize, is_found_where_it_is_one) {
  EXPECT_EQ(only(found_by("preferred-size",
                          model_with("dynamic_batching { preferred_batch_size: [ 4, 1 ] }"))),
            "models/m/config.pbtxt:1: 1 is a preferred size: a request that is alone goes at once, "
            "and max_queue_delay_microseconds means nothing -> take the 1 out of "
            "preferred_batch_size");
  EXPECT_EQ(only(found_by("preferred-size",
                          model_with("dynamic_batching { preferred_batch_size: [ 4 ] }"))),
            "none");
}

TEST(CpuBudget, is_found_where_instances_or_threads_are_more) {
  EXPECT_EQ(only(found_by("cpu-budget", model_with("instance_group [ { count: 5 } ]"))),
            "models/m/config.pbtxt:1: 5 instances share 4 CPUs, so that all of them are slower -> "
            "count: 4");
  EXPECT_EQ(only(found_by("cpu-budget", model_with("instance_group [ { count: 4 } ]"))), "none");
  const ModelFacts threads = model_with(parameter("intra_op_thread_count", "8"));
  EXPECT_EQ(only(found_by("cpu-budget", threads)),
            "models/m/config.pbtxt:3: intra_op_thread_count is 8, and this process has 4 CPUs -> "
            "write 4 or less, or leave it out");
  MachineFacts machine = testing::sound_machine();
  machine.cpu_budget = 1;
  machine.thread_budget = 1;
  EXPECT_EQ(only(found_by("cpu-budget", threads, machine)),
            "models/m/config.pbtxt:3: intra_op_thread_count is 8, and this process has 1 CPU of 4 "
            "by its cgroup's quota -> write 1 or less, or leave it out");
  machine.cpu_budget = 8;
  machine.thread_budget = 8;
  EXPECT_EQ(only(found_by("cpu-budget", threads, machine)), "none");
}

TEST(CpuBudget, is_what_the_server_is_told_to_use) {
  MachineFacts machine = testing::sound_machine();
  machine.thread_budget = 2;
  const ModelFacts instances = model_with("instance_group [ { count: 3 } ]");
  EXPECT_EQ(only(found_by("cpu-budget", instances, machine)),
            "models/m/config.pbtxt:1: 3 instances share a thread budget of 2, so that all of them "
            "are slower -> count: 2");
  const ModelFacts threads = model_with(parameter("intra_op_thread_count", "8"));
  EXPECT_EQ(only(found_by("cpu-budget", threads, machine)),
            "models/m/config.pbtxt:3: intra_op_thread_count is 8, and this process has a thread "
            "budget of 2 -> write 2 or less, or leave it out");
  machine.thread_budget = 8;
  EXPECT_EQ(only(found_by("cpu-budget", threads, machine)), "none");
}

TEST(CpuBudget, is_found_exceeded_by_instances_and_threads_together) {
  ModelFacts model = model_with(
      "instance_group [ { count: 3 } ]\n"
      "parameters { key: \"intra_op_thread_count\" value { string_value: \"3\" } }");
  EXPECT_EQ(only(found_by("cpu-budget", model)), "none");
  model.versions[0].oversubscription = oversubscription(4, 3, {3, 2});
  EXPECT_EQ(only(found_by("cpu-budget", model)),
            "models/m/config.pbtxt:1: 3 instances with runs of up to 3 threads can keep 5 threads "
            "busy, and the thread budget of this process is 4: they will take turns -> ask for "
            "less, or give the process more (--threads)");
  MachineFacts machine = testing::sound_machine();
  machine.thread_budget = 2;
  EXPECT_EQ(found_by("cpu-budget", model, machine).size(), 2U) << "what is said already is enough";
}

TEST(Spinning, is_found_where_it_is_on) {
  const auto found = [](const std::string& value) {
    return only(
        found_by("spinning", model_with(parameter("session.intra_op.allow_spinning", value))));
  };
  EXPECT_EQ(found("0"), "none");
  EXPECT_EQ(found("1"),
            "models/m/config.pbtxt:3: threads that wait for work turn in circles, also when nobody "
            "asks for anything -> write 0, or leave it out");
}

TEST(Precision, is_noted_where_it_is_lower) {
  const auto found = [](const std::string& value) {
    return only(found_by("precision", model_with(parameter("INFERENCE_PRECISION_HINT", value))));
  };
  EXPECT_EQ(found("f32"), "none");
  EXPECT_EQ(found("FP32"), "none");
  EXPECT_EQ(found("BF16"),
            "models/m/config.pbtxt:3: bf16 gives other answers than f32, and only on processors "
            "that have it -> muster verify 'models/m' says how different they are");
}

TEST(Precision, is_found_where_the_processor_has_another) {
  ModelFacts model = model_with(parameter("INFERENCE_PRECISION_HINT", "f16"));
  model.versions[0].precision = "bf16";
  EXPECT_EQ(only(found_by("precision", model)),
            "models/m/config.pbtxt:3: f16 is asked for, and this processor computes in bf16 -> "
            "write bf16, or f32");
  model.versions[0].precision = "f16";
  EXPECT_EQ(found_by("precision", model).at(0).severity, Severity::kNote);
}

TEST(BatchMemory, is_found_where_a_batch_does_not_fit) {
  MachineFacts machine = testing::sound_machine();
  machine.available_memory = 2 << 20;
  const ModelFacts model = model_with(
      "max_batch_size: 65536\ninstance_group [ { count: 4 } ]\n"
      "dynamic_batching { }");
  EXPECT_EQ(only(found_by("batch-memory", model, machine)),
            "models/m/config.pbtxt:1: the inputs of 4 batches of 65536 rows take 4 MiB, and 2 MiB "
            "are free -> max_batch_size: 32768 or less");
  machine.available_memory = 4 << 20;
  EXPECT_EQ(only(found_by("batch-memory", model, machine)), "none");
}

TEST(Accelerator, is_found_where_it_does_not_run) {
  ModelFacts model = model_with(
      "optimization { execution_accelerators {\n"
      "  gpu_execution_accelerator { name: \"tensorrt\" }\n"
      "  gpu_execution_accelerator { name: \"cuda\" } } }");
  ASSERT_TRUE(model.said);
  model.versions[0].accelerators = "tensorrt";
  EXPECT_EQ(only(found_by("accelerator", model)),
            "models/m/config.pbtxt:3: accelerator 'cuda' is not to be had here: tensorrt runs the "
            "model -> install what the warning at load names, or take it out of the list");
  model.versions[0].accelerators = "tensorrt, cuda";
  EXPECT_EQ(only(found_by("accelerator", model)), "none");
  model.versions[0].signature.reset();
  model.versions[0].accelerators = "";
  EXPECT_EQ(only(found_by("accelerator", model)), "none") << "the failure to load says it";
}

TEST(WantedVersion, is_found_where_it_is_missing) {
  EXPECT_EQ(only(found_by("wanted-version",
                          model_with("version_policy { specific { versions: [ 1, 3 ] } }"))),
            "models/m/config.pbtxt:1: version 3 is asked for, and there is no folder models/m/3 -> "
            "put the version there, or take its number out of the list");
}

}  // namespace
}  // namespace muster
