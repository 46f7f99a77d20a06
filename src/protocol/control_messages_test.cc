// SPDX-License-Identifier: Apache-2.0
#include "protocol/control_messages.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/testing/bodies.h"

namespace muster {
namespace {

using namespace std::chrono_literals;

TEST(ControlMessages, tell_of_server_and_model) {
  ::inference::ServerMetadataResponse server;
  fill(ServerIdentity{"muster", "1.2", {"statistics"}}, server);
  EXPECT_EQ(server.version(), "1.2");
  EXPECT_EQ(server.extensions(0), "statistics");

  const auto model =
      testing::model_of({"x", DataType::kFp32, {-1, 3}, {}}, {"y", DataType::kInt64, {-1}, {}});
  model->runtime = "OpenVINO 2026.4.1";
  const std::vector<std::int64_t> versions = {3};
  ::inference::ModelMetadataResponse metadata;
  ModelPreparation preparation;
  preparation.state = PreparationState::kDiffers;
  preparation.reason = "why";
  fill(*model, versions, preparation, metadata);
  EXPECT_EQ(metadata.parameters().at("preparation_state").string_param(), "differs");
  EXPECT_EQ(metadata.parameters().at("preparation_reason").string_param(), "why");
  EXPECT_EQ(metadata.parameters().at("runtime").string_param(), "OpenVINO 2026.4.1");
  EXPECT_EQ(metadata.name(), "m");
  EXPECT_EQ(metadata.versions(0), "3");
  EXPECT_EQ(metadata.platform(), "onnxruntime_onnx");
  EXPECT_EQ(metadata.inputs(0).datatype(), "FP32");
  EXPECT_EQ(metadata.inputs(0).shape(0), -1);
  EXPECT_EQ(metadata.inputs(0).shape(1), 3);
  EXPECT_EQ(metadata.outputs(0).name(), "y");
}

TEST(ControlMessages, show_the_completed_configuration) {
  const auto model = testing::model_of({}, {});
  model->config_text = "max_batch_size: 8 instance_group { count: 1 }";
  ::inference::ModelConfigResponse message;
  ASSERT_TRUE(fill(*model, message).ok());
  EXPECT_EQ(message.config().instance_group(0).name(), "m_0");
  EXPECT_EQ(message.config().version_policy().latest().num_versions(), 1U);
}

TEST(ControlMessages, count_as_the_json_does) {
  ModelStatistics model;
  model.name = "m";
  model.version = 3;
  model.rows = 10;
  model.batches = 4;
  model.success = {5, 6ns};
  model.failure = {1, 2ns};
  model.scatter = {5, 7ns};
  model.by_batch_size.push_back({4, {2, 20ns}, {2, 200ns}, {2, 2ns}});
  ::inference::ModelStatisticsResponse message;
  fill(std::span(&model, 1), message);
  const auto& told = message.model_stats(0);
  EXPECT_EQ(told.inference_count(), 10U);
  EXPECT_EQ(told.execution_count(), 4U);
  EXPECT_EQ(told.inference_stats().success().ns(), 6U);
  EXPECT_EQ(told.inference_stats().fail().count(), 1U);
  EXPECT_EQ(told.inference_stats().compute_output().ns(), 7U);
  EXPECT_EQ(told.batch_stats(0).batch_size(), 4U);
  EXPECT_EQ(told.batch_stats(0).compute_infer().ns(), 200U);
}

TEST(ControlMessages, list_models_and_regions) {
  const std::vector<ModelIndexEntry> index = {{"a", 1, ModelState::kReady, ""},
                                              {"c", 0, ModelState::kUnknown, ""}};
  ::inference::RepositoryIndexResponse models;
  fill(index, models);
  EXPECT_EQ(models.models(0).state(), "READY");
  EXPECT_EQ(models.models(1).version(), "");
  EXPECT_EQ(models.models(1).state(), "");

  const std::vector<RegionStatus> regions = {{"r", "/k", 4, 8}};
  ::inference::SystemSharedMemoryStatusResponse status;
  fill(regions, status);
  EXPECT_EQ(status.regions().at("r").key(), "/k");
  EXPECT_EQ(status.regions().at("r").byte_size(), 8U);
}

TEST(ControlMessages, list_and_bring_regions_of_gpus) {
  const std::vector<RegionStatus> regions = {
      {.name = "r", .byte_size = 8, .kind = RegionKind::kCuda, .device = 1}};
  ::inference::CudaSharedMemoryStatusResponse status;
  fill(regions, status);
  EXPECT_EQ(status.regions().at("r").name(), "r");
  EXPECT_EQ(status.regions().at("r").device_id(), 1U);
  EXPECT_EQ(status.regions().at("r").byte_size(), 8U);

  ::inference::CudaSharedMemoryRegisterRequest message;
  EXPECT_FALSE(cuda_region_order(message).ok());
  message.set_name("r");
  message.set_raw_handle(std::string("a\0b", 3));
  message.set_device_id(-1);
  message.set_byte_size(9);
  const CudaRegionOrder order = cuda_region_order(message).value();
  EXPECT_EQ(order.name, "r");
  EXPECT_EQ(order.handle, (std::vector<std::byte>{std::byte{'a'}, std::byte{0}, std::byte{'b'}}));
  EXPECT_EQ(order.device, -1);
  EXPECT_EQ(order.byte_size, 9U);
  message.set_raw_handle(std::string(1025, 'a'));
  EXPECT_FALSE(cuda_region_order(message).ok());
}

TEST(ControlMessages, bring_a_configuration_and_no_files) {
  ::inference::RepositoryModelLoadRequest message;
  (*message.mutable_parameters())["config"].set_string_param("{}");
  EXPECT_EQ(load_query(message, {})->config_json, "{}");
  (*message.mutable_parameters())["config"].set_int64_param(1);
  EXPECT_EQ(load_query(message, {}).status().message(), "parameter 'config' must be a text");
  message.clear_parameters();
  (*message.mutable_parameters())["file:1/model.onnx"].set_bytes_param("x");
  EXPECT_EQ(load_query(message, {}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(load_query(message, {}).status().message().find("cannot be uploaded"),
            std::string::npos);
}

TEST(ControlMessages, carry_settings_there_and_back) {
  ::inference::LogSettingsResponse log;
  fill(Settings{{"log_info", true},
                {"log_verbose_level", std::uint64_t{2}},
                {"log_file", std::string("x")}},
       log);
  EXPECT_TRUE(log.settings().at("log_info").bool_param());
  EXPECT_EQ(log.settings().at("log_verbose_level").uint32_param(), 2U);
  EXPECT_EQ(log.settings().at("log_file").string_param(), "x");

  ::inference::TraceSettingResponse trace;
  fill(Settings{{"trace_level", std::vector<std::string>{"OFF"}},
                {"trace_rate", std::uint64_t{1000}}},
       trace);
  EXPECT_EQ(trace.settings().at("trace_level").value(0), "OFF");
  EXPECT_EQ(trace.settings().at("trace_rate").value(0), "1000");

  ::inference::LogSettingsRequest change_log;
  (*change_log.mutable_settings())["a"].set_bool_param(false);
  (*change_log.mutable_settings())["b"].set_uint32_param(3);
  (*change_log.mutable_settings())["c"];
  EXPECT_EQ(settings_of(change_log, {}).value(),
            (Settings{{"a", false}, {"b", std::uint64_t{3}}, {"c", std::monostate()}}));

  ::inference::TraceSettingRequest change_trace;
  (*change_trace.mutable_settings())["trace_level"].add_value("OFF");
  (*change_trace.mutable_settings())["trace_rate"].add_value("5");
  (*change_trace.mutable_settings())["trace_count"];
  EXPECT_EQ(settings_of(change_trace, {}).value(),
            (Settings{{"trace_level", std::vector<std::string>{"OFF"}},
                      {"trace_rate", std::string("5")},
                      {"trace_count", std::monostate()}}));
}

TEST(ControlMessages, have_as_many_settings_as_parameters_may_be_and_names_as_long) {
  const ProtocolLimits limits{.max_parameters = 2, .max_name_bytes = 4};
  ::inference::LogSettingsRequest log;
  ::inference::TraceSettingRequest trace;
  for (const char* name : {"a", "b"}) {
    (*log.mutable_settings())[name];
    (*trace.mutable_settings())[name];
  }
  EXPECT_TRUE(settings_of(log, limits).ok());
  EXPECT_TRUE(settings_of(trace, limits).ok());
  (*log.mutable_settings())["c"];
  (*trace.mutable_settings())["c"];
  EXPECT_EQ(settings_of(log, limits).status().message(), "there are more than 2 settings");
  EXPECT_EQ(settings_of(trace, limits).status().message(), "there are more than 2 settings");
  log.clear_settings();
  (*log.mutable_settings())["abcde"];
  EXPECT_EQ(settings_of(log, limits).status().message(),
            "the name of setting 'abcde' has more than 4 bytes");
}

}  // namespace
}  // namespace muster
