// SPDX-License-Identifier: Apache-2.0
#include "backends/openvino/compiled_cache.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "onnx/testing/onnx_file.h"

namespace muster::openvino {
namespace {

namespace fs = std::filesystem;

DigestBytes key_of(std::string_view text) {
  Digest digest;
  digest.add(text);
  return digest.finish();
}

std::string bytes_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

struct Cache {
  explicit Cache(std::uint64_t max_bytes = kMaxCacheBytes)
      : path((folder.path() / "cache").string()),
        cache(CompiledCache::open(path, max_bytes).value()) {}
  [[nodiscard]] fs::path file(std::string_view key) const {
    return fs::path(path) / (as_text(key_of(key)) + ".blob");
  }
  std::optional<std::string> find(std::string_view key) { return cache.find(key_of(key), fault); }

  onnx::TemporaryFolder folder;
  std::string path;
  CompiledCache cache;
  std::string fault;
};

TEST(Digest, is_sha_256) {
  EXPECT_EQ(as_text(key_of("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const onnx::TemporaryFolder folder;
  EXPECT_EQ(digest_of_file(folder.write("file", "abc")).value(), key_of("abc"));
  EXPECT_FALSE(digest_of_file("/nonexistent").ok());
}

TEST(CompiledCache, gives_back_what_was_stored) {
  Cache test;
  EXPECT_FALSE(test.find("a").has_value());
  EXPECT_EQ(test.fault, "");
  ASSERT_TRUE(test.cache.store(key_of("a"), "content").ok());
  ASSERT_TRUE(test.cache.store(key_of("b"), "").ok());
  EXPECT_EQ(test.find("a"), "content");
  EXPECT_EQ(test.find("b"), "");
  ASSERT_TRUE(test.cache.store(key_of("a"), "newer").ok());
  EXPECT_EQ(test.find("a"), "newer");
  // Nothing is left of what was written aside.
  EXPECT_EQ(std::distance(fs::directory_iterator(test.path), {}), 2);
}

TEST(CompiledCache, never_gives_what_is_not_whole) {
  Cache test;
  ASSERT_TRUE(test.cache.store(key_of("a"), "content").ok());
  const std::string whole = bytes_of(test.file("a"));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    std::ofstream(test.file("a"), std::ios::binary) << changed;
    EXPECT_FALSE(test.find("a").has_value()) << i;
    EXPECT_NE(test.fault, "") << i;
    std::ofstream(test.file("a"), std::ios::binary) << whole.substr(0, i);
    EXPECT_FALSE(test.find("a").has_value()) << i;
  }
  std::ofstream(test.file("a"), std::ios::binary) << whole << "more";
  EXPECT_FALSE(test.find("a").has_value());
  std::ofstream(test.file("a"), std::ios::binary) << whole;
  EXPECT_EQ(test.find("a"), "content");
}

TEST(CompiledCache, never_gives_the_entry_of_another_model) {
  Cache test;
  ASSERT_TRUE(test.cache.store(key_of("a"), "content").ok());
  fs::copy_file(test.file("a"), test.file("b"));
  EXPECT_FALSE(test.find("b").has_value());
  EXPECT_EQ(test.fault, "was made from something else");
}

TEST(CompiledCache, follows_no_link_and_reads_no_folder) {
  Cache test;
  ASSERT_TRUE(test.cache.store(key_of("a"), "content").ok());
  fs::rename(test.file("a"), test.folder.path() / "elsewhere");
  fs::create_symlink(test.folder.path() / "elsewhere", test.file("a"));
  EXPECT_FALSE(test.find("a").has_value());
  EXPECT_EQ(test.fault, "is no file that can be read");
  fs::remove(test.file("a"));
  fs::create_directory(test.file("a"));
  EXPECT_FALSE(test.find("a").has_value());
  EXPECT_FALSE(test.cache.store(key_of("a"), "content").ok());
}

TEST(CompiledCache, lets_the_longest_unused_go_where_there_is_no_room) {
  Cache test(3 * 180);
  const std::string content(100, 'x');
  for (const char* key : {"a", "b", "c"})
    ASSERT_TRUE(test.cache.store(key_of(key), content).ok());
  const auto long_ago = fs::last_write_time(test.file("a"));
  fs::last_write_time(test.file("a"), long_ago - std::chrono::hours(3));
  fs::last_write_time(test.file("b"), long_ago - std::chrono::hours(2));
  EXPECT_TRUE(test.find("a").has_value());  // used now
  ASSERT_TRUE(test.cache.store(key_of("d"), content).ok());
  EXPECT_TRUE(test.find("a").has_value());
  EXPECT_FALSE(test.find("b").has_value());
  EXPECT_TRUE(test.find("d").has_value());
  EXPECT_FALSE(test.cache.store(key_of("e"), std::string(541, 'x')).ok());
}

fs::path write_aside(Cache& test, std::string_view between, std::size_t bytes,
                     std::chrono::minutes age) {
  const fs::path file = test.file("aside").string() + std::string(between) + ".new";
  std::ofstream(file, std::ios::binary) << std::string(bytes, 'x');
  fs::last_write_time(file, fs::file_time_type::clock::now() - age);
  return file;
}

TEST(CompiledCache, writes_aside_under_a_name_that_nobody_else_has) {
  Cache test;
  // That of a process with the same number, in another container.
  const fs::path other =
      test.file("a").string() + "." + std::to_string(::getpid()) + std::string(".new");
  std::ofstream(other, std::ios::binary) << "half of it";
  ASSERT_TRUE(test.cache.store(key_of("a"), "content").ok());
  EXPECT_EQ(test.find("a"), "content");
  EXPECT_EQ(bytes_of(other), "half of it");
}

TEST(CompiledCache, removes_what_was_left_aside_long_ago) {
  Cache test;
  const fs::path old = write_aside(test, ".abc123", 10, kStaleAfter + std::chrono::minutes(1));
  const fs::path fresh = write_aside(test, ".def456", 10, kStaleAfter - std::chrono::minutes(1));
  std::ofstream(test.folder.path() / "cache" / "notes.new") << "somebody else's";
  fs::last_write_time(test.folder.path() / "cache" / "notes.new", fs::last_write_time(old));
  ASSERT_TRUE(test.cache.store(key_of("a"), "content").ok());
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(fresh));
  EXPECT_TRUE(fs::exists(test.folder.path() / "cache" / "notes.new"));
}

TEST(CompiledCache, counts_what_is_being_written_by_others) {
  Cache test(3 * 180);
  const std::string content(100, 'x');
  ASSERT_TRUE(test.cache.store(key_of("a"), content).ok());
  const fs::path aside = write_aside(test, ".abc123", 300, std::chrono::minutes(1));
  ASSERT_TRUE(test.cache.store(key_of("b"), content).ok());
  EXPECT_FALSE(test.find("a").has_value());
  EXPECT_TRUE(test.find("b").has_value());
  EXPECT_TRUE(fs::exists(aside));
}

TEST(CompiledCache, refuses_a_folder_that_others_write_to) {
  const onnx::TemporaryFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0777), 0);
  const auto opened = CompiledCache::open(folder.path().string());
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.status().message().find("chmod go-w"), std::string_view::npos);
  EXPECT_FALSE(CompiledCache::open(folder.write("file", "")).ok());
  EXPECT_FALSE(CompiledCache::open((folder.path() / "no" / "such").string()).ok());
}

}  // namespace
}  // namespace muster::openvino
