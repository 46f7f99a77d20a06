// SPDX-License-Identifier: Apache-2.0
#include "protocol/reply_outputs.h"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstring>
#include <iterator>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace muster {
namespace {

using Labels = std::vector<std::string>;

const Labels* labels_of(std::string_view output, const ModelDescription* model) {
  if (model == nullptr) return nullptr;
  const auto found = model->config.labels.find(output);
  return found == model->config.labels.end() ? nullptr : &found->second;
}

bool is_batched(const Shape& shape, const ModelDescription* model) {
  if (shape.rank() == 0) return false;
  return model == nullptr ? shape.rank() > 1 : model->config.batching.max_batch_size > 0;
}

template <typename T>
bool is_nan(T value) noexcept {
  if constexpr (std::floating_point<T>) return std::isnan(value);
  return false;
}

template <typename T>
void append_class(std::string& out, T value, std::size_t index, const Labels* labels) {
  std::uint32_t length = 0;
  const std::size_t start = out.size();
  out.append(sizeof(length), '\0');
  if constexpr (std::floating_point<T>) {
    fmt::format_to(std::back_inserter(out), "{:.6f}:{}", value, index);
  } else {
    fmt::format_to(std::back_inserter(out), "{}:{}", +value, index);  // a number, also of one byte
  }
  if (labels != nullptr && index < labels->size()) {
    out += ':';
    out += (*labels)[index];
  }
  length = static_cast<std::uint32_t>(out.size() - start - sizeof(length));
  std::memcpy(out.data() + start, &length, sizeof(length));
}

template <typename T>
std::string classes_of(std::span<const std::byte> bytes, std::size_t rows, std::size_t width,
                       std::size_t count, const Labels* labels) {
  std::string serialised;
  std::vector<std::size_t> order(width);
  const auto* values = reinterpret_cast<const T*>(bytes.data());
  for (std::size_t row = 0; row < rows; ++row, values += width) {
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto is_before = [values](std::size_t a, std::size_t b) {
      if (is_nan(values[a]) != is_nan(values[b])) return is_nan(values[b]);
      if (!is_nan(values[a]) && values[a] != values[b]) return values[a] > values[b];
      return a < b;
    };
    const auto middle = order.begin() + static_cast<std::ptrdiff_t>(count);
    std::partial_sort(order.begin(), middle, order.end(), is_before);
    for (std::size_t i = 0; i < count; ++i)
      append_class(serialised, values[order[i]], order[i], labels);
  }
  return serialised;
}

using ClassesOf = std::string (*)(std::span<const std::byte>, std::size_t, std::size_t, std::size_t,
                                  const Labels*);

ClassesOf classes_of_type(DataType type) noexcept {
  switch (type) {
    case DataType::kUint8:
      return classes_of<std::uint8_t>;
    case DataType::kUint16:
      return classes_of<std::uint16_t>;
    case DataType::kUint32:
      return classes_of<std::uint32_t>;
    case DataType::kUint64:
      return classes_of<std::uint64_t>;
    case DataType::kInt8:
      return classes_of<std::int8_t>;
    case DataType::kInt16:
      return classes_of<std::int16_t>;
    case DataType::kInt32:
      return classes_of<std::int32_t>;
    case DataType::kInt64:
      return classes_of<std::int64_t>;
    case DataType::kFp32:
      return classes_of<float>;
    case DataType::kFp64:
      return classes_of<double>;
    default:
      return nullptr;
  }
}

}  // namespace

const OutputWish* wish_of(const ReplyWishes& wishes, std::string_view name,
                          std::size_t index) noexcept {
  // Services answer in the order of the request.
  if (index < wishes.outputs.size() && wishes.outputs[index].name == name) {
    return &wishes.outputs[index];
  }
  const auto found = std::ranges::find(wishes.outputs, name, &OutputWish::name);
  return found == wishes.outputs.end() ? nullptr : &*found;
}

Result<Tensor> top_classes(const InferOutput& output, std::int64_t count,
                           const ModelDescription* model) {
  const DataType type = output.tensor.type();
  const ClassesOf make = classes_of_type(type);
  if (make == nullptr) {
    return invalid_argument("there is no classification of " + std::string(data_type_name(type)));
  }
  const Shape& shape = output.tensor.shape();
  const bool batched = is_batched(shape, model);
  const std::size_t elements = output.tensor.bytes().size() / element_size(type);
  const std::size_t rows = batched ? static_cast<std::size_t>(shape[0]) : 1;
  const std::size_t width = rows == 0 ? 0 : elements / rows;
  const std::size_t most = std::min(width, static_cast<std::size_t>(count));
  const auto columns = static_cast<std::int64_t>(most);
  const std::string serialised =
      make(output.tensor.bytes(), rows, width, most, labels_of(output.name, model));
  Shape classes = batched ? Shape{shape[0], columns} : Shape{columns};
  MUSTER_ASSIGN_OR_RETURN(
      Tensor tensor, Tensor::allocate(DataType::kBytes, std::move(classes), serialised.size()));
  if (!serialised.empty()) {
    std::memcpy(tensor.bytes().data(), serialised.data(), serialised.size());
  }
  return tensor;
}

Status write_to_region(const OutputWish& wish, const TensorView& tensor) {
  if (tensor.bytes.size() > wish.target->size()) {
    return invalid_argument("it takes " + std::to_string(tensor.bytes.size()) +
                            " bytes, shared_memory_byte_size is " +
                            std::to_string(wish.target->size()));
  }
  return wish.target->write(tensor.bytes);
}

std::string version_text(std::int64_t version) {
  return version > 0 ? std::to_string(version) : std::string();
}

}  // namespace muster
