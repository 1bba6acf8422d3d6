#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace trunkline::engine::test {

struct openssl_free {
  void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
  void operator()(X509* p) const noexcept { X509_free(p); }
  void operator()(SSL* p) const noexcept { SSL_free(p); }
  void operator()(SSL_CTX* p) const noexcept { SSL_CTX_free(p); }
};

/// A certificate with its key, made for one test.
struct certificate {
  std::unique_ptr<EVP_PKEY, openssl_free> key;
  std::unique_ptr<X509, openssl_free> x509;

  /// Certificate and key in one PEM file.
  void write(const std::filesystem::path& path, bool with_key = true) const {
    std::FILE* file = std::fopen(path.c_str(), "w");
    if (file == nullptr) throw std::runtime_error("cannot write " + path.string());
    PEM_write_X509(file, x509.get());
    if (with_key) PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
  }
  void write_key(const std::filesystem::path& path) const {
    std::FILE* file = std::fopen(path.c_str(), "w");
    if (file == nullptr) throw std::runtime_error("cannot write " + path.string());
    PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
  }
};

/// `names`: a subjectAltName, e.g. "DNS:localhost,IP:127.0.0.1"; empty: a certificate authority. Valid from an hour ago
/// until `valid_seconds` from now.
inline certificate make_certificate(const std::string& common_name, const std::string& names,
                                    const certificate* issuer = nullptr, long valid_seconds = 3600) {
  certificate made{std::unique_ptr<EVP_PKEY, openssl_free>(EVP_EC_gen("P-256")),
                   std::unique_ptr<X509, openssl_free>(X509_new())};
  X509* x = made.x509.get();
  static long serial = 1;
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), valid_seconds);
  X509_set_pubkey(x, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  const certificate& signer = issuer == nullptr ? made : *issuer;
  X509_set_issuer_name(x, X509_get_subject_name(signer.x509.get()));
  X509V3_CTX context;
  X509V3_set_ctx(&context, signer.x509.get(), x, nullptr, nullptr, 0);
  const auto add = [&](int kind, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    if (extension == nullptr) throw std::runtime_error("bad extension " + value);
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  };
  add(NID_basic_constraints, names.empty() ? "critical,CA:TRUE" : "CA:FALSE");
  if (!names.empty()) add(NID_subject_alt_name, names);
  X509_sign(x, signer.key.get(), EVP_sha256());
  return made;
}

}  // namespace trunkline::engine::test
