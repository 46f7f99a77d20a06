// SPDX-License-Identifier: Apache-2.0
#include "shared_memory/shared_memory_regions.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace muster {
namespace {

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();
constexpr auto kMaxOffset = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());

// A client's object of shared memory, gone with the test.
class Object {
 public:
  explicit Object(std::size_t size)
      : key_("/muster_test_" + std::to_string(::getpid()) + "_" + std::to_string(count_++)),
        file_(::shm_open(key_.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600)) {
    EXPECT_GE(file_, 0);
    resize(size);
  }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  ~Object() {
    ::close(file_);
    ::shm_unlink(key_.c_str());
  }

  [[nodiscard]] const std::string& key() const { return key_; }
  void resize(std::size_t size) { EXPECT_EQ(::ftruncate(file_, static_cast<off_t>(size)), 0); }
  [[nodiscard]] std::size_t size() const {
    struct stat found = {};
    EXPECT_EQ(::fstat(file_, &found), 0);
    return static_cast<std::size_t>(found.st_size);
  }
  void put(std::size_t offset, std::string_view text) {
    EXPECT_EQ(::pwrite(file_, text.data(), text.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] std::string get(std::size_t offset, std::size_t length) const {
    std::string text(length, '?');
    EXPECT_EQ(::pread(file_, text.data(), length, static_cast<off_t>(offset)),
              static_cast<ssize_t>(length));
    return text;
  }

 private:
  static inline int count_ = 0;
  const std::string key_;
  const int file_;
};

std::string read(const RegionSlice& slice) {
  std::string text(slice.size(), '?');
  EXPECT_TRUE(slice.read(std::as_writable_bytes(std::span(text))).ok());
  return text;
}

Status write(const RegionSlice& slice, std::string_view text) {
  return slice.write(std::as_bytes(std::span(text)));
}

std::size_t open_files() {
  std::size_t count = 0;
  for (int file = 0; file < 1024; ++file)
    count += ::fcntl(file, F_GETFD) >= 0 ? 1U : 0U;
  return count;
}

TEST(SharedMemoryRegionsTest, reads_and_writes_where_the_client_said) {
  Object object(64);
  object.put(10, "abcdefgh");
  SharedMemoryRegions regions(true);
  ASSERT_TRUE(regions.add("r", object.key(), 10, 8).ok());
  const auto slice = regions.slice("r", 2, 3);
  ASSERT_TRUE(slice.ok());
  EXPECT_EQ(read(*slice), "cde");
  EXPECT_EQ(slice->region_name(), "r");
  EXPECT_EQ(slice->region_offset(), 2U);
  std::string end(2, '?');
  EXPECT_TRUE(slice->read(std::as_writable_bytes(std::span(end)), 1).ok());
  EXPECT_EQ(end, "de");
  EXPECT_TRUE(write(*slice, "CDE").ok());
  EXPECT_EQ(object.get(10, 8), "abCDEfgh");
}

TEST(SharedMemoryRegionsTest, takes_keys_with_and_without_their_slash) {
  const Object object(8);
  SharedMemoryRegions regions(true);
  EXPECT_TRUE(regions.add("with", object.key(), 0, 8).ok());
  EXPECT_TRUE(regions.add("without", object.key().substr(1), 0, 8).ok());
  const auto list = regions.status("");
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->size(), 2U);
  EXPECT_EQ((*list)[0].key, object.key());
  EXPECT_EQ((*list)[1].key, object.key().substr(1));
}

TEST(SharedMemoryRegionsTest, has_a_limit_for_all_regions_together) {
  Object object(100);
  SharedMemoryRegions regions(true, {.max_bytes = 150});
  ASSERT_TRUE(regions.add("a", object.key(), 0, 100).ok());
  const Status refused = regions.add("b", object.key(), 0, 51);
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(refused.message().find("--max-region-bytes"), std::string_view::npos)
      << refused.to_string();
  EXPECT_TRUE(regions.add("b", object.key(), 0, 50).ok());
  EXPECT_FALSE(regions.add("c", object.key(), 0, 1).ok());
  // One that cannot be opened takes nothing for good.
  ASSERT_TRUE(regions.remove("a").ok());
  EXPECT_FALSE(regions.add("c", "/there_is_no_such_object", 0, 100).ok());
  EXPECT_TRUE(regions.add("c", object.key(), 0, 100).ok());
  // One that is still read from counts.
  std::optional<RegionSlice> slice(regions.slice("c", 0, 1).value());
  ASSERT_TRUE(regions.remove("").ok());
  EXPECT_FALSE(regions.add("d", object.key(), 0, 51).ok());
  slice.reset();
  EXPECT_TRUE(regions.add("d", object.key(), 0, 51).ok());
  EXPECT_FALSE(regions.add("e", object.key(), 0, kHuge / 2).ok());
}

TEST(SharedMemoryRegionsTest, says_so_where_the_system_has_no_room) {
  // A file of holes, larger than any address space.
  constexpr std::uint64_t kHoles = std::uint64_t{1} << 60;
  Object object(0);
  object.resize(kHoles);
  ASSERT_EQ(object.size(), kHoles);
  SharedMemoryRegions regions(true, {.max_bytes = kHuge});
  const std::size_t files = open_files();
  const Status refused = regions.add("r", object.key(), 0, kHoles);
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(refused.message().find("cannot be mapped"), std::string_view::npos)
      << refused.to_string();
  EXPECT_EQ(open_files(), files);
  EXPECT_TRUE(regions.add("r", object.key(), 0, 8).ok()) << "its name was not taken";
}

TEST(SharedMemoryRegionsTest, lets_no_key_lead_out_of_the_systems_folder) {
  const Object object(8);
  SharedMemoryRegions regions(true);
  const std::string name = object.key().substr(1);
  for (const std::string& key :
       {std::string(), std::string("/"), std::string("."), std::string(".."), std::string("/.."),
        "./" + name, "../shm/" + name, "//" + name, name + "/", "/dev/shm/" + name,
        std::string("../../etc/passwd"), name + std::string("\0x", 2), std::string(4096, 'a'),
        std::string("/there_is_no_such_object")}) {
    const Status status = regions.add("r", key, 0, 8);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << key;
    EXPECT_EQ(status.message().find('\0'), std::string_view::npos) << key;
  }
  EXPECT_TRUE(regions.status("")->empty());
}

TEST(SharedMemoryRegionsTest, refuses_regions_beyond_their_object) {
  const Object object(100);
  SharedMemoryRegions regions(true);
  EXPECT_TRUE(regions.add("whole", object.key(), 0, 100).ok());
  EXPECT_TRUE(regions.add("last byte", object.key(), 99, 1).ok());
  struct Bounds {
    std::uint64_t offset;
    std::uint64_t size;
  };
  for (const Bounds& wrong :
       {Bounds{0, 101}, Bounds{1, 100}, Bounds{100, 1}, Bounds{0, 0}, Bounds{100, 0},
        Bounds{kHuge, 1}, Bounds{1, kHuge}, Bounds{kHuge, kHuge}, Bounds{kHuge - 50, 60},
        Bounds{kMaxOffset, 1}, Bounds{0, kMaxOffset + 1}, Bounds{kMaxOffset, kMaxOffset}}) {
    EXPECT_EQ(regions.add("r", object.key(), wrong.offset, wrong.size).code(),
              StatusCode::kInvalidArgument)
        << wrong.offset << " " << wrong.size;
  }
}

TEST(SharedMemoryRegionsTest, refuses_slices_beyond_their_region) {
  const Object object(100);
  SharedMemoryRegions regions(true);
  ASSERT_TRUE(regions.add("r", object.key(), 40, 20).ok());
  EXPECT_TRUE(regions.slice("r", 0, 20).ok());
  EXPECT_TRUE(regions.slice("r", 20, 0).ok());
  struct Bounds {
    std::uint64_t offset;
    std::uint64_t size;
  };
  // All of them lie in the object, or come back into it where the sum overflows.
  for (const Bounds& wrong : {Bounds{0, 21}, Bounds{20, 1}, Bounds{21, 0}, Bounds{kHuge, 1},
                              Bounds{kHuge - 19, 40}, Bounds{5, kHuge}, Bounds{kHuge, kHuge}}) {
    EXPECT_EQ(regions.slice("r", wrong.offset, wrong.size).status().code(),
              StatusCode::kInvalidArgument)
        << wrong.offset << " " << wrong.size;
  }
  EXPECT_EQ(regions.slice("other", 0, 1).status().code(), StatusCode::kInvalidArgument);
}

TEST(SharedMemoryRegionsTest, says_so_where_the_client_shrinks_its_memory) {
  Object object(std::size_t{1} << 16);
  SharedMemoryRegions regions(true);
  ASSERT_TRUE(regions.add("r", object.key(), 0, 1U << 16).ok());
  const auto slice = regions.slice("r", 1U << 15, 1U << 15);
  ASSERT_TRUE(slice.ok());
  object.resize((std::size_t{1} << 15) + 100);
  std::vector<std::byte> bytes(slice->size());
  EXPECT_EQ(slice->read(bytes).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(slice->write(bytes).code(), StatusCode::kInvalidArgument);
  object.resize(0);
  EXPECT_EQ(slice->read(std::span(bytes).first(1)).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(slice->write(std::span(bytes).first(1)).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(object.size(), 0U) << "the server made the client's memory grow";
  EXPECT_TRUE(slice->read({}).ok());
}

TEST(SharedMemoryRegionsTest, reads_and_writes_no_further_than_the_slice) {
  const Object object(100);
  SharedMemoryRegions regions(true);
  ASSERT_TRUE(regions.add("r", object.key(), 0, 100).ok());
  const auto slice = regions.slice("r", 0, 10);
  ASSERT_TRUE(slice.ok());
  std::vector<std::byte> bytes(11);
  EXPECT_FALSE(slice->read(bytes).ok());
  EXPECT_FALSE(slice->write(bytes).ok());
  EXPECT_FALSE(slice->read(std::span(bytes).first(2), 9).ok());
  EXPECT_FALSE(slice->read(std::span(bytes).first(1), kHuge).ok());
  EXPECT_TRUE(slice->read({}, 10).ok());
}

TEST(SharedMemoryRegionsTest, keeps_a_region_that_was_unregistered_in_use) {
  Object object(16);
  object.put(0, "still here");
  SharedMemoryRegions regions(true);
  const std::size_t before = open_files();
  ASSERT_TRUE(regions.add("r", object.key(), 0, 16).ok());
  {
    const auto slice = regions.slice("r", 0, 10);
    ASSERT_TRUE(slice.ok());
    EXPECT_TRUE(regions.remove("r").ok());
    EXPECT_EQ(regions.status("r").status().code(), StatusCode::kNotFound);
    EXPECT_FALSE(regions.slice("r", 0, 1).ok());
    EXPECT_EQ(read(*slice), "still here");
    EXPECT_EQ(open_files(), before + 1);
    // The name is free again at once.
    ASSERT_TRUE(regions.add("r", object.key(), 8, 8).ok());
    EXPECT_EQ(read(*slice), "still here");
    EXPECT_TRUE(regions.remove("").ok());
  }
  EXPECT_EQ(open_files(), before);
}

TEST(SharedMemoryRegionsTest, refuses_a_name_that_is_taken_and_keeps_the_first) {
  const Object object(16);
  SharedMemoryRegions regions(true);
  const std::size_t before = open_files();
  ASSERT_TRUE(regions.add("r", object.key(), 4, 4).ok());
  EXPECT_EQ(regions.add("r", object.key(), 0, 16).code(), StatusCode::kInvalidArgument);
  const auto status = regions.status("r");
  ASSERT_TRUE(status.ok());
  ASSERT_EQ(status->size(), 1U);
  EXPECT_EQ(status->front().offset, 4U);
  EXPECT_EQ(status->front().byte_size, 4U);
  EXPECT_EQ(open_files(), before + 1);
}

TEST(SharedMemoryRegionsTest, lists_regions_by_name_and_forgets_unknown_ones_silently) {
  const Object object(16);
  SharedMemoryRegions regions(true);
  for (const char* name : {"b", "a", "c"})
    ASSERT_TRUE(regions.add(name, object.key(), 0, 16).ok());
  const auto list = regions.status("");
  ASSERT_TRUE(list.ok());
  EXPECT_TRUE(std::ranges::is_sorted(*list, {}, &RegionStatus::name));
  EXPECT_TRUE(regions.remove("unknown").ok());
  EXPECT_EQ(regions.status("")->size(), 3U);
  EXPECT_EQ(regions.status("unknown").status().code(), StatusCode::kNotFound);
}

TEST(SharedMemoryRegionsTest, stops_at_its_limits) {
  const Object object(16);
  SharedMemoryRegions regions(true, {.max_regions = 2, .max_name_bytes = 4});
  EXPECT_EQ(regions.add("", object.key(), 0, 1).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(regions.add("12345", object.key(), 0, 1).code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(regions.add("1234", object.key(), 0, 1).ok());
  ASSERT_TRUE(regions.add("b", object.key(), 0, 1).ok());
  EXPECT_EQ(regions.add("c", object.key(), 0, 1).code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(regions.remove("b").ok());
  EXPECT_TRUE(regions.add("c", object.key(), 0, 1).ok());
}

TEST(SharedMemoryRegionsTest, answers_nothing_where_it_is_not_allowed) {
  const Object object(16);
  SharedMemoryRegions regions(false);
  EXPECT_FALSE(regions.allowed());
  EXPECT_EQ(regions.add("r", object.key(), 0, 16).code(), StatusCode::kUnimplemented);
  EXPECT_EQ(regions.remove("").code(), StatusCode::kUnimplemented);
  EXPECT_EQ(regions.status("").status().code(), StatusCode::kUnimplemented);
  EXPECT_EQ(regions.slice("r", 0, 1).status().code(), StatusCode::kUnimplemented);
}

TEST(SharedMemoryRegionsTest, lets_no_text_of_a_client_forge_a_line) {
  SharedMemoryRegions regions(true);
  const Status status = regions.add("r\nmuster: ready", "k\nmuster: ready", 0, 1);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.message().find('\n'), std::string_view::npos);
}

}  // namespace
}  // namespace muster
