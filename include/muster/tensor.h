// SPDX-License-Identifier: Apache-2.0
// Tensors: element types, shapes, and bytes that are owned (Tensor) or borrowed (TensorView).
//
// Layout is dense and row-major in the machine's byte order (little-endian on every supported
// machine). BYTES elements lie one after the other, each a 4-byte little-endian length and then
// that many bytes, as on the wire of the Open Inference Protocol
// (https://github.com/kserve/open-inference-protocol). Sizes are computed by `byte_size` alone,
// which refuses negative dimensions and products that overflow. Everything here is a plain value:
// no locks, no model knowledge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <muster/status.h>

namespace muster {

enum class DataType : std::uint8_t {
  kInvalid,
  kBool,  // one byte, 0 or 1
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFp16,  // IEEE 754 binary16
  kFp32,
  kFp64,
  kBytes,  // length-prefixed, see above
  kBf16,   // the upper 16 bits of an FP32
};

// The protocol's name: "FP32", "INT64", "BYTES", ...
[[nodiscard]] std::string_view data_type_name(DataType type) noexcept;
// Takes that name, with or without the "TYPE_" that config.pbtxt writes before it.
[[nodiscard]] Result<DataType> parse_data_type(std::string_view name);
// Bytes of one element; 0 for BYTES and kInvalid.
[[nodiscard]] std::size_t element_size(DataType type) noexcept;

// A dimension that a model leaves open until a request fills it.
inline constexpr std::int64_t kDynamicDim = -1;

// Dimensions, outermost first. Up to kInlineRank of them need no allocation.
class Shape {
 public:
  static constexpr std::size_t kInlineRank = 6;

  Shape() noexcept = default;
  Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const std::int64_t> dims);
  Shape(const Shape& other) : Shape(other.dims()) {}
  Shape(Shape&& other) noexcept;
  Shape& operator=(const Shape& other);
  Shape& operator=(Shape&& other) noexcept;
  ~Shape() = default;

  [[nodiscard]] std::size_t rank() const noexcept { return rank_; }
  [[nodiscard]] std::span<const std::int64_t> dims() const noexcept { return {begin(), rank_}; }
  [[nodiscard]] std::int64_t operator[](std::size_t axis) const noexcept { return begin()[axis]; }
  void set(std::size_t axis, std::int64_t dim) noexcept { begin()[axis] = dim; }

  // This shape without its first axis; of rank 0 it is itself.
  [[nodiscard]] Shape without_first() const;
  // This shape behind a new first axis.
  [[nodiscard]] Shape with_first(std::int64_t dim) const;
  [[nodiscard]] bool has_dynamic_dim() const noexcept;
  // "[2,1,28,28]"
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Shape& a, const Shape& b) noexcept;

 private:
  [[nodiscard]] const std::int64_t* begin() const noexcept { return heap_ ? heap_.get() : inline_; }
  [[nodiscard]] std::int64_t* begin() noexcept { return heap_ ? heap_.get() : inline_; }

  std::size_t rank_ = 0;
  std::int64_t inline_[kInlineRank] = {};
  std::unique_ptr<std::int64_t[]> heap_;  // only where rank_ > kInlineRank
};

// The one checked product: elements of a shape without dynamic dimensions. An empty shape has one
// element, a zero anywhere makes none.
[[nodiscard]] Result<std::size_t> element_count(const Shape& shape);
// Bytes of a dense tensor. Not for BYTES, whose size depends on its elements.
[[nodiscard]] Result<std::size_t> byte_size(DataType type, const Shape& shape);

// Bytes that somebody else owns and keeps unchanged as long as the view is used.
struct TensorView {
  DataType type = DataType::kInvalid;
  Shape shape;
  std::span<const std::byte> bytes;

  // The elements; only where T is the C++ type of `type` and the bytes are aligned for it.
  template <typename T>
  [[nodiscard]] std::span<const T> elements() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

// Uninitialised bytes; move-only. They start where any element may and, from kAlignedFrom bytes on,
// on a 64-byte boundary. Smaller ones are a row's few results, one or more a request: memory on
// such boundaries costs the C library several times as much as memory without.
class Buffer {
 public:
  static constexpr std::size_t kAlignment = 64;
  static constexpr std::size_t kAlignedFrom = 1024;

  Buffer() noexcept = default;
  Buffer(Buffer&& other) noexcept
      : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  // Ends in a kResourceExhausted where the system has no such memory.
  static Result<Buffer> allocate(std::size_t size);

  [[nodiscard]] std::span<std::byte> bytes() noexcept { return {data_.get(), size_}; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_.get(), size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  struct Free {
    Free() noexcept : aligned(false) {}
    explicit Free(bool on_boundary) noexcept : aligned(on_boundary) {}
    bool aligned;
    void operator()(std::byte* data) const noexcept;
  };
  std::unique_ptr<std::byte[], Free> data_;
  std::size_t size_ = 0;
};

// A tensor that owns its bytes; move-only.
class Tensor {
 public:
  Tensor() noexcept = default;
  // Uninitialised elements of any type but BYTES.
  static Result<Tensor> allocate(DataType type, Shape shape);
  // `size` uninitialised bytes: what BYTES tensors need; for others it must be byte_size().
  static Result<Tensor> allocate(DataType type, Shape shape, std::size_t size);
  // A copy of `elements`, whose count must be the shape's.
  static Result<Tensor> copy_of(DataType type, Shape shape, std::span<const std::byte> elements);
  // A BYTES tensor.
  static Result<Tensor> of_strings(Shape shape, std::span<const std::string_view> strings);

  [[nodiscard]] DataType type() const noexcept { return type_; }
  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
  [[nodiscard]] std::span<std::byte> bytes() noexcept { return buffer_.bytes(); }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return buffer_.bytes(); }
  // Valid until this tensor is destroyed or assigned to; moving it keeps the bytes in place.
  [[nodiscard]] TensorView view() const { return {type_, shape_, buffer_.bytes()}; }

  template <typename T>
  [[nodiscard]] std::span<T> elements() {
    return {reinterpret_cast<T*>(bytes().data()), bytes().size() / sizeof(T)};
  }
  template <typename T>
  [[nodiscard]] std::span<const T> elements() const {
    return view().elements<T>();
  }

 private:
  DataType type_ = DataType::kInvalid;
  Shape shape_;
  Buffer buffer_;
};

// The elements of a BYTES tensor; an error where the lengths do not add up to the bytes, or the
// elements not to the shape's. The views live as long as the tensor's bytes.
[[nodiscard]] Result<std::vector<std::string_view>> bytes_elements(const TensorView& tensor);

}  // namespace muster
