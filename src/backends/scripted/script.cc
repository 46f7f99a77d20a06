// SPDX-License-Identifier: Apache-2.0
#include "backends/scripted/script.h"

#include <optional>
#include <utility>

#include "base/text.h"

namespace muster::scripted {
namespace {

constexpr std::int64_t kMaxLatencyUs = 3'600'000'000;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r";
  const std::size_t start = text.find_first_not_of(kSpaces);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(kSpaces) - start + 1);
}

// The first word; `rest` is what follows it.
std::string_view take_word(std::string_view& rest) {
  rest = trimmed(rest);
  const std::string_view word = rest.substr(0, rest.find_first_of(" \t"));
  rest = trimmed(rest.substr(word.size()));
  return word;
}

Result<Shape> parse_dims(std::string_view text) {
  const Status wrong =
      invalid_argument("expected dimensions like [-1,4], got '" + printable(text) + "'");
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return wrong;
  std::string_view rest = trimmed(text.substr(1, text.size() - 2));
  std::vector<std::int64_t> dims;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const auto dim = parse_int(trimmed(rest.substr(0, comma)));
    if (!dim || *dim < kDynamicDim) return wrong;
    dims.push_back(*dim);
    if (comma == std::string_view::npos) break;
    rest = trimmed(rest.substr(comma + 1));
    if (rest.empty()) return wrong;
  }
  return Shape(dims);
}

Status read_tensor(std::string_view rest, std::vector<TensorSpec>& list) {
  if (list.size() == kMaxTensors) {
    return invalid_argument("more than " + std::to_string(kMaxTensors) + " tensors");
  }
  TensorSpec spec;
  spec.name = std::string(take_word(rest));
  if (spec.name.empty()) return invalid_argument("expected a name, a type and dimensions");
  for (const TensorSpec& other : list) {
    if (other.name == spec.name) {
      return invalid_argument("'" + printable(spec.name) + "' stands here twice");
    }
  }
  MUSTER_ASSIGN_OR_RETURN(spec.type, parse_data_type(take_word(rest)));
  MUSTER_ASSIGN_OR_RETURN(spec.shape, parse_dims(rest));
  list.push_back(std::move(spec));
  return {};
}

Status read_latency(std::string_view rest, Script& script) {
  const auto base = parse_int(take_word(rest));
  const auto per_row = rest.empty() ? std::optional<std::int64_t>(0) : parse_int(rest);
  const auto legal = [](const std::optional<std::int64_t>& value) {
    return value && *value >= 0 && *value <= kMaxLatencyUs;
  };
  if (!legal(base) || !legal(per_row)) {
    return invalid_argument("expected latency_us BASE PER_ROW, each 0 to " +
                            std::to_string(kMaxLatencyUs));
  }
  script.latency = std::chrono::microseconds(*base);
  script.latency_per_row = std::chrono::microseconds(*per_row);
  return {};
}

Status read_break(std::string_view rest, Script& script) {
  const std::string_view at = take_word(rest);
  const auto run = parse_int(take_word(rest));
  if (at != "at" || !run || *run < 1 || rest.empty()) {
    return invalid_argument("expected break at N MESSAGE, N at least 1");
  }
  script.break_at = static_cast<std::uint64_t>(*run);
  script.break_message = std::string(rest);
  return {};
}

Status read_fail(std::string_view rest, Script& script) {
  const std::string_view every = take_word(rest);
  const auto count = parse_int(take_word(rest));
  if (every != "every" || !count || *count < 1 || rest.empty()) {
    return invalid_argument("expected fail every N MESSAGE, N at least 1");
  }
  script.fail_every = static_cast<std::uint64_t>(*count);
  script.fail_message = std::string(rest);
  return {};
}

Status read_prepare(std::string_view rest, Script& script) {
  constexpr std::int64_t kMostSteps = 1000;
  const auto length = parse_int(take_word(rest));
  const auto steps = parse_int(take_word(rest));
  if (!length || *length < 0 || *length > kMaxLatencyUs || !steps || *steps < 1 ||
      *steps > kMostSteps || !rest.empty()) {
    return invalid_argument("expected prepare_us LENGTH STEPS, 0 to " +
                            std::to_string(kMaxLatencyUs) + " and 1 to " +
                            std::to_string(kMostSteps));
  }
  script.prepare = std::chrono::microseconds(*length);
  script.prepare_steps = static_cast<int>(*steps);
  return {};
}

Status read_line(std::string_view line, Script& script) {
  std::string_view rest = line;
  const std::string_view word = take_word(rest);
  if (word == "input") return read_tensor(rest, script.signature.inputs);
  if (word == "output") return read_tensor(rest, script.signature.outputs);
  if (word == "latency_us") return read_latency(rest, script);
  if (word == "fail") return read_fail(rest, script);
  if (word == "break") return read_break(rest, script);
  if (word == "fail_load") {
    if (rest.empty()) return invalid_argument("expected fail_load MESSAGE");
    script.fail_load = std::string(rest);
    return {};
  }
  if (word == "prepare_us") return read_prepare(rest, script);
  if (word == "fail_prepare") {
    if (rest.empty()) return invalid_argument("expected fail_prepare MESSAGE");
    script.fail_prepare = std::string(rest);
    return {};
  }
  if (word == "prepared_differs" && rest.empty()) {
    script.prepared_differs = true;
    return {};
  }
  if (word == "thread_bound" && rest.empty()) {
    script.thread_bound = true;
    return {};
  }
  return invalid_argument(
      "unknown instruction '" + printable(word) +
      "'; known are input, output, latency_us, fail, break, fail_load, thread_bound, prepare_us, "
      "fail_prepare, prepared_differs");
}

}  // namespace

Result<Script> parse_script(std::string_view text) {
  if (text.size() > kMaxScriptBytes) {
    return invalid_argument("the script is longer than " + std::to_string(kMaxScriptBytes) +
                            " bytes");
  }
  Script script;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const std::string_view instruction = trimmed(line.substr(0, line.find('#')));
    if (instruction.empty()) continue;
    const Status status = read_line(instruction, script);
    if (!status.ok()) return status.with_context("line " + std::to_string(number));
  }
  if (script.signature.inputs.empty() || script.signature.outputs.empty()) {
    return invalid_argument(
        "a script needs an input and an output, a line each: "
        "input INPUT0 FP32 [-1,4]");
  }
  return script;
}

Script identity_script() {
  Script script;
  script.signature.inputs = {{"INPUT0", DataType::kFp32, Shape{kDynamicDim, kDynamicDim}, {}}};
  script.signature.outputs = {{"OUTPUT0", DataType::kFp32, Shape{kDynamicDim, kDynamicDim}, {}}};
  return script;
}

}  // namespace muster::scripted
