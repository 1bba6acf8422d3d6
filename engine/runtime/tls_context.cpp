// OpenSSL by way of asio::ssl::context; what Asio has no words for is asked of OpenSSL itself. Host names are verified
// by OpenSSL (X509_VERIFY_PARAM) and not by a callback, so that the verify result says what was wrong.
#include "engine/runtime/tls_context.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <asio/error.hpp>
#include <asio/ssl/context.hpp>
#include <asio/ssl/error.hpp>
#include <filesystem>
#include <utility>

namespace trunkline::engine {
namespace {

using made = tl::expected<std::unique_ptr<asio::ssl::context>, std::string>;

bool is_address(const std::string& text) {
  std::array<unsigned char, 16> address{};
  return ::inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

/// `what`: the key or option that names the file.
std::string about(std::string_view what, const std::string& file, const std::error_code& error) {
  return fmt::format("{}: {}: {}", what, file, error.message());
}

std::unique_ptr<asio::ssl::context> make_context(asio::ssl::context::method method) {
  auto context = std::make_unique<asio::ssl::context>(method);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  // Without it OpenSSL asks the terminal for the passphrase of a key.
  std::error_code ignored;
  context->set_password_callback([](std::size_t, asio::ssl::context::password_purpose) { return std::string(); },
                                 ignored);
  return context;
}

/// Certificates to trust: a file with any number of them, or a directory as c_rehash makes it.
std::string trust(asio::ssl::context& context, std::string_view what, const std::string& ca) {
  std::error_code error;
  if (std::filesystem::is_directory(ca, error)) {
    context.add_verify_path(ca, error);
  } else {
    context.load_verify_file(ca, error);
  }
  return error ? about(what, ca, error) : std::string();
}

std::string identify(asio::ssl::context& context, std::string_view what_cert, const std::string& cert,
                     std::string_view what_key, const std::string& key) {
  std::error_code error;
  context.use_certificate_chain_file(cert, error);
  if (error) return about(what_cert, cert, error);
  const std::string& key_file = key.empty() ? cert : key;
  context.use_private_key_file(key_file, asio::ssl::context::pem, error);
  if (error) return about(what_key, key_file, error);
  if (SSL_CTX_check_private_key(context.native_handle()) != 1)
    return fmt::format("{}: {} is not the key of {}", what_key, key_file, cert);
  return {};
}

}  // namespace

made make_tls_client_context(const tls_config& config) {
  auto context = make_context(asio::ssl::context::tls_client);
  std::error_code error;
  context->set_verify_mode(config.insecure ? asio::ssl::verify_none : asio::ssl::verify_peer, error);
  if (!config.ca.empty()) {
    if (auto fault = trust(*context, "tls_ca", config.ca); !fault.empty()) return tl::unexpected(std::move(fault));
  } else if (!config.insecure) {
    context->set_default_verify_paths(error);
    if (error) return tl::unexpected(fmt::format("the system's certificates: {}", error.message()));
  }
  if (!config.cert.empty()) {
    auto fault = identify(*context, "tls_cert", config.cert, "tls_key", config.key);
    if (!fault.empty()) return tl::unexpected(std::move(fault));
  }
  return context;
}

made make_tls_server_context(const std::string& cert, const std::string& key, const std::string& client_ca) {
  auto context = make_context(asio::ssl::context::tls_server);
  auto fault = identify(*context, "--tls-cert", cert, "--tls-key", key);
  if (fault.empty() && !client_ca.empty()) {
    fault = trust(*context, "--tls-client-ca", client_ca);
    std::error_code ignored;
    context->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, ignored);
  }
  if (!fault.empty()) return tl::unexpected(std::move(fault));
  return context;
}

bool expect_tls_peer(SSL* connection, const tls_config& config, const std::string& host) {
  const std::string& name = config.server_name.empty() ? host : config.server_name;
  if (is_address(name)) {
    // No SNI: RFC 6066, 3 allows names only.
    return config.insecure || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection), name.c_str()) == 1;
  }
  if (SSL_set_tlsext_host_name(connection, name.c_str()) != 1) return false;
  if (config.insecure) return true;
  SSL_set_hostflags(connection, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(connection, name.c_str()) == 1;
}

std::string tls_problem(const SSL* connection, const std::error_code& error) {
  const long verdict = SSL_get_verify_result(connection);
  if (verdict != X509_V_OK && SSL_get_verify_mode(connection) != SSL_VERIFY_NONE)
    return fmt::format("certificate refused: {}", X509_verify_cert_error_string(verdict));
  if (error == asio::error::eof || error == asio::error::connection_reset ||
      error == asio::ssl::error::stream_truncated)
    return "the peer closed the connection in the TLS handshake";
  if (error.category() == asio::error::get_ssl_category()) {
    switch (ERR_GET_REASON(static_cast<unsigned long>(error.value()))) {
      case SSL_R_WRONG_VERSION_NUMBER:
      case SSL_R_UNKNOWN_PROTOCOL:
      case SSL_R_HTTP_REQUEST:
      case SSL_R_HTTPS_PROXY_REQUEST:
        return fmt::format("the peer does not speak TLS ({})", error.message());
      default:
        break;
    }
  }
  return error.message();
}

std::string describe_tls(const SSL* connection) {
  return fmt::format("{}, {}", SSL_get_version(connection), SSL_get_cipher_name(connection));
}

}  // namespace trunkline::engine
