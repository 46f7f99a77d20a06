// SPDX-License-Identifier: Apache-2.0
#include "frontend/access_policy.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace muster {
namespace {

constexpr Right kAllRights[] = {Right::kHealth, Right::kInfer, Right::kMetrics, Right::kAdmin};
constexpr std::string_view kInferToken = "infer-0123456789";
constexpr std::string_view kAdminToken = "admin-0123456789abcdef";
constexpr std::string_view kTokens =
    "# who may do what\n"
    "\n"
    "infer,metrics infer-0123456789\n"
    "  admin\tadmin-0123456789abcdef   # for the deployment\r\n";

AccessPolicy policy_of(std::string_view text) {
  auto policy = AccessPolicy::parse(text, "tokens");
  EXPECT_TRUE(policy.ok()) << policy.status().to_string();
  return policy.ok() ? *policy : AccessPolicy();
}

StatusCode answer(const AccessPolicy& policy, Right right, std::string_view token,
                  bool loopback = true) {
  return policy.check(right, {token, loopback}).code();
}

TEST(AccessPolicyTest, grants_all_on_loopback_where_there_are_no_tokens) {
  for (const Right right : kAllRights)
    EXPECT_EQ(answer({}, right, ""), StatusCode::kOk);
}

TEST(AccessPolicyTest, keeps_admin_from_everyone_beyond_loopback_where_there_are_no_tokens) {
  EXPECT_EQ(answer({}, Right::kHealth, "", false), StatusCode::kOk);
  EXPECT_EQ(answer({}, Right::kInfer, "", false), StatusCode::kOk);
  EXPECT_EQ(answer({}, Right::kMetrics, "", false), StatusCode::kOk);
  EXPECT_EQ(answer({}, Right::kAdmin, "", false), StatusCode::kPermissionDenied);
  EXPECT_EQ(answer({}, Right::kAdmin, "anything at all", false), StatusCode::kPermissionDenied);
}

TEST(AccessPolicyTest, asks_for_a_token_on_every_listener_where_there_are_tokens) {
  const AccessPolicy policy = policy_of(kTokens);
  for (const bool loopback : {true, false}) {
    EXPECT_EQ(answer(policy, Right::kHealth, "", loopback), StatusCode::kOk);
    for (const Right right : {Right::kInfer, Right::kMetrics, Right::kAdmin}) {
      EXPECT_EQ(answer(policy, right, "", loopback), StatusCode::kUnauthenticated);
      EXPECT_EQ(answer(policy, right, "unknown-0123456789", loopback),
                StatusCode::kUnauthenticated);
    }
  }
}

TEST(AccessPolicyTest, grants_a_token_its_own_rights_and_no_other) {
  const AccessPolicy policy = policy_of(kTokens);
  EXPECT_EQ(answer(policy, Right::kInfer, kInferToken), StatusCode::kOk);
  EXPECT_EQ(answer(policy, Right::kMetrics, kInferToken), StatusCode::kOk);
  EXPECT_EQ(answer(policy, Right::kAdmin, kInferToken), StatusCode::kPermissionDenied);
  EXPECT_EQ(answer(policy, Right::kAdmin, kAdminToken, false), StatusCode::kOk);
  EXPECT_EQ(answer(policy, Right::kInfer, kAdminToken), StatusCode::kPermissionDenied);
}

TEST(AccessPolicyTest, takes_nothing_that_only_resembles_a_token) {
  const AccessPolicy policy = policy_of(kTokens);
  const std::string token(kInferToken);
  for (std::size_t length = 0; length < token.size(); ++length)
    EXPECT_EQ(answer(policy, Right::kInfer, token.substr(0, length)), StatusCode::kUnauthenticated);
  for (const std::size_t size : {token.size() + 1, AccessPolicy::kMaxTokenBytes,
                                 AccessPolicy::kMaxTokenBytes + 1, std::size_t{1} << 20}) {
    std::string longer = token;
    longer.resize(size, '\0');
    EXPECT_EQ(answer(policy, Right::kInfer, longer), StatusCode::kUnauthenticated) << size;
  }
  for (std::size_t place = 0; place < token.size(); ++place) {
    std::string wrong = token;
    wrong[place] = static_cast<char>(wrong[place] ^ 1);
    EXPECT_EQ(answer(policy, Right::kInfer, wrong), StatusCode::kUnauthenticated) << place;
  }
}

TEST(AccessPolicyTest, never_shows_a_token) {
  const AccessPolicy policy = policy_of(kTokens);
  for (const Right right : kAllRights)
    for (const std::string_view token :
         {kInferToken, kAdminToken, std::string_view("guessed-guess")})
      EXPECT_EQ(policy.check(right, {token, true}).to_string().find(token), std::string::npos);
}

struct BadFile {
  const char* text;
  const char* message;
};

class BadTokenFile : public testing::TestWithParam<BadFile> {};

TEST_P(BadTokenFile, is_refused_by_line_and_without_showing_its_words) {
  const auto policy = AccessPolicy::parse(GetParam().text, "tokens");
  ASSERT_FALSE(policy.ok());
  const std::string message(policy.status().message());
  EXPECT_EQ(policy.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(message.substr(0, std::string_view(GetParam().message).size()), GetParam().message);
  EXPECT_EQ(message.find("secret"), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(
    AccessPolicyTest, BadTokenFile,
    testing::Values(
        BadFile{"", "tokens has no token in it"}, BadFile{"# infer\n\n", "tokens has no token"},
        BadFile{"infer", "tokens:1: a token has 16 to 512"},
        BadFile{"\ninfer secret\n", "tokens:2: a token has 16 to 512"},
        BadFile{"secret-of-sixteen-bytes infer", "tokens:1: a line begins with its rights"},
        BadFile{"infer, secret-of-sixteen-bytes", "tokens:1: a line begins with its rights"},
        BadFile{"health secret-of-sixteen-bytes", "tokens:1: a line begins with its rights"},
        BadFile{"Infer secret-of-sixteen-bytes", "tokens:1: a line begins with its rights"},
        BadFile{"infer secret-of-sixteen-bytes more", "tokens:1: there is more behind"},
        BadFile{"infer secret-of-sixteen-b\xc3\xbctes", "tokens:1: a token has"},
        BadFile{"infer secret-of-sixteen-bytes\nadmin secret-of-sixteen-bytes",
                "tokens:2: this token was given before"}));

class TokenFileTest : public testing::Test {
 protected:
  void SetUp() override {
    file_ =
        std::filesystem::path(testing::TempDir()) / ("muster_tokens_" + std::to_string(::getpid()));
    std::ofstream(file_) << kTokens;
  }
  void TearDown() override { std::filesystem::remove(file_); }

  StatusCode opened_with(mode_t mode) {
    EXPECT_EQ(::chmod(file_.c_str(), mode), 0);
    return AccessPolicy::from_file(file_).status().code();
  }

  std::filesystem::path file_;
};

TEST_F(TokenFileTest, is_read_where_only_its_owner_and_group_may) {
  EXPECT_EQ(opened_with(0600), StatusCode::kOk);
  EXPECT_EQ(opened_with(0640), StatusCode::kOk);
  const auto policy = AccessPolicy::from_file(file_);
  ASSERT_TRUE(policy.ok());
  EXPECT_EQ(answer(*policy, Right::kAdmin, kAdminToken), StatusCode::kOk);
}

TEST_F(TokenFileTest, is_refused_where_others_may_read_or_write_it) {
  for (const mode_t mode : {0644U, 0604U, 0602U, 0620U})
    EXPECT_EQ(opened_with(mode), StatusCode::kInvalidArgument) << std::oct << mode;
}

TEST_F(TokenFileTest, is_refused_where_it_is_missing_a_folder_or_too_large) {
  EXPECT_EQ(AccessPolicy::from_file(file_.string() + ".none").status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(AccessPolicy::from_file(testing::TempDir()).status().code(),
            StatusCode::kInvalidArgument);
  std::ofstream(file_) << std::string(std::size_t{2} << 20, '#');
  EXPECT_EQ(opened_with(0600), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace muster
