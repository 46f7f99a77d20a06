// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>

#include <muster/tensor.h>

#include "base/text.h"

namespace muster {
namespace {

struct Row {
  std::string_view name;
  std::size_t size;
};

// In the order of the enumerators.
constexpr std::array<Row, 15> kRows = {{{"INVALID", 0},
                                        {"BOOL", 1},
                                        {"UINT8", 1},
                                        {"UINT16", 2},
                                        {"UINT32", 4},
                                        {"UINT64", 8},
                                        {"INT8", 1},
                                        {"INT16", 2},
                                        {"INT32", 4},
                                        {"INT64", 8},
                                        {"FP16", 2},
                                        {"FP32", 4},
                                        {"FP64", 8},
                                        {"BYTES", 0},
                                        {"BF16", 2}}};

const Row& row_of(DataType type) noexcept {
  const auto index = static_cast<std::size_t>(type);
  return kRows[index < kRows.size() ? index : 0];
}

}  // namespace

std::string_view data_type_name(DataType type) noexcept {
  return row_of(type).name;
}

std::size_t element_size(DataType type) noexcept {
  return row_of(type).size;
}

Result<DataType> parse_data_type(std::string_view name) {
  std::string_view bare = name;
  if (bare.starts_with("TYPE_")) bare.remove_prefix(5);
  // config.pbtxt calls BYTES a string.
  if (name == "TYPE_STRING") return DataType::kBytes;
  for (std::size_t i = 1; i < kRows.size(); ++i) {
    if (kRows[i].name == bare) return static_cast<DataType>(i);
  }
  return invalid_argument("unknown data type '" + printable(name) + "'");
}

}  // namespace muster
