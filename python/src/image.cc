// SPDX-License-Identifier: Apache-2.0
// muster.image: pictures as OpenCV would decode and scale them.
#include <algorithm>
#include <array>
#include <string>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "base/cpu_budget.h"
#include "python/src/arrays.h"
#include "python/src/module.h"
#include "python/src/pictures.h"

namespace muster::python {
namespace {

// Pictures between two looks for signals.
constexpr std::size_t kAtOnce = 64;
// Of each side of what is made: more is a slip.
constexpr std::int64_t kMaxSide = 1 << 15;

[[noreturn]] void raise_choice(const char* what, const char* expected, const std::string& given) {
  raise_named("InvalidArgument",
              std::string(what) + ": expected " + expected + ", given '" + given + "'");
}

ImagePreprocessing::Color color_of(const std::string& name) {
  if (name == "rgb") return ImagePreprocessing::Color::kRgb;
  if (name == "bgr") return ImagePreprocessing::Color::kBgr;
  if (name == "gray") return ImagePreprocessing::Color::kGrayscale;
  raise_choice("color", "'rgb', 'bgr' or 'gray'", name);
}

std::array<double, 3> by_channel(const std::vector<double>& values, std::int64_t channels,
                                 const char* what) {
  if (values.size() != 1 && values.size() != static_cast<std::size_t>(channels)) {
    raise_named("InvalidArgument", std::string(what) + ": expected a number or one for each of " +
                                       std::to_string(channels) + " channels, given " +
                                       std::to_string(values.size()));
  }
  std::array<double, 3> all{};
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = values[std::min(i, values.size() - 1)];
  return all;
}

struct Wish {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::string color;
  std::string layout;
  std::string dtype;
  double scale = 1;
  std::vector<double> mean;
  std::vector<double> std;
};

ImagePreprocessing preprocessing_of(const Wish& wish) {
  ImagePreprocessing made;
  for (const std::int64_t side : {wish.height, wish.width}) {
    if (side < 1 || side > kMaxSide) {
      raise_named("InvalidArgument", "height and width: expected 1 to " + std::to_string(kMaxSide) +
                                         " pixels, given " + std::to_string(side));
    }
  }
  made.height = wish.height;
  made.width = wish.width;
  made.color = color_of(wish.color);
  if (wish.layout != "nchw" && wish.layout != "nhwc")
    raise_choice("layout", "'nchw' or 'nhwc'", wish.layout);
  made.layout =
      wish.layout == "nchw" ? ImagePreprocessing::Layout::kNchw : ImagePreprocessing::Layout::kNhwc;
  if (wish.dtype != "float32" && wish.dtype != "uint8")
    raise_choice("dtype", "'float32' or 'uint8'", wish.dtype);
  made.type = wish.dtype == "uint8" ? DataType::kUint8 : DataType::kFp32;
  made.scale = wish.scale;
  made.mean = by_channel(wish.mean, made.channels(), "mean");
  made.std = by_channel(wish.std, made.channels(), "std");
  if (std::ranges::find(made.std, 0.0) != made.std.end())
    raise_named("InvalidArgument", "std: a channel cannot be divided by 0");
  return made;
}

nb::object load(nb::handle given, const Wish& wish, std::optional<int> threads) {
  if (threads && *threads < 1)
    raise_named("InvalidArgument",
                "threads: expected at least 1, given " + std::to_string(*threads));
  const ImagePreprocessing preprocessing = preprocessing_of(wish);
  const Pictures pictures(given);
  const Shape shape =
      preprocessing.row_shape().with_first(static_cast<std::int64_t>(pictures.size()));
  NewArray made = new_array(preprocessing.type, shape.dims());
  const std::size_t row = pictures.size() == 0 ? 0 : made.bytes.size() / pictures.size();
  for (std::size_t first = 0; first < pictures.size(); first += kAtOnce) {
    const std::size_t count = std::min(kAtOnce, pictures.size() - first);
    Status status;
    {
      const Outside outside;
      status = fill_rows(pictures, first, count, preprocessing,
                         made.bytes.subspan(first * row, count * row),
                         threads.value_or(available_cpus()));
    }
    raise_unless_ok(status);
    raise_if_interrupted();
  }
  return std::move(made.array);
}

nb::object decode(nb::handle given, bool grayscale) {
  const Pictures pictures(given);
  if (pictures.size() != 1) {
    raise_named("InvalidArgument",
                "expected one picture, given " + std::to_string(pictures.size()));
  }
  auto decoded = [&] {
    const Outside outside;
    return pictures.decode(0, grayscale);
  }();
  const Picture picture = value_or_raise(std::move(decoded));
  const std::array<std::int64_t, 3> dims = {picture.height, picture.width, picture.channels};
  NewArray made = new_array(DataType::kUint8, std::span(dims).first(picture.channels == 1 ? 2 : 3));
  copy_bytes(picture.pixels.bytes(), made.bytes.data());
  return std::move(made.array);
}

}  // namespace

void bind_image(nb::module_& module) {
  using namespace nb::literals;
  module.def(
      "load_pictures",
      [](nb::handle pictures, std::int64_t height, std::int64_t width, std::string color,
         std::string layout, std::string dtype, double scale, std::vector<double> mean,
         std::vector<double> std, std::optional<int> threads) {
        return load(pictures,
                    {height, width, std::move(color), std::move(layout), std::move(dtype), scale,
                     std::move(mean), std::move(std)},
                    threads);
      },
      "pictures"_a, "height"_a, "width"_a, "color"_a, "layout"_a, "dtype"_a, "scale"_a, "mean"_a,
      "std"_a, "threads"_a.none(),
      nb::sig("def load_pictures(pictures: typing.Any, height: int, width: int, color: str, "
              "layout: str, dtype: str, "
              "scale: float, mean: collections.abc.Sequence[float], std: "
              "collections.abc.Sequence[float], threads: int | None) "
              "-> numpy.typing.NDArray[typing.Any]"),
      "See muster.image.load.");
  module.def("decode_picture", &decode, "picture"_a, "grayscale"_a,
             nb::sig("def decode_picture(picture: typing.Any, grayscale: bool) -> "
                     "numpy.typing.NDArray[typing.Any]"),
             "See muster.image.decode.");
}

}  // namespace muster::python
