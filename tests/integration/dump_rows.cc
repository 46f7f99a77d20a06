// SPDX-License-Identifier: Apache-2.0
// Writes the rows that preprocessing makes of pictures, for compare_with_cv2.py:
//   dump_rows gray|rgb|bgr nchw|nhwc fp32|uint8 HEIGHT WIDTH SCALE MEAN,MEAN,MEAN STD,STD,STD
// reads paths from stdin, one a line, and writes for each "ok HEIGHT WIDTH BYTES\n" and the row's
// bytes, or "error MESSAGE\n". A HEIGHT or WIDTH of 0 is the picture's own.
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include <muster/image.h>

namespace {

using muster::DataType;
using muster::ImagePreprocessing;

bool parse_three(const char* text, std::array<double, 3>& numbers) {
  return std::sscanf(text, "%lf,%lf,%lf", &numbers[0], &numbers[1], &numbers[2]) == 3;
}

bool parse(char** arguments, ImagePreprocessing& preprocessing) {
  const std::string_view color = arguments[0];
  preprocessing.color = color == "gray"  ? ImagePreprocessing::Color::kGrayscale
                        : color == "rgb" ? ImagePreprocessing::Color::kRgb
                                         : ImagePreprocessing::Color::kBgr;
  preprocessing.layout = std::string_view(arguments[1]) == "nchw"
                             ? ImagePreprocessing::Layout::kNchw
                             : ImagePreprocessing::Layout::kNhwc;
  preprocessing.type =
      std::string_view(arguments[2]) == "fp32" ? DataType::kFp32 : DataType::kUint8;
  preprocessing.height = std::atoll(arguments[3]);
  preprocessing.width = std::atoll(arguments[4]);
  preprocessing.scale = std::atof(arguments[5]);
  return parse_three(arguments[6], preprocessing.mean) &&
         parse_three(arguments[7], preprocessing.std);
}

muster::Status dump(const std::string& path, ImagePreprocessing preprocessing) {
  MUSTER_ASSIGN_OR_RETURN(const muster::Buffer file, muster::read_picture_file(path));
  if (preprocessing.height == 0 || preprocessing.width == 0) {
    MUSTER_ASSIGN_OR_RETURN(const muster::Picture picture,
                            muster::decode_picture(file.bytes(), true));
    preprocessing.height = picture.height;
    preprocessing.width = picture.width;
  }
  MUSTER_ASSIGN_OR_RETURN(const std::size_t size,
                          muster::byte_size(preprocessing.type, preprocessing.row_shape()));
  MUSTER_ASSIGN_OR_RETURN(muster::Buffer row, muster::Buffer::allocate(size));
  MUSTER_RETURN_IF_ERROR(muster::file_to_row(file.bytes(), preprocessing, row.bytes()));
  std::printf("ok %lld %lld %zu\n", static_cast<long long>(preprocessing.height),
              static_cast<long long>(preprocessing.width), size);
  std::fwrite(row.bytes().data(), 1, size, stdout);
  return {};
}

}  // namespace

int main(int count, char** arguments) {
  ImagePreprocessing preprocessing;
  if (count != 9 || !parse(arguments + 1, preprocessing)) {
    std::fprintf(stderr, "see the first lines of dump_rows.cc for its arguments\n");
    return 2;
  }
  std::string path;
  while (std::getline(std::cin, path)) {
    const muster::Status status = dump(path, preprocessing);
    if (!status.ok())
      std::printf("error %.*s\n", static_cast<int>(status.message().size()),
                  status.message().data());
  }
  return 0;
}
