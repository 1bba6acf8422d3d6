#include "protocol/command_status.hpp"

#include <algorithm>
#include <array>

namespace trunkline::protocol {
namespace {

using enum submit_class;

struct status_row {
  command_status status;
  std::string_view name;
  submit_class for_submit;
};

/// Sorted by number. The classes are defaults of judgement where the standard gives none; a carrier's configuration
/// overrides them.
constexpr auto statuses = std::to_array<status_row>({
    {command_status::rok, "ESME_ROK", ok},
    {command_status::rinvmsglen, "ESME_RINVMSGLEN", permanent_message},
    {command_status::rinvcmdlen, "ESME_RINVCMDLEN", permanent_message},
    {command_status::rinvcmdid, "ESME_RINVCMDID", retry_other_route},
    {command_status::rinvbndsts, "ESME_RINVBNDSTS", session_fatal},
    {command_status::ralybnd, "ESME_RALYBND", session_fatal},
    {command_status::rinvprtflg, "ESME_RINVPRTFLG", permanent_message},
    {command_status::rinvregdlvflg, "ESME_RINVREGDLVFLG", permanent_message},
    {command_status::rsyserr, "ESME_RSYSERR", retry_later},
    {command_status::rinvsrcadr, "ESME_RINVSRCADR", permanent_message},
    {command_status::rinvdstadr, "ESME_RINVDSTADR", permanent_message},
    {command_status::rinvmsgid, "ESME_RINVMSGID", permanent_message},
    {command_status::rbindfail, "ESME_RBINDFAIL", session_fatal},
    {command_status::rinvpaswd, "ESME_RINVPASWD", session_fatal},
    {command_status::rinvsysid, "ESME_RINVSYSID", session_fatal},
    {command_status::rcancelfail, "ESME_RCANCELFAIL", permanent_message},
    {command_status::rreplacefail, "ESME_RREPLACEFAIL", permanent_message},
    {command_status::rmsgqful, "ESME_RMSGQFUL", retry_later},
    {command_status::rinvsertyp, "ESME_RINVSERTYP", permanent_message},
    {command_status::rinvnumdests, "ESME_RINVNUMDESTS", permanent_message},
    {command_status::rinvdlname, "ESME_RINVDLNAME", permanent_message},
    {command_status::rinvdestflag, "ESME_RINVDESTFLAG", permanent_message},
    {command_status::rinvsubrep, "ESME_RINVSUBREP", permanent_message},
    {command_status::rinvesmclass, "ESME_RINVESMCLASS", permanent_message},
    {command_status::rcntsubdl, "ESME_RCNTSUBDL", permanent_message},
    {command_status::rsubmitfail, "ESME_RSUBMITFAIL", retry_other_route},
    {command_status::rinvsrcton, "ESME_RINVSRCTON", permanent_message},
    {command_status::rinvsrcnpi, "ESME_RINVSRCNPI", permanent_message},
    {command_status::rinvdstton, "ESME_RINVDSTTON", permanent_message},
    {command_status::rinvdstnpi, "ESME_RINVDSTNPI", permanent_message},
    {command_status::rinvsystyp, "ESME_RINVSYSTYP", session_fatal},
    {command_status::rinvrepflag, "ESME_RINVREPFLAG", permanent_message},
    {command_status::rinvnummsgs, "ESME_RINVNUMMSGS", permanent_message},
    {command_status::rthrottled, "ESME_RTHROTTLED", retry_later},
    {command_status::rinvsched, "ESME_RINVSCHED", permanent_message},
    {command_status::rinvexpiry, "ESME_RINVEXPIRY", permanent_message},
    {command_status::rinvdftmsgid, "ESME_RINVDFTMSGID", permanent_message},
    {command_status::rx_t_appn, "ESME_RX_T_APPN", retry_later},
    {command_status::rx_p_appn, "ESME_RX_P_APPN", permanent_message},
    {command_status::rx_r_appn, "ESME_RX_R_APPN", permanent_message},
    {command_status::rqueryfail, "ESME_RQUERYFAIL", permanent_message},
    {command_status::rinvtlvstream, "ESME_RINVTLVSTREAM", permanent_message},
    {command_status::rtlvnotallwd, "ESME_RTLVNOTALLWD", permanent_message},
    {command_status::rinvtlvlen, "ESME_RINVTLVLEN", permanent_message},
    {command_status::rmissingtlv, "ESME_RMISSINGTLV", permanent_message},
    {command_status::rinvtlvval, "ESME_RINVTLVVAL", permanent_message},
    {command_status::rdeliveryfailure, "ESME_RDELIVERYFAILURE", permanent_message},
    {command_status::runknownerr, "ESME_RUNKNOWNERR", retry_later},
    {command_status::rsertypunauth, "ESME_RSERTYPUNAUTH", retry_other_route},
    {command_status::rprohibited, "ESME_RPROHIBITED", retry_other_route},
    {command_status::rsertypunavail, "ESME_RSERTYPUNAVAIL", retry_later},
    {command_status::rsertypdenied, "ESME_RSERTYPDENIED", retry_other_route},
    {command_status::rinvdcs, "ESME_RINVDCS", permanent_message},
    {command_status::rinvsrcaddrsubunit, "ESME_RINVSRCADDRSUBUNIT", permanent_message},
    {command_status::rinvdstaddrsubunit, "ESME_RINVDSTADDRSUBUNIT", permanent_message},
    {command_status::rinvbcastfreqint, "ESME_RINVBCASTFREQINT", permanent_message},
    {command_status::rinvbcastalias_name, "ESME_RINVBCASTALIAS_NAME", permanent_message},
    {command_status::rinvbcastareafmt, "ESME_RINVBCASTAREAFMT", permanent_message},
    {command_status::rinvnumbcast_areas, "ESME_RINVNUMBCAST_AREAS", permanent_message},
    {command_status::rinvbcastcnttype, "ESME_RINVBCASTCNTTYPE", permanent_message},
    {command_status::rinvbcastmsgclass, "ESME_RINVBCASTMSGCLASS", permanent_message},
    {command_status::rbcastfail, "ESME_RBCASTFAIL", permanent_message},
    {command_status::rbcastqueryfail, "ESME_RBCASTQUERYFAIL", permanent_message},
    {command_status::rbcastcancelfail, "ESME_RBCASTCANCELFAIL", permanent_message},
    {command_status::rinvbcast_rep, "ESME_RINVBCAST_REP", permanent_message},
    {command_status::rinvbcastsrvgrp, "ESME_RINVBCASTSRVGRP", permanent_message},
    {command_status::rinvbcastchanind, "ESME_RINVBCASTCHANIND", permanent_message},
});

static_assert(std::is_sorted(statuses.begin(), statuses.end(),
                             [](const status_row& a, const status_row& b) { return a.status < b.status; }));

struct alias_row {
  std::string_view name;
  command_status status;
};

/// What SMPP 3.4 called the statuses that 5.0 renamed.
constexpr auto aliases = std::to_array<alias_row>({
    {"ESME_RINVOPTPARSTREAM", command_status::rinvtlvstream},
    {"ESME_ROPTPARNOTALLWD", command_status::rtlvnotallwd},
    {"ESME_RINVPARLEN", command_status::rinvtlvlen},
    {"ESME_RMISSINGOPTPARAM", command_status::rmissingtlv},
    {"ESME_RINVOPTPARAMVAL", command_status::rinvtlvval},
});

const status_row* find(command_status status) noexcept {
  const auto* row = std::lower_bound(statuses.begin(), statuses.end(), status,
                                     [](const status_row& a, command_status wanted) { return a.status < wanted; });
  return row != statuses.end() && row->status == status ? row : nullptr;
}

constexpr std::string_view prefix = "ESME_";

}  // namespace

std::string_view name_of(command_status status) noexcept {
  const status_row* row = find(status);
  return row != nullptr ? row->name : std::string_view();
}

std::optional<command_status> status_of(std::string_view name) noexcept {
  if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  for (const status_row& row : statuses) {
    if (row.name.substr(prefix.size()) == name) return row.status;
  }
  for (const alias_row& row : aliases) {
    if (row.name.substr(prefix.size()) == name) return row.status;
  }
  return std::nullopt;
}

submit_class class_for_submit(command_status status) noexcept {
  if (status == command_status::rok) return ok;
  const status_row* row = find(status);
  return row != nullptr ? row->for_submit : retry_other_route;
}

std::string_view name_of(submit_class outcome) noexcept {
  switch (outcome) {
    case ok:
      return "ok";
    case permanent_message:
      return "permanent_message";
    case retry_later:
      return "retry_later";
    case retry_other_route:
      return "retry_other_route";
    case session_fatal:
      return "session_fatal";
  }
  return "unknown";
}

command_status status_for(errc error) noexcept {
  switch (error) {
    case errc::bad_message_length:
      return command_status::rinvmsglen;
    case errc::bad_tlv:
      return command_status::rinvtlvstream;
    case errc::unknown_command:
      return command_status::rinvcmdid;
    case errc::truncated:
    case errc::bad_length:
      return command_status::rinvcmdlen;
    default:
      return command_status::rsyserr;  // not about what a peer sent
  }
}

}  // namespace trunkline::protocol
