# SPDX-License-Identifier: Apache-2.0
"""The messages that the client reads, written by tools/make_client_schema.py from the files in proto.

A line is a message and its fields, `number:name:type`: `*` behind the type is a list, `>` stands between the types of a
map, and `|` marks the choices of which one is there. A line with `=` is an enumeration.
"""

SCHEMA = """
ServerMetadataResponse 1:name:string 2:version:string 3:extensions:string*
ModelMetadataResponse 1:name:string 2:versions:string* 3:platform:string
  4:inputs:ModelMetadataResponse.TensorMetadata* 5:outputs:ModelMetadataResponse.TensorMetadata*
  6:parameters:string>InferParameter
ModelConfigResponse 1:config:ModelConfig
ModelStatisticsResponse 1:model_stats:ModelStatistics*
RepositoryIndexResponse 1:models:RepositoryIndexResponse.ModelIndex*
SystemSharedMemoryStatusResponse 1:regions:string>SystemSharedMemoryStatusResponse.RegionStatus
InferParameter 1:bool_param:bool| 2:int64_param:int64| 3:string_param:string| 4:double_param:double|
  5:uint64_param:uint64|
InferTensorContents 1:bool_contents:bool* 2:int_contents:int32* 3:int64_contents:int64* 4:uint_contents:uint32*
  5:uint64_contents:uint64* 6:fp32_contents:float* 7:fp64_contents:double* 8:bytes_contents:bytes*
ModelMetadataResponse.TensorMetadata 1:name:string 2:datatype:string 3:shape:int64*
ModelConfig 1:name:string 17:backend:string 2:platform:string 25:runtime:string 8:default_model_filename:string
  9:cc_model_filenames:string>string 3:version_policy:ModelVersionPolicy 4:max_batch_size:int32 5:input:ModelInput*
  6:output:ModelOutput* 20:batch_input:BatchInput* 21:batch_output:BatchOutput*
  11:dynamic_batching:ModelDynamicBatching| 13:sequence_batching:ModelSequenceBatching|
  15:ensemble_scheduling:ModelEnsembling| 7:instance_group:ModelInstanceGroup*
  19:model_transaction_policy:ModelTransactionPolicy 24:response_cache:ModelResponseCache
  12:optimization:ModelOptimizationPolicy 14:parameters:string>ModelParameter 16:model_warmup:ModelWarmup*
  18:model_operations:ModelOperations 23:model_repository_agents:ModelRepositoryAgents 10:metric_tags:string>string
  26:model_metrics:ModelMetrics
ModelStatistics 1:name:string 2:version:string 3:last_inference:uint64 4:inference_count:uint64
  5:execution_count:uint64 6:inference_stats:InferStatistics 7:batch_stats:InferBatchStatistics*
  8:memory_usage:MemoryUsage* 9:response_stats:string>InferResponseStatistics
RepositoryIndexResponse.ModelIndex 1:name:string 2:version:string 3:state:string 4:reason:string
SystemSharedMemoryStatusResponse.RegionStatus 1:name:string 2:key:string 3:offset:uint64 4:byte_size:uint64
ModelVersionPolicy 1:latest:ModelVersionPolicy.Latest| 2:all:ModelVersionPolicy.All|
  3:specific:ModelVersionPolicy.Specific|
ModelInput 1:name:string 2:data_type:DataType 4:dims:int64* 3:format:ModelInput.Format 5:reshape:ModelTensorReshape
  8:optional:bool 7:allow_ragged_batch:bool 6:is_shape_tensor:bool 9:is_non_linear_format_io:bool
ModelOutput 1:name:string 2:data_type:DataType 3:dims:int64* 4:label_filename:string 5:reshape:ModelTensorReshape
  6:is_shape_tensor:bool 7:is_non_linear_format_io:bool
BatchInput 1:kind:BatchInput.Kind 2:target_name:string* 3:data_type:DataType 4:source_input:string*
BatchOutput 1:target_name:string* 2:kind:BatchOutput.Kind 3:source_input:string*
ModelDynamicBatching 1:preferred_batch_size:int32* 2:max_queue_delay_microseconds:uint64 3:preserve_ordering:bool
  6:default_queue_policy:ModelQueuePolicy 4:priority_levels:uint64 5:default_priority_level:uint64
  7:priority_queue_policy:uint64>ModelQueuePolicy
ModelSequenceBatching 3:direct:ModelSequenceBatching.StrategyDirect| 4:oldest:ModelSequenceBatching.StrategyOldest|
  1:max_sequence_idle_microseconds:uint64 2:control_input:ModelSequenceBatching.ControlInput*
  5:state:ModelSequenceBatching.State* 6:iterative_sequence:bool
ModelEnsembling 1:step:ModelEnsembling.Step* 2:max_inflight_requests:uint32
ModelInstanceGroup 1:name:string 4:kind:ModelInstanceGroup.Kind 2:count:int32 3:gpus:int32*
  8:secondary_devices:ModelInstanceGroup.SecondaryDevice* 5:profile:string* 7:passive:bool 9:host_policy:string
  6:rate_limiter:ModelRateLimiter
ModelTransactionPolicy 1:decoupled:bool
ModelResponseCache 1:enable:bool
ModelOptimizationPolicy 1:graph:ModelOptimizationPolicy.Graph 2:priority:ModelOptimizationPolicy.ModelPriority
  3:cuda:ModelOptimizationPolicy.Cuda 4:execution_accelerators:ModelOptimizationPolicy.ExecutionAccelerators
  5:input_pinned_memory:ModelOptimizationPolicy.PinnedMemoryBuffer
  6:output_pinned_memory:ModelOptimizationPolicy.PinnedMemoryBuffer 7:gather_kernel_buffer_threshold:uint32
  8:eager_batching:bool
ModelParameter 1:string_value:string
ModelWarmup 1:name:string 2:batch_size:uint32 3:inputs:string>ModelWarmup.Input 4:count:uint32
ModelOperations 1:op_library_filename:string*
ModelRepositoryAgents 1:agents:ModelRepositoryAgents.Agent*
ModelMetrics 1:metric_control:ModelMetrics.MetricControl*
InferStatistics 1:success:StatisticDuration 2:fail:StatisticDuration 3:queue:StatisticDuration
  4:compute_input:StatisticDuration 5:compute_infer:StatisticDuration 6:compute_output:StatisticDuration
  7:cache_hit:StatisticDuration 8:cache_miss:StatisticDuration
InferBatchStatistics 1:batch_size:uint64 2:compute_input:StatisticDuration 3:compute_infer:StatisticDuration
  4:compute_output:StatisticDuration
MemoryUsage 1:type:string 2:id:int64 3:byte_size:uint64
InferResponseStatistics 1:compute_infer:StatisticDuration 2:compute_output:StatisticDuration
  3:success:StatisticDuration 4:fail:StatisticDuration 5:empty_response:StatisticDuration 6:cancel:StatisticDuration
ModelVersionPolicy.Latest 1:num_versions:uint32
ModelVersionPolicy.All
ModelVersionPolicy.Specific 1:versions:int64*
DataType = 0:TYPE_INVALID 1:TYPE_BOOL 2:TYPE_UINT8 3:TYPE_UINT16 4:TYPE_UINT32 5:TYPE_UINT64 6:TYPE_INT8 7:TYPE_INT16
  8:TYPE_INT32 9:TYPE_INT64 10:TYPE_FP16 11:TYPE_FP32 12:TYPE_FP64 13:TYPE_STRING 14:TYPE_BF16
ModelInput.Format = 0:FORMAT_NONE 1:FORMAT_NHWC 2:FORMAT_NCHW
ModelTensorReshape 1:shape:int64*
BatchInput.Kind = 0:BATCH_ELEMENT_COUNT 1:BATCH_ACCUMULATED_ELEMENT_COUNT 2:BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO
  3:BATCH_MAX_ELEMENT_COUNT_AS_SHAPE 4:BATCH_ITEM_SHAPE 5:BATCH_ITEM_SHAPE_FLATTEN
BatchOutput.Kind = 0:BATCH_SCATTER_WITH_INPUT_SHAPE
ModelQueuePolicy 1:timeout_action:ModelQueuePolicy.TimeoutAction 2:default_timeout_microseconds:uint64
  3:allow_timeout_override:bool 4:max_queue_size:uint32
ModelSequenceBatching.StrategyDirect 1:max_queue_delay_microseconds:uint64 2:minimum_slot_utilization:float
ModelSequenceBatching.StrategyOldest 1:max_candidate_sequences:int32 2:preferred_batch_size:int32*
  3:max_queue_delay_microseconds:uint64 4:preserve_ordering:bool
ModelSequenceBatching.ControlInput 1:name:string 2:control:ModelSequenceBatching.Control*
ModelSequenceBatching.State 1:input_name:string 2:output_name:string 3:data_type:DataType 4:dims:int64*
  5:initial_state:ModelSequenceBatching.InitialState* 6:use_same_buffer_for_input_output:bool
  7:use_growable_memory:bool
ModelEnsembling.Step 1:model_name:string 2:model_version:int64 3:input_map:string>string 4:output_map:string>string
  5:model_namespace:string
ModelInstanceGroup.Kind = 0:KIND_AUTO 1:KIND_GPU 2:KIND_CPU 3:KIND_MODEL
ModelInstanceGroup.SecondaryDevice 1:kind:ModelInstanceGroup.SecondaryDevice.SecondaryDeviceKind 2:device_id:int64
ModelRateLimiter 1:resources:ModelRateLimiter.Resource* 2:priority:uint32
ModelOptimizationPolicy.Graph 1:level:int32
ModelOptimizationPolicy.ModelPriority = 0:PRIORITY_DEFAULT 1:PRIORITY_MAX 2:PRIORITY_MIN
ModelOptimizationPolicy.Cuda 1:graphs:bool 2:busy_wait_events:bool
  3:graph_spec:ModelOptimizationPolicy.Cuda.GraphSpec* 4:output_copy_stream:bool
ModelOptimizationPolicy.ExecutionAccelerators
  1:gpu_execution_accelerator:ModelOptimizationPolicy.ExecutionAccelerators.Accelerator*
  2:cpu_execution_accelerator:ModelOptimizationPolicy.ExecutionAccelerators.Accelerator*
ModelOptimizationPolicy.PinnedMemoryBuffer 1:enable:bool
ModelWarmup.Input 1:data_type:DataType 2:dims:int64* 3:zero_data:bool| 4:random_data:bool| 5:input_data_file:string|
ModelRepositoryAgents.Agent 1:name:string 2:parameters:string>string
ModelMetrics.MetricControl 1:metric_identifier:ModelMetrics.MetricControl.MetricIdentifier
  2:histogram_options:ModelMetrics.MetricControl.HistogramOptions|
StatisticDuration 1:count:uint64 2:ns:uint64
ModelQueuePolicy.TimeoutAction = 0:REJECT 1:DELAY
ModelSequenceBatching.Control 1:kind:ModelSequenceBatching.Control.Kind 2:int32_false_true:int32*
  3:fp32_false_true:float* 5:bool_false_true:bool* 4:data_type:DataType
ModelSequenceBatching.InitialState 1:data_type:DataType 2:dims:int64* 3:zero_data:bool| 4:data_file:string|
  5:name:string
ModelInstanceGroup.SecondaryDevice.SecondaryDeviceKind = 0:KIND_NVDLA
ModelRateLimiter.Resource 1:name:string 2:global:bool 3:count:uint32
ModelOptimizationPolicy.Cuda.GraphSpec 1:batch_size:int32 2:input:string>ModelOptimizationPolicy.Cuda.GraphSpec.Shape
  3:graph_lower_bound:ModelOptimizationPolicy.Cuda.GraphSpec.LowerBound
ModelOptimizationPolicy.ExecutionAccelerators.Accelerator 1:name:string 2:parameters:string>string
ModelMetrics.MetricControl.MetricIdentifier 1:family:string
ModelMetrics.MetricControl.HistogramOptions 1:buckets:double*
ModelSequenceBatching.Control.Kind = 0:CONTROL_SEQUENCE_START 1:CONTROL_SEQUENCE_READY 2:CONTROL_SEQUENCE_END
  3:CONTROL_SEQUENCE_CORRID
ModelOptimizationPolicy.Cuda.GraphSpec.Shape 1:dim:int64*
ModelOptimizationPolicy.Cuda.GraphSpec.LowerBound 1:batch_size:int32
  2:input:string>ModelOptimizationPolicy.Cuda.GraphSpec.Shape
"""
