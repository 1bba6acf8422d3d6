#include "engine/dispatch/session_probe.hpp"

namespace trunkline::engine {

const char* to_text(session_state s) noexcept {
  switch (s) {
    case session_state::idle:
      return "Idle";
    case session_state::error:
      return "Error";
    case session_state::connecting:
      return "Connecting...";
    case session_state::logging_in:
      return "Logging...";
    case session_state::logged_in:
      return "Logged in";
    case session_state::login_failed:
      return "Login failed";
  }
  return "";
}

const char* to_text(session_last_state s) noexcept {
  switch (s) {
    case session_last_state::ok:
      return "O.K.";
    case session_last_state::disconnected:
      return "Disconnected";
    case session_last_state::login_error:
      return "SMPP error by login (Invalid response)";
    case session_last_state::nack:
      return "SMPPNACK error";
    case session_last_state::timeout:
      return "Response timeout";
    case session_last_state::invalid_password:
      return "Invalid password";
    case session_last_state::invalid_username:
      return "Invalid username";
  }
  return "";
}

const char* to_label(session_state s) noexcept {
  switch (s) {
    case session_state::idle:
      return "idle";
    case session_state::error:
      return "error";
    case session_state::connecting:
      return "connecting";
    case session_state::logging_in:
      return "logging_in";
    case session_state::logged_in:
      return "logged_in";
    case session_state::login_failed:
      return "login_failed";
  }
  return "";
}

const char* to_label(session_last_state s) noexcept {
  switch (s) {
    case session_last_state::ok:
      return "ok";
    case session_last_state::disconnected:
      return "disconnected";
    case session_last_state::login_error:
      return "login_error";
    case session_last_state::nack:
      return "nack";
    case session_last_state::timeout:
      return "timeout";
    case session_last_state::invalid_password:
      return "invalid_password";
    case session_last_state::invalid_username:
      return "invalid_username";
  }
  return "";
}

const char* to_label(pdu_error e) noexcept {
  switch (e) {
    case pdu_error::unframeable:
      return "unframeable";
    case pdu_error::malformed:
      return "malformed";
    case pdu_error::unexpected:
      return "unexpected";
    case pdu_error::unknown_command:
      return "unknown_command";
    case pdu_error::late_response:
      return "late_response";
    case pdu_error::nack:
      return "nack";
  }
  return "";
}

}  // namespace trunkline::engine
