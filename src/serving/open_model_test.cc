// SPDX-License-Identifier: Apache-2.0
// What ServedModel::open makes of folders, configurations, options and models.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/cpu_budget.h"
#include "serving/testing/served_model_fixture.h"

namespace muster::testing {
namespace {

class OpenModel : public ServedModelTest {
 protected:
  std::string refusal(std::shared_ptr<FakeModel> model, std::string_view config,
                      const ServiceOptions& options = {}) {
    return try_open(std::move(model), config, options).to_string();
  }
  [[nodiscard]] const ModelConfig& config() const { return served_->description()->config; }
  [[nodiscard]] std::string model_file() const { return directory_ / "1/model.onnx"; }
};

ServiceOptions with_batch_size(std::int64_t size) {
  ServiceOptions options;
  options.max_batch_size = size;
  return options;
}

TEST_F(OpenModel, describes_what_it_opened) {
  open(linear_model(), "");
  const ModelDescription& description = *served_->description();
  EXPECT_EQ(description.config.name, "model");
  EXPECT_EQ(description.file, model_file());
  EXPECT_EQ(description.runtime, "Fake 1.0");
  EXPECT_EQ(description.signature.inputs[0].name, "x");
  EXPECT_EQ(description.config.backend, "onnxruntime");
}

TEST_F(OpenModel, hands_the_backend_file_parameters_and_threads) {
  ServiceOptions options;
  options.threads = 3;
  open(linear_model(), R"(parameters { key: "speed" value { string_value: "9" } })", options);
  EXPECT_EQ(model_->loaded_file, model_file());
  EXPECT_EQ(model_->loaded_parameters.find("speed")->second, "9");
  EXPECT_EQ(model_->loaded_threads, 3);
  EXPECT_FALSE(model_->loaded_pooled);
}

TEST_F(OpenModel, hands_the_backend_the_cpus_of_the_process_where_no_threads_are_asked_for) {
  open(linear_model(), "");
  EXPECT_EQ(model_->loaded_threads, available_cpus());
  EXPECT_EQ(model_->loaded_pooled, available_cpus() > 1);
}

TEST_F(OpenModel, gives_each_session_at_least_one_thread) {
  ServiceOptions options;
  options.instance_count = 64;
  open(linear_model(), "", options);
  EXPECT_EQ(model_->loaded_threads, std::max(1, available_cpus() / 64));
  EXPECT_EQ(model_->sessions, 64);
}

TEST_F(OpenModel, batches_without_a_configuration_where_the_model_has_a_batch_axis) {
  open(linear_model(), "");
  EXPECT_EQ(config().batching.max_batch_size, 64);
  EXPECT_TRUE(config().dynamic_batching);
  EXPECT_TRUE(served_->stacked());
}

TEST_F(OpenModel, warms_every_model_up_that_it_can) {
  auto model = linear_model();
  const auto seen = std::make_shared<std::vector<Shape>>();
  const auto compute = model->compute;
  model->compute = [seen, compute](const Inputs& inputs) {
    seen->push_back(inputs[0].shape);
    for (const float value : inputs[0].elements<float>())
      EXPECT_EQ(value, 0);
    return compute(inputs);
  };
  open(std::move(model), "");
  EXPECT_EQ(*seen, (std::vector<Shape>{{1, 2}, {2, 2}}));
}

TEST_F(OpenModel, warms_up_with_one_row_where_no_batch_has_more) {
  auto model = linear_model();
  const auto compute = model->compute;
  model->compute = [compute](const Inputs& inputs) {
    EXPECT_EQ(inputs[0].shape, (Shape{1, 2}));
    return compute(inputs);
  };
  open(std::move(model), "max_batch_size: 1");
  EXPECT_EQ(config().batching.max_batch_size, 1);
}

TEST_F(OpenModel, does_not_guess_sizes_to_warm_up_with) {
  auto model = total_model();
  model->compute = [](const Inputs&) -> Result<Outputs> { return internal_error("was run"); };
  open(std::move(model), "");
  EXPECT_TRUE(config().dynamic_batching);
}

TEST_F(OpenModel, warms_up_with_empty_strings) {
  auto model = echo_model();
  const auto compute = model->compute;
  model->compute = [compute](const Inputs& inputs) {
    const auto words = bytes_elements(inputs[0]);
    for (const std::string_view word : *words)
      EXPECT_EQ(word, "");
    return compute(inputs);
  };
  open(std::move(model), "");
  EXPECT_TRUE(config().dynamic_batching);
}

TEST_F(OpenModel, does_not_warm_up_with_gigabytes) {
  auto model = linear_model();
  model->signature.inputs[0].shape = {-1, std::int64_t{1} << 40};
  model->compute = [](const Inputs&) -> Result<Outputs> { return internal_error("was run"); };
  open(std::move(model), "");
}

TEST_F(OpenModel, opens_a_model_that_fails_on_zeros) {
  auto model = linear_model();
  model->compute = [](const Inputs&) -> Result<Outputs> { return internal_error("no zeros"); };
  open(std::move(model), "");
  EXPECT_TRUE(config().dynamic_batching);
}

TEST_F(OpenModel, notices_outputs_that_add_the_rows_up) {
  auto model = linear_model();
  model->compute = [](const Inputs&) -> Result<Outputs> {
    Outputs outputs;
    outputs.push_back(floats({1, 2}, {0, 0}));
    return outputs;
  };
  open(std::move(model), "");
  EXPECT_FALSE(config().dynamic_batching);
}

TEST_F(OpenModel, notices_outputs_without_axes) {
  auto model = linear_model();
  model->compute = [](const Inputs&) -> Result<Outputs> {
    Outputs outputs;
    outputs.push_back(floats({}, {0}));
    return outputs;
  };
  open(std::move(model), "");
  EXPECT_FALSE(config().dynamic_batching);
}

TEST_F(OpenModel, notices_outputs_with_more_rows_than_went_in) {
  auto model = linear_model();
  model->compute = [](const Inputs& inputs) -> Result<Outputs> {
    Outputs outputs;
    outputs.push_back(*Tensor::allocate(DataType::kFp32, {inputs[0].shape[0] * 3, 2}));
    return outputs;
  };
  open(std::move(model), "");
  EXPECT_FALSE(config().dynamic_batching);
}

TEST_F(OpenModel, says_why_the_backend_did_not_load) {
  auto model = linear_model();
  model->load_outcome = invalid_argument("model.onnx is no model");
  EXPECT_EQ(refusal(model, ""), "INVALID_ARGUMENT: model.onnx is no model");
}

TEST_F(OpenModel, says_why_there_is_no_session) {
  auto model = linear_model();
  model->session_outcome = resource_exhausted("no memory for a session");
  EXPECT_EQ(refusal(model, ""), "RESOURCE_EXHAUSTED: no memory for a session");
  model->thread_bound = true;
  EXPECT_EQ(refusal(model, "instance_group { count: 3 }"),
            "RESOURCE_EXHAUSTED: no memory for a session");
}

TEST_F(OpenModel, names_file_and_line_of_a_wrong_configuration) {
  EXPECT_EQ(refusal(linear_model(), "max_batch_size: 4\ninput { name: \"z\" }\n"),
            "INVALID_ARGUMENT: " + (directory_ / "config.pbtxt") +
                ":2: the model has no input 'z' (did you mean 'x'?) (and 1 more)");
}

TEST_F(OpenModel, puts_the_options_above_the_configuration) {
  ServiceOptions options = with_batch_size(2);
  options.instance_count = 2;
  options.max_queue_delay = std::chrono::microseconds(7);
  open(linear_model(),
       "max_batch_size: 8 instance_group { count: 5 } "
       "dynamic_batching { preferred_batch_size: [2, 4] max_queue_delay_microseconds: 100 }",
       options);
  EXPECT_EQ(config().batching.max_batch_size, 2);
  EXPECT_EQ(config().batching.preferred_batch_sizes, (std::vector<std::int64_t>{2}));
  EXPECT_EQ(config().batching.max_queue_delay.count(), 7);
  EXPECT_EQ(config().instance_count, 2);
  EXPECT_EQ(model_->sessions, 2);
}

TEST_F(OpenModel, takes_requests_of_as_many_rows_as_the_options_say) {
  ServiceOptions options = with_batch_size(2);
  options.max_request_rows = 4;
  open(linear_model(), "", options);
  EXPECT_TRUE(served_->infer(request_of("x", floats({4, 2}, std::vector<float>(8)))).ok());
  EXPECT_EQ(error(served_->infer(request_of("x", floats({5, 2}, std::vector<float>(10))))),
            "INVALID_ARGUMENT: the request to model 'model' has 5 rows, max_request_rows is 4: "
            "send it in parts");
  options.max_request_rows = 0;
  EXPECT_EQ(try_open(linear_model(), "", options).to_string(),
            "INVALID_ARGUMENT: requests of up to 0 rows are not possible: give 1 to 1048576");
}

TEST_F(OpenModel, takes_no_request_of_more_than_a_batch_where_outputs_do_not_follow_the_rows) {
  open(arithmetic_model(), "max_batch_size: 2");
  InferRequest request = request_of("a", floats({3, 2}, {1, 2, 3, 4, 5, 6}));
  request.add_input("b", floats({3, 1}, {1, 2, 3}));
  EXPECT_EQ(error(served_->infer(std::move(request))),
            "INVALID_ARGUMENT: the request to model 'model' has 3 rows, max_batch_size is 2: send "
            "it in parts");
}

TEST_F(OpenModel, takes_the_batch_size_of_the_options_where_the_configuration_has_none) {
  open(linear_model(), "", with_batch_size(65536));
  EXPECT_EQ(config().batching.max_batch_size, 65536);
  open(linear_model(), "max_batch_size: 0", with_batch_size(3));
  EXPECT_TRUE(served_->stacked());
  EXPECT_EQ(values(served_->infer(request_of("x", floats({3, 2}, {1, 2, 3, 4, 5, 6})))),
            (std::vector<float>{1, 2, 3, 5, 5, 8}));
}

TEST_F(OpenModel, refuses_a_batch_size_that_is_none) {
  EXPECT_EQ(refusal(linear_model(), "", with_batch_size(0)),
            "INVALID_ARGUMENT: a batch size of 0 is not possible: give 1 to 65536");
  EXPECT_EQ(refusal(linear_model(), "", with_batch_size(-5)),
            "INVALID_ARGUMENT: a batch size of -5 is not possible: give 1 to 65536");
  EXPECT_EQ(refusal(linear_model(), "", with_batch_size(65537)),
            "INVALID_ARGUMENT: a batch size of 65537 is not possible: give 1 to 65536");
}

TEST_F(OpenModel, refuses_a_batch_size_where_the_model_has_no_batch_axis) {
  EXPECT_EQ(refusal(fixed_model(), "", with_batch_size(4)),
            "FAILED_PRECONDITION: " + model_file() +
                ": a batch size of 4 is not possible: input 'in' has shape [3], without an open "
                "batch axis; export the model with a dynamic batch axis");
  auto second_is_fixed = arithmetic_model();
  second_is_fixed->signature.inputs[1].shape = {1, 1};
  second_is_fixed->signature.inputs[1].name = "b\n";
  EXPECT_EQ(refusal(second_is_fixed, "", with_batch_size(4)),
            "FAILED_PRECONDITION: " + model_file() +
                ": a batch size of 4 is not possible: input 'b\\x0a' has shape [1,1], without an "
                "open batch axis; export the model with a dynamic batch axis");
}

TEST_F(OpenModel, refuses_a_batch_size_where_the_model_has_no_inputs) {
  auto model = fixed_model();
  model->signature.inputs.clear();
  EXPECT_EQ(refusal(model, "", with_batch_size(4)),
            "FAILED_PRECONDITION: " + model_file() +
                ": a batch size of 4 is not possible: it has no inputs");
}

TEST_F(OpenModel, takes_a_batch_size_of_1_for_any_model) {
  open(fixed_model(), "", with_batch_size(1));
  EXPECT_FALSE(served_->stacked());
  EXPECT_TRUE(served_->infer(request_of("in", floats({3}, {1, 2, 3}))).ok());
}

TEST_F(OpenModel, refuses_options_that_are_out_of_range) {
  ServiceOptions options;
  options.instance_count = 0;
  EXPECT_EQ(refusal(linear_model(), "", options),
            "INVALID_ARGUMENT: 0 instances are not possible: give 1 to 256");
  options.instance_count = 257;
  EXPECT_EQ(refusal(linear_model(), "", options),
            "INVALID_ARGUMENT: 257 instances are not possible: give 1 to 256");
  options = {};
  options.threads = 0;
  EXPECT_EQ(refusal(linear_model(), "", options),
            "INVALID_ARGUMENT: at least one thread is needed");
  options = {};
  options.max_queue_delay = std::chrono::microseconds(-1);
  EXPECT_EQ(refusal(linear_model(), "", options),
            "INVALID_ARGUMENT: a queue delay of -1 us is not possible: give 0 to 86400000000");
  options.max_queue_delay = std::chrono::hours(25);
  EXPECT_EQ(refusal(linear_model(), "", options),
            "INVALID_ARGUMENT: a queue delay of 90000000000 us is not possible: give 0 to "
            "86400000000");
}

TEST_F(OpenModel, reads_labels_whatever_system_wrote_them) {
  directory_.write("labels.txt",
                   "\xEF\xBB\xBF"
                   "cat\r\ndog\r\n");
  open(linear_model(), "");
  EXPECT_EQ(config().labels.at("y"), (std::vector<std::string>{"cat", "dog"}));
}

TEST_F(OpenModel, refuses_labels_that_are_not_one_a_class) {
  directory_.write("labels.txt", "cat\ndog\nbird\n");
  const std::string message = refusal(linear_model(), "");
  EXPECT_NE(message.find("labels.txt has 3 labels, but output 'y' has 2 classes"),
            std::string::npos)
      << message;
}

TEST_F(OpenModel, names_the_line_of_a_label_file_that_is_missing) {
  const std::string message =
      refusal(linear_model(),
              "max_batch_size: 4\noutput {\n  name: \"y\"\n  label_filename: \"names.txt\"\n}");
  EXPECT_TRUE(message.starts_with("INVALID_ARGUMENT: " + (directory_ / "config.pbtxt") +
                                  ":4: label_filename 'names.txt' cannot be read: "))
      << message;
}

TEST_F(OpenModel, opens_nothing_where_nothing_is) {
  EXPECT_EQ(ServedModel::open(directory_ / "missing", {}, clock_).status().code(),
            StatusCode::kNotFound);
}

TEST_F(OpenModel, says_which_backend_is_not_installed) {
  directory_.write("1/model.onnx", "x");
  directory_.write("config.pbtxt", R"(backend: "no_such_runtime")");
  const Status status = ServedModel::open(directory_.path(), {}, clock_).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(
      status.message().starts_with("backend 'no_such_runtime' is not part of this installation"))
      << status.message();
}

TEST_F(OpenModel, never_looks_for_a_backend_outside_of_its_folder) {
  directory_.write("1/model.onnx", "x");
  for (const char* name : {"../x", "/tmp/x", "x/../../y", "x.so", "X"}) {
    directory_.write("config.pbtxt", std::string("backend: \"") + name + "\"");
    EXPECT_EQ(ServedModel::open(directory_.path(), {}, clock_).status().code(),
              StatusCode::kInvalidArgument)
        << name;
  }
}

}  // namespace
}  // namespace muster::testing
