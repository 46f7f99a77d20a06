// SPDX-License-Identifier: Apache-2.0
// A library of execution providers for tests, built twice. The provider "breaks" offers the
// processor as its device, and fails when a session is made with it; "idles" takes part in a
// session, and no operator.
#include <cstdint>
#include <cstring>
#include <string_view>

#include <onnxruntime_c_api.h>

namespace {

constexpr const char* kName = MUSTER_TEST_PLUGIN;

const OrtApi* api = nullptr;

const char* ORT_API_CALL name_of_provider(const OrtEp*) noexcept {
  return kName;
}

OrtStatus* ORT_API_CALL take_nothing(OrtEp*, const OrtGraph*, OrtEpGraphSupportInfo*) noexcept {
  return nullptr;
}

OrtStatus* ORT_API_CALL compile_nothing(OrtEp*, const OrtGraph**, const OrtNode**, std::size_t,
                                        OrtNodeComputeInfo**, OrtNode**) noexcept {
  return nullptr;
}

void ORT_API_CALL release_nothing(OrtEp*, OrtNodeComputeInfo**, std::size_t) noexcept {}

const char* ORT_API_CALL name_of_factory(const OrtEpFactory*) noexcept {
  return kName;
}

const char* ORT_API_CALL vendor(const OrtEpFactory*) noexcept {
  return "Muster's tests";
}

std::uint32_t ORT_API_CALL vendor_id(const OrtEpFactory*) noexcept {
  return 0;
}

const char* ORT_API_CALL version(const OrtEpFactory*) noexcept {
  return "1.0.0";
}

OrtStatus* ORT_API_CALL offer_devices(OrtEpFactory* factory,
                                      const OrtHardwareDevice* const* devices, std::size_t count,
                                      OrtEpDevice** offered, std::size_t most,
                                      std::size_t* offered_count) noexcept {
  *offered_count = 0;
  for (std::size_t i = 0; i < count && *offered_count < most; ++i) {
    if (api->HardwareDevice_Type(devices[i]) != OrtHardwareDeviceType_CPU) continue;
    OrtStatus* const status = api->GetEpApi()->CreateEpDevice(factory, devices[i], nullptr, nullptr,
                                                              &offered[*offered_count]);
    if (status != nullptr) return status;
    ++*offered_count;
  }
  return nullptr;
}

OrtStatus* ORT_API_CALL make_provider(OrtEpFactory*, const OrtHardwareDevice* const*,
                                      const OrtKeyValuePairs* const*, std::size_t,
                                      const OrtSessionOptions*, const OrtLogger*,
                                      OrtEp** made) noexcept {
  if (std::string_view(kName) == "breaks")
    return api->CreateStatus(ORT_EP_FAIL, "the device is on fire");
  auto* const provider = new OrtEp;
  std::memset(provider, 0, sizeof(*provider));
  provider->ort_version_supported = ORT_API_VERSION;
  provider->GetName = name_of_provider;
  provider->GetCapability = take_nothing;
  provider->Compile = compile_nothing;
  provider->ReleaseNodeComputeInfos = release_nothing;
  *made = provider;
  return nullptr;
}

void ORT_API_CALL release_provider(OrtEpFactory*, OrtEp* provider) noexcept {
  delete provider;
}

OrtStatus* ORT_API_CALL no_data_transfer(OrtEpFactory*, OrtDataTransferImpl** transfer) noexcept {
  *transfer = nullptr;
  return nullptr;
}

bool ORT_API_CALL knows_no_streams(const OrtEpFactory*) noexcept {
  return false;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) OrtStatus* CreateEpFactories(
    const char*, const OrtApiBase* base, const OrtLogger*, OrtEpFactory** factories,
    std::size_t most, std::size_t* count) {
  api = base->GetApi(ORT_API_VERSION);
  if (most < 1) return api->CreateStatus(ORT_INVALID_ARGUMENT, "no room for a factory");
  auto* const factory = new OrtEpFactory;
  std::memset(factory, 0, sizeof(*factory));
  factory->ort_version_supported = ORT_API_VERSION;
  factory->GetName = name_of_factory;
  factory->GetVendor = vendor;
  factory->GetVendorId = vendor_id;
  factory->GetVersion = version;
  factory->GetSupportedDevices = offer_devices;
  factory->CreateEp = make_provider;
  factory->ReleaseEp = release_provider;
  factory->CreateDataTransfer = no_data_transfer;
  factory->IsStreamAware = knows_no_streams;
  factories[0] = factory;
  *count = 1;
  return nullptr;
}

extern "C" __attribute__((visibility("default"))) OrtStatus* ReleaseEpFactory(
    OrtEpFactory* factory) {
  delete factory;
  return nullptr;
}
