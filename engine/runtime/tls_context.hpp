#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <system_error>
#include <tl/expected.hpp>

#include "engine/runtime/configuration.hpp"

namespace asio::ssl {
class context;
}

// TLS as we want it, in one place: version 1.2 and above, the peer's chain and name verified. Who uses the context
// includes <asio/ssl/context.hpp>.
namespace trunkline::engine {

/// A client's context from the files of a carrier, read now; an error in words, with the name of the file.
[[nodiscard]] tl::expected<std::unique_ptr<asio::ssl::context>, std::string> make_tls_client_context(
    const tls_config& config);

/// A server's context: `cert` holds the chain, `key` its key (empty: in the same file); with `client_ca` a client must
/// show a certificate that it signed.
[[nodiscard]] tl::expected<std::unique_ptr<asio::ssl::context>, std::string> make_tls_server_context(
    const std::string& cert, const std::string& key, const std::string& client_ca);

/// Before the handshake: what the peer is asked for (SNI, if it is a name) and must prove to be. `host` is what was
/// connected to; tls_server_name goes before it. False when OpenSSL refuses the name.
[[nodiscard]] bool expect_tls_peer(SSL* connection, const tls_config& config, const std::string& host);

/// What went wrong in a handshake, in words for the log: the reason of a refused certificate, a peer without TLS...
[[nodiscard]] std::string tls_problem(const SSL* connection, const std::error_code& error);

/// After the handshake, for the log: "TLSv1.3, TLS_AES_256_GCM_SHA384".
[[nodiscard]] std::string describe_tls(const SSL* connection);

}  // namespace trunkline::engine
