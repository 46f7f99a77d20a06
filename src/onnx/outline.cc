// SPDX-License-Identifier: Apache-2.0
#include "onnx/outline.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <unordered_set>
#include <utility>

#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

namespace muster::onnx {
namespace {

using google::protobuf::io::CodedInputStream;

// The messages of onnx.proto3 through which a tensor can be reached.
enum class Kind : std::uint8_t {
  kModel,
  kTraining,
  kFunction,
  kGraph,
  kNode,
  kAttribute,
  kSparseTensor,
  kTensor,
  kEntry,  // StringStringEntryProto in external_data
  kOpset,
  kOther,
};

struct Edge {
  Kind parent;
  std::uint32_t field;
  Kind child;
};

// Field numbers of onnx.proto3: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
constexpr Edge kEdges[] = {
    {Kind::kModel, 7, Kind::kGraph},              // graph
    {Kind::kModel, 8, Kind::kOpset},              // opset_import
    {Kind::kModel, 20, Kind::kTraining},          // training_info
    {Kind::kModel, 25, Kind::kFunction},          // functions
    {Kind::kTraining, 1, Kind::kGraph},           // initialization
    {Kind::kTraining, 2, Kind::kGraph},           // algorithm
    {Kind::kFunction, 7, Kind::kNode},            // node
    {Kind::kFunction, 11, Kind::kAttribute},      // attribute_proto
    {Kind::kGraph, 1, Kind::kNode},               // node
    {Kind::kGraph, 5, Kind::kTensor},             // initializer
    {Kind::kGraph, 15, Kind::kSparseTensor},      // sparse_initializer
    {Kind::kNode, 5, Kind::kAttribute},           // attribute
    {Kind::kAttribute, 5, Kind::kTensor},         // t
    {Kind::kAttribute, 6, Kind::kGraph},          // g
    {Kind::kAttribute, 10, Kind::kTensor},        // tensors
    {Kind::kAttribute, 11, Kind::kGraph},         // graphs
    {Kind::kAttribute, 22, Kind::kSparseTensor},  // sparse_tensor
    {Kind::kAttribute, 23, Kind::kSparseTensor},  // sparse_tensors
    {Kind::kSparseTensor, 1, Kind::kTensor},      // values
    {Kind::kSparseTensor, 2, Kind::kTensor},      // indices
    {Kind::kTensor, 13, Kind::kEntry},            // external_data
};

constexpr std::uint32_t kModelIrVersion = 1;
constexpr std::uint32_t kTensorName = 8;
constexpr std::uint32_t kEntryKey = 1;
constexpr std::uint32_t kEntryValue = 2;
constexpr std::uint32_t kOpsetDomain = 1;
constexpr std::uint32_t kOpsetVersion = 2;

constexpr std::uint32_t kVarint = 0;
constexpr std::uint32_t kFixed64 = 1;
constexpr std::uint32_t kLengthDelimited = 2;
constexpr std::uint32_t kFixed32 = 5;

Kind child_of(Kind parent, std::uint32_t field) {
  for (const Edge& edge : kEdges) {
    if (edge.parent == parent && edge.field == field) return edge.child;
  }
  return Kind::kOther;
}

// One walk over one file. An explicit stack, so that no file decides how deep our own goes.
class Walk {
 public:
  explicit Walk(CodedInputStream& input, int size) : input_(input), size_(size) {}

  Result<Outline> run() {
    enter(Kind::kModel, size_);
    while (!open_.empty()) {
      if (input_.BytesUntilLimit() == 0) {
        MUSTER_RETURN_IF_ERROR(leave());
      } else {
        MUSTER_RETURN_IF_ERROR(read_field());
      }
    }
    if (outline_.ir_version == 0) return invalid_argument("it states no IR version");
    if (!saw_graph_) return invalid_argument("it holds no graph");
    return std::move(outline_);
  }

 private:
  struct Open {
    Kind kind;
    CodedInputStream::Limit outer_limit;
  };

  void enter(Kind kind, int length) { open_.push_back({kind, input_.PushLimit(length)}); }

  Status read_field() {
    const std::uint32_t tag = input_.ReadTag();
    const std::uint32_t field = tag >> 3;
    if (field == 0) return malformed("a field without a number");
    switch (tag & 7) {
      case kVarint:
        return read_varint(field);
      case kFixed64:
        return skip(8);
      case kFixed32:
        return skip(4);
      case kLengthDelimited:
        return read_delimited(field);
      default:
        return malformed("a field of a kind that ONNX does not have");
    }
  }

  Status read_varint(std::uint32_t field) {
    std::uint64_t value = 0;
    if (!input_.ReadVarint64(&value)) return malformed("a number that does not end");
    const Kind kind = open_.back().kind;
    if (kind == Kind::kModel && field == kModelIrVersion) {
      outline_.ir_version = static_cast<std::int64_t>(value);
    } else if (kind == Kind::kOpset && field == kOpsetVersion) {
      opset_.version = static_cast<std::int64_t>(value);
    }
    return {};
  }

  Status read_delimited(std::uint32_t field) {
    int length = 0;
    if (!input_.ReadVarintSizeAsInt(&length) || length > input_.BytesUntilLimit()) {
      return malformed(
          "a field that is longer than what holds it; the file is cut short or damaged");
    }
    const Kind parent = open_.back().kind;
    const Kind child = child_of(parent, field);
    if (child != Kind::kOther) return descend(child, length);
    if (parent == Kind::kTensor && field == kTensorName) return read_text(length, tensor_name_);
    if (parent == Kind::kOpset && field == kOpsetDomain) return read_text(length, opset_.domain);
    if (parent == Kind::kEntry && (field == kEntryKey || field == kEntryValue)) {
      return read_entry(field, length);
    }
    return skip(length);
  }

  Status descend(Kind child, int length) {
    if (open_.size() >= kMaxNesting) {
      return invalid_argument("it nests more than " + std::to_string(kMaxNesting) +
                              " messages deep");
    }
    if (child == Kind::kGraph) saw_graph_ = true;
    if (child == Kind::kTensor) {
      tensor_name_.clear();
      locations_.clear();
    } else if (child == Kind::kEntry) {
      entry_is_location_ = false;
      entry_values_.clear();
    } else if (child == Kind::kOpset) {
      opset_ = {};
    }
    enter(child, length);
    return {};
  }

  // Protobuf lets a field come twice, and the last one counts. Here every one counts: what is
  // checked is then never less than what the runtime will use.
  Status read_entry(std::uint32_t field, int length) {
    std::string text;
    if (static_cast<std::size_t>(length) > kMaxLocationBytes) {
      return invalid_argument("tensor '" + printable(tensor_name_) +
                              "' names external data with more than " +
                              std::to_string(kMaxLocationBytes) + " bytes");
    }
    MUSTER_RETURN_IF_ERROR(read_text(length, text));
    if (field == kEntryValue) {
      entry_values_.push_back(std::move(text));
    } else if (text == "location") {
      entry_is_location_ = true;
    }
    if (entry_values_.size() > kMaxEntryValues) return malformed("an entry with many values");
    return {};
  }

  Status leave() {
    const Open closed = open_.back();
    open_.pop_back();
    input_.PopLimit(closed.outer_limit);
    switch (closed.kind) {
      case Kind::kEntry:
        if (entry_is_location_) {
          if (entry_values_.empty()) entry_values_.emplace_back();
          std::move(entry_values_.begin(), entry_values_.end(), std::back_inserter(locations_));
        }
        return locations_.size() > kMaxExternalLocations ? too_many_locations() : Status();
      case Kind::kTensor:
        return keep_locations();
      case Kind::kOpset:
        if (outline_.opsets.size() == kMaxOpsets) {
          return invalid_argument("it imports more than " + std::to_string(kMaxOpsets) +
                                  " operator sets");
        }
        outline_.opsets.push_back(std::move(opset_));
        return {};
      default:
        return {};
    }
  }

  Status keep_locations() {
    for (std::string& location : locations_) {
      if (!seen_.insert(location).second) continue;
      if (outline_.external.size() == kMaxExternalLocations) return too_many_locations();
      outline_.external.push_back({std::move(location), tensor_name_});
    }
    locations_.clear();
    return {};
  }

  // Names are for messages: a long one is cut rather than refused.
  Status read_text(int length, std::string& text) {
    const int kept = std::min(length, static_cast<int>(kMaxLocationBytes));
    if (!input_.ReadString(&text, kept)) return malformed("a text that ends early");
    return skip(length - kept);
  }

  Status skip(int length) {
    if (length > input_.BytesUntilLimit() || !input_.Skip(length)) {
      return malformed("a field that ends early; the file is cut short or damaged");
    }
    return {};
  }

  Status malformed(const char* what) const {
    return invalid_argument("at byte " + std::to_string(input_.CurrentPosition()) + " it has " +
                            what);
  }
  static Status too_many_locations() {
    return invalid_argument("its weights are spread over more than " +
                            std::to_string(kMaxExternalLocations) + " files");
  }

  static constexpr std::size_t kMaxEntryValues = 16;

  CodedInputStream& input_;
  const int size_;
  Outline outline_;
  std::vector<Open> open_;
  std::unordered_set<std::string> seen_;
  bool saw_graph_ = false;
  // Of the tensor, the entry and the operator set that are open; none of them nests in its like.
  std::string tensor_name_;
  std::vector<std::string> locations_;
  std::vector<std::string> entry_values_;
  bool entry_is_location_ = false;
  OpsetImport opset_;
};

Status check_size(std::uint64_t size) {
  if (size == 0) return invalid_argument("the file is empty");
  if (size > static_cast<std::uint64_t>(std::numeric_limits<int>::max())) {
    return invalid_argument(
        "the file is larger than the 2 GiB that ONNX allows; export the model "
        "with its weights as external data");
  }
  return {};
}

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace

Result<Outline> outline_bytes(std::span<const std::byte> model) {
  MUSTER_RETURN_IF_ERROR(check_size(model.size()));
  const int size = static_cast<int>(model.size());
  CodedInputStream input(reinterpret_cast<const std::uint8_t*>(model.data()), size);
  return Walk(input, size).run();
}

// Read through a descriptor rather than mapped: a file that somebody cuts meanwhile then gives an
// error, where a mapping would give a SIGBUS.
Result<Outline> outline_file(const std::string& path) {
  const OpenFile file(path);
  if (file.descriptor() < 0) {
    const int error = errno;
    return Status(
        error == ENOENT || error == ENOTDIR ? StatusCode::kNotFound : StatusCode::kPermissionDenied,
        std::string("it cannot be opened: ") + std::strerror(error));
  }
  struct stat found = {};
  if (::fstat(file.descriptor(), &found) != 0 || !S_ISREG(found.st_mode)) {
    return invalid_argument("it is no regular file");
  }
  MUSTER_RETURN_IF_ERROR(check_size(static_cast<std::uint64_t>(found.st_size)));
  google::protobuf::io::FileInputStream stream(file.descriptor());
  CodedInputStream input(&stream);
  return Walk(input, static_cast<int>(found.st_size)).run();
}

}  // namespace muster::onnx
