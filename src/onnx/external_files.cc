// SPDX-License-Identifier: Apache-2.0
#include "onnx/external_files.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "base/text.h"

namespace muster::onnx {
namespace {

namespace fs = std::filesystem;

bool lies_within(const fs::path& folder, const fs::path& file) {
  const auto [in_folder, in_file] =
      std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  return in_folder == folder.end() && in_file != file.end();
}

// "" where all is well.
std::string_view fault(const fs::path& folder, const fs::path& named_folder,
                       const std::string& location) {
  if (location.empty()) return "is empty";
  if (location.find('\0') != std::string::npos) return "holds a NUL byte";
  const fs::path relative(location);
  if (relative.is_absolute()) return "is absolute; it must be relative to the model file";
  std::error_code error;
  const fs::path target = fs::canonical(named_folder / relative, error);
  // Whether a file outside exists is nobody's business: that it leads outside is said first.
  if (error) {
    const fs::path guess = fs::weakly_canonical(named_folder / relative, error);
    if (error || !lies_within(folder, guess)) return "leads outside the model's folder";
    return "does not exist; copy that file beside the model file";
  }
  if (!lies_within(folder, target)) return "leads outside the model's folder";
  if (!fs::is_regular_file(target, error) || error) return "is no regular file";
  return {};
}

}  // namespace

Status check_external_files(const std::string& model_file,
                            const std::vector<ExternalLocation>& external) {
  if (external.empty()) return {};
  fs::path named_folder = fs::path(model_file).parent_path();
  if (named_folder.empty()) named_folder = ".";
  std::error_code error;
  const fs::path folder = fs::canonical(named_folder, error);
  if (error) return not_found("its folder cannot be resolved: " + error.message());
  for (const ExternalLocation& file : external) {
    const std::string_view wrong = fault(folder, named_folder, file.location);
    if (wrong.empty()) continue;
    return invalid_argument("tensor '" + printable(file.tensor) + "' has its weights in '" +
                            printable(file.location) + "', which " + std::string(wrong));
  }
  return {};
}

Result<Outline> check_model_file(const std::string& path) {
  Result<Outline> outline = outline_file(path);
  if (!outline.ok()) {
    if (outline.status().code() != StatusCode::kInvalidArgument) return outline;
    return invalid_argument("not an ONNX model (" + std::string(outline.status().message()) + ")");
  }
  MUSTER_RETURN_IF_ERROR(check_external_files(path, outline->external));
  return outline;
}

}  // namespace muster::onnx
