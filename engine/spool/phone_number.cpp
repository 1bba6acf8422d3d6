// Destinations by a table of character classes and one pass; calling codes from a table of their own, so that neither
// needs more than this file.
#include "engine/spool/phone_number.hpp"

#include <cstdint>

namespace trunkline::engine {
namespace {

enum class character : std::uint8_t { other, digit, filler, plus };

constexpr std::array<character, 256> classify_characters() noexcept {
  std::array<character, 256> classes{};
  for (std::size_t c = '0'; c <= '9'; ++c) classes[c] = character::digit;
  for (const char c : {' ', '-', '.', '(', ')'}) classes[static_cast<std::uint8_t>(c)] = character::filler;
  classes[static_cast<std::uint8_t>('+')] = character::plus;
  return classes;
}
constexpr std::array<character, 256> character_classes = classify_characters();

// ITU-T E.164 country codes by ISO 3166-1 region, each entry followed by a space.
constexpr std::string_view country_codes =
    "AC247 AD376 AE971 AF93 AG1 AI1 AL355 AM374 AO244 AR54 AS1 AT43 AU61 AW297 "
    "AX358 AZ994 BA387 BB1 BD880 BE32 BF226 BG359 BH973 BI257 BJ229 BL590 BM1 BN673 "
    "BO591 BQ599 BR55 BS1 BT975 BW267 BY375 BZ501 CA1 CC61 CD243 CF236 CG242 CH41 "
    "CI225 CK682 CL56 CM237 CN86 CO57 CR506 CU53 CV238 CW599 CX61 CY357 CZ420 DE49 "
    "DJ253 DK45 DM1 DO1 DZ213 EC593 EE372 EG20 EH212 ER291 ES34 ET251 FI358 FJ679 "
    "FK500 FM691 FO298 FR33 GA241 GB44 GD1 GE995 GF594 GG44 GH233 GI350 GL299 GM220 "
    "GN224 GP590 GQ240 GR30 GT502 GU1 GW245 GY592 HK852 HN504 HR385 HT509 HU36 ID62 "
    "IE353 IL972 IM44 IN91 IO246 IQ964 IR98 IS354 IT39 JE44 JM1 JO962 JP81 KE254 "
    "KG996 KH855 KI686 KM269 KN1 KP850 KR82 KW965 KY1 KZ7 LA856 LB961 LC1 LI423 "
    "LK94 LR231 LS266 LT370 LU352 LV371 LY218 MA212 MC377 MD373 ME382 MF590 MG261 MH692 "
    "MK389 ML223 MM95 MN976 MO853 MP1 MQ596 MR222 MS1 MT356 MU230 MV960 MW265 MX52 "
    "MY60 MZ258 NA264 NC687 NE227 NF672 NG234 NI505 NL31 NO47 NP977 NR674 NU683 NZ64 "
    "OM968 PA507 PE51 PF689 PG675 PH63 PK92 PL48 PM508 PR1 PS970 PT351 PW680 PY595 "
    "QA974 RE262 RO40 RS381 RU7 RW250 SA966 SB677 SC248 SD249 SE46 SG65 SH290 SI386 "
    "SJ47 SK421 SL232 SM378 SN221 SO252 SR597 SS211 ST239 SV503 SX1 SY963 SZ268 TA290 "
    "TC1 TD235 TG228 TH66 TJ992 TK690 TL670 TM993 TN216 TO676 TR90 TT1 TV688 TW886 "
    "TZ255 UA380 UG256 US1 UY598 UZ998 VA39 VC1 VE58 VG1 VI1 VN84 VU678 WF681 "
    "WS685 XK383 YE967 YT262 ZA27 ZM260 ZW263 ";
}  // namespace

normalized_number normalize_number(std::string_view to, std::string_view calling_code, number_buffer& buffer) noexcept {
  // The longest that can become a number: 00 and 15 digits; one digit more tells that it is too long.
  std::array<char, max_number_digits + 3> digits;
  std::size_t count = 0;
  bool plus = false;
  for (std::size_t i = 0; i < to.size(); ++i) {
    switch (character_classes[static_cast<std::uint8_t>(to[i])]) {
      case character::digit:
        if (count == digits.size()) return {{}, number_fault::too_long, i};
        digits[count++] = to[i];
        break;
      case character::filler:
        break;
      case character::plus:
        if (plus || count != 0) return {{}, number_fault::odd_character, i};
        plus = true;
        break;
      case character::other:
        return {{}, number_fault::odd_character, i};
    }
  }
  if (count == 0) return {{}, number_fault::empty, 0};
  std::string_view rest{digits.data(), count};
  std::string_view prefix;
  if (!plus && rest.starts_with("00")) {
    rest.remove_prefix(2);
    if (rest.empty()) return {{}, number_fault::too_short, 0};
    plus = true;
  }
  if (rest.front() == '0') {
    // No country's calling code begins with 0, so behind + or 00 the number is wrong whatever the country.
    if (plus || calling_code.empty()) return {{}, number_fault::national, 0};
    rest.remove_prefix(1);
    prefix = calling_code;
  }
  const std::size_t length = prefix.size() + rest.size();
  if (length < min_number_digits) return {{}, number_fault::too_short, 0};
  if (length > max_number_digits) return {{}, number_fault::too_long, 0};
  prefix.copy(buffer.data(), prefix.size());
  rest.copy(buffer.data() + prefix.size(), rest.size());
  return {{buffer.data(), length}, number_fault::none, 0};
}

std::optional<std::string_view> calling_code(std::string_view country) noexcept {
  if (country.size() != 2 || country[0] < 'A' || country[0] > 'Z' || country[1] < 'A' || country[1] > 'Z') {
    return std::nullopt;
  }
  const std::size_t at = country_codes.find(country);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view code = country_codes.substr(at + 2);
  return code.substr(0, code.find(' '));
}

}  // namespace trunkline::engine
