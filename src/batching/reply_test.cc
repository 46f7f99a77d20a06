// SPDX-License-Identifier: Apache-2.0
#include "batching/reply.h"

#include <barrier>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/mutex.h"
#include "batching/pending_request.h"

namespace muster {
namespace {

InferResponse response(std::string id) {
  InferResponse response;
  response.id = std::move(id);
  return response;
}

void answer_all(const std::vector<BlockingCall*>& calls, const std::string& prefix) {
  std::vector<Result<InferResponse>> outcomes;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    outcomes.emplace_back(response(prefix + std::to_string(i)));
  }
  BlockingCall::answer_all(calls, outcomes);
}

TEST(BlockingCall, returns_an_answer_that_came_before_it_waited) {
  BlockingCall call;
  call.begin();
  call.answer(response("early"));
  EXPECT_EQ(call.wait()->id, "early");
}

TEST(BlockingCall, hands_on_a_failure) {
  BlockingCall call;
  call.begin();
  call.answer(resource_exhausted("no room"));
  EXPECT_EQ(call.wait().status().to_string(), "RESOURCE_EXHAUSTED: no room");
}

TEST(BlockingCall, can_be_used_again) {
  BlockingCall call;
  for (const char* id : {"first", "second"}) {
    call.begin();
    call.answer(response(id));
    EXPECT_EQ(call.wait()->id, id);
  }
}

TEST(BlockingCall, takes_an_empty_list) {
  BlockingCall::answer_all({}, {});
}

TEST(BlockingCall, is_not_ended_by_a_wake_up_meant_for_an_earlier_call) {
  BlockingCall first;
  BlockingCall second;
  first.begin();
  second.begin();
  answer_all({&first, &second}, "old ");
  EXPECT_EQ(second.wait()->id, "old 1");
  second.begin();
  EXPECT_EQ(first.wait()->id, "old 0");  // wakes the second once more
  second.answer(response("new"));
  EXPECT_EQ(second.wait()->id, "new");
}

TEST(BlockingCall, is_one_per_thread_and_passed_on_to_the_next_thread) {
  BlockingCall* const mine = &BlockingCall::of_this_thread();
  EXPECT_EQ(&BlockingCall::of_this_thread(), mine);
  BlockingCall* theirs = nullptr;
  std::thread([&] { theirs = &BlockingCall::of_this_thread(); }).join();
  EXPECT_NE(theirs, mine);
  BlockingCall* next = nullptr;
  std::thread([&] { next = &BlockingCall::of_this_thread(); }).join();
  EXPECT_EQ(next, theirs);
}

// Threads in step: each round some sleep, some are about to and some have not begun to wait when
// the answers come, and wake-ups of one round arrive in the next.
TEST(BlockingCall, wakes_every_thread_of_a_chain) {
  constexpr std::size_t kRounds = 300;
  for (const std::size_t count : {1U, 2U, 3U, 8U, 33U}) {
    std::vector<BlockingCall*> calls(count);
    std::barrier begun(static_cast<std::ptrdiff_t>(count) + 1);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        BlockingCall& call = BlockingCall::of_this_thread();
        for (std::size_t round = 0; round < kRounds; ++round) {
          call.begin();
          calls[i] = &call;
          begun.arrive_and_wait();
          if ((i + round) % 3 == 0) std::this_thread::yield();
          const auto outcome = call.wait();
          EXPECT_EQ(outcome->id, std::to_string(round) + " " + std::to_string(i));
        }
      });
    }
    for (std::size_t round = 0; round < kRounds; ++round) {
      begun.arrive_and_wait();
      // A copy, as a thread that is answered may write its place anew at once.
      answer_all(std::vector(calls), std::to_string(round) + " ");
    }
    for (std::thread& thread : threads)
      thread.join();
  }
}

// The same without steps: nobody waits for the others before calling again.
TEST(BlockingCall, answers_threads_that_call_again_at_once) {
  constexpr std::size_t kThreads = 8;
  constexpr std::size_t kCalls = 500;
  Mutex mutex;
  CondVar changed;
  std::vector<std::pair<BlockingCall*, std::string>> waiting;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      BlockingCall& call = BlockingCall::of_this_thread();
      for (std::size_t j = 0; j < kCalls; ++j) {
        const std::string id = std::to_string(i) + " " + std::to_string(j);
        call.begin();
        {
          const MutexLock lock(mutex);
          waiting.emplace_back(&call, id);
          changed.notify_one();
        }
        EXPECT_EQ(call.wait()->id, id);
      }
    });
  }
  for (std::size_t answered = 0; answered < kThreads * kCalls;) {
    std::vector<BlockingCall*> calls;
    std::vector<Result<InferResponse>> outcomes;
    {
      MutexLock lock(mutex);
      while (waiting.empty())
        changed.wait(lock);
      for (auto& [call, id] : waiting) {
        calls.push_back(call);
        outcomes.emplace_back(response(id));
      }
      waiting.clear();
    }
    answered += calls.size();
    BlockingCall::answer_all(calls, outcomes);
  }
  for (std::thread& thread : threads)
    thread.join();
}

// What a reply was told, in order.
struct Heard {
  std::vector<std::string> answers;

  Completion completion() {
    return [this](const Result<InferResponse>& outcome) {
      answers.push_back(outcome.ok() ? outcome->id : std::string(outcome.status().message()));
    };
  }
};

constexpr const char* kDropped = "the request was dropped before it was run";

TEST(Reply, answers_a_completion_once) {
  Heard heard;
  {
    Reply reply(heard.completion());
    EXPECT_EQ(reply.release_call(), nullptr);
    reply.answer(response("a"));
    reply.answer(response("b"));
  }
  EXPECT_EQ(heard.answers, std::vector<std::string>{"a"});
}

TEST(Reply, answers_a_blocked_call_once) {
  BlockingCall call;
  call.begin();
  {
    Reply reply(call);
    reply.answer(response("a"));
    reply.answer(response("b"));
  }
  EXPECT_EQ(call.wait()->id, "a");
}

TEST(Reply, tells_a_completion_that_it_was_dropped) {
  Heard heard;
  { const Reply reply(heard.completion()); }
  EXPECT_EQ(heard.answers, std::vector<std::string>{kDropped});
}

TEST(Reply, tells_a_blocked_call_that_it_was_dropped) {
  BlockingCall call;
  call.begin();
  { const Reply reply(call); }
  const auto outcome = call.wait();
  EXPECT_EQ(outcome.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(outcome.status().message(), kDropped);
}

TEST(Reply, wakes_a_thread_whose_request_is_dropped) {
  BlockingCall* call = nullptr;
  std::barrier begun(2);
  std::thread caller([&] {
    call = &BlockingCall::of_this_thread();
    call->begin();
    begun.arrive_and_wait();
    EXPECT_EQ(call->wait().status().message(), kDropped);
  });
  begun.arrive_and_wait();
  { const Reply reply(*call); }
  caller.join();
}

TEST(Reply, leaves_a_released_call_to_its_new_owner) {
  BlockingCall call;
  call.begin();
  {
    Reply reply(call);
    EXPECT_EQ(reply.release_call(), &call);
    EXPECT_EQ(reply.release_call(), nullptr);
  }
  call.answer(response("from the owner"));
  EXPECT_EQ(call.wait()->id, "from the owner");
}

TEST(Reply, passes_its_duty_on_when_moved) {
  Heard heard;
  BlockingCall call;
  call.begin();
  Reply to_call(call);
  {
    Reply moved = std::move(to_call);
    Reply moved_again = std::move(moved);
    moved_again.answer(response("a"));
    Reply to_completion(heard.completion());
    const Reply moved_completion = std::move(to_completion);
    EXPECT_TRUE(heard.answers.empty());
  }
  EXPECT_EQ(call.wait()->id, "a");
  EXPECT_EQ(heard.answers, std::vector<std::string>{kDropped});
}

TEST(Reply, answers_before_it_is_replaced) {
  Heard heard;
  BlockingCall call;
  call.begin();
  Reply reply(call);
  reply = Reply(heard.completion());
  EXPECT_EQ(call.wait().status().message(), kDropped);
  EXPECT_TRUE(heard.answers.empty());
  reply = Reply();
  EXPECT_EQ(heard.answers, std::vector<std::string>{kDropped});
  reply.answer(response("to nobody"));
}

// What a request holds until it is let go.
struct Kept {
  bool* held;
  explicit Kept(bool* flag) : held(flag) { *held = true; }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
  ~Kept() { *held = false; }
};

class PendingRequestAnswer : public ::testing::Test {
 protected:
  PendingRequestPtr request() {
    auto pending = std::make_unique<PendingRequest>();
    pending->request.keep(std::make_shared<Kept>(&held_));
    pending->reply = Reply([this](const Result<InferResponse>&) {
      EXPECT_FALSE(held_);
      ++answers_;
    });
    EXPECT_TRUE(held_);
    return pending;
  }

  bool held_ = false;
  int answers_ = 0;
};

TEST_F(PendingRequestAnswer, lets_go_of_the_request_first) {
  answer(request(), response("a"));
  EXPECT_EQ(answers_, 1);
}

TEST_F(PendingRequestAnswer, lets_go_of_the_request_first_when_dropped) {
  request().reset();
  EXPECT_EQ(answers_, 1);
}

}  // namespace
}  // namespace muster
