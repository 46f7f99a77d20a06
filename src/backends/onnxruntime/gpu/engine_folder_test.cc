// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/gpu/engine_folder.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "onnx/testing/onnx_file.h"

namespace muster::onnxruntime {
namespace {

namespace fs = std::filesystem;

class EngineFolderTest : public ::testing::Test {
 protected:
  std::unique_ptr<EngineFolder> make(std::byte key = std::byte{1}) {
    DigestBytes digest{};
    digest.fill(key);
    return EngineFolder::make(cache_.path().string(), digest, "m.onnx").value();
  }
  static void write(const EngineFolder& folder, const std::string& name, const std::string& text) {
    std::ofstream(fs::path(folder.path()) / name) << text;
  }
  static std::string read(const EngineFolder& folder, const std::string& name) {
    std::ifstream file(fs::path(folder.path()) / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  fs::path only_entry() {
    fs::path found;
    for (const auto& entry : fs::directory_iterator(cache_.path())) {
      EXPECT_TRUE(found.empty());
      found = entry.path();
    }
    return found;
  }

  onnx::TemporaryFolder cache_;
};

TEST_F(EngineFolderTest, gives_the_next_load_what_the_last_one_has_built) {
  std::string path;
  {
    const auto first = make();
    EXPECT_FALSE(first->is_filled());
    EXPECT_EQ(first->use().misses, 1U);
    write(*first, "a.engine", "engine");
    write(*first, "a.profile", std::string("\0p", 2));
    first->keep();
    path = first->path();
  }
  EXPECT_FALSE(fs::exists(path));
  const auto second = make();
  EXPECT_TRUE(second->is_filled());
  EXPECT_EQ(second->use().hits, 1U);
  EXPECT_EQ(read(*second, "a.engine"), "engine");
  EXPECT_EQ(read(*second, "a.profile"), std::string("\0p", 2));
  // Another model has another key, and finds nothing.
  EXPECT_FALSE(make(std::byte{2})->is_filled());
}

TEST_F(EngineFolderTest, keeps_what_runs_have_built_as_well) {
  {
    const auto first = make();
    write(*first, "a.engine", "engine");
    first->keep();
    write(*first, "b.engine", "another");
  }
  EXPECT_EQ(read(*make(), "b.engine"), "another");
}

TEST_F(EngineFolderTest, keeps_nothing_of_a_load_that_failed) {
  write(*make(), "a.engine", "half of an eng");
  EXPECT_FALSE(make()->is_filled());
}

TEST_F(EngineFolderTest, does_not_use_what_is_damaged) {
  {
    const auto first = make();
    write(*first, "a.engine", "engine");
    first->keep();
  }
  const fs::path entry = only_entry();
  fs::resize_file(entry, fs::file_size(entry) - 1);
  testing::internal::CaptureStderr();
  const auto second = make();
  EXPECT_NE(testing::internal::GetCapturedStderr().find(
                "m.onnx: the engines that were kept are not used"),
            std::string::npos);
  EXPECT_FALSE(second->is_filled());
  EXPECT_EQ(second->use().rebuilt, 1U);
}

TEST_F(EngineFolderTest, forgets_what_was_of_no_use) {
  {
    const auto first = make();
    write(*first, "a.engine", "engine");
    first->keep();
  }
  {
    const auto second = make();
    ASSERT_TRUE(second->forget().ok());
    EXPECT_EQ(read(*second, "a.engine"), "");
    EXPECT_FALSE(second->is_filled());
    EXPECT_EQ(second->use().rebuilt, 1U);
  }
  EXPECT_FALSE(make()->is_filled());
}

TEST_F(EngineFolderTest, is_there_without_a_cache_too) {
  const auto folder = EngineFolder::make("", {}, "m.onnx").value();
  write(*folder, "a.engine", "engine");
  folder->keep();
  EXPECT_TRUE(fs::exists(fs::path(folder->path()) / "a.engine"));
  EXPECT_EQ(folder->use().hits + folder->use().misses, 0U);
}

TEST(PackedFolder, writes_nothing_beside_the_folder) {
  const onnx::TemporaryFolder folder;
  const auto number = [](char value) { return std::string(1, value) + std::string(7, '\0'); };
  for (const std::string& hostile :
       {number(4) + "../x" + number(0), number(2) + ".." + number(0), number(0) + number(0),
        number(1) + "a" + number(2) + "x", number(9) + "a", std::string("short")}) {
    EXPECT_EQ(unpack_into(folder.path().string(), hostile).code(), StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(unpack_into(folder.path().string(), number(1) + "a" + number(1) + "x").ok());
  EXPECT_EQ(pack_folder(folder.path().string()).value(), number(1) + "a" + number(1) + "x");
}

TEST(EngineKey, is_of_everything_that_decides_an_engine) {
  const std::string first = onnx::test_model("identity_fp32.onnx");
  const auto key = [](const std::string& model, const char* runtime, const char* gpu,
                      const char* options) {
    return as_text(engine_key(model, runtime, gpu, options).value());
  };
  const std::string one = key(first, "1", "gpu", "x");
  EXPECT_EQ(key(first, "1", "gpu", "x"), one);
  EXPECT_NE(key(onnx::test_model("identity_fp64.onnx"), "1", "gpu", "x"), one);
  EXPECT_NE(key(first, "2", "gpu", "x"), one);
  EXPECT_NE(key(first, "1", "gpv", "x"), one);
  EXPECT_NE(key(first, "1", "gpu", ""), one);
  EXPECT_NE(key(first, "1g", "pu", "x"), one);
}

// The same graph, and other weights in another file.
TEST(EngineKey, is_of_external_weights_too) {
  const onnx::TemporaryFolder folder;
  const fs::path from = onnx::test_model("external_ok");
  fs::copy(from, folder.path(), fs::copy_options::recursive);
  const std::string model = (folder.path() / "model.onnx").string();
  const auto before = engine_key(model, "", "", "").value();
  std::fstream weights(folder.path() / "weights.bin",
                       std::ios::in | std::ios::out | std::ios::binary);
  weights.put('\x7f');
  weights.close();
  EXPECT_NE(engine_key(model, "", "", "").value(), before);
}

}  // namespace
}  // namespace muster::onnxruntime
