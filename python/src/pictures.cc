// SPDX-License-Identifier: Apache-2.0
#include "python/src/pictures.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include <nanobind/stl/string.h>

#include "base/text.h"

namespace muster::python {
namespace {

bool is_path(nb::handle picture) {
  return PyUnicode_Check(picture.ptr()) || nb::hasattr(picture, "__fspath__");
}

Result<Picture> picture_of_pixels(const BorrowedArray& pixels) {
  const Shape& shape = pixels.shape();
  Picture picture;
  picture.height = shape[0];
  picture.width = shape[1];
  picture.channels = shape.rank() == 3 ? shape[2] : 1;
  MUSTER_ASSIGN_OR_RETURN(picture.pixels, Buffer::allocate(pixels.bytes().size()));
  std::memcpy(picture.pixels.bytes().data(), pixels.bytes().data(), pixels.bytes().size());
  return picture;
}

}  // namespace

std::string path_of(nb::handle path) {
  const nb::object text = nb::module_::import_("os").attr("fsencode")(path);
  char* bytes = nullptr;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize(text.ptr(), &bytes, &size) != 0) throw nb::python_error();
  return {bytes, static_cast<std::size_t>(size)};
}

Pictures::Pictures(nb::handle pictures) {
  const bool one = is_path(pictures) || PyBytes_Check(pictures.ptr()) ||
                   PyByteArray_Check(pictures.ptr()) || PyMemoryView_Check(pictures.ptr()) ||
                   nb::hasattr(pictures, "dtype");
  if (one) {
    sources_.push_back(source_of(pictures));
    return;
  }
  if (!nb::hasattr(pictures, "__iter__")) {
    raise_named("WrongType", "expected a picture or a sequence of them, given a " +
                                 std::string(Py_TYPE(pictures.ptr())->tp_name));
  }
  for (const nb::handle picture : pictures)
    sources_.push_back(source_of(picture));
}

Pictures::Source Pictures::source_of(nb::handle picture) {
  Source source;
  if (is_path(picture)) {
    source.path = path_of(picture);
    if (source.path.empty()) raise_named("InvalidArgument", "the path of a picture is empty");
    return source;
  }
  if (PyBytes_Check(picture.ptr()) || PyByteArray_Check(picture.ptr()) ||
      PyMemoryView_Check(picture.ptr())) {
    // A copy of what may change; of bytes none is made.
    PyObject* const file = PyBytes_FromObject(picture.ptr());
    if (file == nullptr) throw nb::python_error();
    source.file = nb::steal<nb::bytes>(file);
    source.bytes = std::as_bytes(std::span(source.file.c_str(), source.file.size()));
    return source;
  }
  source.pixels = std::make_unique<BorrowedArray>();
  source.pixels->take(picture, DataType::kUint8, "pixels", "array", BorrowedArray::Use::kRead);
  const Shape& shape = source.pixels->shape();
  const bool fits = shape.rank() == 2 || (shape.rank() == 3 && (shape[2] == 1 || shape[2] == 3));
  if (!fits || shape[0] == 0 || shape[1] == 0) {
    raise_named("InvalidArgument",
                "expected an array of [height,width] or [height,width,3], given the shape " +
                    shape.to_string());
  }
  return source;
}

std::string Pictures::name_of(std::size_t index) const {
  const std::string& path = sources_[index].path;
  return path.empty() ? "picture " + std::to_string(index) : printable(path);
}

Status Pictures::make_row(const Source& source, const ImagePreprocessing& preprocessing,
                          std::span<std::byte> row) const {
  if (source.pixels) {
    MUSTER_ASSIGN_OR_RETURN(const Picture picture, picture_of_pixels(*source.pixels));
    if (picture.channels != preprocessing.channels()) {
      return invalid_argument("expected pixels of " + std::to_string(preprocessing.channels()) +
                              " channels, given " + std::to_string(picture.channels));
    }
    return picture_to_row(picture, preprocessing, row);
  }
  if (source.path.empty()) return file_to_row(source.bytes, preprocessing, row);
  MUSTER_ASSIGN_OR_RETURN(const Buffer file, read_picture_file(source.path));
  return file_to_row(file.bytes(), preprocessing, row);
}

Status Pictures::to_row(std::size_t index, const ImagePreprocessing& preprocessing,
                        std::span<std::byte> row) const {
  const Status status = make_row(sources_[index], preprocessing, row);
  return status.ok() ? status : status.with_context(name_of(index));
}

Result<Picture> Pictures::decode(std::size_t index, bool grayscale) const {
  const Source& source = sources_[index];
  const auto decoded = [&]() -> Result<Picture> {
    if (source.pixels) return picture_of_pixels(*source.pixels);
    if (source.path.empty()) return decode_picture(source.bytes, grayscale);
    MUSTER_ASSIGN_OR_RETURN(const Buffer file, read_picture_file(source.path));
    return decode_picture(file.bytes(), grayscale);
  };
  auto picture = decoded();
  if (!picture.ok()) return picture.status().with_context(name_of(index));
  return picture;
}

Status fill_rows(const Pictures& pictures, std::size_t first, std::size_t count,
                 const ImagePreprocessing& preprocessing, std::span<std::byte> rows, int threads) {
  const std::size_t row = rows.size() / std::max<std::size_t>(1, count);
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::size_t failed_at = count;
  Status failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      Status status = pictures.to_row(first + i, preprocessing, rows.subspan(i * row, row));
      if (status.ok()) continue;
      const std::lock_guard lock(mutex);
      if (i < failed_at) {
        failed_at = i;
        failure = std::move(status);
      }
      next = count;  // those before it are at work already
    }
  };
  std::vector<std::jthread> others;
  const std::size_t helpers = std::min(count, static_cast<std::size_t>(std::max(1, threads)));
  for (std::size_t i = 1; i < helpers; ++i)
    others.emplace_back(work);
  work();
  others.clear();
  return failure;
}

}  // namespace muster::python
