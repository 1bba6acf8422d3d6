#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/errc.hpp"

namespace trunkline::protocol {

/// The statuses of SMPP 3.4 (5.1.3) and 5.0 (4.7.6), with 5.0's names. A header may hold any other number too: vendors
/// own 0x400 to 0x4FF, and carriers use numbers that the standard reserves. Enumerators are the names without "ESME_".
enum class command_status : std::uint32_t {
  rok = 0x0,
  rinvmsglen = 0x1,
  rinvcmdlen = 0x2,
  rinvcmdid = 0x3,
  rinvbndsts = 0x4,
  ralybnd = 0x5,
  rinvprtflg = 0x6,
  rinvregdlvflg = 0x7,
  rsyserr = 0x8,
  rinvsrcadr = 0xa,
  rinvdstadr = 0xb,
  rinvmsgid = 0xc,
  rbindfail = 0xd,
  rinvpaswd = 0xe,
  rinvsysid = 0xf,
  rcancelfail = 0x11,
  rreplacefail = 0x13,
  rmsgqful = 0x14,
  rinvsertyp = 0x15,
  rinvnumdests = 0x33,
  rinvdlname = 0x34,
  rinvdestflag = 0x40,
  rinvsubrep = 0x42,
  rinvesmclass = 0x43,
  rcntsubdl = 0x44,
  rsubmitfail = 0x45,
  rinvsrcton = 0x48,
  rinvsrcnpi = 0x49,
  rinvdstton = 0x50,
  rinvdstnpi = 0x51,
  rinvsystyp = 0x53,
  rinvrepflag = 0x54,
  rinvnummsgs = 0x55,
  rthrottled = 0x58,
  rinvsched = 0x61,
  rinvexpiry = 0x62,
  rinvdftmsgid = 0x63,
  rx_t_appn = 0x64,
  rx_p_appn = 0x65,
  rx_r_appn = 0x66,
  rqueryfail = 0x67,
  rinvtlvstream = 0xc0,
  rtlvnotallwd = 0xc1,
  rinvtlvlen = 0xc2,
  rmissingtlv = 0xc3,
  rinvtlvval = 0xc4,
  rdeliveryfailure = 0xfe,
  runknownerr = 0xff,
  rsertypunauth = 0x100,
  rprohibited = 0x101,
  rsertypunavail = 0x102,
  rsertypdenied = 0x103,
  rinvdcs = 0x104,
  rinvsrcaddrsubunit = 0x105,
  rinvdstaddrsubunit = 0x106,
  rinvbcastfreqint = 0x107,
  rinvbcastalias_name = 0x108,
  rinvbcastareafmt = 0x109,
  rinvnumbcast_areas = 0x10a,
  rinvbcastcnttype = 0x10b,
  rinvbcastmsgclass = 0x10c,
  rbcastfail = 0x10d,
  rbcastqueryfail = 0x10e,
  rbcastcancelfail = 0x10f,
  rinvbcast_rep = 0x110,
  rinvbcastsrvgrp = 0x111,
  rinvbcastchanind = 0x112,
};

/// What a status in a submit_sm_resp means for the message, before a carrier's own table is asked.
enum class submit_class : std::uint8_t {
  ok,                 ///< accepted
  permanent_message,  ///< the same octets will fail again: the message fails
  retry_later,        ///< temporary: back off, then the same carrier again
  retry_other_route,  ///< this carrier will not take it, another may
  session_fatal,      ///< the session or its account is wrong, the message is fine: send it elsewhere, bind again
};

/// The standard's name ("ESME_RTHROTTLED"), or empty for vendor and reserved numbers.
[[nodiscard]] std::string_view name_of(command_status status) noexcept;

/// The status of a name, with or without "ESME_", in the standard's capitals; the names that 3.4 gave to the five TLV
/// statuses are known too.
[[nodiscard]] std::optional<command_status> status_of(std::string_view name) noexcept;

/// The default class of a status in answer to a submission. Vendor and reserved numbers are retry_other_route: an
/// unknown status is never success, and another carrier may know better.
[[nodiscard]] submit_class class_for_submit(command_status status) noexcept;

/// "permanent_message" and so on; never empty.
[[nodiscard]] std::string_view name_of(submit_class outcome) noexcept;

/// The status that tells a peer why its PDU could not be read: in the response where one can be made, otherwise in a
/// generic_nack.
[[nodiscard]] command_status status_for(errc error) noexcept;

}  // namespace trunkline::protocol
