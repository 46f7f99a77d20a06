# Finds CUDA's runtime library and its headers (no compiler for GPUs is needed), in this order: $CUDA_RUNTIME_ROOT (a
# prefix), the system, and where NVIDIA's own packages put it, /usr/local/cuda.
#
# Sets CUDARuntime_FOUND, CUDARuntime_VERSION, CUDARuntime_LIBRARY and CUDARuntime_INCLUDE_DIR, and makes the target
# CUDARuntime::CUDARuntime.

include("${CMAKE_CURRENT_LIST_DIR}/MusterFindRuntime.cmake")
muster_find_runtime(CUDARuntime
  ROOT_VARIABLE CUDA_RUNTIME_ROOT
  HEADER cuda_runtime_api.h HEADER_SUFFIXES include ../cuda/include
  LIBRARY cudart LIBRARY_SUFFIXES lib lib64 ../cuda/lib64 VERSIONED_IN lib)

if(CUDARuntime_FOUND)
  set(CUDARuntime_VERSION "")
  file(STRINGS "${CUDARuntime_INCLUDE_DIR}/cuda_runtime_api.h" cuda_runtime_line
       REGEX "#define CUDART_VERSION +[0-9]+")
  if(cuda_runtime_line MATCHES "([0-9]+)$")
    math(EXPR cuda_runtime_major "${CMAKE_MATCH_1} / 1000")
    math(EXPR cuda_runtime_minor "${CMAKE_MATCH_1} % 1000 / 10")
    set(CUDARuntime_VERSION "${cuda_runtime_major}.${cuda_runtime_minor}")
  endif()
  muster_import_runtime(CUDARuntime)
elseif(CUDARuntime_FIND_REQUIRED)
  message(FATAL_ERROR "CUDA's runtime was not found: install it with its headers, or set CUDA_RUNTIME_ROOT")
endif()
