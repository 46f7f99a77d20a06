// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/error.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "backends/onnxruntime/gpu/cuda_errors.h"
#include "base/text.h"

namespace muster::onnxruntime {
namespace {

constexpr std::size_t kNowhere = std::string::npos;
constexpr std::size_t kMaxMessageBytes = 600;

std::size_t skip_spaces(const std::string& text, std::size_t from) {
  while (from < text.size() && text[from] == ' ')
    ++from;
  return from;
}

bool continues_with(const std::string& text, std::size_t from, std::string_view word) {
  return text.compare(from, word.size(), word) == 0;
}

// Behind the bracket that closes the one at `open`.
std::size_t behind_bracket(const std::string& text, std::size_t open, char opening, char closing) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == opening) ++depth;
    if (text[i] == closing && --depth == 0) return i + 1;
  }
  return kNowhere;
}

// "/onnxruntime_src/x/y.cc:12 void f(int) const [with T = int] " and the like.
void cut_source_locations(std::string& text) {
  for (std::size_t start = text.find("/onnxruntime_src/"); start != kNowhere;
       start = text.find("/onnxruntime_src/", start)) {
    const std::size_t space = std::min(text.find(' ', start), text.size());
    std::size_t end = space;
    const std::size_t arguments = text.find('(', space);
    if (text.find(':', start) < space && arguments != kNowhere) {
      const std::size_t behind = behind_bracket(text, arguments, '(', ')');
      if (behind != kNowhere) end = behind;
      if (continues_with(text, end, " const")) end += 6;
      if (continues_with(text, end, " [with")) {
        const std::size_t behind_with = behind_bracket(text, end + 1, '[', ']');
        if (behind_with != kNowhere) end = behind_with;
      }
    }
    text.erase(start, skip_spaces(text, end) - start);
  }
}

// "[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : "
void cut_error_prefixes(std::string& text) {
  constexpr std::string_view kPrefix = "[ONNXRuntimeError] : ";
  for (std::size_t start = text.find(kPrefix); start != kNowhere;
       start = text.find(kPrefix, start)) {
    std::size_t end = start + kPrefix.size();
    for (int colons = 0; colons < 2; ++colons) {
      const std::size_t next = text.find(" : ", end);
      if (next != kNowhere) end = next + 3;
    }
    text.erase(start, end - start);
  }
}

// "Load model from FILE failed:": whoever reports the error names the file.
void cut_load_prefix(std::string& text) {
  constexpr std::string_view kFailed = " failed:";
  if (!text.starts_with("Load model from ")) return;
  const std::size_t end = text.find(kFailed);
  if (end != kNowhere) text.erase(0, end + kFailed.size());
}

// "Non-zero status code returned while running Gemm node. Name:'x' Status Message: "
void shorten_node_prefix(std::string& text) {
  constexpr std::string_view kRunning = "Non-zero status code returned while running ";
  constexpr std::string_view kName = " node. Name:'";
  constexpr std::string_view kMessage = "' Status Message: ";
  if (!text.starts_with(kRunning)) return;
  const std::size_t name = text.find(kName);
  const std::size_t message = text.find(kMessage, name == kNowhere ? 0 : name);
  if (name == kNowhere || message == kNowhere) return;
  const std::string operation = text.substr(kRunning.size(), name - kRunning.size());
  const std::string node = text.substr(name + kName.size(), message - name - kName.size());
  text.replace(0, message + kMessage.size(), "node '" + node + "' (" + operation + "): ");
}

// "CUDA failure 2: out of memory ; GPU=0 ; hostname=box ; file=... ; line=12 ; expr=...": who reads
// it is on that machine, or must not hear of it.
void cut_cuda_place(std::string& text) {
  const std::size_t place = text.find(" ; GPU=");
  const std::size_t expression = text.find(" ; expr=", place == kNowhere ? text.size() : place);
  if (expression != kNowhere) text.erase(place, expression - place);
}

// Of "CUDA failure 700: ...", where the message has it.
std::optional<int> cuda_error(std::string_view message) {
  constexpr std::string_view kFailure = "CUDA failure ";
  const std::size_t found = message.find(kFailure);
  if (found == std::string_view::npos) return std::nullopt;
  const std::string_view rest = message.substr(found + kFailure.size());
  const std::optional<std::int64_t> number =
      parse_int(rest.substr(0, rest.find_first_not_of("0123456789")));
  if (!number || *number <= 0 || *number > std::numeric_limits<int>::max()) return std::nullopt;
  return static_cast<int>(*number);
}

bool says_no_memory(std::string_view message) {
  constexpr std::string_view kWords[] = {"Failed to allocate memory", "bad_alloc",
                                         "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED",
                                         "CUFFT_ALLOC_FAILED"};
  return std::ranges::any_of(kWords, [&](std::string_view words) {
    return message.find(words) != std::string_view::npos;
  });
}

StatusCode code_of(OrtErrorCode code) {
  switch (code) {
    case ORT_NO_SUCHFILE:
#if ORT_API_VERSION >= 23  // older headers do not have it
    case ORT_NOT_FOUND:
#endif
      return StatusCode::kNotFound;
    case ORT_INVALID_ARGUMENT:
    case ORT_INVALID_PROTOBUF:
    case ORT_INVALID_GRAPH:
    case ORT_NO_MODEL:
      return StatusCode::kInvalidArgument;
    case ORT_NOT_IMPLEMENTED:
      return StatusCode::kUnimplemented;
    default:
      return StatusCode::kInternal;
  }
}

}  // namespace

std::string one_line(std::string_view runtime_message) {
  std::string text(runtime_message);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  cut_load_prefix(text);
  cut_source_locations(text);
  cut_error_prefixes(text);
  cut_cuda_place(text);
  shorten_node_prefix(text);
  const std::size_t start = skip_spaces(text, 0);
  std::size_t end = text.size();
  while (end > start && (text[end - 1] == ' ' || text[end - 1] == '.'))
    --end;
  return printable(std::string_view(text).substr(start, end - start), kMaxMessageBytes);
}

Status status_of(const Ort::Exception& exception) {
  std::string message = one_line(exception.what());
  // By number where it is CUDA's own: the words are of the driver's version.
  if (const std::optional<int> error = cuda_error(message); error) {
    const StatusCode code = code_of_cuda(*error);
    if (code != StatusCode::kInternal) return {code, std::move(message)};
  }
  if (says_no_memory(message)) return {StatusCode::kResourceExhausted, std::move(message)};
  return {code_of(exception.GetOrtErrorCode()), std::move(message)};
}

}  // namespace muster::onnxruntime
