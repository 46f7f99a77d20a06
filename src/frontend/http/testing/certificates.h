// SPDX-License-Identifier: Apache-2.0
// Certificates made for a test, and a client that shows and checks them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "frontend/testing/raw_client.h"

namespace muster::testing {

struct FreeOpenSsl {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  void operator()(SSL* tls) const noexcept { SSL_free(tls); }
};

// A certificate that signs itself, with its key, in files that are removed with it.
class Certificate {
 public:
  explicit Certificate(const std::string& name)
      : certificate_file(path_of(name + ".pem")),
        key_file(path_of(name + ".key")),
        key_(EVP_EC_gen("P-256")),
        certificate_(X509_new()) {
    X509* const made = certificate_.get();
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, key_.get());
    X509_NAME* const subject = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(made, subject);
    X509_sign(made, key_.get(), EVP_sha256());
    write(certificate_file, [&](std::FILE* file) { PEM_write_X509(file, made); });
    write(key_file, [&](std::FILE* file) {
      PEM_write_PrivateKey(file, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  // From now on the file of the key is of no use without this.
  void encrypt_key(const std::string& password) const {
    write(key_file, [&](std::FILE* file) {
      PEM_write_PrivateKey(file, key_.get(), EVP_aes_256_cbc(),
                           reinterpret_cast<const unsigned char*>(password.data()),
                           static_cast<int>(password.size()), nullptr, nullptr);
    });
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  ~Certificate() {
    std::remove(certificate_file.c_str());
    std::remove(key_file.c_str());
  }

  const std::string certificate_file;
  const std::string key_file;

 private:
  static std::string path_of(const std::string& name) {
    return ::testing::TempDir() + std::to_string(::getpid()) + name;
  }
  template <typename Write>
  static void write(const std::string& path, Write content) {
    std::FILE* const file = std::fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    content(file);
    std::fclose(file);
  }

  std::unique_ptr<EVP_PKEY, FreeOpenSsl> key_;
  std::unique_ptr<X509, FreeOpenSsl> certificate_;
};

// A connection with TLS that trusts `server`, and shows `own` if it has one.
class TlsClient {
 public:
  TlsClient(std::uint16_t port, const Certificate& server, const Certificate* own = nullptr,
            int newest_version = TLS1_3_VERSION)
      : socket_(port), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX* const context = context_.get();
    SSL_CTX_set_max_proto_version(context, newest_version);
    SSL_CTX_set_security_level(context, 0);  // so that it can offer what must be refused
    SSL_CTX_load_verify_locations(context, server.certificate_file.c_str(), nullptr);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (own != nullptr) {
      SSL_CTX_use_certificate_chain_file(context, own->certificate_file.c_str());
      SSL_CTX_use_PrivateKey_file(context, own->key_file.c_str(), SSL_FILETYPE_PEM);
    }
    tls_.reset(SSL_new(context));
    socket_.tls = tls_.get();
    SSL_set_fd(tls_.get(), socket_.descriptor());
    connected_ = SSL_connect(tls_.get()) == 1;
  }

  [[nodiscard]] bool connected() const noexcept { return connected_; }
  TlsClient& send(std::string_view bytes) {
    SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()));
    return *this;
  }
  [[nodiscard]] RawReply reply() { return socket_.reply(); }
  // Whether the server said that nothing more comes, instead of just going.
  [[nodiscard]] bool was_told_of_the_end() {
    char byte = 0;
    return SSL_read(tls_.get(), &byte, 1) <= 0 &&
           (SSL_get_shutdown(tls_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }

 private:
  class Socket final : public RawClient {
   public:
    using RawClient::descriptor;
    using RawClient::RawClient;
    SSL* tls = nullptr;

   private:
    ssize_t receive_some(char* into, std::size_t size) override {
      return SSL_read(tls, into, static_cast<int>(size));
    }
  };

  Socket socket_;
  std::unique_ptr<SSL_CTX, FreeOpenSsl> context_;
  std::unique_ptr<SSL, FreeOpenSsl> tls_;
  bool connected_ = false;
};

}  // namespace muster::testing
