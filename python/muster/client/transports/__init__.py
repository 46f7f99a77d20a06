# SPDX-License-Identifier: Apache-2.0
"""How servers are reached: HTTP/1.1 with own sockets, and gRPC with own messages on grpcio's channels."""
