// SPDX-License-Identifier: Apache-2.0
// Pictures: what Python code gives as pictures (paths, bytes of files, arrays of pixels), and rows
// of a tensor made of them on several threads.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <muster/image.h>

#include "python/src/arrays.h"
#include "python/src/python.h"

namespace muster::python {

// A path of str, bytes or os.PathLike, as the system takes it.
[[nodiscard]] std::string path_of(nb::handle path);

class Pictures {
 public:
  // One picture, or a sequence of them: a path, the bytes of a PNG or JPEG file, or an array of
  // uint8 of [height,width], [height,width,1] or [height,width,3] in BGR order, as cv2 reads them.
  explicit Pictures(nb::handle pictures);

  [[nodiscard]] std::size_t size() const noexcept { return sources_.size(); }
  // The so manieth as a row. Any thread, without the interpreter's lock.
  [[nodiscard]] Status to_row(std::size_t index, const ImagePreprocessing& preprocessing,
                              std::span<std::byte> row) const;
  [[nodiscard]] Result<Picture> decode(std::size_t index, bool grayscale) const;

 private:
  struct Source {
    std::string path;  // "" = of what was given
    nb::bytes file;
    std::span<const std::byte> bytes;
    std::unique_ptr<BorrowedArray> pixels;
  };
  static Source source_of(nb::handle picture);
  [[nodiscard]] Status make_row(const Source& source, const ImagePreprocessing& preprocessing,
                                std::span<std::byte> row) const;
  [[nodiscard]] std::string name_of(std::size_t index) const;

  std::vector<Source> sources_;
};

// Rows `first` to `first + count` of pictures, one behind the other, on as many threads. Without
// the interpreter's lock. The failure is that of the first picture that has one.
[[nodiscard]] Status fill_rows(const Pictures& pictures, std::size_t first, std::size_t count,
                               const ImagePreprocessing& preprocessing, std::span<std::byte> rows,
                               int threads);

}  // namespace muster::python
