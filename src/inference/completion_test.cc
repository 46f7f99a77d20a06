// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstddef>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <muster/inference.h>

namespace muster {
namespace {

// What a completion said, in order: "OK id" or the status.
using Answers = std::vector<std::string>;

std::string text_of(const Result<InferResponse>& outcome) {
  return outcome.ok() ? "OK " + outcome->id : outcome.status().to_string();
}

constexpr const char* kDropped = "UNAVAILABLE: the request was dropped before it was run";

Completion small(Answers& answers) {
  return [&answers](const Result<InferResponse>& outcome) { answers.push_back(text_of(outcome)); };
}

// Too large for the room inside, so that it lies on the heap.
Completion large(Answers& answers) {
  const std::array<std::byte, 256> ballast{};
  return [&answers, ballast](const Result<InferResponse>& outcome) {
    answers.push_back(text_of(outcome) + (ballast[255] == std::byte{0} ? "" : " damaged"));
  };
}

// Small, but its move may throw: it lies on the heap too.
struct ThrowingMove {
  explicit ThrowingMove(Answers& to) : answers(&to) {}
  ThrowingMove(ThrowingMove&& other) noexcept(false) : answers(other.answers) {}
  void operator()(Result<InferResponse> outcome) { answers->push_back(text_of(outcome)); }
  Answers* answers;
};

Completion with_throwing_move(Answers& answers) {
  return ThrowingMove(answers);
}

Result<InferResponse> response(std::string id) {
  InferResponse made;
  made.id = std::move(id);
  return made;
}

class EveryCompletion : public ::testing::TestWithParam<Completion (*)(Answers&)> {
 protected:
  Completion make() { return GetParam()(answers_); }
  Answers answers_;
};

TEST_P(EveryCompletion, answers_once) {
  Completion completion = make();
  EXPECT_FALSE(completion.answered());
  completion.complete(response("1"));
  EXPECT_TRUE(completion.answered());
  completion.complete(response("2"));
  completion.complete(internal_error("late"));
  EXPECT_EQ(answers_, Answers{"OK 1"});
}

TEST_P(EveryCompletion, answers_for_itself_when_nobody_does) {
  { const Completion completion = make(); }
  EXPECT_EQ(answers_, Answers{kDropped});
}

TEST_P(EveryCompletion, says_nothing_more_at_its_end_once_it_has_answered) {
  {
    Completion completion = make();
    completion.complete(not_found("x"));
  }
  EXPECT_EQ(answers_, Answers{"NOT_FOUND: x"});
}

TEST_P(EveryCompletion, takes_the_duty_along_when_moved) {
  Completion first = make();
  Completion second = std::move(first);
  EXPECT_TRUE(first.answered());  // NOLINT(bugprone-use-after-move)
  first.complete(response("from nobody"));
  EXPECT_TRUE(answers_.empty());
  second.complete(response("1"));
  EXPECT_EQ(answers_, Answers{"OK 1"});
}

TEST_P(EveryCompletion, answers_before_it_is_replaced) {
  Completion completion = make();
  Answers others;
  completion = small(others);
  EXPECT_EQ(answers_, Answers{kDropped});
  completion.complete(response("2"));
  EXPECT_EQ(others, Answers{"OK 2"});
}

TEST_P(EveryCompletion, replaces_one_that_has_nobody_to_answer) {
  Completion completion;
  completion = make();
  completion.complete(response("1"));
  EXPECT_EQ(answers_, Answers{"OK 1"});
}

TEST_P(EveryCompletion, survives_being_moved_to_itself) {
  Completion completion = make();
  Completion& same = completion;
  completion = std::move(same);
  EXPECT_TRUE(answers_.empty());
  completion.complete(response("1"));
  EXPECT_EQ(answers_, Answers{"OK 1"});
}

TEST_P(EveryCompletion, stays_whole_in_a_vector_that_grows) {
  std::vector<Completion> completions;
  for (int i = 0; i < 20; ++i)
    completions.push_back(make());
  for (Completion& completion : completions)
    completion.complete(response("x"));
  EXPECT_EQ(answers_, Answers(20, "OK x"));
}

std::string name_of_kind(const ::testing::TestParamInfo<Completion (*)(Answers&)>& kind) {
  constexpr std::array<const char*, 3> kNames = {"small", "large", "throwing_move"};
  return kNames[kind.index];
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryCompletion,
                         ::testing::Values(&small, &large, &with_throwing_move), name_of_kind);

TEST(Completion, has_nobody_to_answer_from_the_start) {
  Completion completion;
  EXPECT_TRUE(completion.answered());
  completion.complete(response("1"));
}

TEST(Completion, is_move_only) {
  static_assert(!std::is_copy_constructible_v<Completion>);
  static_assert(!std::is_copy_assignable_v<Completion>);
  static_assert(std::is_nothrow_move_constructible_v<Completion>);
  static_assert(std::is_nothrow_move_assignable_v<Completion>);
}

TEST(Completion, lets_its_callable_go_as_soon_as_it_has_answered) {
  auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = owned;
  bool alive_inside = false;
  Completion completion = [owned = std::move(owned), &seen,
                           &alive_inside](const Result<InferResponse>&) {
    alive_inside = !seen.expired() && owned != nullptr;
  };
  EXPECT_FALSE(seen.expired());
  completion.complete(response("1"));
  EXPECT_TRUE(alive_inside);
  EXPECT_TRUE(seen.expired());
}

TEST(Completion, takes_a_callable_that_cannot_be_copied) {
  std::string answer;
  Completion completion = [own = std::make_unique<std::string>("mine"),
                           &answer](const Result<InferResponse>&) { answer = *own; };
  completion.complete(response("1"));
  EXPECT_EQ(answer, "mine");
}

TEST(Completion, may_be_replaced_by_its_own_callable) {
  Answers answers;
  Completion completion;
  completion = Completion([&](const Result<InferResponse>& outcome) {
    answers.push_back(text_of(outcome));
    completion = small(answers);
  });
  completion.complete(response("1"));
  EXPECT_FALSE(completion.answered());
  completion.complete(response("2"));
  EXPECT_EQ(answers, (Answers{"OK 1", "OK 2"}));
}

TEST(CompletionDeathTest, ends_the_process_where_its_callable_throws) {
  const auto answer = [] {
    Completion completion = [](const Result<InferResponse>&) { throw std::runtime_error("no"); };
    completion.complete(response("1"));
  };
  EXPECT_DEATH(answer(), "no");
}

TEST(Ticket, is_never_0_and_never_given_twice) {
  std::vector<std::vector<RequestTicket>> given(4);
  std::vector<std::thread> threads;
  for (auto& tickets : given) {
    threads.emplace_back([&tickets] {
      for (int i = 0; i < 500; ++i)
        tickets.push_back(new_ticket());
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  std::set<RequestTicket> all;
  for (const auto& tickets : given)
    all.insert(tickets.begin(), tickets.end());
  EXPECT_EQ(all.size(), 2000U);
  EXPECT_FALSE(all.contains(0));
}

TEST(CloseReason, has_a_name) {
  EXPECT_EQ(close_reason_name(CloseReason::kFull), "full");
  EXPECT_EQ(close_reason_name(CloseReason::kPreferred), "preferred");
  EXPECT_EQ(close_reason_name(CloseReason::kDelay), "delay");
  EXPECT_EQ(close_reason_name(CloseReason::kDeadline), "deadline");
  EXPECT_EQ(close_reason_name(CloseReason::kDrain), "drain");
  EXPECT_EQ(close_reason_name(static_cast<CloseReason>(99)), "unknown");
}

Tensor numbers(std::vector<float> values) {
  return *Tensor::copy_of(DataType::kFp32, {static_cast<std::int64_t>(values.size())},
                          std::as_bytes(std::span(values)));
}

TEST(InferRequest, keeps_the_tensors_it_takes_over) {
  InferRequest request;
  for (int i = 0; i < 10; ++i) {
    request.add_input(std::to_string(i), numbers({static_cast<float>(i)}));
  }
  const InferRequest moved = std::move(request);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(moved.inputs[i].name, std::to_string(i));
    EXPECT_EQ(moved.inputs[i].tensor.elements<float>()[0], static_cast<float>(i));
  }
}

TEST(InferRequest, keeps_an_owner_until_its_end) {
  auto owner = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = owner;
  {
    InferRequest request;
    request.keep(std::move(owner));
    const InferRequest moved = std::move(request);
    EXPECT_FALSE(seen.expired());
  }
  EXPECT_TRUE(seen.expired());
}

TEST(InferResponse, finds_outputs_by_name) {
  InferResponse response;
  response.outputs.push_back({"a", numbers({1})});
  response.outputs.push_back({"b", numbers({2})});
  ASSERT_NE(response.find("b"), nullptr);
  EXPECT_EQ(response.find("b")->elements<float>()[0], 2);
  EXPECT_EQ(response.find("c"), nullptr);
}

}  // namespace
}  // namespace muster
