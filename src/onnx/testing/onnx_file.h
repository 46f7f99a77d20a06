// SPDX-License-Identifier: Apache-2.0
// ONNX files for tests: a writer of the protobuf wire format, small graphs, a folder to put them
// in.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace muster::onnx {

inline std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7)
    bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
inline std::string number(std::uint32_t field, std::uint64_t value) {
  return varint(field << 3) + varint(value);
}
inline std::string message(std::uint32_t field, std::string_view content) {
  return varint(field << 3 | 2) + varint(content.size()) + std::string(content);
}

inline std::string entry(std::string_view key, std::string_view value) {
  return message(1, key) + message(2, value);
}
inline std::string external_tensor(std::string_view name, std::string_view location) {
  return number(1, 4) + number(2, 1) + message(8, name) + message(13, entry("location", location)) +
         number(14, 1);
}
inline std::string node(std::string_view operation, std::initializer_list<std::string_view> inputs,
                        std::string_view output, std::string_view attributes = {}) {
  std::string bytes;
  for (const std::string_view input : inputs)
    bytes += message(1, input);
  return bytes + message(2, output) + message(4, operation) + std::string(attributes);
}
inline std::string int_attribute(std::string_view name, std::uint64_t value) {
  return message(5, message(1, name) + number(3, value) + number(20, 2));
}

// A tensor's ValueInfo; dimensions are numbers, or names of open ones.
inline std::string value_info(std::string_view name, std::uint64_t element_type,
                              std::initializer_list<std::string_view> dims) {
  std::string shape;
  for (const std::string_view dim : dims) {
    const bool fixed = !dim.empty() && dim[0] >= '0' && dim[0] <= '9';
    shape += message(1, fixed ? number(1, std::stoull(std::string(dim))) : message(2, dim));
  }
  return message(1, name) + message(2, message(1, number(1, element_type) + message(2, shape)));
}

inline std::string opset(std::uint64_t version, std::string_view domain = {}) {
  return message(8, (domain.empty() ? std::string() : message(1, domain)) + number(2, version));
}
inline std::string model(std::string_view graph, std::uint64_t opset_version = 17,
                         std::uint64_t ir_version = 8) {
  return number(1, ir_version) + message(7, std::string(graph) + message(2, "graph")) +
         opset(opset_version);
}
// One operator from `x` float [N,2] to `y`, whose ValueInfo is given.
inline std::string one_node_graph(std::string_view node_bytes, std::string_view y) {
  return message(1, node_bytes) + message(11, value_info("x", 1, {"N", "2"})) + message(12, y);
}

// A folder of its own under the system's temporary one, gone with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    static std::atomic<int> count{0};
    path_ = std::filesystem::temp_directory_path() /
            ("muster_onnx_" + std::to_string(::getpid()) + "_" + std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // The file's path.
  std::string write(std::string_view name, std::string_view bytes) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

inline std::string test_model(std::string_view name) {
  return std::string(MUSTER_SOURCE_DIR "/tests/models/") + std::string(name);
}

}  // namespace muster::onnx
