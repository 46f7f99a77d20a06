// SPDX-License-Identifier: Apache-2.0
// LocalService: the models of one or more repository folders, served in this process: inference,
// pictures and control behind one object, for the front ends and for whoever embeds them.
//
//   start (await_loaded)? ... begin_stop drain ~LocalService
//
// Any thread, but for start and the destructor. docs/model-repository.md tells what is loaded when.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <muster/service.h>

#include "base/clock.h"
#include "inference/model_control.h"
#include "inference/picture_service.h"
#include "serving/repository/version_metrics.h"

namespace muster {

enum class ModelControlMode : std::uint8_t {
  kNone,      // every model is loaded at the start, and nothing changes after
  kPoll,      // the folders are looked at again and again, and changes are followed
  kExplicit,  // what is named at the start is loaded, the rest when a client says so
};

struct LocalServiceOptions {
  std::vector<std::string> repositories;  // folders of model folders, at least one
  ModelControlMode control = ModelControlMode::kNone;
  std::chrono::milliseconds poll_interval{15'000};  // kPoll: from one look to the next
  std::vector<std::string> load_models;             // kExplicit: at the start; "*" = all
  bool strict_readiness = false;  // ready() only while every model that was asked for is ready
  std::size_t load_threads = 4;   // models that are loaded side by side
  // Threads that may compute at the same time, for all models together (inference/thread_budget.h);
  // 0 = the process's CPU budget.
  int thread_budget = 0;
  std::size_t picture_threads = 0;         // that decode pictures; 0 = as many as the thread budget
  std::size_t max_waiting_pictures = 256;  // files; more are refused
  std::size_t max_waiting_picture_bytes = std::size_t{256} << 20;  // likewise
  ServiceOptions service;  // above every model's own configuration; `backend` is not used
  // Called when a model was taken out of service because what it runs on is broken for good, with
  // its name and the backend's reason: on a thread that runs models and under a lock, so that it
  // must only hand over.
  std::function<void(const std::string& model, const std::string& reason)> on_broken = {};
  // Used instead of the installed backends of these names.
  std::map<std::string, std::shared_ptr<Backend>, std::less<>> backends;
};

class LocalService final : public InferenceService, public ModelControl, public PictureService {
 public:
  // Looks at the folders and begins to load; models become ready one by one. kNotFound where a
  // folder or a model of `load_models` is not there. `clock` must outlive what is returned.
  static Result<std::unique_ptr<LocalService>> start(LocalServiceOptions options, Clock& clock);
  LocalService(const LocalService&) = delete;
  LocalService& operator=(const LocalService&) = delete;
  // Stops and drains without a limit. Nobody may be inside a method.
  ~LocalService() override;

  // Returns when everything that was wanted at the start is ready or has failed; what has failed,
  // with the reasons. Whether that ends the program is the caller's to say.
  [[nodiscard]] std::vector<ModelIndexEntry> await_loaded();

  // From now on: ready() is false, loads and unloads are refused, requests are still taken.
  void begin_stop();
  // Refuses new requests with kUnavailable and answers what was accepted. False where `limit` has
  // passed first; what is left is then answered by the destructor.
  [[nodiscard]] bool drain(std::chrono::milliseconds limit);

  // kPoll: looks now, besides the looks that are due. What it finds new is loaded when the next
  // look finds it the same. Returns when it has looked, not when all is loaded.
  void poll();
  // Returns when nothing is being loaded or unloaded.
  void await_settled();
  // The same, and nothing is compiled aside any more: what serves is what will.
  void await_prepared();

  // Every version that was ever asked for, by name and version; what is counted of a version
  // survives its reloads. The references are valid during the call alone.
  void visit_metrics(const std::function<void(const VersionMetricsView&)>& visit) const;

  void infer(InferRequest request, Completion completion) override;
  void infer_in(Burst& burst, InferRequest request, Completion completion) override;
  bool cancel(RequestTicket ticket) override;
  [[nodiscard]] Result<std::shared_ptr<const ModelDescription>> describe(
      std::string_view model, std::int64_t version) const override;

  [[nodiscard]] bool ready() const override;
  [[nodiscard]] Status model_ready(std::string_view name, std::int64_t version) const override;
  [[nodiscard]] Result<std::vector<std::int64_t>> versions(std::string_view name) const override;
  [[nodiscard]] std::vector<ModelIndexEntry> index(bool ready) const override;
  [[nodiscard]] Result<std::vector<ModelStatistics>> statistics(
      std::string_view name, std::int64_t version) const override;
  [[nodiscard]] Result<ModelPreparation> preparation(std::string_view name,
                                                     std::int64_t version) const override;
  [[nodiscard]] Result<BatchingExplanation> explain(std::string_view name,
                                                    std::int64_t version) const override;
  void load(std::string name, std::optional<std::string> config_json, Done done) override;
  [[nodiscard]] Status unload(std::string_view name) override;

  void classify(PictureRequest request, std::function<void(Result<PictureResponse>)> done) override;

 private:
  struct Parts;
  explicit LocalService(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace muster
