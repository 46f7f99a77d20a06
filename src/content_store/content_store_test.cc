// SPDX-License-Identifier: Apache-2.0
#include "content_store/content_store.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/temporary_folder.h"
#include "content_store/whole_file.h"

namespace muster {
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

std::string write(const TemporaryFolder& folder, std::string_view name, std::string_view text) {
  const fs::path file = folder.path() / name;
  std::ofstream(file, std::ios::binary) << text;
  return file.string();
}

constexpr EntryKind kModels{"MUSTEROV", ".blob"};
constexpr EntryKind kOthers{"MUSTERXX", ".other"};

struct Cache {
  explicit Cache(std::uint64_t max_bytes = kModels.max_bytes)
      : folder(TemporaryFolder::make("muster-store").value()),
        path((folder.path() / "cache").string()),
        cache(ContentStore::open(path, {kModels.magic, kModels.suffix, max_bytes}).value()) {}
  [[nodiscard]] fs::path file(std::string_view key) const {
    return fs::path(path) / (as_text(key_of(key)) + ".blob");
  }
  std::optional<std::string> find(std::string_view key) { return cache.find(key_of(key), fault); }

  TemporaryFolder folder;
  std::string path;
  ContentStore cache;
  std::string fault;
};

TEST(Digest, is_sha_256) {
  EXPECT_EQ(as_text(key_of("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const TemporaryFolder folder = TemporaryFolder::make("muster-store").value();
  EXPECT_EQ(digest_of_file(write(folder, "file", "abc")).value(), key_of("abc"));
  EXPECT_FALSE(digest_of_file("/nonexistent").ok());
}

TEST(Digest, of_files_depends_on_each_and_on_their_order) {
  const TemporaryFolder folder = TemporaryFolder::make("muster-store").value();
  const std::string a = write(folder, "a", "one");
  const std::string b = write(folder, "b", "two");
  const auto digest = [](std::string_view kind, const std::vector<std::string>& files) {
    return digest_of_files(kind, files).value();
  };
  const DigestBytes both = digest("onnx", {a, b});
  // Of the kind and the files' digests: entries that were made before are found by it.
  Digest by_hand;
  by_hand.add("onnx");
  by_hand.add(key_of("one"));
  by_hand.add(key_of("two"));
  EXPECT_EQ(both, by_hand.finish());
  EXPECT_NE(both, digest("onnx", {b, a}));
  EXPECT_NE(both, digest("ir", {a, b}));
  EXPECT_NE(both, digest("onnx", {a}));
  write(folder, "b", "twO");
  EXPECT_NE(both, digest("onnx", {a, b}));
  const std::vector<std::string> missing = {a, "/nonexistent"};
  EXPECT_FALSE(digest_of_files("onnx", missing).ok());
}

TEST(ContentStore, gives_back_what_was_stored) {
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

TEST(ContentStore, forgets_what_is_removed_and_nothing_else) {
  Cache test;
  ASSERT_TRUE(test.cache.store(key_of("a"), "content").ok());
  ASSERT_TRUE(test.cache.store(key_of("b"), "other").ok());
  EXPECT_TRUE(test.cache.remove(key_of("a")).ok());
  EXPECT_FALSE(test.cache.has(key_of("a")));
  EXPECT_EQ(test.find("b"), "other");
  EXPECT_TRUE(test.cache.remove(key_of("a")).ok());
  fs::create_directory(test.file("c"));
  EXPECT_EQ(test.cache.remove(key_of("c")).code(), StatusCode::kFailedPrecondition);
}

TEST(ContentStore, never_gives_what_is_not_whole) {
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

TEST(ContentStore, has_what_says_that_it_is_that_and_is_as_long_as_it_says) {
  Cache test;
  EXPECT_FALSE(test.cache.has(key_of("a")));
  ASSERT_TRUE(test.cache.store(key_of("a"), "content").ok());
  ASSERT_TRUE(test.cache.store(key_of("empty"), "").ok());
  EXPECT_TRUE(test.cache.has(key_of("a")));
  EXPECT_TRUE(test.cache.has(key_of("empty")));
  const std::string whole = bytes_of(test.file("a"));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::ofstream(test.file("a"), std::ios::binary) << whole.substr(0, i);
    EXPECT_FALSE(test.cache.has(key_of("a"))) << i;
  }
  std::ofstream(test.file("b"), std::ios::binary) << whole;
  EXPECT_FALSE(test.cache.has(key_of("b")));
}

TEST(ContentStore, shares_a_folder_with_other_kinds_of_entries) {
  Cache test(180);
  const auto others = ContentStore::open(test.path, kOthers).value();
  const std::string content(100, 'x');
  ASSERT_TRUE(others.store(key_of("a"), "other").ok());
  ASSERT_TRUE(test.cache.store(key_of("a"), content).ok());
  // One kind's size does not make the other's go.
  ASSERT_TRUE(test.cache.store(key_of("b"), content).ok());
  EXPECT_FALSE(test.find("a").has_value());
  EXPECT_EQ(others.find(key_of("a"), test.fault), "other");
  // Nor is one taken for the other.
  fs::copy_file(fs::path(test.path) / (as_text(key_of("a")) + ".other"), test.file("a"));
  EXPECT_FALSE(test.find("a").has_value());
  EXPECT_EQ(test.fault, "is no compiled model");
  EXPECT_FALSE(test.cache.has(key_of("a")));
}

TEST(WholeFile, replaces_what_was_there_and_leaves_nothing_else) {
  const TemporaryFolder folder = TemporaryFolder::make("muster-store").value();
  const std::string file = write(folder, "file", "before");
  const std::string_view parts[] = {"one ", "", "two"};
  ASSERT_TRUE(write_whole_file(file, parts).ok());
  EXPECT_EQ(bytes_of(file), "one two");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
  const fs::path missing = folder.path() / "no" / "file";
  const Status refused = write_whole_file(missing.string(), parts);
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(refused.message().find(missing.string()), std::string_view::npos);
  // What cannot be replaced stays, and nothing is left beside it.
  fs::create_directory(folder.path() / "taken");
  write(folder, "taken/inside", "");
  EXPECT_FALSE(write_whole_file((folder.path() / "taken").string(), parts).ok());
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 2);
}

TEST(ContentStore, never_gives_the_entry_of_another_model) {
  Cache test;
  ASSERT_TRUE(test.cache.store(key_of("a"), "content").ok());
  fs::copy_file(test.file("a"), test.file("b"));
  EXPECT_FALSE(test.find("b").has_value());
  EXPECT_EQ(test.fault, "was made from something else");
}

TEST(ContentStore, follows_no_link_and_reads_no_folder) {
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

TEST(ContentStore, lets_the_longest_unused_go_where_there_is_no_room) {
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

TEST(ContentStore, writes_aside_under_a_name_that_nobody_else_has) {
  Cache test;
  // That of a process with the same number, in another container.
  const fs::path other =
      test.file("a").string() + "." + std::to_string(::getpid()) + std::string(".new");
  std::ofstream(other, std::ios::binary) << "half of it";
  ASSERT_TRUE(test.cache.store(key_of("a"), "content").ok());
  EXPECT_EQ(test.find("a"), "content");
  EXPECT_EQ(bytes_of(other), "half of it");
}

TEST(ContentStore, removes_what_was_left_aside_long_ago) {
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

TEST(ContentStore, counts_what_is_being_written_by_others) {
  Cache test(3 * 180);
  const std::string content(100, 'x');
  ASSERT_TRUE(test.cache.store(key_of("a"), content).ok());
  const fs::path aside = write_aside(test, ".abc123", 300, std::chrono::minutes(1));
  ASSERT_TRUE(test.cache.store(key_of("b"), content).ok());
  EXPECT_FALSE(test.find("a").has_value());
  EXPECT_TRUE(test.find("b").has_value());
  EXPECT_TRUE(fs::exists(aside));
}

TEST(ContentStore, refuses_a_folder_that_others_write_to) {
  const TemporaryFolder folder = TemporaryFolder::make("muster-store").value();
  ASSERT_EQ(::chmod(folder.path().c_str(), 0777), 0);
  const auto opened = ContentStore::open(folder.path().string(), kModels);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.status().message().find("chmod go-w"), std::string_view::npos);
  EXPECT_FALSE(ContentStore::open(write(folder, "file", ""), kModels).ok());
  EXPECT_FALSE(ContentStore::open((folder.path() / "no" / "such").string(), kModels).ok());
}

}  // namespace
}  // namespace muster
