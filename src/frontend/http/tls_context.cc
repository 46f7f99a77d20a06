// SPDX-License-Identifier: Apache-2.0
#include "frontend/http/tls_context.h"

#include <exception>
#include <string>

#include <openssl/ssl.h>

#include "base/text.h"

namespace muster {
namespace {

namespace ssl = boost::asio::ssl;
using ErrorCode = boost::system::error_code;

Status failure(const char* what, const std::string& file, const std::string& why) {
  return invalid_argument("TLS: " + std::string(what) + " " + printable(file) + ": " +
                          printable(why) + "; PEM is expected");
}

Status require_clients(ssl::context& context, const std::string& file) {
  ErrorCode error;
  static_cast<void>(context.load_verify_file(file, error));
  if (error) return failure("client CA", file, error.message());
  static_cast<void>(
      context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, error));
  if (error) return failure("client CA", file, error.message());
  // Tells clients which of their certificates to show.
  SSL_CTX_set_client_CA_list(context.native_handle(), SSL_load_client_CA_file(file.c_str()));
  return {};
}

}  // namespace

Result<std::unique_ptr<ssl::context>> make_tls_context(const TlsFiles& files) try {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  SSL_CTX* const native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(
      native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  // A session that is resumed must have been made here.
  constexpr unsigned char kSessions[] = "muster";
  SSL_CTX_set_session_id_context(native, kSessions, sizeof(kSessions) - 1);
  ErrorCode error;
  static_cast<void>(context->use_certificate_chain_file(files.certificate, error));
  if (error) return failure("certificate", files.certificate, error.message());
  static_cast<void>(context->use_private_key_file(files.key, ssl::context::pem, error));
  if (error) return failure("key", files.key, error.message());
  if (SSL_CTX_check_private_key(native) != 1) {
    return failure("key", files.key, "it does not belong to the certificate");
  }
  if (!files.client_ca.empty()) MUSTER_RETURN_IF_ERROR(require_clients(*context, files.client_ca));
  return context;
} catch (const std::exception& failed) {
  return internal_error("TLS: " + printable(failed.what()));
}

}  // namespace muster
