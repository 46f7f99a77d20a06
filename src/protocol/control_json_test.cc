// SPDX-License-Identifier: Apache-2.0
#include "protocol/control_json.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/testing/bodies.h"

namespace muster {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<ModelDescription> lenet() {
  auto model = testing::model_of({"input", DataType::kFp32, {-1, 1, 28, 28}, {}},
                                 {"scores", DataType::kFp32, {-1, 10}, {}});
  model->file = "/models/m/3/model.onnx";
  model->config_text = R"(name: "m" backend: "onnxruntime" max_batch_size: 8
      input { name: "input" data_type: TYPE_FP32 dims: [1, 28, 28] }
      output { name: "scores" data_type: TYPE_FP32 dims: 10 label_filename: "labels.txt" }
      instance_group { count: 2 kind: KIND_CPU }
      dynamic_batching { max_queue_delay_microseconds: 5000000000 }
      parameters { key: "b" value { string_value: "\"2\"" } }
      parameters { key: "a" value { string_value: "1" } })";
  return model;
}

TEST(ControlJson, tells_of_the_server) {
  EXPECT_EQ(
      server_metadata_json({"muster", "1.2", {"binary_tensor_data", "statistics"}}),
      R"({"name":"muster","version":"1.2","extensions":["binary_tensor_data","statistics"]})");
}

TEST(ControlJson, tells_of_a_model_with_its_batch_axis_open) {
  const std::vector<std::int64_t> versions = {1, 3};
  EXPECT_EQ(model_metadata_json(*lenet(), versions),
            R"({"name":"m","versions":["1","3"],"platform":"onnxruntime_onnx",)"
            R"("inputs":[{"name":"input","datatype":"FP32","shape":[-1,1,28,28]}],)"
            R"("outputs":[{"name":"scores","datatype":"FP32","shape":[-1,10]}]})");
}

TEST(ControlJson, tells_no_batch_axis_where_there_is_none) {
  const auto model = testing::model_of({"x", DataType::kBytes, {4}, {}}, {});
  model->config.batching.max_batch_size = 0;
  model->config.outputs.clear();
  model->config.backend = "scripted";
  EXPECT_EQ(model_metadata_json(*model, {}),
            R"({"name":"m","versions":[],"platform":"scripted",)"
            R"("inputs":[{"name":"x","datatype":"BYTES","shape":[4]}],"outputs":[]})");
}

TEST(ControlJson, tells_what_runs_a_model) {
  const auto model = lenet();
  model->runtime = "ONNX Runtime 1.24.1 with openvino";
  const std::string json = model_metadata_json(*model, {});
  EXPECT_TRUE(json.ends_with(R"(],"parameters":{"runtime":"ONNX Runtime 1.24.1 with openvino"}})"))
      << json;
}

TEST(ControlJson, tells_how_what_is_to_run_a_model_is_prepared) {
  const auto model = lenet();
  ModelPreparation preparation;
  EXPECT_EQ(model_metadata_json(*model, {}, preparation), model_metadata_json(*model, {}));
  preparation.state = PreparationState::kBuilding;
  preparation.stand_in = "Fake 1";
  preparation.done = 0.429;
  preparation.left = std::chrono::seconds(80);
  const std::string json = model_metadata_json(*model, {}, preparation);
  EXPECT_TRUE(json.ends_with(
      R"(],"parameters":{"preparation_state":"building","preparation_stand_in":"Fake 1",)"
      R"("preparation_done":"0.42","preparation_seconds_left":"80"}})"))
      << json;
}

TEST(ControlJson, shows_a_configuration_with_every_default) {
  const auto json = model_config_json(*lenet());
  ASSERT_TRUE(json.ok()) << json.status().message();
  EXPECT_EQ(
      *json,
      R"({"name":"m","backend":"onnxruntime","platform":"onnxruntime_onnx","runtime":"",)"
      R"("default_model_filename":"model.onnx","cc_model_filenames":{},)"
      R"("version_policy":{"latest":{"num_versions":1}},"max_batch_size":8,)"
      R"("input":[{"name":"input","data_type":"TYPE_FP32","dims":[1,28,28],"format":"FORMAT_NONE",)"
      R"("optional":false,"allow_ragged_batch":false,"is_shape_tensor":false,)"
      R"("is_non_linear_format_io":false}],)"
      R"("output":[{"name":"scores","data_type":"TYPE_FP32","dims":[10],)"
      R"("label_filename":"labels.txt","is_shape_tensor":false,"is_non_linear_format_io":false}],)"
      R"("batch_input":[],"batch_output":[],)"
      R"("dynamic_batching":{"preferred_batch_size":[8],"max_queue_delay_microseconds":5000000000,)"
      R"("preserve_ordering":false,"priority_levels":0,"default_priority_level":0,)"
      R"("priority_queue_policy":{}},)"
      R"("instance_group":[{"name":"m_0","kind":"KIND_CPU","count":2,"gpus":[],)"
      R"("secondary_devices":[],"profile":[],"passive":false,"host_policy":""}],)"
      R"("optimization":{"priority":"PRIORITY_DEFAULT","input_pinned_memory":{"enable":true},)"
      R"("output_pinned_memory":{"enable":true},"gather_kernel_buffer_threshold":0,)"
      R"("eager_batching":false},)"
      R"("parameters":{"a":{"string_value":"1"},"b":{"string_value":"\"2\""}},)"
      R"("model_warmup":[],"metric_tags":{}})");
}

TEST(ControlJson, shows_what_the_configuration_chose) {
  const auto model = lenet();
  model->config_text = R"(max_batch_size: 4 version_policy { specific { versions: [2, 5] } }
      dynamic_batching { preferred_batch_size: [2, 4]
        priority_queue_policy { key: 2 value { max_queue_size: 7 } } }
      optimization { graph { level: -1 } } default_model_filename: "other.onnx"
      instance_group { name: "mine" })";
  const std::string json = *model_config_json(*model);
  for (const std::string_view part :
       {R"("version_policy":{"specific":{"versions":[2,5]}})", R"("preferred_batch_size":[2,4])",
        R"("priority_queue_policy":{"2":{"timeout_action":"REJECT",)", R"("graph":{"level":-1})",
        R"("default_model_filename":"other.onnx")", R"("name":"mine")"}) {
    EXPECT_NE(json.find(part), std::string::npos) << part << " in " << json;
  }
}

TEST(ControlJson, refuses_a_configuration_that_is_none) {
  const auto model = lenet();
  model->config_text = "nonsense {";
  EXPECT_EQ(model_config_json(*model).status().code(), StatusCode::kInternal);
}

TEST(ControlJson, counts_as_the_protocol_does) {
  ModelStatistics model;
  model.name = "m";
  model.version = 3;
  model.last_inference = 1700000000000ms;
  model.rows = 10;
  model.batches = 4;
  model.success = {5, 6ns};
  model.failure = {1, 2ns};
  model.cancelled = {9, 9ns};
  model.queue = {5, 3ns};
  model.by_batch_size.push_back({4, {2, 20ns}, {2, 200ns}, {2, 2ns}});
  EXPECT_EQ(statistics_json(std::span(&model, 1)),
            R"({"model_stats":[{"name":"m","version":"3","last_inference":1700000000000,)"
            R"("inference_count":10,"execution_count":4,"inference_stats":{)"
            R"("success":{"count":5,"ns":6},"fail":{"count":1,"ns":2},"queue":{"count":5,"ns":3},)"
            R"("compute_input":{"count":0,"ns":0},"compute_infer":{"count":0,"ns":0},)"
            R"("compute_output":{"count":0,"ns":0},"cache_hit":{"count":0,"ns":0},)"
            R"("cache_miss":{"count":0,"ns":0}},"response_stats":{},"batch_stats":[)"
            R"({"batch_size":4,"compute_input":{"count":2,"ns":20},)"
            R"("compute_infer":{"count":2,"ns":200},"compute_output":{"count":2,"ns":2}}],)"
            R"("memory_usage":[]}]})");
}

TEST(ControlJson, lists_models_with_what_is_known_of_them) {
  const std::vector<ModelIndexEntry> index = {
      {"a", 1, ModelState::kReady, ""},
      {"b", 2, ModelState::kUnavailable, "unloaded"},
      {"c", 0, ModelState::kUnknown, ""},
  };
  EXPECT_EQ(
      index_json(index),
      R"([{"name":"a","version":"1","state":"READY"},)"
      R"({"name":"b","version":"2","state":"UNAVAILABLE","reason":"unloaded"},{"name":"c"}])");
  EXPECT_EQ(index_json({}), "[]");
}

TEST(ControlJson, lists_regions) {
  const std::vector<RegionStatus> regions = {{"r", "/k", 4, 18446744073709551615U}};
  EXPECT_EQ(regions_json(regions),
            R"([{"name":"r","key":"/k","offset":4,"byte_size":18446744073709551615}])");
}

TEST(ControlJson, lists_regions_of_gpus) {
  const std::vector<RegionStatus> regions = {
      {.name = "r", .byte_size = 8, .kind = RegionKind::kCuda, .device = 1}};
  EXPECT_EQ(cuda_regions_json(regions), R"([{"name":"r","device_id":1,"byte_size":8}])");
  EXPECT_EQ(cuda_regions_json({}), "[]");
}

TEST(ControlJson, tells_the_classes_of_pictures) {
  PictureResponse response;
  response.model = lenet();
  response.pictures = {{{7, "seven", 0.75}, {1, "1", 0.25}}, {}};
  EXPECT_EQ(pictures_json(response, "id"),
            R"({"model_name":"m","model_version":"3","id":"id","pictures":[{"classes":[)"
            R"({"label":"seven","index":7,"probability":0.75},)"
            R"({"label":"1","index":1,"probability":0.25}]},{"classes":[]}]})");
}

TEST(ControlJson, writes_settings_of_every_kind) {
  EXPECT_EQ(settings_json({{"a", std::monostate()},
                           {"b", true},
                           {"c", std::uint64_t{3}},
                           {"d", std::string("x")},
                           {"e", std::vector<std::string>{"OFF", "y"}}}),
            R"({"a":null,"b":true,"c":3,"d":"x","e":["OFF","y"]})");
}

}  // namespace
}  // namespace muster
