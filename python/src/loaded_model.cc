// SPDX-License-Identifier: Apache-2.0
#include "python/src/loaded_model.h"

#include <utility>

#include "base/clock.h"
#include "base/cpu_budget.h"
#include "base/text.h"
#include "model_config/backend_names.h"
#include "serving/backend_library.h"

namespace muster::python {
namespace {

// A backend that loads a model once and gives it to whoever asks again: to the queues over it.
class KeptBackend final : public Backend {
 public:
  KeptBackend(std::shared_ptr<Backend> backend, bool own_parameters,
              std::map<std::string, std::string, std::less<>> parameters)
      : backend_(std::move(backend)),
        own_parameters_(own_parameters),
        parameters_(std::move(parameters)) {}

  [[nodiscard]] std::string_view name() const override { return backend_->name(); }
  [[nodiscard]] std::string version() const override { return backend_->version(); }
  [[nodiscard]] Result<std::shared_ptr<const CompiledModel>> load(
      const ModelSource& source) override {
    if (model_) return model_;
    ModelConfig config = *source.config;
    if (!own_parameters_) config.parameters.clear();
    for (const auto& [key, value] : parameters_)
      config.parameters[key] = value;
    ModelSource ours = source;
    ours.config = &config;
    MUSTER_ASSIGN_OR_RETURN(model_, backend_->load(ours));
    return model_;
  }

  [[nodiscard]] const std::shared_ptr<const CompiledModel>& model() const noexcept {
    return model_;
  }

 private:
  const std::shared_ptr<Backend> backend_;
  const bool own_parameters_;
  const std::map<std::string, std::string, std::less<>> parameters_;
  std::shared_ptr<const CompiledModel> model_;
};

}  // namespace

Result<OpenPlan> plan(OpenOrder order) {
  MUSTER_ASSIGN_OR_RETURN(ModelFolder folder, ModelFolder::open(order.path));
  if (order.backend.empty()) {
    MUSTER_ASSIGN_OR_RETURN(ModelFolder::Choice choice, folder.choose());
    return OpenPlan{std::move(order), std::move(folder), std::move(choice)};
  }
  if (!is_backend_name(order.backend))
    return invalid_argument("'" + printable(order.backend) + "' is no backend's name");
  const std::string own = folder.config().config().backend;
  if (!folder.config_path().empty()) {
    MUSTER_RETURN_IF_ERROR(folder.put_above("{\"backend\": \"" + order.backend + "\"}"));
  }
  MUSTER_ASSIGN_OR_RETURN(ModelFolder::Choice choice, folder.choose());
  const bool own_backend = own.empty() || own == order.backend;
  choice.backend = order.backend;
  return OpenPlan{std::move(order), std::move(folder), std::move(choice), own_backend};
}

Result<SessionPool::Lease> SessionPool::take() {
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return !idle_.empty() || made_ < limit_; });
    if (!idle_.empty()) {
      Lease lease(*this, std::move(idle_.back()));
      idle_.pop_back();
      return lease;
    }
    ++made_;
  }
  auto session = model_.new_session();
  if (session.ok()) return Lease(*this, std::move(session).value());
  forget_one();
  return session.status();
}

void SessionPool::forget_one() {
  const std::lock_guard lock(mutex_);
  --made_;
  returned_.notify_one();
}

void SessionPool::Lease::discard() noexcept {
  if (!session_) return;
  session_.reset();
  pool_->forget_one();
}

void SessionPool::put_back(std::unique_ptr<Session> session) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(session));
  returned_.notify_one();
}

Result<std::shared_ptr<LoadedModel>> LoadedModel::load(OpenPlan plan) {
  const int budget = available_cpus();
  MUSTER_ASSIGN_OR_RETURN(std::shared_ptr<Backend> backend,
                          open_backend(plan.choice.backend, {budget}));
  auto kept =
      std::make_shared<KeptBackend>(std::move(backend), plan.own_backend, plan.order.parameters);
  std::shared_ptr<LoadedModel> loaded(new LoadedModel(std::move(plan), kept));
  const OpenPlan& own = loaded->plan_;
  LoadOrder order{own.folder, own.choice, kept, own.order.service, budget};
  MUSTER_ASSIGN_OR_RETURN(const auto served, ServedModel::load(std::move(order), steady_clock()));
  loaded->model_ = kept->model();
  loaded->description_ = served->description();
  loaded->stacked_ = served->stacked();
  if (loaded->model_->sessions_are_thread_bound()) {
    return unimplemented(
        "the sessions of this model are bound to their threads; serve it, and ask it with "
        "muster.Client");
  }
  loaded->sessions_ =
      std::make_unique<SessionPool>(*loaded->model_, own.order.sessions.value_or(budget));
  return loaded;
}

Result<std::unique_ptr<ServedModel>> LoadedModel::serve(ServiceOptions options) const {
  options.threads = plan_.order.service.threads;
  if (!options.max_batch_size) options.max_batch_size = plan_.order.service.max_batch_size;
  LoadOrder order{plan_.folder, plan_.choice, backend_, std::move(options), available_cpus()};
  MUSTER_ASSIGN_OR_RETURN(auto served, ServedModel::load(std::move(order), steady_clock()));
  MUSTER_RETURN_IF_ERROR(served->start());
  return served;
}

}  // namespace muster::python
