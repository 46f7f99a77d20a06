// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/strings.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

#include "backends/onnxruntime/error.h"

namespace muster::onnxruntime {

Status read_strings(const TensorView& serialised, Ort::Value& target) {
  MUSTER_ASSIGN_OR_RETURN(const std::vector<std::string_view> elements, bytes_elements(serialised));
  return guarded([&] {
    for (std::size_t i = 0; i < elements.size(); ++i) {
      char* const buffer = target.GetResizedStringTensorElementBuffer(i, elements[i].size());
      if (!elements[i].empty()) std::memcpy(buffer, elements[i].data(), elements[i].size());
    }
  });
}

Status SerialisedStrings::take(const Ort::Value& tensor) {
  bool too_long = false;
  MUSTER_RETURN_IF_ERROR(guarded([&] {
    const std::size_t count = tensor.GetTensorTypeAndShapeInfo().GetElementCount();
    bytes_.clear();
    if (count == 0) return;
    content_.resize(tensor.GetStringTensorDataLength());
    offsets_.resize(count);
    tensor.GetStringTensorContent(content_.data(), content_.size(), offsets_.data(), count);
    bytes_.resize(content_.size() + count * sizeof(std::uint32_t));
    std::byte* out = bytes_.data();
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t end = i + 1 < count ? offsets_[i + 1] : content_.size();
      const std::size_t size = end - offsets_[i];
      too_long = too_long || size > std::numeric_limits<std::uint32_t>::max();
      const auto length = static_cast<std::uint32_t>(size);
      std::memcpy(out, &length, sizeof length);
      out += sizeof length;
      if (size > 0) std::memcpy(out, content_.data() + offsets_[i], size);
      out += size;
    }
  }));
  if (too_long) return resource_exhausted("an element is longer than 4 GiB");
  return {};
}

}  // namespace muster::onnxruntime
