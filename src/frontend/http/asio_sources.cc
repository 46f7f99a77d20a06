// SPDX-License-Identifier: Apache-2.0
// Beast and what it needs of Asio, compiled once instead of in every file that includes them.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
