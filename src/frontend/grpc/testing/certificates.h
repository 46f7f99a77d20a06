// SPDX-License-Identifier: Apache-2.0
// Certificates for tests, made when they are needed: no key lies in the repository.
#pragma once

#include <memory>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace muster::testing {

// An authority, or a certificate that one has signed. For "localhost".
class Certificate {
 public:
  // Signed by itself; may sign others.
  Certificate() : Certificate(nullptr) {}
  [[nodiscard]] static Certificate signed_by(const Certificate& authority) {
    return Certificate(&authority);
  }

  [[nodiscard]] std::string certificate() const {
    return written([this](BIO* out) { PEM_write_bio_X509(out, certificate_.get()); });
  }
  [[nodiscard]] std::string key() const {
    return written([this](BIO* out) {
      PEM_write_bio_PrivateKey(out, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }

 private:
  explicit Certificate(const Certificate* authority) {
    X509* made = certificate_.get();
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), authority == nullptr ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 24L * 3600);
    X509_set_pubkey(made, key_.get());
    const std::string name = authority == nullptr ? "an authority" : "localhost";
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    const X509* issuer = authority == nullptr ? made : authority->certificate_.get();
    X509_set_issuer_name(made, X509_get_subject_name(issuer));
    extend(authority == nullptr ? NID_basic_constraints : NID_subject_alt_name,
           authority == nullptr ? "critical,CA:TRUE" : "DNS:localhost,IP:127.0.0.1");
    X509_sign(made, (authority == nullptr ? *this : *authority).key_.get(), EVP_sha256());
  }

  void extend(int extension, const char* value) {
    X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, nullptr, extension, value);
    X509_add_ext(certificate_.get(), made, -1);
    X509_EXTENSION_free(made);
  }
  template <typename Write>
  static std::string written(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    write(out.get());
    char* text = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(out.get(), &text));
    return {text, size};
  }

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_{EVP_EC_gen("P-256"), &EVP_PKEY_free};
  std::unique_ptr<X509, decltype(&X509_free)> certificate_{X509_new(), &X509_free};
};

}  // namespace muster::testing
