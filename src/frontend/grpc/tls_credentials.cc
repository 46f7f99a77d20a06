// SPDX-License-Identifier: Apache-2.0
#include "frontend/grpc/tls_credentials.h"

#include <fstream>
#include <iterator>
#include <string>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/text.h"

namespace muster {
namespace {

constexpr std::size_t kMaxPemBytes = std::size_t{1} << 20;

Result<std::string> read_pem(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return not_found("cannot read the TLS file '" + printable(path) + "'");
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (text.find("-----BEGIN ") == std::string::npos || text.size() > kMaxPemBytes)
    return invalid_argument("the TLS file '" + printable(path) + "' is no PEM");
  return text;
}

// gRPC would begin to serve, and then refuse every client.
Status check(const TlsFiles& tls) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_server_method()),
                                                                  &SSL_CTX_free);
  if (context == nullptr) return internal_error("OpenSSL cannot begin");
  // A key that is encrypted is none that can be used; nobody is to be asked for its password.
  static char no_password[] = "";
  SSL_CTX_set_default_passwd_cb_userdata(context.get(), no_password);
  Status status;
  if (SSL_CTX_use_certificate_chain_file(context.get(), tls.certificate.c_str()) != 1) {
    status = invalid_argument("the TLS file '" + printable(tls.certificate) +
                              "' holds no certificate that can be used");
  } else if (SSL_CTX_use_PrivateKey_file(context.get(), tls.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    status = invalid_argument("cannot use the TLS key: check that '" + printable(tls.certificate) +
                              "' and '" + printable(tls.key) + "' belong together");
  } else if (!tls.client_ca.empty() &&
             SSL_CTX_load_verify_locations(context.get(), tls.client_ca.c_str(), nullptr) != 1) {
    status = invalid_argument("the TLS file '" + printable(tls.client_ca) +
                              "' holds no certificate that can be used");
  }
  ERR_clear_error();
  return status;
}

}  // namespace

Result<std::shared_ptr<grpc::ServerCredentials>> credentials_of(const TlsFiles& tls) {
  if (!tls.enabled()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(
      tls.client_ca.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                            : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  MUSTER_ASSIGN_OR_RETURN(std::string certificate, read_pem(tls.certificate));
  MUSTER_ASSIGN_OR_RETURN(std::string key, read_pem(tls.key));
  options.pem_key_cert_pairs.push_back({std::move(key), std::move(certificate)});
  if (!tls.client_ca.empty()) {
    MUSTER_ASSIGN_OR_RETURN(options.pem_root_certs, read_pem(tls.client_ca));
  }
  MUSTER_RETURN_IF_ERROR(check(tls));
  return grpc::SslServerCredentials(options);
}

}  // namespace muster
