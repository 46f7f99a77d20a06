// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/model_files.h"

#include <filesystem>
#include <string_view>
#include <system_error>

#include "backends/openvino/ir_outline.h"
#include "base/text.h"
#include "onnx/external_files.h"

namespace muster::openvino {
namespace {

namespace fs = std::filesystem;

Result<ModelFiles> find_onnx_files(const std::string& file) {
  ModelFiles files{file, "", {}};
  MUSTER_ASSIGN_OR_RETURN(const onnx::Outline outline, onnx::check_model_file(file));
  for (const onnx::ExternalLocation& external : outline.external)
    files.further.push_back((fs::path(file).parent_path() / external.location).string());
  return files;
}

// The weights of model.xml are in model.bin; a model without any constants has none.
Result<ModelFiles> find_ir_files(const std::string& file) {
  ModelFiles files{file, "", {}};
  const fs::path weights = fs::path(file).replace_extension(".bin");
  const std::string name = weights.filename().string();
  std::error_code error;
  std::uint64_t bytes = 0;
  if (fs::symlink_status(weights, error).type() != fs::file_type::not_found) {
    MUSTER_RETURN_IF_ERROR(onnx::check_external_files(file, {{name, "of every layer"}}));
    bytes = fs::file_size(weights, error);
    if (error) return failed_precondition(printable(name) + " beside it cannot be read");
    files.weights = weights.string();
  }
  MUSTER_ASSIGN_OR_RETURN(const IrOutline outline, outline_ir_file(file));
  if (outline.weight_bytes > bytes) {
    const std::string there = files.weights.empty()
                                  ? "which is not there; copy it beside the model file"
                                  : "which has " + std::to_string(bytes) +
                                        "; copy the file that was written together with this one";
    return invalid_argument("it wants " + std::to_string(outline.weight_bytes) + " bytes of '" +
                            printable(name) + "', " + there);
  }
  return files;
}

}  // namespace

Result<ModelFiles> find_model_files(const std::string& file) {
  if (file.ends_with(".onnx")) return find_onnx_files(file);
  if (file.ends_with(".xml")) return find_ir_files(file);
  return invalid_argument("the openvino backend reads .xml (with .bin) and .onnx files");
}

Result<DigestBytes> digest_of(const ModelFiles& files) {
  std::vector<std::string> paths = {files.model};
  if (!files.weights.empty()) paths.push_back(files.weights);
  paths.insert(paths.end(), files.further.begin(), files.further.end());
  return digest_of_files(files.is_onnx() ? "onnx" : "ir", paths);
}

}  // namespace muster::openvino
