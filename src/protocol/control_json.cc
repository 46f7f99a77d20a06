// SPDX-License-Identifier: Apache-2.0
#include "protocol/control_json.h"

#include "protocol/completed_config.h"
#include "protocol/preparation_fields.h"
#include "protocol/reply_outputs.h"

namespace muster {
namespace {

void write_tensors(JsonWriter& json, std::string_view key, const std::vector<TensorSpec>& specs,
                   bool batched) {
  json.key(key).begin_array();
  for (const TensorSpec& spec : specs) {
    const Shape shape = shown_shape(spec, batched);
    json.begin_object().key("name").text(spec.name);
    json.key("datatype").text(data_type_name(spec.type)).key("shape").begin_array();
    for (const std::int64_t dim : shape.dims())
      json.number(dim);
    json.end_array().end_object();
  }
  json.end_array();
}

void write_duration(JsonWriter& json, std::string_view key, const DurationSum& sum) {
  json.key(key).begin_object().key("count").number(sum.count);
  json.key("ns").number(sum.total.count()).end_object();
}

void write_batch_size(JsonWriter& json, const ModelStatistics::BatchSize& size) {
  json.begin_object().key("batch_size").number(size.rows);
  write_duration(json, "compute_input", size.gather);
  write_duration(json, "compute_infer", size.compute);
  write_duration(json, "compute_output", size.scatter);
  json.end_object();
}

void write_statistics(JsonWriter& json, const ModelStatistics& model) {
  json.begin_object().key("name").text(model.name);
  json.key("version").text(version_text(model.version));
  json.key("last_inference").number(model.last_inference.count());
  json.key("inference_count").number(model.rows);
  json.key("execution_count").number(model.batches);
  json.key("inference_stats").begin_object();
  write_duration(json, "success", model.success);
  write_duration(json, "fail", model.failure);
  write_duration(json, "queue", model.queue);
  write_duration(json, "compute_input", model.gather);
  write_duration(json, "compute_infer", model.compute);
  write_duration(json, "compute_output", model.scatter);
  write_duration(json, "cache_hit", {});
  write_duration(json, "cache_miss", {});
  json.end_object().key("response_stats").begin_object().end_object();
  json.key("batch_stats").begin_array();
  for (const ModelStatistics::BatchSize& size : model.by_batch_size)
    write_batch_size(json, size);
  json.end_array().key("memory_usage").begin_array().end_array().end_object();
}

struct SettingWriter {
  JsonWriter& json;
  void operator()(std::monostate) const { json.null(); }
  void operator()(bool value) const { json.flag(value); }
  void operator()(std::uint64_t value) const { json.number(value); }
  void operator()(const std::string& value) const { json.text(value); }
  void operator()(const std::vector<std::string>& values) const {
    json.begin_array();
    for (const std::string& value : values)
      json.text(value);
    json.end_array();
  }
};

}  // namespace

Shape shown_shape(const TensorSpec& spec, bool batched) {
  Shape shape = spec.shape;
  if (batched && shape.rank() > 0) shape.set(0, kDynamicDim);
  return shape;
}

std::string server_metadata_json(const ServerIdentity& server) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("name").text(server.name).key("version").text(server.version);
  json.key("extensions").begin_array();
  for (const std::string& extension : server.extensions)
    json.text(extension);
  json.end_array().end_object();
  return out;
}

std::string model_metadata_json(const ModelDescription& model,
                                std::span<const std::int64_t> versions,
                                const ModelPreparation& preparation) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("name").text(model.config.name).key("versions").begin_array();
  for (const std::int64_t version : versions)
    json.text(version_text(version));
  json.end_array().key("platform").text(platform_of(model.config.backend));
  const bool batched = model.config.batching.max_batch_size > 0;
  write_tensors(json, "inputs", model.config.inputs, batched);
  write_tensors(json, "outputs", model.config.outputs, batched);
  const PreparationFields fields = preparation_fields(preparation);
  if (!model.runtime.empty() || !fields.empty()) {
    json.key("parameters").begin_object();
    if (!model.runtime.empty()) json.key("runtime").text(model.runtime);
    for (const auto& [name, text] : fields)
      json.key("preparation_" + name).text(text);
    json.end_object();
  }
  json.end_object();
  return out;
}

std::string statistics_json(std::span<const ModelStatistics> statistics) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("model_stats").begin_array();
  for (const ModelStatistics& model : statistics)
    write_statistics(json, model);
  json.end_array().end_object();
  return out;
}

std::string index_json(std::span<const ModelIndexEntry> index) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const ModelIndexEntry& entry : index) {
    json.begin_object().key("name").text(entry.name);
    if (entry.version > 0) json.key("version").text(version_text(entry.version));
    if (const auto state = model_state_name(entry.state); !state.empty()) {
      json.key("state").text(state);
    }
    if (!entry.reason.empty()) json.key("reason").text(entry.reason);
    json.end_object();
  }
  json.end_array();
  return out;
}

std::string regions_json(std::span<const RegionStatus> regions) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const RegionStatus& region : regions) {
    json.begin_object().key("name").text(region.name).key("key").text(region.key);
    json.key("offset").number(region.offset).key("byte_size").number(region.byte_size);
    json.end_object();
  }
  json.end_array();
  return out;
}

std::string cuda_regions_json(std::span<const RegionStatus> regions) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const RegionStatus& region : regions) {
    json.begin_object().key("name").text(region.name).key("device_id").number(region.device);
    json.key("byte_size").number(region.byte_size).end_object();
  }
  json.end_array();
  return out;
}

std::string pictures_json(const PictureResponse& response, std::string_view id) {
  std::string out;
  JsonWriter json(out);
  const ModelDescription* model = response.model.get();
  json.begin_object().key("model_name").text(model == nullptr ? "" : model->config.name);
  json.key("model_version").text(version_text(model == nullptr ? 0 : model->version));
  if (!id.empty()) json.key("id").text(id);
  json.key("pictures").begin_array();
  for (const std::vector<ClassScore>& picture : response.pictures) {
    json.begin_object().key("classes").begin_array();
    for (const ClassScore& score : picture) {
      json.begin_object().key("label").text(score.label).key("index").number(score.index);
      json.key("probability").number(score.probability).end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
  return out;
}

std::string settings_json(const Settings& settings) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  for (const auto& [name, value] : settings) {
    json.key(name);
    std::visit(SettingWriter{json}, value);
  }
  json.end_object();
  return out;
}

}  // namespace muster
