#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "protocol/pdu_dispatch.hpp"
#include "protocol/tlv_table.hpp"
#include "tests/protocol/test_octets.hpp"

namespace trunkline::protocol::test {

/// A visitor that collects the fields of a PDU as JSON, named as in the standard; octet strings as {"hex": …}.
class json_visitor {
 public:
  explicit json_visitor(nlohmann::json& out) : out_(out) {}

  void u8(std::string_view name, std::uint8_t value) { put(name, value); }
  void u32(std::string_view name, std::uint32_t value) { put(name, value); }
  void text(std::string_view name, std::string_view value, std::size_t) { put(name, value); }
  void time(std::string_view name, std::string_view value) { put(name, value); }
  void response_text(std::string_view name, std::string_view value, std::size_t) { put(name, value); }
  void counted(std::string_view, std::string_view name, std::span<const std::uint8_t> value) { put(name, hex(value)); }
  template <class Entry>
  void list(std::string_view, std::string_view name, const entry_list<Entry>& value) {
    auto entries = nlohmann::json::array();
    for (const Entry& entry : value) {
      auto one = nlohmann::json::object();
      json_visitor visit(one);
      Entry::fields(entry, visit);
      entries.push_back(std::move(one));
    }
    out_[std::string(name)] = std::move(entries);
  }
  void tlvs(const tlv_view& value) {
    for (const tlv parameter : value) {
      const tlv_info* info = find_tlv(parameter.tag);
      const auto key = info != nullptr ? std::string(info->name) : std::to_string(static_cast<unsigned>(parameter.tag));
      nlohmann::json rendered;
      std::visit(
          [&](const auto& typed) {
            if constexpr (
                requires { typed.data(); } && !requires { typed.substr(0); }) {
              rendered = hex(typed);
            } else {
              rendered = typed;
            }
          },
          typed_value(parameter));
      if (info != nullptr && info->repeatable) {
        out_[key].push_back(rendered);
      } else if (!out_.contains(key)) {
        out_[key] = rendered;
      }
    }
  }
  void fail(errc) {}

 private:
  static nlohmann::json hex(std::span<const std::uint8_t> value) { return {{"hex", to_hex(value)}}; }
  template <class Value>
  void put(std::string_view name, const Value& value) {
    out_[std::string(name)] = value;
  }

  nlohmann::json& out_;
};

}  // namespace trunkline::protocol::test
