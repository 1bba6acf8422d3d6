#!/usr/bin/env python3
"""Writes protocol/text_grapheme_table.cpp from the Unicode Character Database (Debian package unicode-data).

Usage, from the root of the source tree:
  python3 deploy/tools/generate_graphemes.py [/usr/share/unicode] > protocol/text_grapheme_table.cpp
"""
import re
import sys

CLASSES = {
    "CR": "cr", "LF": "lf", "Control": "control", "Extend": "extend", "ZWJ": "zwj", "Regional_Indicator": "regional",
    "Prepend": "prepend", "SpacingMark": "spacing", "L": "hangul_l", "V": "hangul_v", "T": "hangul_t",
    "Extended_Pictographic": "pictographic",
}


def read(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            match = re.match(r"([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*;\s*(\w+)", line)
            if match and match[3] in CLASSES:
                yield int(match[1], 16), int(match[2] or match[1], 16), CLASSES[match[3]]


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/unicode"
    ranges = sorted([*read(root + "/auxiliary/GraphemeBreakProperty.txt"), *read(root + "/emoji/emoji-data.txt")])
    merged = []
    for first, last, name in ranges:
        assert not merged or first > merged[-1][1], "the properties overlap"
        if merged and merged[-1][1] + 1 == first and merged[-1][2] == name:
            merged[-1] = (merged[-1][0], last, name)
        else:
            merged.append((first, last, name))
    print("// Written by deploy/tools/generate_graphemes.py from the Unicode Character Database 15.0: do not edit.")
    print("// Grapheme_Cluster_Break and Extended_Pictographic; Hangul syllables (LV, LVT) are computed, not listed.")
    print("// Unicode data: (c) Unicode, Inc., https://www.unicode.org/terms_of_use.html")
    print('#include "protocol/text_grapheme_table.hpp"\n')
    print("// clang-format off")
    print("namespace trunkline::protocol::detail {\n")
    print("const std::array<grapheme_range, grapheme_range_count> grapheme_ranges{{")
    for first, last, name in merged:
        print("    {0x%04X, 0x%04X, grapheme_class::%s}," % (first, last, name))
    print("}};\n")
    print("}  // namespace trunkline::protocol::detail")
    print("grapheme_range_count =", len(merged), file=sys.stderr)


if __name__ == "__main__":
    main()
