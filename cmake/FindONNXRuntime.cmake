# Finds ONNX Runtime: headers and library, in this order: $ONNXRUNTIME_ROOT (an unpacked release
# archive, or a prefix), the system, .deps/onnxruntime (which tools/setup fills).
#
# Sets ONNXRuntime_FOUND, ONNXRuntime_VERSION, ONNXRuntime_LIBRARY, ONNXRuntime_INCLUDE_DIR and
# ONNXRuntime_IN_DEPS (it came from .deps), and makes the target ONNXRuntime::ONNXRuntime.

set(onnxruntime_deps "${CMAKE_CURRENT_LIST_DIR}/../.deps/onnxruntime")
cmake_path(NORMAL_PATH onnxruntime_deps)
set(onnxruntime_header onnxruntime_cxx_api.h)
set(onnxruntime_include_suffixes include include/onnxruntime
    include/onnxruntime/core/session onnxruntime onnxruntime/core/session)
set(onnxruntime_own_root "")
if(DEFINED ENV{ONNXRUNTIME_ROOT} AND NOT "$ENV{ONNXRUNTIME_ROOT}" STREQUAL "")
  set(onnxruntime_own_root "$ENV{ONNXRUNTIME_ROOT}")
elseif(ONNXRUNTIME_ROOT)
  set(onnxruntime_own_root "${ONNXRUNTIME_ROOT}")
endif()

# A root that changed since the last configuration is looked at anew.
if(NOT "${onnxruntime_own_root}" STREQUAL "${ONNXRuntime_SEARCHED_ROOT}"
   OR NOT EXISTS "${ONNXRuntime_LIBRARY}" OR NOT EXISTS "${ONNXRuntime_INCLUDE_DIR}")
  unset(ONNXRuntime_LIBRARY CACHE)
  unset(ONNXRuntime_INCLUDE_DIR CACHE)
endif()
set(ONNXRuntime_SEARCHED_ROOT "${onnxruntime_own_root}" CACHE INTERNAL "")

# Both halves from one place: the headers of one version and the library of an older one do not mix.
foreach(root IN ITEMS "${onnxruntime_own_root}" system "${onnxruntime_deps}")
  if(root STREQUAL "" OR ONNXRuntime_LIBRARY)
    continue()
  endif()
  set(where PATHS "${root}" NO_DEFAULT_PATH)
  if(root STREQUAL system)
    set(where "")
  endif()
  unset(ONNXRuntime_INCLUDE_DIR CACHE)
  find_path(ONNXRuntime_INCLUDE_DIR ${onnxruntime_header} ${where}
            PATH_SUFFIXES ${onnxruntime_include_suffixes})
  if(ONNXRuntime_INCLUDE_DIR)
    find_library(ONNXRuntime_LIBRARY onnxruntime ${where} PATH_SUFFIXES lib lib64)
  endif()
  if(root STREQUAL onnxruntime_own_root AND NOT ONNXRuntime_LIBRARY)
    break()
  endif()
endforeach()
mark_as_advanced(ONNXRuntime_LIBRARY ONNXRuntime_INCLUDE_DIR)

if(ONNXRuntime_LIBRARY AND ONNXRuntime_INCLUDE_DIR)
  set(ONNXRuntime_FOUND TRUE)
  cmake_path(IS_PREFIX onnxruntime_deps "${ONNXRuntime_LIBRARY}" NORMALIZE ONNXRuntime_IN_DEPS)
  file(REAL_PATH "${ONNXRuntime_LIBRARY}" onnxruntime_file)
  set(ONNXRuntime_VERSION "")
  if(onnxruntime_file MATCHES "\\.so\\.([0-9.]+)$")
    set(ONNXRuntime_VERSION "${CMAKE_MATCH_1}")
  endif()
  if(NOT TARGET ONNXRuntime::ONNXRuntime)
    add_library(ONNXRuntime::ONNXRuntime SHARED IMPORTED)
    set_target_properties(ONNXRuntime::ONNXRuntime PROPERTIES
      IMPORTED_LOCATION "${ONNXRuntime_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${ONNXRuntime_INCLUDE_DIR}")
  endif()
else()
  set(ONNXRuntime_FOUND FALSE)
  if(ONNXRuntime_FIND_REQUIRED)
    message(FATAL_ERROR "ONNX Runtime was not found: run tools/setup build, install "
                        "libonnxruntime-dev, or set ONNXRUNTIME_ROOT")
  endif()
endif()
