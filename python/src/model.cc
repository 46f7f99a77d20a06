// SPDX-License-Identifier: Apache-2.0
#include "python/src/model.h"

#include <algorithm>
#include <utility>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include "base/cpu_budget.h"
#include "python/src/direct_run.h"
#include "python/src/pictures.h"
#include "serving/class_scores.h"
#include "serving/picture_tensor.h"

namespace muster::python {
namespace {

// Pictures that are decoded and run together, where the model says nothing of its batches.
constexpr std::size_t kPicturesAtOnce = 32;

nb::list specs_of(const std::vector<TensorSpec>& specs) {
  const nb::object kind = from_package("_types", "TensorSpec");
  nb::list list;
  for (const TensorSpec& spec : specs)
    list.append(kind(spec.name, dtype_name(spec.type), shape_tuple(spec.shape.dims())));
  return list;
}

// Which of the outputs are wanted, and where they go.
class Wanting {
 public:
  Wanting(const std::vector<TensorSpec>& specs, const std::vector<nb::str>& names,
          const std::vector<std::size_t>& indices)
      : specs_(specs), names_(names), indices_(indices) {}

  std::vector<WantedOutput> outputs(nb::handle wanted, nb::handle out) {
    if (wanted.is_none() && PyDict_Check(out.ptr())) {
      for (const auto [name, array] : nb::borrow<nb::dict>(out))
        add(name);
    } else if (wanted.is_none()) {
      for (std::size_t i = 0; i < specs_.size(); ++i)
        add_at(i);
    } else if (PyUnicode_Check(wanted.ptr())) {
      add(wanted);
    } else {
      for (const nb::handle name : wanted)
        add(name);
    }
    if (!out.is_none()) give(out);
    return std::move(outputs_);
  }

 private:
  void add_at(std::size_t i) {
    outputs_.push_back({indices_[i], &specs_[i], names_[i], nb::object()});
  }

  void add(nb::handle name) {
    for (std::size_t i = 0; i < specs_.size(); ++i) {
      if (names_[i].equal(name)) return add_at(i);
    }
    std::string known;
    for (const TensorSpec& spec : specs_)
      known += (known.empty() ? "'" : ", '") + spec.name + "'";
    raise_named("InvalidArgument", "the model has no output " +
                                       std::string(nb::repr(name).c_str()) + ", only " + known);
  }

  void give(nb::handle out) {
    if (PyDict_Check(out.ptr())) {
      const nb::dict arrays = nb::borrow<nb::dict>(out);
      for (WantedOutput& output : outputs_) {
        if (arrays.contains(output.name)) output.given = arrays[output.name];
      }
      return;
    }
    if (PyTuple_Check(out.ptr()) || PyList_Check(out.ptr())) {
      const nb::sequence arrays = nb::borrow<nb::sequence>(out);
      check_count(nb::len(arrays));
      for (std::size_t i = 0; i < outputs_.size(); ++i)
        outputs_[i].given = arrays[i];
      return;
    }
    check_count(1);
    outputs_.front().given = nb::borrow(out);
  }

  void check_count(std::size_t given) const {
    if (given == outputs_.size()) return;
    raise_named("InvalidArgument", "out: expected an array for each of " +
                                       std::to_string(outputs_.size()) + " outputs, given " +
                                       std::to_string(given));
  }

  const std::vector<TensorSpec>& specs_;
  const std::vector<nb::str>& names_;
  const std::vector<std::size_t>& indices_;
  std::vector<WantedOutput> outputs_;
};

// One batch of pictures, from their files to scores. Without the interpreter's lock.
class PictureRun {
 public:
  PictureRun(LoadedModel& model, const Pictures& pictures, std::size_t top_k)
      : model_(model), pictures_(pictures), top_k_(top_k) {}

  Result<std::vector<std::vector<ClassScore>>> operator()(std::size_t first, std::size_t count) {
    const ModelConfig& config = model_.description().config;
    MUSTER_ASSIGN_OR_RETURN(
        const Shape shape,
        picture_input_shape(config, model_.stacked(), static_cast<std::int64_t>(count)));
    MUSTER_ASSIGN_OR_RETURN(const TensorSpec* const output, classifying_output(config));
    MUSTER_ASSIGN_OR_RETURN(const std::size_t bytes, byte_size(config.image->type, shape));
    MUSTER_ASSIGN_OR_RETURN(auto session, model_.lease());
    MUSTER_ASSIGN_OR_RETURN(const std::span<std::byte> room,
                            session->prepare_input(0, shape, bytes));
    MUSTER_RETURN_IF_ERROR(
        fill_rows(pictures_, first, count, *config.image, room, available_cpus()));
    MUSTER_RETURN_IF_ERROR(session->run());
    const std::vector<TensorSpec>& outputs = model_.signature().outputs;
    const auto found = std::ranges::find(outputs, output->name, &TensorSpec::name);
    MUSTER_ASSIGN_OR_RETURN(const TensorView made,
                            session->output(static_cast<std::size_t>(found - outputs.begin())));
    InferResponse response;
    MUSTER_ASSIGN_OR_RETURN(Tensor copy, Tensor::copy_of(made.type, made.shape, made.bytes));
    response.outputs.push_back({output->name, std::move(copy)});
    return class_scores_of(response, config, model_.stacked(), top_k_);
  }

 private:
  LoadedModel& model_;
  const Pictures& pictures_;
  const std::size_t top_k_;
};

}  // namespace

Model::Model(OpenOrder order) {
  auto planned = [&] {
    const Outside outside;
    return plan(std::move(order));
  }();
  OpenPlan todo = value_or_raise(std::move(planned));
  backend_ = todo.choice.backend;
  from_package("_runtimes", "prepare")(backend_);
  auto loading = [&] {
    const Outside outside;
    return LoadedModel::load(std::move(todo));
  }();
  loaded_ = value_or_raise(std::move(loading));
  raise_if_interrupted();
  description_ = loaded_->shared_description();
  stacked_ = loaded_->stacked();
  input_names_ = names_of(description_->config.inputs);
  output_names_ = names_of(description_->config.outputs);
  const std::vector<TensorSpec>& all = loaded_->signature().outputs;
  for (const TensorSpec& spec : description_->config.outputs) {
    const auto found = std::ranges::find(all, spec.name, &TensorSpec::name);
    output_indices_.push_back(static_cast<std::size_t>(found - all.begin()));
  }
}

Model::~Model() {
  if (was_forked()) {
    // Its threads are not in this process: ending it would wait for them.
    new std::shared_ptr<LoadedModel>(std::move(loaded_));
    return;
  }
  close();
}

std::shared_ptr<LoadedModel> Model::loaded() const {
  if (was_forked()) {
    raise_named("FailedPrecondition", "model '" + description_->config.name +
                                          "' was opened before this process was forked from its "
                                          "parent, whose threads it needs: open it again here");
  }
  if (!loaded_) raise_named("Closed", "model '" + description_->config.name + "' is closed");
  return loaded_;
}

void Model::close() {
  if (!loaded_ || was_forked()) return;
  std::shared_ptr<LoadedModel> last = std::move(loaded_);
  loaded_ = nullptr;
  const Outside outside;
  last.reset();
}

nb::dict Model::run(const nb::args& inputs, nb::handle out, nb::handle outputs) {
  const std::shared_ptr<LoadedModel> model = loaded();
  const Inputs given(rules(false), inputs);
  Wanting wanting(description_->config.outputs, output_names_, output_indices_);
  return DirectRun(*model, given, wanting.outputs(outputs, out))();
}

nb::list Model::classify(nb::handle given, std::size_t top_k) {
  const std::shared_ptr<LoadedModel> model = loaded();
  if (top_k == 0) raise_named("InvalidArgument", "top_k: expected at least 1, given 0");
  const Pictures pictures(given);
  const std::int64_t most = description_->config.batching.max_batch_size;
  const std::size_t at_once =
      !stacked_
          ? 1
          : std::min(kPicturesAtOnce, static_cast<std::size_t>(std::max<std::int64_t>(1, most)));
  const nb::object kind = from_package("_types", "ClassScore");
  PictureRun run(*model, pictures, top_k);
  nb::list all;
  for (std::size_t first = 0; first < pictures.size(); first += at_once) {
    auto scores = [&] {
      const Outside outside;
      return run(first, std::min(at_once, pictures.size() - first));
    }();
    for (const std::vector<ClassScore>& row : value_or_raise(std::move(scores))) {
      nb::list classes;
      for (const ClassScore& score : row)
        classes.append(kind(score.index, score.label, score.probability));
      all.append(classes);
    }
    raise_if_interrupted();
  }
  return all;
}

namespace {

using namespace nb::literals;

void bind_opening(nb::class_<Model>& model) {
  model
      .def(
          "__init__",
          [](Model* self, nb::object path, std::optional<std::string> backend,
             std::optional<int> threads, std::optional<int> sessions,
             std::optional<std::int64_t> max_batch_size, std::optional<nb::object> parameters,
             std::optional<nb::object> cache) {
            if (sessions && *sessions < 1)
              raise_named("InvalidArgument",
                          "sessions: expected at least 1, given " + std::to_string(*sessions));
            OpenOrder order{path_of(path), backend.value_or("")};
            order.sessions = sessions;
            order.service.threads = threads;
            order.service.max_batch_size = max_batch_size;
            if (cache) order.service.compiled_cache = path_of(*cache);
            if (parameters) {
              nb::dict all;
              if (PyDict_Update(all.ptr(), parameters->ptr()) != 0) throw nb::python_error();
              for (const auto [key, value] : all)
                order.parameters[nb::cast<std::string>(key)] = nb::cast<std::string>(value);
            }
            new (self) Model(std::move(order));
          },
          "path"_a, "backend"_a = nb::none(), nb::kw_only(), "threads"_a = nb::none(),
          "sessions"_a = nb::none(), "max_batch_size"_a = nb::none(), "parameters"_a = nb::none(),
          "cache"_a = nb::none(),
          nb::sig("def __init__(self, path: str | os.PathLike[str], backend: str | None = None, *, "
                  "threads: int | None = None, sessions: int | None = None, "
                  "max_batch_size: int | None = None, parameters: collections.abc.Mapping[str, "
                  "str] | None = None, "
                  "cache: str | os.PathLike[str] | None = None) -> None"))
      .def("close", &Model::close,
           "Lets the model go. Runs that are at work end first; closing twice does nothing.")
      .def(
          "__enter__", [](nb::object self) { return self; },
          nb::sig("def __enter__(self) -> Model"))
      .def(
          "__exit__", [](Model& self, const nb::args&) { self.close(); },
          nb::sig("def __exit__(self, *exception: object) -> None"));
}

void bind_runs(nb::class_<Model>& model) {
  model
      .def("run", &Model::run, "inputs"_a, nb::kw_only(), "out"_a = nb::none(),
           "outputs"_a = nb::none(),
           nb::sig("def run(self, *inputs: typing.Any, out: typing.Any = None, outputs: str | "
                   "collections.abc.Sequence[str] | None = None) "
                   "-> dict[str, numpy.typing.NDArray[typing.Any]]"),
           R"(Runs the model on one batch and returns its outputs by name.

``inputs``: one dict ``{name: array}``, or an array for each of ``inputs`` in their order. Arrays are numpy's, any with the
buffer protocol, or any with DLPack on the CPU (PyTorch); they must have the dtype of the model. Contiguous memory in this
machine's byte order is read where it lies; other layouts are copied first.
``out``: an array, a sequence of them or a dict; the outputs are written into these, which are returned.
``outputs``: names of those that are wanted; without it, all.

Blocks without the interpreter's lock. Raises WrongType for another dtype, InvalidArgument for another shape or name,
Closed after ``close``. An interrupt from the keyboard is heard when the runtime is done with the batch.)")
      .def("classify", &Model::classify, "pictures"_a, "top_k"_a = 1,
           nb::sig("def classify(self, pictures: typing.Any, top_k: int = 1) -> "
                   "list[list[muster._types.ClassScore]]"),
           R"(The ``top_k`` best classes of each picture, best first.

``pictures``: one or a sequence of paths, bytes of PNG or JPEG files, or uint8 arrays of [height,width] or
[height,width,3] in BGR order, as cv2 reads them. They are decoded on all CPUs and preprocessed as the model's
configuration says. Raises InvalidArgument that names the picture which cannot be read, FailedPrecondition where the
model takes no pictures.)");
}

void bind_facts(nb::class_<Model>& model) {
  model
      .def("__repr__",
           [](const Model& self) {
             return "<muster.Model '" + self.description().config.name + "' on " +
                    self.description().runtime + (self.closed() ? ", closed>" : ">");
           })
      .def_prop_ro("closed", &Model::closed, "Whether it was closed.")
      .def_prop_ro(
          "name", [](const Model& self) { return self.description().config.name; },
          "The name that it is served under.")
      .def_prop_ro(
          "file", [](const Model& self) { return self.description().file; }, "The model file.")
      .def_prop_ro(
          "version", [](const Model& self) { return self.description().version; },
          "Its version; 0 of a file.")
      .def_prop_ro("backend", &Model::backend, "The name of its backend.")
      .def_prop_ro(
          "runtime", [](const Model& self) { return self.description().runtime; },
          "The runtime and its version, for people.")
      .def_prop_ro(
          "max_batch_size",
          [](const Model& self) { return self.description().config.batching.max_batch_size; },
          "Rows of a batch at most, in a queue over it; 0 where it has no batch axis.")
      .def_prop_ro(
          "inputs", [](const Model& self) { return specs_of(self.description().config.inputs); },
          nb::sig("def inputs(self) -> list[muster._types.TensorSpec]"), "What it takes.")
      .def_prop_ro(
          "outputs", [](const Model& self) { return specs_of(self.description().config.outputs); },
          nb::sig("def outputs(self) -> list[muster._types.TensorSpec]"), "What it gives.");
}

}  // namespace

void bind_model(nb::module_& module) {
  nb::class_<Model> model(module, "Model", nb::is_weak_referenceable(),
                          R"(A model, loaded and ready to run on the thread that asks.

``path``: a model folder (``config.pbtxt``, ``1/model.onnx``), one of its version folders, or a model file.
``backend``: ``"onnxruntime"``, ``"openvino"`` or ``"tensorrt"`` instead of the one that the model names.
``threads``: CPU threads that a run may use, this one included; without it, the CPUs of this process are shared out.
``sessions``: runs that may be at work side by side; others wait. Without it, as many as there are CPUs.
``max_batch_size``: rows of a batch of the queues over it (``muster.Batcher``); ``run`` takes any number.
``parameters``: of the backend, above those of the configuration. ``cache``: a folder for what is compiled.

Raises NotFound, InvalidArgument, or FailedPrecondition where the backend or its runtime is not installed.
Use it from any thread. In a process forked from this one it cannot be used.)");
  bind_opening(model);
  bind_runs(model);
  bind_facts(model);
}

}  // namespace muster::python
