// SPDX-License-Identifier: Apache-2.0
#include "shared_memory/guarded_mapping.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace muster {
namespace {

constexpr std::byte kMark{0x5a};

std::size_t page_size() {
  return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// A file in memory, full of marks.
class File {
 public:
  explicit File(std::size_t size) : file_(::memfd_create("muster_test", MFD_CLOEXEC)) {
    EXPECT_GE(file_, 0);
    grow(size);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::close(file_); }

  [[nodiscard]] int descriptor() const { return file_; }
  void shrink(std::size_t size) const {
    EXPECT_EQ(::ftruncate(file_, static_cast<off_t>(size)), 0);
  }
  void grow(std::size_t size) const {
    const std::vector<std::byte> marks(size, kMark);
    EXPECT_EQ(::pwrite(file_, marks.data(), size, 0), static_cast<ssize_t>(size));
  }

 private:
  const int file_;
};

bool all_marks(const std::vector<std::byte>& bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == kMark; });
}

TEST(GuardedMappingTest, reads_from_an_offset_that_begins_no_page) {
  const File file(2 * page_size());
  const std::byte other{7};
  ASSERT_EQ(::pwrite(file.descriptor(), &other, 1, static_cast<off_t>(page_size() + 5)), 1);
  const auto mapping = GuardedMapping::of(file.descriptor(), page_size() + 3, 10);
  ASSERT_NE(mapping, nullptr);
  EXPECT_EQ(mapping->size(), 10U);
  std::vector<std::byte> bytes(3);
  EXPECT_TRUE(mapping->read(bytes, 0));
  EXPECT_EQ(bytes, (std::vector<std::byte>{kMark, kMark, other}));
  EXPECT_TRUE(mapping->read(std::span(bytes).first(1), 2));
  EXPECT_EQ(bytes[0], other);
  EXPECT_TRUE(mapping->read({}, 10));
}

TEST(GuardedMappingTest, fails_where_a_page_is_gone_and_reads_again_when_it_is_back) {
  const File file(4 * page_size());
  const auto mapping = GuardedMapping::of(file.descriptor(), 0, 4 * page_size());
  ASSERT_NE(mapping, nullptr);
  std::vector<std::byte> bytes(4 * page_size());
  EXPECT_TRUE(mapping->read(bytes, 0));
  for (int i = 0; i < 3; ++i) {
    file.shrink(2 * page_size());
    EXPECT_FALSE(mapping->read(bytes, 0));
    EXPECT_FALSE(mapping->read(std::span(bytes).first(1), 2 * page_size()));
    EXPECT_TRUE(mapping->read(std::span(bytes).first(2 * page_size()), 0));
    file.grow(4 * page_size());
    EXPECT_TRUE(mapping->read(bytes, 0));
    EXPECT_TRUE(all_marks(bytes));
  }
}

TEST(GuardedMappingTest, writes_and_makes_no_file_grow) {
  const File file(2 * page_size());
  const auto mapping = GuardedMapping::of(file.descriptor(), 3, 2 * page_size() - 3);
  ASSERT_NE(mapping, nullptr);
  std::vector<std::byte> bytes(page_size(), std::byte{1});
  EXPECT_TRUE(mapping->write(bytes, 10));
  std::byte first{};
  ASSERT_EQ(::pread(file.descriptor(), &first, 1, 12), 1);
  EXPECT_EQ(first, kMark);
  ASSERT_EQ(::pread(file.descriptor(), &first, 1, 13), 1);
  EXPECT_EQ(first, bytes[0]);
  EXPECT_TRUE(mapping->write({}, 10));
  file.shrink(100);
  EXPECT_FALSE(mapping->write(std::span(bytes).first(1), page_size()));
  EXPECT_EQ(::lseek(file.descriptor(), 0, SEEK_END), 100);
}

TEST(GuardedMappingTest, outlives_the_descriptor) {
  auto file = std::make_unique<File>(page_size());
  const auto mapping = GuardedMapping::of(file->descriptor(), 0, page_size());
  ASSERT_NE(mapping, nullptr);
  file.reset();
  std::vector<std::byte> bytes(page_size());
  EXPECT_TRUE(mapping->read(bytes, 0));
  EXPECT_TRUE(all_marks(bytes));
}

TEST(GuardedMappingTest, is_none_where_the_system_gives_no_room) {
  const File file(page_size());
  EXPECT_EQ(GuardedMapping::of(file.descriptor(), 0, std::size_t{1} << 62), nullptr);
  EXPECT_EQ(GuardedMapping::of(-1, 0, page_size()), nullptr);
}

TEST(GuardedMappingTest, reads_on_several_threads_while_pages_come_and_go) {
  const File file(8 * page_size());
  const auto mapping = GuardedMapping::of(file.descriptor(), 0, 8 * page_size());
  ASSERT_NE(mapping, nullptr);
  std::atomic<int> failed{0};
  std::atomic<int> over{0};
  constexpr int kReaders = 3;
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&] {
      std::vector<std::byte> bytes(8 * page_size());
      for (int k = 0; k < 2000 || failed == 0; ++k)
        failed += mapping->read(bytes, 0) ? 0 : 1;
      ++over;
    });
  }
  while (over < kReaders) {
    file.shrink(page_size());
    file.grow(8 * page_size());
  }
  for (std::thread& reader : readers)
    reader.join();
  std::vector<std::byte> bytes(8 * page_size());
  EXPECT_TRUE(mapping->read(bytes, 0));
  EXPECT_TRUE(all_marks(bytes));
}

TEST(GuardedMappingDeathTest, leaves_other_faults_to_whoever_handled_them_before) {
  const File file(page_size());
  const auto mapping = GuardedMapping::of(file.descriptor(), 0, page_size());
  ASSERT_NE(mapping, nullptr);
  std::vector<std::byte> bytes(page_size());
  EXPECT_TRUE(mapping->read(bytes, 0));
  void* const other = ::mmap(nullptr, page_size(), PROT_READ, MAP_SHARED, file.descriptor(), 0);
  ASSERT_NE(other, MAP_FAILED);
  file.shrink(0);
  EXPECT_DEATH((void)*static_cast<volatile char*>(other), "");
  ::munmap(other, page_size());
}

}  // namespace
}  // namespace muster
