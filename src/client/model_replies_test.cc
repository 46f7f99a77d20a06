// SPDX-License-Identifier: Apache-2.0
#include "client/model_replies.h"

#include <gtest/gtest.h>

#include "open_inference.pb.h"

namespace muster {
namespace {

TEST(ModelReplies, read_a_description_in_json) {
  const auto model = model_of_json(
      R"({"name":"m","versions":["1","2"],"platform":"onnxruntime_onnx","extra":[{"x":null}],)"
      R"("inputs":[{"name":"a","datatype":"FP32","shape":[-1,3,-7]},)"
      R"({"shape":[],"datatype":"BYTES","name":"b"}],)"
      R"("outputs":[{"name":"y","datatype":"INT64","shape":[-1],"labels":{}}]})");
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  EXPECT_EQ(model->platform, "onnxruntime_onnx");
  ASSERT_EQ(model->signature.inputs.size(), 2U);
  EXPECT_EQ(model->signature.inputs[0].shape, Shape({-1, 3, -1}));
  EXPECT_EQ(model->signature.inputs[1].type, DataType::kBytes);
  EXPECT_EQ(model->signature.outputs[0].name, "y");
}

TEST(ModelReplies, read_the_same_in_a_message) {
  inference::ModelMetadataResponse response;
  response.add_versions("3");
  response.set_platform("p");
  auto* const input = response.add_inputs();
  input->set_name("a");
  input->set_datatype("UINT8");
  input->add_shape(-1);
  input->add_shape(4);
  const auto model = model_of_message(response.SerializeAsString());
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  EXPECT_EQ(model->signature.inputs[0].shape, Shape({-1, 4}));
  EXPECT_EQ(model->platform, "p");
}

TEST(ModelReplies, refuse_what_describes_no_model) {
  std::string many = R"({"inputs":[)";
  for (int i = 0; i < 2000; ++i)
    many += R"({"name":"a","datatype":"FP32","shape":[1]},)";
  many.back() = ']';
  std::string ranks = R"({"inputs":[{"name":"a","datatype":"FP32","shape":[1)";
  for (int i = 0; i < 1000; ++i)
    ranks += ",1";
  for (const std::string& body :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"inputs":[]})"),
        std::string(R"({"inputs":[{"name":"a","datatype":"FP33","shape":[1]}]})"),
        std::string(R"({"inputs":[{"datatype":"FP32","shape":[1]}]})"),
        std::string(R"({"inputs":[{"name":"a","datatype":"FP32","shape":["x"]}]})"),
        std::string(R"({"inputs":[{"name":"a","datatype":"FP32","shape":[1]}])"), many + "}",
        ranks + "]}]}"})
    EXPECT_FALSE(model_of_json(body).ok()) << body.substr(0, 100);
  EXPECT_FALSE(model_of_message("no message").ok());
  EXPECT_FALSE(model_of_message("").ok());
}

TEST(ModelReplies, find_what_is_ready_in_an_index) {
  const auto names = ready_models_of_json(
      R"([{"name":"a","version":"1","state":"READY"},{"name":"b","state":"UNAVAILABLE","reason":"x"},)"
      R"({"name":"a","version":"2","state":"READY"},{"name":"c","version":7}])");
  ASSERT_TRUE(names.ok()) << names.status().to_string();
  EXPECT_EQ(*names, (std::set<std::string>{"a", "c"}));
  EXPECT_FALSE(ready_models_of_json("{}").ok());
  inference::RepositoryIndexResponse response;
  response.add_models()->set_name("a");
  auto* const other = response.add_models();
  other->set_name("b");
  other->set_state("LOADING");
  EXPECT_EQ(*ready_models_of_message(response.SerializeAsString()), std::set<std::string>{"a"});
}

TEST(ModelReplies, read_so_many_names_and_no_more) {
  std::string json = "[";
  inference::RepositoryIndexResponse response;
  const auto add = [&](std::size_t number) {
    json += (number > 0 ? R"(,{"name":"m)" : R"({"name":"m)") + std::to_string(number) + R"("})";
    response.add_models()->set_name("m" + std::to_string(number));
  };
  for (std::size_t number = 0; number < kMostModelNames; ++number)
    add(number);
  EXPECT_EQ(ready_models_of_json(json + "]")->size(), kMostModelNames);
  EXPECT_EQ(ready_models_of_message(response.SerializeAsString())->size(), kMostModelNames);
  add(kMostModelNames);
  EXPECT_EQ(ready_models_of_json(json + "]").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(ready_models_of_message(response.SerializeAsString()).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(ModelReplies, find_the_batch_size_of_a_configuration) {
  EXPECT_EQ(batch_size_of_json(R"({"name":"m","max_batch_size":8,"input":[{"dims":[3]}]})"), 8);
  EXPECT_EQ(batch_size_of_json(R"({"max_batch_size":0})"), 0);
  for (const char* other : {R"({"name":"m"})", R"({"max_batch_size":"8"})", "<html>", "[]", "",
                            R"({"max_batch_size":8)"})
    EXPECT_EQ(batch_size_of_json(other), std::nullopt) << other;
  inference::ModelConfigResponse response;
  EXPECT_EQ(batch_size_of_message(response.SerializeAsString()), std::nullopt);
  response.mutable_config();
  EXPECT_EQ(batch_size_of_message(response.SerializeAsString()), 0);
  response.mutable_config()->set_max_batch_size(8);
  EXPECT_EQ(batch_size_of_message(response.SerializeAsString()), 8);
  EXPECT_EQ(batch_size_of_message("\xff"), std::nullopt);
}

TEST(ErrorWords, are_the_servers_own) {
  EXPECT_EQ(error_words(R"({"code":3,"error":"no \"x\""})"), "no \"x\"");
  EXPECT_EQ(error_words("<html>\n"), "<html>\\x0a");
  EXPECT_EQ(error_words(R"({"error":)"), R"({"error":)");
  EXPECT_EQ(error_words(""), "");
  EXPECT_LE(error_words(std::string(5000, 'x')).size(), 600U);
}

}  // namespace
}  // namespace muster
