// SPDX-License-Identifier: Apache-2.0
// ScriptedDevice: a GPU that is none: its memory is the host's, its time is reckoned, and it fails
// where a test says so.
//
// Work that is put into a stream is done when somebody waits for it, and not before: who reads too
// early reads what was there. Its time is reckoned when it is put in: three engines (copies in,
// compute, copies out) do one thing at a time each, if not told otherwise of computing, and each
// stream does its own in order. The host
// of a stream goes on at the moment that it waited for; the clock is moved there where it is
// behind.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backends/tensorrt/device/device.h"
#include "base/mutex.h"
#include "base/testing/fake_clock.h"

namespace muster::tensorrt::testing {

enum class OpKind : std::uint8_t { kCopyIn, kCopyOut, kCopyWithin, kCompute };
enum class Call : std::uint8_t {
  kAllocate,
  kAllocatePinned,
  kNewStream,
  kNewEvent,
  kCopyIn,
  kCopyOut,
  kCopyWithin,
  kCompute,
  kRecord,
  kHold,
  kWait,
  kBeginCapture,
  kEndCapture,
  kLaunch,
};
inline constexpr std::size_t kCallCount = 14;

struct ScriptedTimes {
  std::chrono::nanoseconds in_per_byte{0};
  std::chrono::nanoseconds out_per_byte{0};
  bool computes_side_by_side = false;  // as many runs as there are, each as fast as alone
};

// What was put into a stream, by itself or as part of a graph; times since the device was made.
struct ScriptedOp {
  OpKind kind;
  int stream;        // by the order in which they were made
  std::size_t size;  // bytes; of kCompute rows
  bool in_graph;
  std::chrono::nanoseconds start;
  std::chrono::nanoseconds end;
};

// What a scripted engine puts into a stream.
struct ScriptedWork {
  std::size_t rows;
  std::chrono::nanoseconds duration;
  const void* scratch;                // that nothing else may use meanwhile
  std::function<std::string()> work;  // a fault that it found; "" = none
};

class ScriptedDevice final : public Device {
 public:
  explicit ScriptedDevice(FakeClock& clock, ScriptedTimes times = {});
  ~ScriptedDevice() override;

  // The call of that kind after `passing` others fails. kBrokenForGood: so does all that follows.
  void fail(Call call, Status status, int passing = 0);
  // Of the device, as long as nothing is allocated.
  void set_memory(std::uint64_t bytes);

  [[nodiscard]] std::vector<ScriptedOp> ops() const;
  // Begins anew with all engines free at the same moment.
  void forget_ops();
  [[nodiscard]] std::size_t calls(Call call) const;
  [[nodiscard]] std::vector<Wait> waits() const;
  // What users did wrong: memory used after it was freed, two threads in a stream, and so on.
  [[nodiscard]] std::vector<std::string> faults() const;
  // Handles and pieces of memory that somebody owns.
  [[nodiscard]] std::size_t live() const;
  // Puts an engine's run into the stream.
  Status compute(const Stream& in, ScriptedWork work);
  void add_fault(std::string fault);

  [[nodiscard]] const DeviceFacts& facts() const override { return facts_; }
  Status use_on_this_thread() override;
  [[nodiscard]] Result<std::uint64_t> free_bytes() override;
  [[nodiscard]] Result<DeviceMemory> allocate(std::size_t size) override;
  [[nodiscard]] Result<PinnedMemory> allocate_pinned(std::size_t size) override;
  [[nodiscard]] Result<Stream> new_stream() override;
  [[nodiscard]] Result<Event> new_event(Wait wait) override;
  Status copy_in(void* device, const void* host, std::size_t size, const Stream& in) override;
  Status copy_out(void* host, const void* device, std::size_t size, const Stream& in) override;
  Status copy_within(void* to, const void* from, std::size_t size, const Stream& in) override;
  Status record(const Event& event, const Stream& in) override;
  Status hold(const Stream& stream, const Event& until) override;
  Status wait(const Event& event, Wait how) override;
  Status wait_all(const Stream& stream) override;
  Status begin_capture(const Stream& stream) override;
  [[nodiscard]] Result<Graph> end_capture(const Stream& stream) override;
  Status launch(const Graph& graph, const Stream& in) override;
  void free(HandleKind kind, void* handle, std::size_t size) noexcept override;

 private:
  using Time = std::chrono::nanoseconds;
  struct Op {
    OpKind kind;
    std::size_t size;
    Time duration;
    const void* scratch;
    std::function<std::string()> work;
  };
  struct StreamState;
  struct EventState {
    StreamState* stream = nullptr;  // null = never recorded
    std::uint64_t position = 0;
    Time at{0};
  };
  struct Pending {
    std::uint64_t position;
    std::function<std::string()> work;
  };
  struct StreamState {
    int number = 0;
    std::deque<Pending> pending;
    std::uint64_t positions = 0;
    Time ready{0};
    Time host{0};
    bool capturing = false;
    std::vector<Op> noted;
    std::thread::id user;
  };
  struct GraphState {
    std::vector<Op> ops;
  };

  Status begin(Call call) MUSTER_REQUIRES(mutex_);
  Status put(Call call, const Stream& in, Op op);
  Status copy(Call call, OpKind kind, void* to, const void* from, std::size_t size,
              const Stream& in);
  void schedule(StreamState& stream, const Op& op, bool in_graph) MUSTER_REQUIRES(mutex_);
  void check_user(StreamState& stream) MUSTER_REQUIRES(mutex_);
  void check_scratch(const void* scratch, Time may_start, Time end) MUSTER_REQUIRES(mutex_);
  void do_until(StreamState& stream, std::uint64_t position) MUSTER_REQUIRES(mutex_);
  [[nodiscard]] bool is_live(const void* address, std::size_t size) const MUSTER_REQUIRES(mutex_);
  void* new_memory(std::size_t size) MUSTER_REQUIRES(mutex_);
  void advance_to(Time time);

  FakeClock& clock_;
  const Clock::TimePoint begun_;
  const ScriptedTimes times_;
  DeviceFacts facts_;

  struct Failure {
    Call call;
    int passing;
    Status status;
  };
  mutable Mutex mutex_;
  std::vector<Failure> failures_ MUSTER_GUARDED_BY(mutex_);
  Status broken_ MUSTER_GUARDED_BY(mutex_);
  std::uint64_t memory_ MUSTER_GUARDED_BY(mutex_) = std::uint64_t{8} << 30;
  std::uint64_t used_ MUSTER_GUARDED_BY(mutex_) = 0;
  std::map<const std::byte*, std::size_t> pieces_ MUSTER_GUARDED_BY(mutex_);  // of both memories
  std::size_t handles_ MUSTER_GUARDED_BY(mutex_) = 0;
  int streams_ MUSTER_GUARDED_BY(mutex_) = 0;
  std::array<Time, 4> engine_free_ MUSTER_GUARDED_BY(mutex_) = {};  // by OpKind
  std::map<const void*, Time> scratch_ MUSTER_GUARDED_BY(mutex_);   // in use until then
  std::array<std::size_t, kCallCount> calls_ MUSTER_GUARDED_BY(mutex_) = {};
  std::vector<ScriptedOp> ops_ MUSTER_GUARDED_BY(mutex_);
  std::vector<Wait> waits_ MUSTER_GUARDED_BY(mutex_);
  std::vector<std::string> faults_ MUSTER_GUARDED_BY(mutex_);
};

}  // namespace muster::tensorrt::testing
