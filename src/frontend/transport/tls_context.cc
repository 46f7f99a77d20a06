// SPDX-License-Identifier: Apache-2.0
#include "frontend/transport/tls_context.h"

#include <string>
#include <string_view>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>

#include "base/text.h"

namespace muster {
namespace {

// With what OpenSSL says of it first.
Status failure(const char* what, const std::string& file, const std::string& why) {
  return invalid_argument("TLS: " + std::string(what) + " " + printable(file) + ": " +
                          printable(why) + "; PEM is expected");
}

Status failure(const char* what, const std::string& file) {
  const char* const reason = ERR_reason_error_string(ERR_get_error());
  return failure(what, file, reason == nullptr ? "it cannot be read" : reason);
}

Status require_clients(TlsContext* context, const std::string& file) {
  ERR_clear_error();
  if (SSL_CTX_load_verify_locations(context, file.c_str(), nullptr) != 1) {
    return failure("client CA", file);
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // Tells clients which of their certificates to show.
  SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(file.c_str()));
  return {};
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_length,
                    const unsigned char* offered, unsigned int offered_length, void* wanted) {
  const std::string_view protocol = static_cast<const char*>(wanted);
  const std::string_view list(reinterpret_cast<const char*>(offered), offered_length);
  for (std::size_t at = 0; at < list.size(); at += 1U + offered[at]) {
    if (list.substr(at + 1, offered[at]) != protocol) continue;
    *chosen = offered + at + 1;
    *chosen_length = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

Result<TlsContextOwner> make_tls_context(const TlsFiles& files, const char* protocol) {
  TlsContextOwner owner(SSL_CTX_new(TLS_server_method()));
  if (!owner) return internal_error("TLS: OpenSSL gave no context");
  TlsContext* const context = owner.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(
      context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // A key that is encrypted is none that can be used; nobody is to be asked for its password.
  static char no_password[] = "";
  SSL_CTX_set_default_passwd_cb_userdata(context, no_password);
  // A session that is resumed must have been made here.
  constexpr unsigned char kSessions[] = "muster";
  SSL_CTX_set_session_id_context(context, kSessions, sizeof(kSessions) - 1);
  if (protocol != nullptr) {
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, const_cast<char*>(protocol));
  }
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    return failure("certificate", files.certificate);
  }
  const bool has_key =
      SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) == 1;
  if (!has_key && ERR_GET_REASON(ERR_peek_error()) != X509_R_KEY_VALUES_MISMATCH) {
    return failure("key", files.key);
  }
  if (!has_key || SSL_CTX_check_private_key(context) != 1) {
    return failure("key", files.key, "it and the certificate do not belong together");
  }
  if (!files.client_ca.empty()) MUSTER_RETURN_IF_ERROR(require_clients(context, files.client_ca));
  return owner;
}

}  // namespace muster
