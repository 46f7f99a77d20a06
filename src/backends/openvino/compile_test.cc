// SPDX-License-Identifier: Apache-2.0
// What is taken from the cache, and what never is.
#include "backends/openvino/compile.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "backends/openvino/model_files.h"
#include "backends/openvino/options.h"
#include "backends/openvino/testing/ir_file.h"
#include "base/log.h"
#include "inference/testing/loaded_model.h"

namespace muster::openvino {
namespace {

namespace fs = std::filesystem;
using namespace onnx;

// Loads of one backend, all with the same cache.
struct Loads {
  Loads() { config.parameters["STATIC_BATCH_SIZES"] = "1"; }

  std::shared_ptr<const CompiledModel> load(const std::string& file) {
    ModelSource source{file, &config, threads, 1, cache()};
    Result<std::shared_ptr<const CompiledModel>> model = backend->load(source);
    EXPECT_TRUE(model.ok()) << model.status().message();
    return model.ok() ? *model : nullptr;
  }
  // What the model makes of 1, 1.
  std::vector<float> answer(const std::string& file, std::int64_t rows = 1) {
    const std::shared_ptr<const CompiledModel> model = load(file);
    if (model == nullptr) return {};
    const std::unique_ptr<Session> session = model->new_session().value();
    const std::vector<float> ones(static_cast<std::size_t>(rows) * 2, 1);
    const auto input = session->prepare_input(0, {rows, 2}, ones.size() * sizeof(float));
    std::memcpy(input->data(), ones.data(), input->size());
    EXPECT_TRUE(session->run().ok());
    const TensorView output = session->output(0).value();
    const std::span<const float> values = output.elements<float>();
    return {values.begin(), values.end()};
  }
  [[nodiscard]] std::string cache() const { return (folder.path() / "cache").string(); }
  [[nodiscard]] std::set<std::string> entries() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(cache()))
      names.insert(entry.path().filename().string());
    return names;
  }

  TemporaryFolder folder;
  ModelConfig config;
  int threads = 1;
  std::unique_ptr<Backend> backend = backend_under_test();
};

TEST(CompiledModels, are_found_again_and_answer_the_same) {
  Loads loads;
  const TemporaryFolder model;
  const std::string file = write_ir(model, 2, 3);
  EXPECT_EQ(loads.answer(file), (std::vector<float>{2, 3}));
  const std::set<std::string> entries = loads.entries();
  EXPECT_EQ(entries.size(), 2U);  // any batch, and a batch of one
  const auto signature = loads.load(file)->signature();
  EXPECT_EQ(signature.inputs[0].name, "x");
  EXPECT_EQ(signature.inputs[0].shape, (Shape{-1, 2}));
  EXPECT_EQ(signature.outputs[0].name, "y");
  EXPECT_EQ(loads.answer(file), (std::vector<float>{2, 3}));
  EXPECT_EQ(loads.answer(file, 2), (std::vector<float>{2, 3, 2, 3}));
  EXPECT_EQ(loads.entries(), entries);
}

using Use = std::array<std::uint64_t, 3>;  // hits, misses, rebuilt

Use use_of(const std::shared_ptr<const CompiledModel>& model) {
  const CompiledCacheUse use = model->compiled_cache_use();
  return {use.hits, use.misses, use.rebuilt};
}

TEST(CompiledModels, are_counted_by_how_they_were_had) {
  Loads loads;
  const TemporaryFolder model;
  const std::string file = write_ir(model, 2, 3);
  EXPECT_EQ(use_of(loads.load(file)), (Use{0, 2, 0}));
  EXPECT_EQ(use_of(loads.load(file)), (Use{2, 0, 0}));
  loads.config.parameters["STATIC_BATCH_SIZES"] = "1,2";
  EXPECT_EQ(use_of(loads.load(file)), (Use{2, 1, 0}));
  const std::string entry = *loads.entries().begin();
  fs::resize_file(fs::path(loads.cache()) / entry, 100);
  EXPECT_EQ(use_of(loads.load(file)), (Use{2, 0, 1}));
  EXPECT_EQ(use_of(loads.load(file)), (Use{3, 0, 0}));
  // Without a cache there is nothing to count.
  const ModelSource source{file, &loads.config, 1, 1, {}};
  EXPECT_EQ(use_of(loads.backend->load(source).value()), (Use{0, 0, 0}));
}

TEST(CompiledModels, are_never_shared_by_models_that_differ_in_weights_alone) {
  Loads loads;
  const TemporaryFolder model;
  EXPECT_EQ(loads.answer(write_ir(model, 2, 3)), (std::vector<float>{2, 3}));
  EXPECT_EQ(loads.answer(write_ir(model, 5, 7)), (std::vector<float>{5, 7}));
  EXPECT_EQ(loads.answer(write_ir(model, 5, 7), 2), (std::vector<float>{5, 7, 5, 7}));
  EXPECT_EQ(loads.entries().size(), 4U);
  EXPECT_EQ(loads.answer(write_ir(model, 2, 3)), (std::vector<float>{2, 3}));
  EXPECT_EQ(loads.entries().size(), 4U);
}

// What each variant makes of 1, 1.
std::vector<std::vector<float>> answers_of(const Compilation& made) {
  std::vector<std::vector<float>> answers;
  for (const Variant& variant : made.variants) {
    ov::CompiledModel compiled = variant.compiled;
    ov::InferRequest request = compiled.create_infer_request();
    std::array<float, 2> ones = {1, 1};
    request.set_input_tensor(ov::Tensor(ov::element::f32, {1, 2}, ones.data()));
    request.infer();
    const float* const values = request.get_output_tensor().data<float>();
    answers.push_back({values[0], values[1]});
  }
  return answers;
}

// A load for which the cache has the variant for any size and not that for one row.
struct PartlyKept {
  PartlyKept() {
    loads.config.parameters["STATIC_BATCH_SIZES"] = "none";
    EXPECT_NE(loads.load(file), nullptr);
    loads.config.parameters["STATIC_BATCH_SIZES"] = "1";
  }
  Result<Compilation> load(std::function<void()> before_reading) {
    ContentStore cache = ContentStore::open(loads.cache(), kCompiledModels).value();
    const ModelFiles files = find_model_files(file).value();
    const Options options = parse_options(loads.config, {file, &loads.config, 1}).value();
    return compile(core,
                   {files, loads.config, options, std::move(cache), std::move(before_reading)});
  }

  Loads loads;
  TemporaryFolder folder;
  std::string file = write_ir(folder, 2, 3);
  ov::Core core;
};

TEST(CompiledModels, are_all_of_the_new_files_where_these_are_replaced_during_a_load) {
  PartlyKept test;
  int readings = 0;
  const Result<Compilation> made = test.load([&] {
    ++readings;
    write_ir(test.folder, 5, 7);
  });
  ASSERT_TRUE(made.ok()) << made.status().message();
  EXPECT_EQ(readings, 2);
  EXPECT_EQ(answers_of(*made), (std::vector<std::vector<float>>(2, {5, 7})));
}

TEST(CompiledModels, end_the_load_where_the_files_are_replaced_again_and_again) {
  PartlyKept test;
  // The cache has the variant for any size of both.
  test.loads.config.parameters["STATIC_BATCH_SIZES"] = "none";
  ASSERT_NE(test.loads.load(write_ir(test.folder, 5, 7)), nullptr);
  test.loads.config.parameters["STATIC_BATCH_SIZES"] = "1";
  int readings = 0;
  const Result<Compilation> made = test.load([&] {
    const float first = readings++ % 2 == 0 ? 2 : 5;
    write_ir(test.folder, first, first + (first == 2 ? 1 : 2));
  });
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(readings, kMaxReadings);
  EXPECT_NE(made.status().message().find("were replaced while they were read, 3 times"),
            std::string_view::npos);
}

TEST(CompiledModels, are_never_shared_by_onnx_files_that_differ_in_external_weights_alone) {
  Loads loads;
  const TemporaryFolder model;
  const fs::path source = fs::path(test_model("external_ok"));
  for (const auto& entry : fs::directory_iterator(source))
    fs::copy(entry.path(), model.path() / entry.path().filename());
  const std::string file = (model.path() / "model.onnx").string();
  loads.config.parameters["STATIC_BATCH_SIZES"] = "none";
  ASSERT_NE(loads.load(file), nullptr);
  for (const auto& entry : fs::directory_iterator(model.path())) {
    if (entry.path().filename() == "model.onnx") continue;
    std::fstream weights(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    weights.put('\1');
  }
  ASSERT_NE(loads.load(file), nullptr);
  EXPECT_EQ(loads.entries().size(), 2U);
}

TEST(CompiledModels, differ_by_options_and_threads) {
  Loads loads;
  const TemporaryFolder model;
  const std::string file = write_ir(model, 2, 3);
  loads.config.parameters["STATIC_BATCH_SIZES"] = "none";
  ASSERT_NE(loads.load(file), nullptr);
  loads.config.parameters["INFERENCE_PRECISION_HINT"] = "bf16";
  ASSERT_NE(loads.load(file), nullptr);
  loads.threads = 2;
  ASSERT_NE(loads.load(file), nullptr);
  EXPECT_EQ(loads.entries().size(), 3U);
}

TEST(CompiledModels, that_are_damaged_or_another_s_are_compiled_anew) {
  Loads loads;
  const TemporaryFolder first;
  const TemporaryFolder second;
  const std::string file = write_ir(first, 2, 3);
  ASSERT_EQ(loads.answer(file), (std::vector<float>{2, 3}));
  const std::set<std::string> entries = loads.entries();
  ASSERT_EQ(loads.answer(write_ir(second, 5, 7)), (std::vector<float>{5, 7}));
  std::string foreign;
  for (const std::string& name : loads.entries()) {
    if (!entries.contains(name)) foreign = name;
  }
  const auto spoil = [&](const std::function<void(const fs::path&)>& change) {
    for (const std::string& name : entries)
      change(fs::path(loads.cache()) / name);
    EXPECT_EQ(loads.answer(file), (std::vector<float>{2, 3}));
  };
  spoil([](const fs::path& entry) { fs::resize_file(entry, fs::file_size(entry) - 1); });
  spoil([](const fs::path& entry) { fs::resize_file(entry, 0); });
  spoil([](const fs::path& entry) {
    std::fstream stream(entry, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(200);
    stream.put('?');
  });
  spoil([&](const fs::path& entry) {
    fs::copy_file(fs::path(loads.cache()) / foreign, entry, fs::copy_options::overwrite_existing);
  });
  // Whole by our own marks, and yet nothing that the runtime takes.
  spoil([&](const fs::path& entry) {
    DigestBytes key;
    const std::string name = entry.stem().string();
    for (std::size_t i = 0; i < key.size(); ++i)
      key[i] = static_cast<std::byte>(std::stoi(name.substr(2 * i, 2), nullptr, 16));
    const auto cache = ContentStore::open(loads.cache(), kCompiledModels).value();
    ASSERT_TRUE(cache.store(key, "no compiled model at all").ok());
  });
}

TEST(CompiledModels, are_not_kept_where_the_folder_is_not_fit_for_it) {
  Loads loads;
  const TemporaryFolder model;
  fs::create_directory(loads.cache());
  fs::permissions(loads.cache(), fs::perms::all);
  EXPECT_EQ(loads.answer(write_ir(model, 2, 3)), (std::vector<float>{2, 3}));
  EXPECT_TRUE(loads.entries().empty());
}

}  // namespace
}  // namespace muster::openvino
