// SPDX-License-Identifier: Apache-2.0
// Any bytes as JSON: as strict as simdjson is, and through every parser of control bodies.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <simdjson.h>

#include "base/check.h"
#include "protocol/control_json.h"
#include "protocol/json/json_reader.h"

namespace {

constexpr std::size_t kDepth = 64;

void check_error(const muster::Status& status) {
  MUSTER_CHECK(status.code() == muster::StatusCode::kInvalidArgument);
  MUSTER_CHECK(!status.message().empty());
  MUSTER_CHECK(status.message().find('\n') == std::string_view::npos);
}

// Both take the text, or neither does; except for what simdjson, too, takes for another question:
// numbers that no 64 bits hold, and how deep is too deep.
void compare_with_simdjson(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) return;  // newer versions of it pass over a byte order mark
  muster::JsonReader json(text, kDepth);
  const bool ours = json.skip_value() && json.finish();
  if (!ours) check_error(json.status());
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const simdjson::error_code theirs = parser.parse(text.data(), text.size()).get(root);
  if (ours) {
    // Newer versions have a code of its own for whole numbers.
    const std::string_view message = simdjson::error_message(theirs);
    MUSTER_CHECK(theirs == simdjson::SUCCESS || theirs == simdjson::NUMBER_ERROR ||
                 message.find("64 bits") != std::string_view::npos);
  } else if (theirs == simdjson::SUCCESS) {
    MUSTER_CHECK(json.status().message().find("in each other") != std::string_view::npos);
  }
}

void check_settings(std::string_view text, const muster::ProtocolLimits& limits) {
  const muster::Result<muster::Settings> settings = muster::parse_settings(text, limits);
  if (!settings.ok()) return check_error(settings.status());
  const muster::Result<muster::Settings> again =
      muster::parse_settings(muster::settings_json(*settings), limits);
  MUSTER_CHECK(again.ok());
  MUSTER_CHECK(*again == *settings);
}

template <typename T>
void check(const muster::Result<T>& result) {
  if (!result.ok()) check_error(result.status());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const muster::ProtocolLimits limits;
  compare_with_simdjson(text);
  check_settings(text, limits);
  check(muster::parse_index_query(text, limits));
  check(muster::parse_load_query(text, limits));
  check(muster::parse_region_query(text, limits));
  check(muster::parse_cuda_region_order(text, limits));
  check(muster::parse_model_version(text));
  return 0;
}
