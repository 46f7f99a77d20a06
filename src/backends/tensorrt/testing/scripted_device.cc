// SPDX-License-Identifier: Apache-2.0
#include "backends/tensorrt/testing/scripted_device.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace muster::tensorrt::testing {
namespace {

std::size_t place(Call call) {
  return static_cast<std::size_t>(call);
}

}  // namespace

ScriptedDevice::ScriptedDevice(FakeClock& clock, ScriptedTimes times)
    : clock_(clock), begun_(clock.now()), times_(times) {
  facts_.name = "Scripted GPU";
  facts_.compute_major = 9;
  facts_.multiprocessors = 132;
}

ScriptedDevice::~ScriptedDevice() {
  const MutexLock lock(mutex_);
  for (const auto& [address, size] : pieces_)
    delete[] address;
}

void ScriptedDevice::fail(Call call, Status status, int passing) {
  const MutexLock lock(mutex_);
  failures_.push_back({call, passing, std::move(status)});
}

void ScriptedDevice::set_memory(std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  memory_ = bytes;
}

std::vector<ScriptedOp> ScriptedDevice::ops() const {
  const MutexLock lock(mutex_);
  return ops_;
}

void ScriptedDevice::forget_ops() {
  const MutexLock lock(mutex_);
  ops_.clear();
  waits_.clear();
  engine_free_.fill(*std::ranges::max_element(engine_free_));
}

std::size_t ScriptedDevice::calls(Call call) const {
  const MutexLock lock(mutex_);
  return calls_[place(call)];
}

std::vector<Wait> ScriptedDevice::waits() const {
  const MutexLock lock(mutex_);
  return waits_;
}

std::vector<std::string> ScriptedDevice::faults() const {
  const MutexLock lock(mutex_);
  return faults_;
}

std::size_t ScriptedDevice::live() const {
  const MutexLock lock(mutex_);
  return pieces_.size() + handles_;
}

void ScriptedDevice::add_fault(std::string fault) {
  const MutexLock lock(mutex_);
  faults_.push_back(std::move(fault));
}

Status ScriptedDevice::begin(Call call) {
  ++calls_[place(call)];
  if (!broken_.ok()) return broken_;
  const auto failure = std::ranges::find_if(failures_, [&](Failure& candidate) {
    return candidate.call == call && candidate.passing-- == 0;
  });
  if (failure == failures_.end()) return {};
  Status status = std::move(failure->status);
  failures_.erase(failure);
  if (status.code() == kBrokenForGood) broken_ = status;
  return status;
}

Status ScriptedDevice::use_on_this_thread() {
  const MutexLock lock(mutex_);
  return broken_;
}

Result<std::uint64_t> ScriptedDevice::free_bytes() {
  const MutexLock lock(mutex_);
  return memory_ - std::min(memory_, used_);
}

void* ScriptedDevice::new_memory(std::size_t size) {
  auto* const piece = new std::byte[size];
  std::memset(piece, 0xCD, size);
  pieces_.emplace(piece, size);
  return piece;
}

Result<DeviceMemory> ScriptedDevice::allocate(std::size_t size) {
  const MutexLock lock(mutex_);
  MUSTER_RETURN_IF_ERROR(begin(Call::kAllocate));
  if (size > memory_ - std::min(memory_, used_)) {
    return resource_exhausted("the scripted GPU has no " + std::to_string(size) + " bytes");
  }
  used_ += size;
  return DeviceMemory(*this, new_memory(size), size);
}

Result<PinnedMemory> ScriptedDevice::allocate_pinned(std::size_t size) {
  const MutexLock lock(mutex_);
  MUSTER_RETURN_IF_ERROR(begin(Call::kAllocatePinned));
  return PinnedMemory(*this, new_memory(size), size);
}

Result<Stream> ScriptedDevice::new_stream() {
  const MutexLock lock(mutex_);
  MUSTER_RETURN_IF_ERROR(begin(Call::kNewStream));
  auto state = std::make_unique<StreamState>();
  state->number = streams_++;
  ++handles_;
  return Stream(*this, state.release());
}

Result<Event> ScriptedDevice::new_event(Wait) {
  const MutexLock lock(mutex_);
  MUSTER_RETURN_IF_ERROR(begin(Call::kNewEvent));
  ++handles_;
  return Event(*this, std::make_unique<EventState>().release());
}

bool ScriptedDevice::is_live(const void* address, std::size_t size) const {
  const auto* const at = static_cast<const std::byte*>(address);
  auto piece = pieces_.upper_bound(at);
  if (piece == pieces_.begin()) return false;
  --piece;
  return at + size <= piece->first + piece->second;
}

void ScriptedDevice::check_user(StreamState& stream) {
  const std::thread::id self = std::this_thread::get_id();
  if (!stream.pending.empty() && stream.user != self) faults_.push_back("two threads in a stream");
  stream.user = self;
}

// `may_start`: by the stream's own order, wherever the engine is busy; that it is saves nobody.
void ScriptedDevice::check_scratch(const void* scratch, Time may_start, Time end) {
  if (scratch == nullptr) return;
  Time& in_use_until = scratch_[scratch];
  if (may_start < in_use_until) faults_.push_back("two runs in the same activations");
  in_use_until = std::max(in_use_until, end);
}

void ScriptedDevice::schedule(StreamState& stream, const Op& op, bool in_graph) {
  const Time in_order = std::max(stream.ready, stream.host);
  Time start = in_order;
  Time& engine = engine_free_[static_cast<std::size_t>(op.kind)];
  const bool side_by_side = op.kind == OpKind::kCopyWithin ||
                            (op.kind == OpKind::kCompute && times_.computes_side_by_side);
  if (!side_by_side) start = std::max(start, engine);
  const Time end = start + op.duration;
  engine = std::max(engine, end);
  stream.ready = end;
  check_scratch(op.scratch, in_order, end);
  ops_.push_back({op.kind, stream.number, op.size, in_graph, start, end});
  stream.pending.push_back({++stream.positions, op.work});
}

Status ScriptedDevice::put(Call call, const Stream& in, Op op) {
  const MutexLock lock(mutex_);
  MUSTER_RETURN_IF_ERROR(begin(call));
  auto& stream = *static_cast<StreamState*>(in.get());
  check_user(stream);
  if (stream.capturing) {
    stream.noted.push_back(std::move(op));
  } else {
    schedule(stream, op, false);
  }
  return {};
}

Status ScriptedDevice::copy(Call call, OpKind kind, void* to, const void* from, std::size_t size,
                            const Stream& in) {
  const Time per_byte = kind == OpKind::kCopyIn    ? times_.in_per_byte
                        : kind == OpKind::kCopyOut ? times_.out_per_byte
                                                   : Time(0);
  const auto work = [this, to, from, size]() MUSTER_NO_THREAD_SAFETY_ANALYSIS -> std::string {
    if (!is_live(to, size) || !is_live(from, size)) return "a copy of memory that is not there";
    std::memcpy(to, from, size);
    return {};
  };
  return put(call, in, {kind, size, per_byte * static_cast<std::int64_t>(size), nullptr, work});
}

Status ScriptedDevice::copy_in(void* device, const void* host, std::size_t size, const Stream& in) {
  return copy(Call::kCopyIn, OpKind::kCopyIn, device, host, size, in);
}

Status ScriptedDevice::copy_out(void* host, const void* device, std::size_t size,
                                const Stream& in) {
  return copy(Call::kCopyOut, OpKind::kCopyOut, host, device, size, in);
}

Status ScriptedDevice::copy_within(void* to, const void* from, std::size_t size, const Stream& in) {
  return copy(Call::kCopyWithin, OpKind::kCopyWithin, to, from, size, in);
}

Status ScriptedDevice::compute(const Stream& in, ScriptedWork work) {
  return put(Call::kCompute, in,
             {OpKind::kCompute, work.rows, work.duration, work.scratch, std::move(work.work)});
}

Status ScriptedDevice::record(const Event& event, const Stream& in) {
  const MutexLock lock(mutex_);
  MUSTER_RETURN_IF_ERROR(begin(Call::kRecord));
  auto& stream = *static_cast<StreamState*>(in.get());
  check_user(stream);
  if (stream.capturing) faults_.push_back("an event recorded while its stream is captured");
  *static_cast<EventState*>(event.get()) = {&stream, stream.positions,
                                            std::max(stream.ready, stream.host)};
  return {};
}

Status ScriptedDevice::hold(const Stream& in, const Event& until) {
  const MutexLock lock(mutex_);
  MUSTER_RETURN_IF_ERROR(begin(Call::kHold));
  auto& stream = *static_cast<StreamState*>(in.get());
  check_user(stream);
  const EventState& event = *static_cast<EventState*>(until.get());
  if (event.stream == nullptr || event.stream == &stream) return {};
  stream.ready = std::max(stream.ready, event.at);
  return {};
}

// Work of other streams that this one held for is on memory of its own: only its time counts.
void ScriptedDevice::do_until(StreamState& stream, std::uint64_t position) {
  while (!stream.pending.empty() && stream.pending.front().position <= position) {
    const Pending next = std::move(stream.pending.front());
    stream.pending.pop_front();
    std::string fault = next.work();
    if (!fault.empty()) faults_.push_back(std::move(fault));
  }
}

void ScriptedDevice::advance_to(Time time) {
  const Clock::TimePoint until = begun_ + time;
  const Clock::TimePoint now = clock_.now();
  if (until > now) clock_.advance(until - now);
}

Status ScriptedDevice::wait(const Event& handle, Wait how) {
  Time at{0};
  {
    const MutexLock lock(mutex_);
    MUSTER_RETURN_IF_ERROR(begin(Call::kWait));
    waits_.push_back(how);
    const EventState event = *static_cast<EventState*>(handle.get());
    if (event.stream == nullptr) return {};
    check_user(*event.stream);
    do_until(*event.stream, event.position);
    at = event.stream->host = std::max(event.stream->host, event.at);
  }
  advance_to(at);
  return {};
}

Status ScriptedDevice::wait_all(const Stream& in) {
  Time at{0};
  {
    const MutexLock lock(mutex_);
    if (!broken_.ok()) return broken_;
    auto& stream = *static_cast<StreamState*>(in.get());
    check_user(stream);
    do_until(stream, stream.positions);
    at = stream.host = std::max(stream.host, stream.ready);
  }
  advance_to(at);
  return {};
}

Status ScriptedDevice::begin_capture(const Stream& in) {
  const MutexLock lock(mutex_);
  MUSTER_RETURN_IF_ERROR(begin(Call::kBeginCapture));
  auto& stream = *static_cast<StreamState*>(in.get());
  check_user(stream);
  if (std::exchange(stream.capturing, true)) faults_.push_back("a capture within a capture");
  stream.noted.clear();
  return {};
}

Result<Graph> ScriptedDevice::end_capture(const Stream& in) {
  const MutexLock lock(mutex_);
  auto& stream = *static_cast<StreamState*>(in.get());
  if (!std::exchange(stream.capturing, false)) faults_.push_back("the end of no capture");
  MUSTER_RETURN_IF_ERROR(begin(Call::kEndCapture));
  ++handles_;
  return Graph(*this, std::make_unique<GraphState>(GraphState{std::move(stream.noted)}).release());
}

Status ScriptedDevice::launch(const Graph& graph, const Stream& in) {
  const MutexLock lock(mutex_);
  MUSTER_RETURN_IF_ERROR(begin(Call::kLaunch));
  auto& stream = *static_cast<StreamState*>(in.get());
  check_user(stream);
  if (stream.capturing) faults_.push_back("a launch while its stream is captured");
  for (const Op& op : static_cast<GraphState*>(graph.get())->ops)
    schedule(stream, op, true);
  return {};
}

void ScriptedDevice::free(HandleKind kind, void* handle, std::size_t size) noexcept {
  const MutexLock lock(mutex_);
  switch (kind) {
    case HandleKind::kDeviceMemory:
      used_ -= size;
      scratch_.erase(handle);
      [[fallthrough]];
    case HandleKind::kPinnedMemory:
      pieces_.erase(static_cast<std::byte*>(handle));
      delete[] static_cast<std::byte*>(handle);
      return;
    case HandleKind::kStream: {
      const std::unique_ptr<StreamState> stream(static_cast<StreamState*>(handle));
      if (!stream->pending.empty() && broken_.ok()) {
        faults_.push_back("a stream that ended before its work");
      }
      break;
    }
    case HandleKind::kEvent:
      delete static_cast<EventState*>(handle);
      break;
    case HandleKind::kGraph:
      delete static_cast<GraphState*>(handle);
      break;
  }
  --handles_;
}

}  // namespace muster::tensorrt::testing
