// SPDX-License-Identifier: Apache-2.0
// PicturePaths: what a person names on the command line becomes a list of files.
#pragma once

#include <string>
#include <vector>

namespace muster {

struct PicturePaths {
  std::vector<std::string> files;   // in the order given; a folder's in byte order of their paths
  std::vector<std::string> errors;  // "name: what is wrong", for what led to no file
};

// A file stands for itself, whatever its name. A folder stands for the .png, .jpg and .jpeg files
// in it and in the folders below; links to folders are not followed. Where nothing has that name,
// it is taken as a glob pattern.
[[nodiscard]] PicturePaths find_pictures(const std::vector<std::string>& names);

}  // namespace muster
