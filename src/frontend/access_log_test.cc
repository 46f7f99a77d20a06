// SPDX-License-Identifier: Apache-2.0
#include "frontend/access_log.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace muster {
namespace {

class AccessLogTest : public ::testing::Test {
 protected:
  ~AccessLogTest() override { std::remove(path_.c_str()); }

  [[nodiscard]] std::string written() const {
    std::ifstream stream(path_);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  const std::string path_ = ::testing::TempDir() + "access_log_" + std::to_string(::getpid());
};

TEST_F(AccessLogTest, is_off_until_it_is_opened) {
  AccessLog log;
  EXPECT_FALSE(log.enabled());
  log.write({});
}

TEST_F(AccessLogTest, says_which_file_cannot_be_opened) {
  const auto log = AccessLog::open("/nowhere/at/all.log");
  ASSERT_FALSE(log.ok());
  EXPECT_NE(log.status().message().find("/nowhere/at/all.log"), std::string_view::npos);
}

TEST_F(AccessLogTest, writes_one_line_of_json_a_request) {
  const auto log = AccessLog::open(path_);
  ASSERT_TRUE(log.ok());
  BatchReport batch;
  batch.rows = 8;
  batch.requests = 3;
  batch.reason = CloseReason::kFull;
  batch.queue = std::chrono::microseconds(12);
  AccessEntry entry;
  entry.transport = "http";
  entry.method = "POST";
  entry.target = "/v2/models/lenet/infer";
  entry.model = "lenet";
  entry.version = 2;
  entry.status = 200;
  entry.duration = std::chrono::microseconds(77);
  entry.batch = &batch;
  (*log)->write(entry);
  const std::string line = written();
  for (const auto* part :
       {R"("transport":"http")", R"("method":"POST")", R"("target":"/v2/models/lenet/infer")",
        R"("model":"lenet","version":2)", R"("status":200)", R"("duration_microseconds":77)",
        R"("batch_rows":8,"batch_requests":3,"close_reason":"full","queue_microseconds":12)"}) {
    EXPECT_NE(line.find(part), std::string::npos) << part << " in " << line;
  }
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(line.find("error"), std::string::npos);
}

TEST_F(AccessLogTest, no_entry_can_forge_another) {
  const auto log = AccessLog::open(path_);
  ASSERT_TRUE(log.ok());
  AccessEntry entry;
  entry.request_id = "a\"}\n{\"status\":200";
  entry.target = std::string_view("\r\n\0\x1b[2J", 8);
  (*log)->write(entry);
  const std::string line = written();
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  for (const char c : line.substr(0, line.size() - 1))
    EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  EXPECT_NE(line.find(R"(a\"}\n{\"status\":200)"), std::string::npos) << line;
}

TEST_F(AccessLogTest, cuts_what_is_too_long_to_read) {
  const auto log = AccessLog::open(path_);
  ASSERT_TRUE(log.ok());
  const std::string target(100'000, 'x');
  AccessEntry entry;
  entry.target = target;
  (*log)->write(entry);
  EXPECT_LT(written().size(), 2000U);
}

TEST_F(AccessLogTest, appends_to_what_is_there) {
  for (int i = 0; i < 2; ++i)
    (*AccessLog::open(path_))->write({});
  const std::string lines = written();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
}

}  // namespace
}  // namespace muster
