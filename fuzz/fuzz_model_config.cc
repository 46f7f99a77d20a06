// SPDX-License-Identifier: Apache-2.0
// Any bytes as config.pbtxt and, behind a zero byte, as the JSON that a load call sends; compared
// with two models. What is accepted must come back from its text, and be rewritten for another way
// to run it once and not twice.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "model_config/model_config.h"
#include "model_config/rewriting/rewrite.h"
#include "model_config/testing/models.h"

namespace {

muster::Result<std::string> read_labels(std::string_view name) {
  if (name == "labels.txt") return std::string("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
  return muster::not_found("no such file");
}

void resolve_with(const muster::ParsedConfig& parsed, const muster::ModelSignature& signature) {
  const muster::ResolveContext context = {"onnxruntime", "1/model.onnx", read_labels};
  const muster::Result<muster::ModelConfig> config = muster::resolve(parsed, signature, context);
  if (!config.ok()) {
    MUSTER_CHECK(config.status().message().find('\n') == std::string_view::npos);
    return;
  }
  const std::string text = muster::to_text(*config);
  if (text.size() > muster::kMaxConfigBytes) return;  // escapes make it longer
  const muster::Result<muster::ParsedConfig> again =
      muster::parse_model_config(text, {"again.pbtxt", ""});
  MUSTER_CHECK(again.ok());
  const muster::Result<muster::ModelConfig> same = muster::resolve(*again, signature, context);
  MUSTER_CHECK(same.ok());
  MUSTER_CHECK(muster::to_text(*same) == text);
}

void rewrite_as(std::string_view text, const muster::RunSettings& settings) {
  const muster::Result<muster::RewrittenConfig> once = muster::rewrite_config(text, settings);
  MUSTER_CHECK(once.ok());
  const muster::Result<muster::RewrittenConfig> twice =
      muster::rewrite_config(once->text, settings);
  MUSTER_CHECK(twice.ok());
  MUSTER_CHECK(twice->text == once->text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto models = muster::testing::models();
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(all.find('\0'), size);
  const std::string_view text = all.substr(0, end);
  muster::Result<muster::ParsedConfig> parsed =
      muster::parse_model_config(text, {"config.pbtxt", ""});
  if (parsed.ok()) {
    rewrite_as(text, {"onnxruntime", "onnxruntime", 2, 8, {{"intra_op_thread_count", ""}}});
    rewrite_as(text, {"openvino", "onnxruntime", 1, {}, {{"INFERENCE_NUM_THREADS", "2"}}});
  }
  if (parsed.ok() && end < size) {
    parsed = muster::put_above(*parsed, all.substr(end + 1), {"sent", ""});
  }
  if (!parsed.ok()) {
    MUSTER_CHECK(parsed.status().message().find('\n') == std::string_view::npos);
    return 0;
  }
  resolve_with(*parsed, models.at("lenet"));
  resolve_with(*parsed, models.at("any_picture"));
  return 0;
}
