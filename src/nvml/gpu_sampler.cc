// SPDX-License-Identifier: Apache-2.0
#include "nvml/gpu_sampler.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/caught.h"
#include "base/log.h"
#include "base/mutex.h"
#include "nvml/gpu_list.h"
#include "nvml/nvml_calls.h"

namespace muster {
namespace {

// A missing driver is the usual case on machines without a GPU; anything else is worth a look.
void tell(const Status& status) {
  const bool usual = status.code() == StatusCode::kNotFound;
  log(usual ? LogLevel::kDebug : LogLevel::kWarning,
      "no metrics of GPUs: " + std::string(status.message()));
}

std::string name_of(const GpuIdentity& gpu) {
  return "GPU " + std::to_string(gpu.index) + " (" + gpu.uuid + ")";
}

}  // namespace

struct GpuSampler::State {
  State(Options given, Clock& given_clock, const nvml::Calls& given_calls)
      : options(std::move(given)), clock(given_clock), calls(given_calls) {}

  // On the thread, until `stopping`. `clock` is not touched any more once that is set, but by the
  // wait that is woken for it.
  void run();
  Status sample_until_stopped();
  // Of the GPUs of `list`, the places of those that CUDA shows.
  [[nodiscard]] std::vector<std::size_t> choose(const GpuList& list) const;
  // Each of these: false where it is time to stop.
  bool begin(const GpuList& list, const std::vector<std::size_t>& places);
  bool keep(std::size_t i, const GpuReading& reading, const std::string& fault);
  bool rest();

  // What is known of one GPU.
  struct Kept {
    GpuSample sample;
    Clock::TimePoint taken;  // when it was read last; before that, when it was found
    bool was_read = false;
    std::optional<double> first_joules;  // of its counter, when that was read first
  };

  const Options options;
  Clock& clock;
  const nvml::Calls calls;

  Mutex mutex;
  CondVar changed;
  bool stopping MUSTER_GUARDED_BY(mutex) = false;
  bool ended MUSTER_GUARDED_BY(mutex) = false;  // the thread uses nothing of this any more
  // Its size changes in `begin` alone.
  std::vector<Kept> kept MUSTER_GUARDED_BY(mutex);
};

void GpuSampler::State::run() {
  if (const Status status = caught([this] { return sample_until_stopped(); }); !status.ok())
    tell(status);
  const MutexLock lock(mutex);
  ended = true;
  changed.notify_all();
}

Status GpuSampler::State::sample_until_stopped() {
  MUSTER_ASSIGN_OR_RETURN(const std::unique_ptr<GpuList> list, GpuList::make(calls));
  const std::vector<std::size_t> places = choose(*list);
  if (!begin(*list, places)) return {};
  do {
    for (std::size_t i = 0; i < places.size(); ++i) {
      std::string fault;
      const GpuReading reading = list->read(places[i], fault);
      if (!keep(i, reading, fault)) return {};
    }
  } while (rest());
  return {};
}

std::vector<std::size_t> GpuSampler::State::choose(const GpuList& list) const {
  const VisibleGpus visible = list.visible(options.cuda);
  if (!visible.known) {
    log(LogLevel::kWarning,
        "CUDA_VISIBLE_DEVICES names GPUs by number, and they are not alike: there are metrics of "
        "all of them. Name them by UUID, or set CUDA_DEVICE_ORDER=PCI_BUS_ID");
  }
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < visible.visible.size(); ++i)
    if (visible.visible[i]) places.push_back(i);
  return places;
}

bool GpuSampler::State::begin(const GpuList& list, const std::vector<std::size_t>& places) {
  const MutexLock lock(mutex);
  if (stopping || places.empty()) return false;
  const Clock::TimePoint now = clock.now();
  for (const std::size_t place : places)
    kept.push_back({{list.gpus()[place], {}, std::nullopt}, now, false, std::nullopt});
  return true;
}

bool GpuSampler::State::keep(std::size_t i, const GpuReading& reading, const std::string& fault) {
  std::string news;
  {
    const MutexLock lock(mutex);
    if (stopping) return false;
    Kept& gpu = kept[i];
    const bool answered = gpu.sample.reading.answers;
    if (!reading.answers && (answered || !gpu.was_read))
      news = name_of(gpu.sample.gpu) + " does not answer: " + fault;
    if (reading.answers && !answered && gpu.was_read)
      news = name_of(gpu.sample.gpu) + " answers again";
    gpu.taken = clock.now();
    gpu.was_read = true;
    gpu.sample.reading = reading;
    gpu.sample.joules_since_start.reset();
    if (reading.energy_joules) {
      if (!gpu.first_joules) gpu.first_joules = reading.energy_joules;
      gpu.sample.joules_since_start = std::max(0.0, *reading.energy_joules - *gpu.first_joules);
    }
  }
  // Not under the mutex: who reads the log slowly must not hold up a scrape.
  if (!news.empty()) log(LogLevel::kWarning, news);
  return true;
}

bool GpuSampler::State::rest() {
  MutexLock lock(mutex);
  if (stopping) return false;
  const Clock::TimePoint until = add_saturating(clock.now(), options.interval);
  while (!stopping && clock.now() < until)
    clock.wait_until(changed, lock, until);
  return !stopping;
}

GpuSampler::GpuSampler(Options options, Clock& clock) {
  const Result<nvml::Calls> calls = nvml::open_library(options.library);
  if (!calls.ok()) {
    tell(calls.status());
    return;
  }
  state_ = std::make_shared<State>(std::move(options), clock, *calls);
  thread_ = std::thread([state = state_] { state->run(); });
}

GpuSampler::~GpuSampler() {
  if (state_ == nullptr) return;
  State& state = *state_;
  MutexLock lock(state.mutex);
  state.stopping = true;
  state.changed.notify_all();
  const Clock::TimePoint until = add_saturating(state.clock.now(), kStopPatience);
  while (!state.ended && state.clock.now() < until)
    state.clock.wait_until(state.changed, lock, until);
  const bool ended = state.ended;
  lock.unlock();
  if (ended) {
    thread_.join();
    return;
  }
  log(LogLevel::kWarning, "NVML does not return from a call; the server ends without it");
  thread_.detach();
}

std::vector<GpuSample> GpuSampler::samples() const {
  std::vector<GpuSample> samples;
  if (state_ == nullptr) return samples;
  State& state = *state_;
  const Clock::Duration fresh = std::max<Clock::Duration>(kFreshFor, 3 * state.options.interval);
  const MutexLock lock(state.mutex);
  const Clock::TimePoint now = state.clock.now();
  for (const State::Kept& gpu : state.kept) {
    const bool stale = now - gpu.taken > fresh;
    if (!gpu.was_read && !stale) continue;
    samples.push_back(stale ? GpuSample{gpu.sample.gpu, {}, std::nullopt} : gpu.sample);
  }
  return samples;
}

}  // namespace muster
